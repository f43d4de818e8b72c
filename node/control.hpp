// How commands reach a running node: STATE/control.sock, for the owner of the state directory alone. A question is one line of JSON, and so
// is its answer; work that takes its time has lines that tell how it goes, and the caller stays for as long as it wants the work done.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "node/control_wire.hpp"

namespace shoal::node {

/// Owns a thread that answers one caller after another, and one for each piece of work.
class ControlServer {
 public:
  /// An answer, or an error that becomes {"error":{"code","message"}}. Called on the server's thread.
  using Answer = std::function<Result<Json>(const Json& request)>;
  /// Tells the caller how it goes. One that does not read for half a minute has gone.
  using Say = std::function<void(const Json& event)>;
  /// Work of one command, on a thread of its own, until it is done or `stop` is requested: the caller has gone, or the server ends.
  using Work = std::function<Status(const Json& request, const Say& say, const std::stop_token& stop)>;
  using Works = std::map<std::string, Work>;  // by command

  static constexpr std::size_t most_works = 8;  // at once

  static Result<std::unique_ptr<ControlServer>> start(const fs::path& state, Answer answer, Works works = {});
  /// Has all work stop, and waits for it.
  ~ControlServer();

 private:
  /// A caller and the work that is done for it.
  struct Job {
    UniqueFd caller;
    std::stop_source stop;
    std::atomic<bool> done{false};
    std::jthread thread;
  };

  ControlServer(UniqueFd listener, UniqueFd wake, fs::path path, Answer answer, Works works);
  void serve();
  void attend(UniqueFd caller);
  Result<Json> answer_safely(const Json& request);
  const Work* work_for(const Json& request) const;
  void begin(const Work& work, Json request, UniqueFd caller);
  void run(Job& job, const Work& work, const Json& request);
  void look_at_jobs();
  void ring();

  UniqueFd listener_, wake_;
  fs::path path_;
  Answer answer_;
  const Works works_;
  std::atomic<bool> ending_{false};
  std::list<Job> jobs_;  // on the thread
  std::jthread thread_;
};

/// Asks the node that runs on this state directory; none where no node runs. The deadline is for the whole exchange.
Result<std::optional<Json>> ask_node(const fs::path& state, const Json& request, std::chrono::milliseconds deadline);

/// Has the node that runs on this state directory work, and hands on what it says meanwhile; false where no node runs. When `stop` is
/// requested, this asks the node to stop, and returns its last word as the error. Errors: the work's, and `failed` where the node ends
/// meanwhile.
Result<bool> have_node_work(const fs::path& state, const Json& request, const ControlServer::Say& heard, const std::stop_token& stop);

}  // namespace shoal::node
