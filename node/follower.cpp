#include "node/follower.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/shutdown.hpp"
#include "member/trust_chain.hpp"
#include "node/floored_clock.hpp"
#include "node/statement.hpp"

namespace shoal::node {
namespace {

using manifest::SignedEnvelope;

constexpr std::chrono::milliseconds patience{50000};
constexpr std::chrono::milliseconds without_statements{10000};  // between two looks, where the tracker signs none
constexpr std::chrono::milliseconds patience_of_many{2000};     // for each group, where one request is not enough for all channels
constexpr std::chrono::milliseconds first_rest{500}, longest_rest{15000};

/// Sorted. Who follows nothing hears of some channels nevertheless: the trust root's version is told with them.
std::vector<manifest::ChannelPlace> places_of(const std::set<ChannelKey>& channels) {
  std::set<manifest::ChannelPlace> places;
  for (const ChannelKey& key : channels) places.insert(manifest::place_of(key.model, key.channel));
  if (places.empty()) places.insert(0);
  return {places.begin(), places.end()};
}

}  // namespace

Follower::Follower(member::MemberSession& session, const Clock& clock, const Shelf& shelf, Events events)
    : session_(session), clock_(clock), shelf_(shelf), events_(std::move(events)), statement_file_(statement_file(session.state())) {
  newest_.resize(1u << manifest::place_bits);
  // What was seen before a restart: a statement that is older than this is no news.
  if (auto text = read_file(statement_file_, kept_statements_limit))
    for (const std::string& each : registry::split_statements(*text, newest_.size()).value_or({})) (void)accept(each, WallTime{}, {});
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
  if (std::exchange(order->changed, false)) groups_.clear();  // whatever it is, it is to be looked at
  return order->channels;
}

std::vector<std::vector<manifest::ChannelPlace>> groups_of(const std::vector<manifest::ChannelPlace>& places, std::uint32_t shard_count) {
  std::vector<std::vector<manifest::ChannelPlace>> groups;
  std::optional<manifest::Shard> last;
  for (manifest::ChannelPlace place : places) {
    if (last && last->holds(place)) continue;
    last = manifest::shard_of(place, shard_count);
    if (groups.empty() || groups.back().size() == registry::most_places) groups.emplace_back();
    groups.back().push_back(place);
  }
  return groups;
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
    groups_.clear();
    rest(pause, stop);
    pause = std::min(pause * 2, longest_rest);
  }
}

Status Follower::round(registry::Client& tracker, const std::set<ChannelKey>& channels) {
  view_.statements = !session_.verifier()->root().tracker_keys.empty();
  return view_.statements ? hear(tracker, channels) : poll_without_statements(tracker, channels);
}

/// As far as the number of shards is known.
void Follower::choose_groups(const Places& places) {
  std::vector<Places> groups = groups_of(places, held_.empty() ? 1 : held_.back().statement->shard.count);
  if (groups == groups_) return;
  groups_ = std::move(groups);
  serials_.assign(groups_.size(), 0);
}

Status Follower::hear(registry::Client& tracker, const std::set<ChannelKey>& channels) {
  choose_groups(places_of(channels));
  for (std::size_t group = 0; group < groups_.size(); ++group) SHOAL_CHECK(hear_of(tracker, group, channels));
  return {};
}

Status Follower::hear_of(registry::Client& tracker, std::size_t group, const std::set<ChannelKey>& channels) {
  const auto longest = groups_.size() == 1 ? patience : patience_of_many;
  SHOAL_TRY(auto texts, tracker.freshness(groups_[group], serials_[group], longest));
  SHOAL_CHECK(take(tracker, texts, groups_[group]));
  SHOAL_CHECK(keep(places_of(channels)));
  std::uint64_t serial = 0, newest_root = 0;
  for (manifest::ChannelPlace place : groups_[group]) {
    const Held* held = held_for(place);
    if (held == nullptr) return other_statement();
    events_.stated(held->statement->issued);
    serial = std::max(serial, held->statement->serial);
    newest_root = std::max(newest_root, held->statement->trust_root);
  }
  SHOAL_CHECK(walk_trust_roots(tracker, newest_root));
  tell();
  serials_[group] = look_at_all(tracker, channels) ? serial : 0;
  if (serials_[group] == 0) rest(longest_rest / 5, order_.lock()->round.get_token());
  return {};
}

