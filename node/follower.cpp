#include "node/follower.hpp"

#include "base/log.hpp"
#include "base/shutdown.hpp"
#include "node/floored_clock.hpp"
#include "node/statement.hpp"

namespace shoal::node {
namespace {

using manifest::SignedEnvelope;

constexpr std::chrono::milliseconds patience{50000};
constexpr std::chrono::milliseconds without_statements{10000};  // between two looks, where the tracker signs none
constexpr std::chrono::milliseconds first_rest{500}, longest_rest{15000};

}  // namespace

Follower::Follower(swarm::MemberSession& session, const Clock& clock, const Shelf& shelf, Events events)
    : session_(session), clock_(clock), shelf_(shelf), events_(std::move(events)), statement_file_(statement_file(session.state())) {
  // What was seen before a restart: a statement that is older than this is no news.
  if (auto text = read_file(statement_file_, 2 * manifest::freshness_limit)) (void)accept(*text, WallTime{});
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Follower::~Follower() {
  thread_.request_stop();
  order_.lock()->round.request_stop();
}

void Follower::follow(std::set<ChannelKey> channels) {
  auto order = order_.lock();
  if (order->channels == channels) return;
  order->channels = std::move(channels);
  order->changed = true;
  order->round.request_stop();
}

std::set<ChannelKey> Follower::begin_round() {
  auto order = order_.lock();
  if (order->round.stop_requested()) order->round = std::stop_source();
  if (std::exchange(order->changed, false)) serial_ = 0;  // whatever it is, it is to be looked at
  return order->channels;
}

void Follower::run(const std::stop_token& stop) {
  auto pause = first_rest;
  while (!stop.stop_requested()) {
    const std::set<ChannelKey> channels = begin_round();
    auto tracker = session_.client(order_.lock()->round.get_token());
    Status heard = round(*tracker, channels);
    const bool interrupted = !heard.ok() && heard.error().code == ErrorCode::interrupted;
    view_.problem = heard.ok() || interrupted ? "" : heard.error().message;
    if (!interrupted) tell();
    if (heard.ok()) pause = first_rest;
    if (heard.ok() || interrupted) continue;
    serial_ = 0;
    rest(pause, stop);
    pause = std::min(pause * 2, longest_rest);
  }
}

Status Follower::round(registry::Client& tracker, const std::set<ChannelKey>& channels) {
  view_.statements = !session_.verifier()->root().tracker_keys.empty();
  return view_.statements ? hear(tracker, channels) : poll_without_statements(tracker, channels);
}

Status Follower::hear(registry::Client& tracker, const std::set<ChannelKey>& channels) {
  SHOAL_TRY(std::string text, tracker.freshness(serial_, patience));
  const WallTime now = clock_.now();
  if (Status accepted = accept(text, now); !accepted.ok()) {
    // Perhaps it was signed by a key that only a later root names.
    SHOAL_CHECK(walk_trust_roots(tracker, session_.verifier()->root().version + 1).ok() ? accept(text, now) : std::move(accepted));
  }
  // Durable, so that an older one is refused after a restart, too.
  SHOAL_CHECK(write_file_durably(statement_file_, text));
  events_.stated((*statement_)->issued);
  SHOAL_CHECK(walk_trust_roots(tracker, (*statement_)->trust_root));
  tell();
  bool all_well = true;
  for (const ChannelKey& key : channels) all_well &= look_at(tracker, key, (*statement_)->find(key.model, key.channel));
  serial_ = (*statement_)->serial;
  if (all_well) return {};
  serial_ = 0;
  rest(longest_rest / 5, order_.lock()->round.get_token());
  return {};
}

/// Fleets whose trust root names no key of the tracker: the pointers' own expiry is all that shows a tracker that withholds.
Status Follower::poll_without_statements(registry::Client& tracker, const std::set<ChannelKey>& channels) {
  (void)walk_trust_roots(tracker, session_.verifier()->root().version + 1);
  for (const ChannelKey& key : channels) {
    Status fetched = fetch(tracker, key, nullptr);
    if (!fetched.ok() && (fetched.error().code == ErrorCode::unreachable || fetched.error().code == ErrorCode::interrupted)) return fetched;
    if (fetched.ok()) events_.well(key);
    else events_.troubled(key, fetched.error());
  }
  rest(without_statements, order_.lock()->round.get_token());
  return {};
}

/// A statement that verifies, and is not older than the one before. The tracker's clock counts for a few minutes beyond this machine's: a
/// statement from the future makes no later one old, and is not fresh for longer than one from now could be.
Status Follower::accept(const std::string& text, WallTime now) {
  SHOAL_TRY(auto envelope, SignedEnvelope::decode(text, manifest::freshness_limit).within("the tracker's freshness statement"));
  SHOAL_TRY(auto statement, session_.verifier()->freshness(envelope, now));
  const WallTime own = session_.clock().now();
  if (statement->issued < newest_)
    return fail(ErrorCode::verification, "the tracker showed a freshness statement of " + format_time(statement->issued) +
                                             ", older than the one of " + format_time(newest_) + " that was seen before");
  if (statement->issued <= own + clock_slack) newest_ = statement->issued;
  view_.fresh_until = std::min(statement->expires, own + clock_slack + (statement->expires - statement->issued));
  statement_ = std::move(statement);
  return {};
}

/// One version after the other, each signed by the thresholds of itself and of the one before.
Status Follower::walk_trust_roots(registry::Client& tracker, std::uint64_t newest) {
  for (std::uint64_t version = session_.verifier()->root().version + 1; version <= newest; ++version) {
    SHOAL_TRY(std::string next, tracker.trust_root(version));
    SHOAL_CHECK(session_.rotate(next).within("trust root " + std::to_string(version)));
    handled_.clear();  // what was refused under the old root may be right now
    log::info("trust_root.rotated", {{"version", std::to_string(version)}});
  }
  return {};
}

/// False where it has to be tried again.
bool Follower::look_at(registry::Client& tracker, const ChannelKey& key, const manifest::ChannelState* state) {
  auto before = handled_.find(key);
  if (state != nullptr && before != handled_.end() && before->second == *state) return true;
  Status fetched = fetch(tracker, key, state);
  if (fetched.ok()) {
    handled_.insert_or_assign(key, *state);
    events_.well(key);
    return true;
  }
  if (fetched.error().code == ErrorCode::interrupted) return true;
  events_.troubled(key, fetched.error());
  // A pointer that is wrong does not become right by asking again; the statement changes when it does.
  if (state != nullptr && fetched.error().code == ErrorCode::verification) handled_.insert_or_assign(key, *state);
  return state == nullptr || fetched.error().code == ErrorCode::verification;
}

Status Follower::fetch(registry::Client& tracker, const ChannelKey& key, const manifest::ChannelState* state) {
  SHOAL_TRY(auto seen, shelf_.seen(key.model, key.channel));
  if (view_.statements && state == nullptr)
    return seen == manifest::SeenSequence{}
               ? fail(ErrorCode::not_found, "the fleet has no channel " + key.str() + " yet")
               : fail(ErrorCode::verification, "the tracker does not list " + key.str() + " any more, which had sequence " +
                                                   std::to_string(seen.sequence) + ": it withholds it, or was restored from a backup");
  SHOAL_TRY(std::string text, tracker.channel(key.model, key.channel));
  SHOAL_TRY(auto envelope, SignedEnvelope::decode(text, manifest::channel_limit));
  SHOAL_TRY(auto pointer, session_.verifier()->channel(envelope, key.model, key.channel, seen, clock_.now()));
  if (state != nullptr && crypto::sha256(envelope.payload) != state->pointer)
    return fail(ErrorCode::unreachable, "the pointer of " + key.str() + " is not the one that the tracker's freshness statement names");
  SHOAL_CHECK(shelf_.check_not_another(*pointer));
  events_.issued(pointer->issued);
  events_.offered({key, std::move(pointer), state != nullptr && state->halted});
  return {};
}

void Follower::rest(std::chrono::milliseconds duration, const std::stop_token& stop) { (void)sleep_for(duration, stop); }

void Follower::tell() { events_.tracker(view_); }

}  // namespace shoal::node
