// The thread that tells the tracker about our contents and brings back peers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <thread>

#include "base/guarded.hpp"
#include "fanout/announce_schedule.hpp"
#include "registry/client.hpp"

namespace shoal::swarm {

/// What an announce says of a content.
struct AnnounceFacts {
  fanout::AnnounceNeed need;
  ByteCount uploaded = 0, downloaded = 0, left = 0;
};

/// What the announcer asks and tells. Called on its thread, without a lock held.
struct AnnounceCallbacks {
  std::function<AnnounceFacts()> facts;
  std::function<void(const std::vector<registry::AnnouncedPeer>&)> peers;
};

/// Owns the thread. All calls are thread-safe. The destructor announces `stopped` for what is left and was started; after two seconds
/// it ends the client's requests through `client_stop`, or, where that has no state, waits for the client's own time-out.
class Announcer {
 public:
  /// Whom the tracker calls revoked; after each announce, on the announcer's thread.
  using Revoked = std::function<void(const std::vector<NodeId>&)>;

  Announcer(std::unique_ptr<registry::Client> client, std::string peer_id, HostPort reached_at, const Clock& clock,
            std::stop_source client_stop, Revoked revoked = {});
  Announcer(const Announcer&) = delete;
  Announcer& operator=(const Announcer&) = delete;
  ~Announcer();

  /// Announces `started` at once.
  void add(const InfoHash& content, AnnounceCallbacks callbacks);
  /// Announces `stopped` soon, if the tracker knows the content from us. `peers` may be called once more if an announce is under way.
  void remove(const InfoHash& content);
  /// Why the tracker could not be asked the last time; empty after a success and for unknown contents.
  std::string problem(const InfoHash& content) const;
  /// Nothing arrives of this content: asks the tracker for peers now (AnnounceSchedule::hasten).
  void hasten(const InfoHash& content);
  /// Facts have changed in a way that should be told at once: a content became complete, or is not any more.
  void wake();

 private:
  struct Entry {
    Entry(AnnounceCallbacks c, fanout::AnnounceSchedule s) : callbacks(std::move(c)), schedule(s) {}
    AnnounceCallbacks callbacks;
    // Of the announcer's thread.
    fanout::AnnounceSchedule schedule;
    SteadyTime due{};                    // when it was looked at last
    bool complete = false;               // then
    std::atomic<bool> hastened = false;  // any thread
    Guarded<AnnounceFacts> last;
    mutable Guarded<std::string> problem;
  };
  using Entries = std::map<InfoHash, std::shared_ptr<Entry>>;
  struct State {
    Entries entries;
    Entries leaving;  // to be announced as stopped
    bool woken = false;
    bool ending = false;
    bool ended = false;
  };

  std::shared_ptr<Entry> find(const InfoHash& content) const;
  void run();
  bool wait_until(SteadyTime time);
  SteadyTime announce_due();
  SteadyTime attend(const InfoHash& content, Entry& entry);
  void announce(const InfoHash& content, Entry& entry, fanout::AnnounceEvent event, const AnnounceFacts& facts);
  void announce_leaving();
  void say_stopped(const InfoHash& content, Entry& entry);
  registry::AnnounceRequest request(const InfoHash& content, const AnnounceFacts& facts, std::string event) const;

  std::unique_ptr<registry::Client> client_;
  const std::string peer_id_;
  const HostPort reached_at_;  // without a host: where the tracker sees this machine
  const Clock& clock_;
  std::stop_source client_stop_;
  const Revoked revoked_;
  Guarded<State> state_;
  std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace shoal::swarm
