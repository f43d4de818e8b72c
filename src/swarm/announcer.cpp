#include "swarm/announcer.hpp"

#include <algorithm>
#include <random>

#include "base/log.hpp"
#include "fanout/dial_rule.hpp"

namespace shoal::swarm {
namespace {

/// Peer counts change without a word to the announcer, so it looks at least this often at contents that lack something.
constexpr std::chrono::milliseconds glance{500};
/// Between two rounds while nothing is lacking: of a thousand contents some are always due, and are announced together.
constexpr std::chrono::milliseconds unhurried{2000};
constexpr std::chrono::hours longest_sleep{1};
constexpr std::chrono::seconds farewell{2};

double jitter() {
  thread_local std::minstd_rand engine{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

std::string text_of(fanout::AnnounceEvent event) {
  switch (event) {
    case fanout::AnnounceEvent::started: return "started";
    case fanout::AnnounceEvent::completed: return "completed";
    case fanout::AnnounceEvent::none: break;
  }
  return "";
}

/// Whom the tracker names, at most ten of them.
void log_answer(const InfoHash& content, fanout::AnnounceEvent event, const registry::AnnounceReply& reply) {
  if (!log::writes(log::Level::debug)) return;
  std::string named;
  for (std::size_t i = 0; i < std::min<std::size_t>(reply.peers.size(), 10); ++i)
    named += (named.empty() ? "" : ",") + reply.peers[i].id.str();
  log::debug("tracker_answered", {{"info_hash", content.hex()},
                                  {"announced", text_of(event)},
                                  {"peers", reply.peers.size()},
                                  {"named", named},
                                  {"again_in_seconds", reply.interval.count()}});
}

}  // namespace

Announcer::Announcer(std::unique_ptr<registry::Client> client, std::string peer_id, HostPort reached_at, const Clock& clock,
                     std::stop_source client_stop, Revoked revoked)
    : client_(std::move(client)),
      peer_id_(std::move(peer_id)),
      reached_at_(std::move(reached_at)),
      clock_(clock),
      client_stop_(std::move(client_stop)),
      revoked_(std::move(revoked)),
      thread_([this] { run(); }) {}

Announcer::~Announcer() {
  {
    auto state = state_.lock();
    state->ending = true;
    changed_.notify_all();
    if (!changed_.wait_for(state.lock(), farewell, [&] { return state->ended; })) client_stop_.request_stop();
  }
  thread_.join();
}

void Announcer::add(const InfoHash& content, AnnounceCallbacks callbacks) {
  const bool complete = callbacks.facts().need.complete;
  auto entry = std::make_shared<Entry>(std::move(callbacks), fanout::AnnounceSchedule(clock_.steady_now(), complete));
  state_.with([&](State& state) {
    // Leaving and coming back in one breath: the tracker has not to hear of it.
    state.leaving.erase(content);
    state.entries.insert_or_assign(content, std::move(entry));
    state.woken = true;
  });
  changed_.notify_all();
}

void Announcer::remove(const InfoHash& content) {
  state_.with([&](State& state) {
    auto node = state.entries.extract(content);
    if (node.empty()) return;
    state.leaving.insert_or_assign(content, std::move(node.mapped()));
    state.woken = true;
  });
  changed_.notify_all();
}

std::string Announcer::problem(const InfoHash& content) const {
  const auto entry = find(content);
  return entry ? *entry->problem.lock() : std::string();
}

std::shared_ptr<Announcer::Entry> Announcer::find(const InfoHash& content) const {
  return state_.with([&](const State& state) {
    auto it = state.entries.find(content);
    return it == state.entries.end() ? std::shared_ptr<Entry>() : it->second;
  });
}

void Announcer::hasten(const InfoHash& content) {
  const auto entry = find(content);
  if (!entry) return;
  entry->hastened = true;
  wake();
}

void Announcer::wake() {
  state_.lock()->woken = true;
  changed_.notify_all();
}

void Announcer::run() {
  do {
    announce_leaving();
  } while (wait_until(announce_due()));
  state_.with([](State& state) { state.leaving.merge(state.entries); });
  announce_leaving();
  state_.lock()->ended = true;
  changed_.notify_all();
}

/// False when the announcer ends.
bool Announcer::wait_until(SteadyTime time) {
  auto wait = std::clamp<std::chrono::nanoseconds>(time - clock_.steady_now(), std::chrono::nanoseconds(0), longest_sleep);
  auto state = state_.lock();
  changed_.wait_for(state.lock(), wait, [&] { return state->woken || state->ending; });
  if (std::exchange(state->woken, false))
    for (auto& [content, entry] : state->entries) entry->complete = false;
  return !state->ending;
}

/// Announces what is due; returns when to look again.
SteadyTime Announcer::announce_due() {
  const Entries entries = state_.lock()->entries;
  SteadyTime earliest = SteadyTime::max();
  bool all_complete = true;
  for (const auto& [content, entry] : entries) {
    if (state_.lock()->ending) break;
    earliest = std::min(earliest, attend(content, *entry));
    all_complete &= entry->complete;
  }
  const SteadyTime now = clock_.steady_now();
  return all_complete ? std::max(earliest, now + unhurried) : std::min(earliest, now + glance);
}

/// When to look at this one again. What is complete stays so until the announcer is woken.
SteadyTime Announcer::attend(const InfoHash& content, Entry& entry) {
  if (entry.complete && clock_.steady_now() < entry.due) return entry.due;
  const AnnounceFacts facts = entry.callbacks.facts();
  *entry.last.lock() = facts;
  if (entry.hastened.exchange(false)) entry.schedule.hasten(clock_.steady_now());
  if (auto event = entry.schedule.due(clock_.steady_now(), facts.need)) announce(content, entry, *event, facts);
  entry.due = entry.schedule.next(facts.need);
  entry.complete = facts.need.complete;
  return entry.due;
}

void Announcer::announce(const InfoHash& content, Entry& entry, fanout::AnnounceEvent event, const AnnounceFacts& facts) {
  auto wish = request(content, facts, text_of(event));
  wish.numwant = fanout::peers_wanted(event, facts.need);
  auto reply = client_->announce(wish);
  const SteadyTime now = clock_.steady_now();
  if (!reply.ok()) {
    log::debug("announce_failed", {{"info_hash", content.hex()}, {"reason", reply.error().message}});
    *entry.problem.lock() = reply.error().message;
    return entry.schedule.failed(now, jitter());
  }
  log_answer(content, event, *reply);
  if (!reply->warning.empty()) log::debug("announce_warning", {{"info_hash", content.hex()}, {"warning", reply->warning}});
  entry.problem.lock()->clear();
  entry.schedule.succeeded(now, event, reply->interval, jitter());
  if (revoked_) revoked_(reply->revoked);
  const bool local = client_->over_loopback();
  const auto left_out = std::erase_if(reply->peers, [&](const auto& peer) { return !fanout::may_dial(peer.address.host, local); });
  if (left_out > 0)
    log::debug("peers_not_dialled", {{"info_hash", content.hex()}, {"peers", left_out}, {"reason", "no address of a network"}});
  entry.callbacks.peers(reply->peers);
}

void Announcer::announce_leaving() {
  const Entries leaving = state_.with([](State& state) { return std::exchange(state.leaving, {}); });
  const SteadyTime deadline = clock_.steady_now() + farewell;
  for (const auto& [content, entry] : leaving)
    if (clock_.steady_now() < deadline) say_stopped(content, *entry);
}

void Announcer::say_stopped(const InfoHash& content, Entry& entry) {
  if (!entry.schedule.started()) return;
  auto reply = client_->announce(request(content, *entry.last.lock(), "stopped"));
  if (!reply.ok())
    log::debug("announce_failed", {{"info_hash", content.hex()}, {"announced", "stopped"}, {"reason", reply.error().message}});
}

registry::AnnounceRequest Announcer::request(const InfoHash& content, const AnnounceFacts& facts, std::string event) const {
  registry::AnnounceRequest request;
  request.info_hash = content;
  request.peer_id = peer_id_;
  request.port = reached_at_.port;
  request.address = reached_at_.host;
  request.uploaded = facts.uploaded;
  request.downloaded = facts.downloaded;
  request.left = facts.left;
  request.event = std::move(event);
  if (request.event == "stopped") request.numwant = 0;
  return request;
}

}  // namespace shoal::swarm