Status Follower::take(registry::Client& tracker, const std::vector<std::string>& texts, const Places& asked) {
  const WallTime now = clock_.now();
  for (const std::string& text : texts) {
    Status accepted = accept(text, now, asked);
    if (accepted.ok()) continue;
    // Perhaps it was signed by a key that only a later root names.
    SHOAL_CHECK(walk_trust_roots(tracker, session_.verifier()->root().version + 1).ok() ? accept(text, now, asked) : std::move(accepted));
  }
  return {};
}

/// Durable, so that older ones are refused after a restart, too. Those that speak of nothing that is followed go.
Status Follower::keep(const Places& places) {
  std::erase_if(held_, [&](const Held& held) {
    return std::none_of(places.begin(), places.end(), [&](auto place) { return held.statement->shard.holds(place); });
  });
  std::vector<std::string> texts;
  for (const Held& held : held_) texts.push_back(held.text);
  note_end();
  return write_file_durably(statement_file_, registry::join_statements(texts));
}

const Follower::Held* Follower::held_for(manifest::ChannelPlace place) const {
  auto found = std::find_if(held_.begin(), held_.end(), [&](const Held& held) { return held.statement->shard.holds(place); });
  return found == held_.end() ? nullptr : &*found;
}

/// False where one has to be tried again. What the statements in hand do not speak of is asked for next.
bool Follower::look_at_all(registry::Client& tracker, const std::set<ChannelKey>& channels) {
  bool all_well = true;
  for (const ChannelKey& key : channels) {
    const Held* held = held_for(manifest::place_of(key.model, key.channel));
    if (held != nullptr) all_well &= look_at(tracker, key, held->statement->find(key.model, key.channel));
  }
  return all_well;
}

/// Fleets whose trust root names no key of the tracker: the pointers' own expiry is all that shows a tracker that withholds.
Status Follower::poll_without_statements(registry::Client& tracker, const std::set<ChannelKey>& channels) {
  (void)walk_trust_roots(tracker, session_.verifier()->root().version + 1);
  for (const ChannelKey& key : channels) {
    Status fetched = fetch(tracker, key, nullptr);
    if (!fetched.ok() && (fetched.error().code == ErrorCode::unreachable || fetched.error().code == ErrorCode::interrupted)) return fetched;
    if (fetched.ok()) events_.checked(key);
    else events_.failed(key, fetched.error());
  }
  rest(without_statements, order_.lock()->round.get_token());
  return {};
}

/// A statement that verifies, and is not older than one before of the same channels; `asked` are places of which it has to
/// speak of some, where there are any. The tracker's clock counts for a few minutes beyond
/// this machine's: a statement from the future makes no later one old, and is not fresh for longer than one from now could be.
Status Follower::accept(const std::string& text, WallTime now, const Places& asked) {
  SHOAL_TRY(auto envelope, SignedEnvelope::decode(text, manifest::freshness_limit).within("the tracker's freshness statement"));
  SHOAL_TRY(auto statement, session_.verifier()->freshness(envelope, now));
  const manifest::Shard shard = statement->shard;
  if (!asked.empty() && std::none_of(asked.begin(), asked.end(), [&](auto place) { return shard.holds(place); })) return other_statement();
  const std::size_t places = newest_.size() / shard.count;
  const auto from = newest_.begin() + static_cast<std::ptrdiff_t>(shard.index * places), to = from + static_cast<std::ptrdiff_t>(places);
  const WallTime own = session_.clock().now(), before = *std::max_element(from, to);
  if (statement->issued < before) return older_statement(statement->issued, before);
  if (statement->issued <= own + clock_slack) std::fill(from, to, statement->issued);
  const WallTime until = std::min(statement->expires, own + clock_slack + (statement->expires - statement->issued));
  std::erase_if(held_, [&](const Held& held) { return held.statement->shard.overlaps(shard); });
  held_.push_back({std::move(statement), text, until});
  note_end();
  return {};
}

