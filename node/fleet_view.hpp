// What a machine can tell about itself and the fleet: verify, status, channel list.
#pragma once

#include <stop_token>

#include "cli/output.hpp"
#include "node/shelf.hpp"
#include "swarm/member_session.hpp"

namespace shoal::node {

/// Hashes the files of one release (`reference`, or all where it is empty) and reports each; `in` names a directory that
/// `pull --to` filled. Code `verification` when a file differs. Works without the tracker.
Status verify_local(swarm::MemberSession& session, const std::string& reference, const std::string& in, cli::Output& out,
                    const std::stop_token& stop);

/// Identity, certificate, local releases; then the tracker's view. `unreachable` after the local part when it cannot be asked.
Status show_status(swarm::MemberSession& session, cli::Output& out, const std::stop_token& stop);

Status list_channels(swarm::MemberSession& session, const ModelName& model, cli::Output& out, const std::stop_token& stop);

}  // namespace shoal::node
