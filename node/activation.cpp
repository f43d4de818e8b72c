#include "node/activation.hpp"

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "node/shelf.hpp"

namespace shoal::node {

Status Activator::activate(const Switch& order, const std::stop_token& stop) {
  if (cache_ != nullptr) {
    std::lock_guard one_at_a_time(cache_mutex_);
    SHOAL_CHECK(cache_->add(order.release, shelf_.release(order.release.id())).within("Hugging Face cache"));
  }
  failpoint("node.before_switch");
  SHOAL_CHECK(point(order.key, order.release.id()));
  failpoint("node.switched");
  Status hooked = run_hooks(order, order.release, order.before, stop);
  failpoint("node.hooked");
  // A stop is no verdict on the release: the switch stays, and the next start runs the hooks again.
  if (!hooked.ok() && hooked.error().code != ErrorCode::interrupted) go_back(order, stop);
  return hooked;
}

Status Activator::show(const ChannelKey& key, const manifest::VerifiedRelease& release) {
  if (cache_ == nullptr) return {};
  std::lock_guard one_at_a_time(cache_mutex_);
  SHOAL_CHECK(cache_->add(release, shelf_.release(release.id())).within("Hugging Face cache"));
  return cache_->point(key.model, key.channel, release.id()).within("Hugging Face cache");
}

Status Activator::point(const ChannelKey& key, const ReleaseId& id) {
  SHOAL_CHECK(shelf_.switch_to({key.model, std::nullopt, key.channel}, id));
  if (cache_ == nullptr) return {};
  std::lock_guard one_at_a_time(cache_mutex_);
  return cache_->point(key.model, key.channel, id).within("Hugging Face cache");
}

Status Activator::run_hooks(const Switch& order, const manifest::VerifiedRelease& release, const std::optional<ReleaseId>& previous,
                            const std::stop_token& stop) {
  const HookContext context{order.key.model, order.key.channel, release->version, release.id(),
                            shelf_.link({order.key.model, std::nullopt, order.key.channel}), shelf_.release(release.id()), previous};
  for (const Hook& hook : order.hooks) SHOAL_CHECK(run_hook(hook, context, order.hook_options, stop).within("hook " + text_of(hook)));
  return {};
}

void Activator::go_back(const Switch& order, const std::stop_token& stop) {
  if (!order.before) {
    Status removed = shelf_.unlink({order.key.model, std::nullopt, order.key.channel});
    if (!removed.ok()) log::error("switch_back.failed", {{"channel", order.key.str()}, {"error", removed.error().message}});
    return;
  }
  Status back = point(order.key, *order.before);
  auto before = shelf_.verified(*session_.verifier(), *order.before);
  if (back.ok() && before.ok()) back = run_hooks(order, *before, order.release.id(), stop);
  if (!back.ok()) log::error("switch_back.failed", {{"channel", order.key.str()}, {"error", back.error().message}});
}

}  // namespace shoal::node
