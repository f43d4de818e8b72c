#include "publisher/pointer_renewal.hpp"

#include <algorithm>
#include <cmath>

#include "base/log.hpp"
#include "base/shutdown.hpp"
#include "crypto/digest.hpp"
#include "manifest/validity.hpp"
#include "member/trust_chain.hpp"
#include "publisher/channel_mover.hpp"
#include "publisher/fleet_channels.hpp"

namespace shoal::publisher {
namespace {

constexpr std::size_t salt_size = 16;  // bytes
constexpr int spread = 18;             // of a pointer's life
constexpr std::chrono::hours warning_period{24};
constexpr std::size_t most_told = 4096;
// The wall clock may jump; the sleep of a thread does not follow it.
constexpr std::chrono::seconds clock_look{30};

std::string title(const manifest::ChannelPointer& pointer) { return pointer.ref().str(); }

}  // namespace

WallTime renewal_time(const manifest::ChannelPointer& pointer, double early) {
  const std::chrono::seconds life = pointer.expires - pointer.issued;
  const auto ahead =
      std::chrono::seconds(static_cast<std::int64_t>(std::clamp(early, 0.0, 1.0) * static_cast<double>(life.count() / spread)));
  return pointer.issued + life / 3 * 2 - ahead;
}

PointerRenewal::PointerRenewal(member::MemberSession& session, Signer signer, cli::Output& out)
    : session_(session), signer_(std::move(signer)), out_(out), seen_(session.state(), "renewed"), salt_(crypto::random_bytes(salt_size)) {}

PointerRenewal::~PointerRenewal() { thread_.request_stop(); }

void PointerRenewal::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void PointerRenewal::run(const std::stop_token& stop) {
  auto tracker = session_.client(stop);
  while (!stop.stop_requested()) rest_until(look(*tracker), stop);
}

/// Returns when to look again.
WallTime PointerRenewal::look(registry::Client& tracker) {
  auto done = turn(tracker);
  if (done.ok()) {
    told_.erase("");
    return done->next;
  }
  if (done.error().code != ErrorCode::interrupted) complain("", done.error().message);
  return session_.clock().now() + rest_after_failure;
}

void PointerRenewal::rest_until(WallTime next, const std::stop_token& stop) const {
  while (sleep_for(clock_look, stop)) {
    const WallTime now = session_.clock().now();
    if (now >= next || next - now > longest_rest + clock_look) return;
  }
}

/// The same for a pointer as long as the process lives.
double PointerRenewal::early(const manifest::ChannelPointer& pointer) const {
  return std::ldexp(static_cast<double>(crypto::sha256(salt_ + title(pointer)).leading()), -64);
}

/// Those that these keys may sign.
Result<std::vector<PointerRenewal::Due>> PointerRenewal::pointers(registry::Client& tracker) const {
  std::vector<Due> found;
  SHOAL_TRY(auto models, models_with_channels(session_, tracker));
  for (const ModelName& model : models) {
    if (!signer_.check_authorised(*session_.verifier(), model, session_.clock().now()).ok()) continue;
    SHOAL_TRY(auto channels, channels_of(session_, tracker, model));
    for (const ListedChannel& listed : channels)
      if (listed.pointer.ok()) found.push_back({*listed.pointer, renewal_time(*listed.pointer, early(*listed.pointer))});
  }
  return found;
}

Result<PointerRenewal::Turn> PointerRenewal::turn(registry::Client& tracker) {
  SHOAL_CHECK(member::follow_trust_roots(session_, tracker));
  const WallTime now = session_.clock().now();
  const auto verifier = session_.verifier();
  const manifest::TrustRoot& root = verifier->root();
  if (now >= root.expires)
    return fail(ErrorCode::verification, "the trust root expired at " + format_time(root.expires) +
                                             ", and no pointer counts until it is renewed ('shoal trust rotate --root-key FILE')");
  warn_of_root(root.expires, now);
  SHOAL_TRY(auto all, pointers(tracker));
  std::sort(all.begin(), all.end(), [](const Due& a, const Due& b) { return a.pointer.expires < b.pointer.expires; });
  Turn done;
  done.next = now + longest_rest;
  std::optional<WallTime> soonest;
  for (Due& each : all) {
    if (each.at > now) (void)note_seen(each.pointer);
    if (each.at > now) done.next = std::clamp<WallTime>(each.at, now + shortest_rest, done.next);
    else if (done.renewed + done.failed == most_at_once) ++done.left;
    else if (renew(tracker, each.pointer)) ++done.renewed;
    else ++done.failed;
    soonest = std::min(soonest.value_or(each.pointer.expires), each.pointer.expires);
  }
  *soonest_.lock() = soonest;
  overdue_ = done.left + done.failed;
  if (overdue_ > 0) done.next = std::min(done.next, now + rest_with_work_left);
  return done;
}

/// Once a day.
void PointerRenewal::warn_of_root(WallTime until, WallTime now) {
  if (!manifest::ends_soon(until, now) || (warned_ <= now && now - warned_ < warning_period)) return;
  warned_ = now;
  log::warn("trust_root_ends_soon", {{"expires", format_time(until)}, {"renew", "shoal trust rotate --root-key FILE"}});
}

/// A tracker that shows an older pointer than before withholds the newer one, or was restored from a backup: to renew the older one would
/// give it to machines that join.
Status PointerRenewal::note_seen(const manifest::ChannelPointer& pointer) const {
  const manifest::SeenSequence at{pointer.epoch, pointer.sequence};
  SHOAL_TRY(auto seen, seen_.highest(pointer.model, pointer.channel));
  if (seen <= at) return seen_.note(pointer.model, pointer.channel, {at, pointer.release});
  return fail(ErrorCode::verification, "the tracker shows sequence " + std::to_string(at.sequence) + ", and has shown " +
                                           std::to_string(seen.sequence) + " before: set the channel again ('shoal channel set')");
}

/// Replaces `pointer` where it worked.
bool PointerRenewal::renew(registry::Client& tracker, manifest::ChannelPointer& pointer) {
  Status noted = note_seen(pointer);
  auto renewed = noted.ok() ? ChannelMover(session_, tracker, signer_).renew(pointer) : Result<manifest::ChannelPointer>(noted.error());
  if (!renewed.ok()) {
    if (renewed.error().code != ErrorCode::interrupted) complain(title(pointer), renewed.error().message);
    return false;
  }
  pointer = std::move(*renewed);
  tell(pointer);
  return true;
}

void PointerRenewal::tell(const manifest::ChannelPointer& renewed) {
  ++renewed_;
  told_.erase(title(renewed));
  log::info("channel_renewed", {{"channel", title(renewed)}, {"sequence", renewed.sequence}, {"expires", format_time(renewed.expires)}});
  out_.result({{"type", "renewed"},
               {"model", renewed.model.str()},
               {"channel", renewed.channel.str()},
               {"release", renewed.release.hex()},
               {"sequence", renewed.sequence},
               {"expires", format_time(renewed.expires)}},
              title(renewed) + " is renewed until " + format_time(renewed.expires));
}

/// Once, until it is another problem.
void PointerRenewal::complain(const std::string& about, const std::string& problem) {
  if (told_.size() >= most_told) told_.clear();
  if (std::exchange(told_[about], problem) == problem) return;
  log::warn("channel_not_renewed", {{"channel", about.empty() ? "any" : about}, {"reason", problem}});
}

void PointerRenewal::describe(metrics::Page& page) const {
  page.counter("shoal_pointers_renewed_total", "Channel pointers that this seeder renewed.", static_cast<double>(renewed_));
  page.gauge("shoal_pointers_overdue", "Channel pointers that this seeder has failed to renew so far.", static_cast<double>(overdue_));
  if (const auto soonest = soonest_.with([](const auto& value) { return value; }))
    page.gauge("shoal_pointer_seconds_left", "Seconds until the first channel pointer expires that this machine follows, renews or holds.",
               static_cast<double>((*soonest - session_.clock().now()).count()));
}

}  // namespace shoal::publisher
