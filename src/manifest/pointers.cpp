#include "manifest/pointers.hpp"

#include <array>

namespace shoal::manifest {
namespace {

struct Pointer {
  std::string_view begins;
  ByteCount limit;
  const char* problem;
};

constexpr std::array pointers{
    // git-lfs: docs/spec.md says "under 1024 bytes"; hawser was its first name.
    Pointer{"version https://git-lfs.github.com/spec/", KiB, "is a git-lfs pointer and not the file itself: run 'git lfs pull'"},
    Pointer{"version https://hawser.github.com/spec/", KiB, "is a git-lfs pointer and not the file itself: run 'git lfs pull'"},
    Pointer{"# xet version ", KiB, "is a Xet pointer and not the file itself: check it out again with git-xet"},
    Pointer{"/annex/objects/", pointer_limit, "is a git-annex pointer and not the file itself: run 'git annex get'"}};

}  // namespace

std::string pointer_problem(std::string_view head, ByteCount size) {
  for (const Pointer& pointer : pointers)
    if (size < pointer.limit && head.starts_with(pointer.begins)) return pointer.problem;
  return "";
}

}  // namespace shoal::manifest
