// Taking a release away, by the publishers' signatures.
#pragma once

#include "member/member_session.hpp"
#include "publisher/signer.hpp"

namespace shoal::publisher {

struct WithdrawOrder {
  ModelName model;
  VersionName version;
  std::string reason;
};

/// Signs the withdrawal of the release that is registered under this version, and sends it.
Status withdraw_release(const member::MemberSession& session, registry::Client& tracker, const Signer& signer, const WithdrawOrder& order);

}  // namespace shoal::publisher
