// The thread that looks after fetches of which nothing arrives: it says why, and tries what could help.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "base/guarded.hpp"
#include "fanout/stall.hpp"
#include "swarm/introductions.hpp"
#include "swarm/mirror_fetcher.hpp"
#include "swarm/stall_sight.hpp"

namespace shoal::swarm {

/// Owns the thread, which wakes once a second while something is fetched and every ten seconds else. All calls are thread-safe. The verdict
/// of a fetch is left in its content (HostedContent::stall).
class StallWatch {
 public:
  /// All must outlive it.
  struct Means {
    mesh::Mesh& mesh;
    const Clock& clock;
    Announcer& announcer;
    Introductions& introductions;
    MirrorFetcher& mirrors;
    std::function<ByteCount()> download_limit;  // bytes per second; 0: none
  };
  StallWatch(fanout::StallTimes times, Means means);
  ~StallWatch();

  void add(const std::shared_ptr<HostedContent>& content);
  void remove(const InfoHash& content);

 private:
  struct Watched;
  using WatchedPtr = std::shared_ptr<Watched>;

  void run(const std::stop_token& stop);
  std::chrono::seconds attend_all();
  bool attend(Watched& watched);
  enum class Arrivals { none, some, all };
  Arrivals note_arrivals(Watched& watched);
  void moved(Watched& watched);
  void look(Watched& watched);
  fanout::StallFacts facts(const Watched& watched, fanout::StallFacts seen) const;
  void carry_out(fanout::Remedy remedy, const Watched& watched, const StallSight& sight);
  void renew_links(const Watched& watched, const StallSight& sight);
  void note(Watched& watched, const fanout::Stall& stall) const;

  const fanout::StallTimes times_;
  const Means means_;
  Guarded<std::map<InfoHash, WatchedPtr>> watched_;
  std::condition_variable_any changed_;
  std::mutex waiting_;
  bool woken_ = false;  // under waiting_
  std::jthread thread_;
};

}  // namespace shoal::swarm