void Follower::note_end() {
  if (held_.empty()) return;
  auto first = std::min_element(held_.begin(), held_.end(), [](const Held& a, const Held& b) { return a.until < b.until; });
  view_.fresh_until = first->until;
}

Status Follower::walk_trust_roots(registry::Client& tracker, std::uint64_t newest) {
  const std::uint64_t before = session_.verifier()->root().version;
  auto taken = member::follow_trust_roots(session_, tracker, newest);
  const std::uint64_t now = session_.verifier()->root().version;
  if (now != before) {
    handled_.clear();  // what was refused under the old root may be right now
    log::info("trust_root_rotated", {{"version", std::to_string(now)}});
  }
  if (!taken.ok()) return std::move(taken).error();
  return {};
}

/// False where it has to be tried again.
bool Follower::look_at(registry::Client& tracker, const ChannelKey& key, const manifest::ChannelState* state) {
  auto before = handled_.find(key);
  if (state != nullptr && before != handled_.end() && before->second == *state) return true;
  Status fetched = fetch(tracker, key, state);
  if (fetched.ok()) {
    handled_.insert_or_assign(key, *state);
    events_.checked(key);
    return true;
  }
  if (fetched.error().code == ErrorCode::interrupted) return true;
  events_.failed(key, fetched.error());
  // A pointer that is wrong does not become right by asking again; the statement changes when it does.
  if (state != nullptr && fetched.error().code == ErrorCode::verification) handled_.insert_or_assign(key, *state);
  return state == nullptr || fetched.error().code == ErrorCode::verification;
}

/// Its publishers say so where they deleted it; the tracker's word is not enough. What runs here stays in any case.
Error Follower::unlisted(registry::Client& tracker, const ChannelKey& key, const manifest::SeenSequence& seen) {
  auto deletion = [&]() -> Result<manifest::Deletion> {
    SHOAL_TRY(std::string text, tracker.deletion(key.model, key.channel));
    SHOAL_TRY(auto envelope, SignedEnvelope::decode(text, manifest::deletion_limit));
    return session_.verifier()->deletion(envelope, key.model, key.channel);
  }();
  if (deletion.ok() && manifest::SeenSequence{deletion->epoch, deletion->sequence} > seen)
    return fail(ErrorCode::not_found,
                key.str() + " was deleted by its publishers" + (deletion->reason.empty() ? "" : ": " + deletion->reason));
  if (seen == manifest::SeenSequence{}) return fail(ErrorCode::not_found, "the fleet has no channel " + key.str() + " yet");
  return fail(ErrorCode::verification, "the tracker does not list " + key.str() + " any more, which had sequence " +
                                           std::to_string(seen.sequence) + ": it withholds it, or was restored from a backup");
}

Status Follower::fetch(registry::Client& tracker, const ChannelKey& key, const manifest::ChannelState* state) {
  SHOAL_TRY(auto seen, shelf_.seen(key.model, key.channel));
  if (view_.statements && state == nullptr) return unlisted(tracker, key, seen);
  SHOAL_TRY(std::string text, tracker.channel(key.model, key.channel));
  SHOAL_TRY(auto envelope, SignedEnvelope::decode(text, manifest::channel_limit));
  SHOAL_TRY(auto pointer, session_.verifier()->channel(envelope, key.model, key.channel, seen, clock_.now()));
  if (state != nullptr && crypto::sha256(envelope.payload) != state->pointer)
    return fail(ErrorCode::unreachable, "the pointer of " + key.str() + " is not the one that the tracker's freshness statement names");
  SHOAL_CHECK(shelf_.check_not_another(*pointer));
  events_.issued(pointer->issued);
  events_.updated({key, std::move(pointer), state != nullptr && state->halted});
  return {};
}

void Follower::rest(std::chrono::milliseconds duration, const std::stop_token& stop) { (void)sleep_for(duration, stop); }

void Follower::tell() { events_.tracker(view_); }

}  // namespace shoal::node
