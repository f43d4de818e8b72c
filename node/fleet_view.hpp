// What a machine can tell about itself and the fleet: status, channel list.
#pragma once

#include <stop_token>

#include "cli/output.hpp"
#include "member/member_session.hpp"
#include "node/shelf.hpp"

namespace shoal::node {

/// Identity, certificate, local releases; then the tracker's view. `unreachable` after the local part when it cannot be asked.
Status show_status(member::MemberSession& session, cli::Output& out, const std::stop_token& stop);

Status list_channels(member::MemberSession& session, const ModelName& model, cli::Output& out, const std::stop_token& stop);

}  // namespace shoal::node
