// Compares files on the disk with the digests of a signed release, and shows progress.
#pragma once

#include <stop_token>

#include "cli/output.hpp"
#include "manifest/trust.hpp"
#include "metainfo/metainfo.hpp"
#include "store/hash_tree.hpp"

namespace shoal::node {

/// One thread; blocks for as long as the files take to read. Code `verification` names the first file that differs.
class FileCheck {
 public:
  /// `out` outlives it.
  FileCheck(const manifest::VerifiedRelease& release, cli::Output& out, std::stop_token stop)
      : release_(release), out_(out), stop_(std::move(stop)) {}

  /// All files against the signed digests.
  Status verify(const metainfo::CheckedMetainfo& metainfo, const fs::path& root) const;
  /// Files whose digests do not follow from the pieces that were fetched.
  Status verify_unproved(const metainfo::CheckedMetainfo& metainfo, const fs::path& root) const;
  /// Files with the pieces that are wrong.
  Result<std::vector<store::FileProblem>> wrong_pieces(const metainfo::CheckedMetainfo& metainfo, const fs::path& root) const;

 private:
  store::HashOptions showing(const std::string& what) const;
  Status verdict(Result<std::vector<store::FileProblem>> problems) const;

  const manifest::VerifiedRelease release_;
  cli::Output& out_;
  const std::stop_token stop_;
};

}  // namespace shoal::node
