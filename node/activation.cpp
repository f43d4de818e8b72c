#include "node/activation.hpp"

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "node/admission.hpp"
#include "node/shelf.hpp"

namespace shoal::node {

Status Activator::activate(const Switch& order, const std::stop_token& stop) {
  const fs::path files = shelf_.release(order.release.id());
  SHOAL_CHECK(admit_formats(order.release, order.allow_code_formats));
  SHOAL_CHECK(admit_content(order.release, files, order.allow_code_formats));
  if (cache_ != nullptr) {
    std::lock_guard one_at_a_time(cache_mutex_);
    SHOAL_CHECK(cache_->add(order.release, files).within("Hugging Face cache"));
  }
  failpoint("node.before_switch");
  SHOAL_CHECK(shelf_.switch_to({order.key.model, std::nullopt, order.key.channel}, order.release.id()));
  Status done = point_cache(order.key, order.release.id());
  failpoint("node.switched");
  if (done.ok()) done = run_hooks(order, order.release, order.before, stop);
  failpoint("node.hooked");
  // A stop is no verdict on the release: the switch stays, and the next start runs the hooks again.
  if (!done.ok() && done.error().code != ErrorCode::interrupted) go_back(order, stop);
  return done;
}

Status Activator::show(const ChannelKey& key, const manifest::VerifiedRelease& release) {
  if (cache_ == nullptr) return {};
  std::lock_guard one_at_a_time(cache_mutex_);
  SHOAL_CHECK(cache_->add(release, shelf_.release(release.id())).within("Hugging Face cache"));
  return cache_->point(key.model, key.channel, release.id()).within("Hugging Face cache");
}

Status Activator::hide(const ModelName& model, const ReleaseId& id) {
  if (cache_ == nullptr) return {};
  std::lock_guard one_at_a_time(cache_mutex_);
  return cache_->remove(model, id).within("Hugging Face cache");
}

Status Activator::point_cache(const ChannelKey& key, const ReleaseId& id) {
  if (cache_ == nullptr) return {};
  std::lock_guard one_at_a_time(cache_mutex_);
  return cache_->point(key.model, key.channel, id).within("Hugging Face cache");
}

Status Activator::run_hooks(const Switch& order, const manifest::VerifiedRelease& release, const std::optional<ReleaseId>& previous,
                            const std::stop_token& stop) {
  const HookContext context{order.key.model,
                            order.key.channel,
                            release->version,
                            release.id(),
                            shelf_.link({order.key.model, std::nullopt, order.key.channel}),
                            shelf_.release(release.id()),
                            previous};
  for (const Hook& hook : order.hooks) SHOAL_CHECK(run_hook(hook, context, order.hook_options, stop));
  return {};
}

void Activator::go_back(const Switch& order, const std::stop_token& stop) {
  if (order.before == order.release.id()) return;  // what `shoal pull` had shown already
  Status back = order.before ? point_back(order, stop) : withdraw(order.key);
  if (!back.ok()) log::error("switch_back_failed", {{"channel", order.key.str()}, {"reason", back.error().message}});
}

/// A cache that cannot follow must not keep the hooks from hearing that the link went back.
Status Activator::point_back(const Switch& order, const std::stop_token& stop) {
  SHOAL_CHECK(shelf_.switch_to({order.key.model, std::nullopt, order.key.channel}, *order.before));
  Status cached = point_cache(order.key, *order.before);
  auto before = verified_(*order.before);
  if (before.ok()) SHOAL_CHECK(run_hooks(order, *before, order.release.id(), stop));
  return cached;
}

/// As it was before the first release.
Status Activator::withdraw(const ChannelKey& key) {
  SHOAL_CHECK(shelf_.unlink({key.model, std::nullopt, key.channel}));
  if (cache_ == nullptr) return {};
  std::lock_guard one_at_a_time(cache_mutex_);
  return cache_->unpoint(key.model, key.channel).within("Hugging Face cache");
}

}  // namespace shoal::node
