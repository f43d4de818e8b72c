// Hears of new channel pointers: one long-poll for all channels, and only signatures are believed.
#pragma once

#include <functional>
#include <set>
#include <thread>

#include "base/guarded.hpp"
#include "node/shelf.hpp"
#include "node/track.hpp"
#include "swarm/member_session.hpp"

namespace shoal::node {

/// A pointer that verified, is listed in a fresh statement of the tracker, and is not below what was seen before.
struct Offer {
  ChannelKey key;
  manifest::VerifiedChannelPointer pointer;
  bool halted = false;
};

struct TrackerView {
  std::string problem;                  // why the tracker could not be asked, or what is wrong with what it says; empty: nothing
  bool statements = false;              // this fleet's tracker signs freshness statements
  std::optional<WallTime> fresh_until;  // of the newest statement
};

/// Owns a thread. The callbacks run on it and must return soon.
class Follower {
 public:
  struct Events {
    std::function<void(Offer)> offered;
    std::function<void(const ChannelKey&, const Error&)> troubled;  // this channel's pointer could not be had, or was refused
    std::function<void(const ChannelKey&)> well;                    // the channel was looked at, and nothing is wrong
    std::function<void(const TrackerView&)> tracker;
    std::function<void(WallTime)> issued;  // a verified document was issued at this time, by its own word
    std::function<void(WallTime)> stated;  // a statement has just been had from the tracker, and was issued at this time
  };

  /// `clock` judges documents. That of the session judges certificates.
  Follower(swarm::MemberSession& session, const Clock& clock, const Shelf& shelf, Events events);
  /// Ends the thread, also in the middle of a long-poll.
  ~Follower();

  /// What is followed from now on. Thread-safe; takes effect at once.
  void follow(std::set<ChannelKey> channels);

 private:
  struct Order {
    std::set<ChannelKey> channels;
    std::stop_source round;  // ends the long-poll that is under way
    bool changed = false;
  };

  void run(const std::stop_token& stop);
  std::set<ChannelKey> begin_round();
  Status round(registry::Client& tracker, const std::set<ChannelKey>& channels);
  Status hear(registry::Client& tracker, const std::set<ChannelKey>& channels);
  Status poll_without_statements(registry::Client& tracker, const std::set<ChannelKey>& channels);
  Status accept(const std::string& text, WallTime now);
  Status walk_trust_roots(registry::Client& tracker, std::uint64_t newest);
  bool look_at(registry::Client& tracker, const ChannelKey& key, const manifest::ChannelState* state);
  Status fetch(registry::Client& tracker, const ChannelKey& key, const manifest::ChannelState* state);
  void rest(std::chrono::milliseconds duration, const std::stop_token& stop);
  void tell();

  swarm::MemberSession& session_;
  const Clock& clock_;
  const Shelf& shelf_;
  Events events_;
  fs::path statement_file_;
  TrackerView view_;
  std::optional<manifest::VerifiedFreshness> statement_;
  WallTime newest_{};                                     // issue of the newest statement that did not come from the future
  std::uint64_t serial_ = 0;                              // that the next long-poll waits to see change
  std::map<ChannelKey, manifest::ChannelState> handled_;  // so that a pointer is not fetched again
  Guarded<Order> order_;
  std::jthread thread_;
};

}  // namespace shoal::node
