// Hears of new channel pointers: one long-poll for the shards of all channels, and only signatures are believed.
#pragma once

#include <functional>
#include <set>
#include <thread>

#include "base/guarded.hpp"
#include "member/member_session.hpp"
#include "node/shelf.hpp"
#include "node/track.hpp"

namespace shoal::node {

/// A pointer that verified, is listed in a fresh statement of the tracker, and is not below what was seen before.
struct PointerUpdate {
  ChannelKey key;
  manifest::VerifiedChannelPointer pointer;
  bool halted = false;
};

struct TrackerView {
  std::string problem;                  // why the tracker could not be asked, or what is wrong with what it says; empty: nothing
  bool statements = false;              // this fleet's tracker signs freshness statements
  std::optional<WallTime> fresh_until;  // of the statements in hand, the one that ends first
};

/// Owns a thread. The callbacks run on it and must return soon.
class Follower {
 public:
  struct Events {
    std::function<void(PointerUpdate)> updated;
    std::function<void(const ChannelKey&, const Error&)> failed;  // this channel's pointer could not be fetched, or was rejected
    std::function<void(const ChannelKey&)> checked;               // the channel's pointer was checked, and nothing is wrong
    std::function<void(const TrackerView&)> tracker;
    std::function<void(WallTime)> issued;  // a verified document was issued at this time, by its own word
    std::function<void(WallTime)> stated;  // a statement has just been had from the tracker, and was issued at this time
  };

  /// `clock` judges documents. That of the session judges certificates.
  Follower(member::MemberSession& session, const Clock& clock, const Shelf& shelf, Events events);
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

  /// A statement of the tracker that was accepted.
  struct Held {
    manifest::VerifiedFreshness statement;
    std::string text;
    WallTime until;
  };
  using Places = std::vector<manifest::ChannelPlace>;

  void run(const std::stop_token& stop);
  std::set<ChannelKey> begin_round();
  Status round(registry::Client& tracker, const std::set<ChannelKey>& channels);
  Status hear(registry::Client& tracker, const std::set<ChannelKey>& channels);
  Status hear_of(registry::Client& tracker, std::size_t group, const std::set<ChannelKey>& channels);
  Status take(registry::Client& tracker, const std::vector<std::string>& texts, const Places& asked);
  void choose_groups(const Places& places);
  Status keep(const Places& places);
  bool look_at_all(registry::Client& tracker, const std::set<ChannelKey>& channels);
  void note_end();
  const Held* held_for(manifest::ChannelPlace place) const;
  Status poll_without_statements(registry::Client& tracker, const std::set<ChannelKey>& channels);
  Status accept(const std::string& text, WallTime now, const Places& asked);
  Status walk_trust_roots(registry::Client& tracker, std::uint64_t newest);
  bool look_at(registry::Client& tracker, const ChannelKey& key, const manifest::ChannelState* state);
  Error unlisted(registry::Client& tracker, const ChannelKey& key, const manifest::SeenSequence& seen);
  Status fetch(registry::Client& tracker, const ChannelKey& key, const manifest::ChannelState* state);
  void rest(std::chrono::milliseconds duration, const std::stop_token& stop);
  void tell();

  member::MemberSession& session_;
  const Clock& clock_;
  const Shelf& shelf_;
  Events events_;
  fs::path statement_file_;
  TrackerView view_;
  std::vector<Held> held_;                                // no two of them speak of the same place
  std::vector<WallTime> newest_;                          // for each place: issue of the newest statement that did not come from the future
  std::vector<Places> groups_;                            // what is asked for together
  std::vector<std::uint64_t> serials_;                    // that the next long-poll for each group waits to see change
  std::map<ChannelKey, manifest::ChannelState> handled_;  // so that a pointer is not fetched again
  Guarded<Order> order_;
  std::jthread thread_;
};

/// One place for each shard in which `places` lie, in groups that one request can ask for. `places` are sorted. Pure.
std::vector<std::vector<manifest::ChannelPlace>> groups_of(const std::vector<manifest::ChannelPlace>& places, std::uint32_t shard_count);

}  // namespace shoal::node
