// Fetches from HTTPS mirrors what nobody in the fleet has, one piece at a time, and hands it to the engine like a peer's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <stop_token>
#include <thread>

#include "base/guarded.hpp"
#include "http/client.hpp"
#include "swarm/hosted_content.hpp"
#include "swarm/mirror_policy.hpp"

namespace shoal::swarm {

struct MirrorOptions {
  std::chrono::milliseconds after{0};  // 0: never
  std::string ca_file;
  bool sites = false;  // this machine knows its site: what others have may be hidden
};

/// A piece is held against its signed SHA-256 before the engine gets it (so that it is the mirror that is blamed), and again in the store,
/// as always. Thread-safe; requests run on a thread of its own, which is there once it is needed.
class MirrorFetcher {
 public:
  /// `mesh` and `clock` must outlive it. `totals` counts what all contents got. `events` is called on its thread.
  MirrorFetcher(const mesh::Mesh& mesh, const Clock& clock, MirrorOptions options, std::shared_ptr<PayloadCounts> totals,
                std::function<void(const Event&)> events);
  ~MirrorFetcher();

  void add(const std::shared_ptr<HostedContent>& hosted, const Content& content);
  /// Ends a request that is under way for the content.
  void remove(const InfoHash& content);
  /// Nothing arrives of the content: its mirrors take over, also those that failed and would be left alone for a while.
  void hasten(const InfoHash& content);

 private:
  struct Mirror;
  struct Task;
  using Tasks = std::map<InfoHash, std::shared_ptr<Task>>;

  void run(const std::stop_token& stop);
  bool turn(Task& task);
  std::optional<MirrorSight> look(const Task& task) const;
  bool is_source(const lt::peer_info& peer) const;
  static void keep_deciding(const Task& task, std::vector<std::uint32_t>& pieces);
  Mirror* choose(Task& task) const;
  Result<std::string> fetch(const Task& task, Mirror& mirror, std::uint32_t piece);
  Result<std::string> fetch_part(const Task& task, Mirror& mirror, const store::FilePart& part);
  Status connect(Mirror& mirror) const;
  void failed(const Task& task, Mirror& mirror, const Error& error);
  void hand_over(Task& task, std::uint32_t piece, std::string bytes);

  const mesh::Mesh& mesh_;
  const Clock& clock_;
  const MirrorOptions options_;
  const std::shared_ptr<PayloadCounts> totals_;
  const std::function<void(const Event&)> events_;
  std::minstd_rand random_;  // of the thread: nodes that begin together ask for different pieces
  Guarded<Tasks> tasks_;
  Guarded<std::jthread> thread_;
};

}  // namespace shoal::swarm
