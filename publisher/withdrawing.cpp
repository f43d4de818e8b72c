#include "publisher/withdrawing.hpp"

namespace shoal::publisher {

Status withdraw_release(const member::MemberSession& session, registry::Client& tracker, const Signer& signer, const WithdrawOrder& order) {
  const WallTime now = session.clock().now();
  SHOAL_CHECK(signer.check_authorised(*session.verifier(), order.model, now));
  auto reply = tracker.release(order.model, order.version);
  if (!reply.ok() && reply.error().message.find(registry::withdrawn_words) != std::string::npos) return {};  // an earlier try
  if (!reply.ok()) return std::move(reply).error();
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(reply->envelope, manifest::release_limit));
  SHOAL_TRY(auto release, session.verifier()->release(envelope, order.model));
  manifest::Withdrawal withdrawal{order.model, order.version, release.id(), order.reason, now};
  SHOAL_CHECK(manifest::check(withdrawal));
  return tracker.withdraw(order.model, order.version, signer.sign(manifest::withdrawal_type, manifest::encode(withdrawal)).encode());
}

}  // namespace shoal::publisher
