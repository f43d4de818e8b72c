// clang 14 looks for coroutines in std::experimental, where GCC's library does not put them. scripts/tidy.py includes this before each
// source.
#pragma once
#define __cpp_impl_coroutine 201902L
#include <coroutine>

namespace std::experimental {
using std::coroutine_handle;
using std::coroutine_traits;
}  // namespace std::experimental
