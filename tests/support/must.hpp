// Values that a test cannot go on without.
#pragma once

#include <stdexcept>
#include <string>

#include "base/result.hpp"

namespace shoal::test {

/// A value that must be there; throws what the error says (doctest reports it).
template <class T>
T must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error("must: " + result.error().message);
  return std::move(result).value();
}
inline void must(const Status& status) {
  if (!status.ok()) throw std::runtime_error("must: " + status.error().message);
}
inline void must(bool worked, const char* what) {
  if (!worked) throw std::runtime_error(std::string("must: ") + what);
}

}  // namespace shoal::test
