// The word of a model's publishers that a release of theirs is not to be used.
#pragma once

#include "manifest/release.hpp"

namespace shoal::manifest {

struct Withdrawal {
  ModelName model;
  VersionName version;
  ReleaseId release;
  std::string reason;  // for people: whoever asks for the release is told it
  WallTime issued;
  VersionRef ref() const { return {model, version}; }
  bool operator==(const Withdrawal&) const = default;
};

Status check(const Withdrawal& withdrawal);
/// The payload bytes of a withdrawal that passes check().
std::string encode(const Withdrawal& withdrawal);
Result<Withdrawal> decode_withdrawal(std::string_view payload);

}  // namespace shoal::manifest
