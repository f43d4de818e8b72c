// Taking a release away, by the publishers' signatures.
#pragma once

#include "seeder/signer.hpp"
#include "swarm/member_session.hpp"

namespace shoal::seeder {

struct WithdrawOrder {
  ModelName model;
  VersionName version;
  std::string reason;
};

/// Signs the withdrawal of the release that is registered under this version, and sends it.
Status withdraw_release(const swarm::MemberSession& session, registry::Client& tracker, const Signer& signer, const WithdrawOrder& order);

}  // namespace shoal::seeder
