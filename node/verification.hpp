// Whether what is on this machine's disk is still what was signed.
#pragma once

#include <optional>
#include <stop_token>

#include "cli/output.hpp"
#include "member/member_session.hpp"
#include "metainfo/metainfo.hpp"
#include "node/shelf.hpp"
#include "store/hash_tree.hpp"

namespace shoal::node {

struct VerifyRequest {
  std::string reference;  // empty: every release that is held
  std::string in;         // a directory that `pull --to` filled; empty: below the state directory
};

/// A release and what is wrong with its files; nothing where all is well.
struct Examined {
  manifest::VerifiedRelease release;
  fs::path root;
  std::optional<metainfo::CheckedMetainfo> metainfo;  // empty where none is kept: then files are compared as a whole
  std::vector<store::FileProblem> problems;
};

/// Hashes the files and reports each release as a result. Works without the tracker. Code `not_found` for a reference that was never
/// fetched here.
Result<std::vector<Examined>> examine(member::MemberSession& session, const VerifyRequest& request, cli::Output& out,
                                      const std::stop_token& stop);

/// Code `verification` where any has problems.
Status verdict_of(const std::vector<Examined>& all);

}  // namespace shoal::node
