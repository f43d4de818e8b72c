// How commands reach a running node: STATE/control.sock, one line of JSON each way, for the owner of the state directory alone.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "base/files.hpp"
#include "base/json.hpp"

namespace shoal::node {

inline constexpr ByteCount control_limit = 16 * MiB;

/// Owns a thread that answers one caller after another.
class ControlServer {
 public:
  /// An answer, or an error that becomes {"error":{"code","message"}}. Called on the server's thread.
  using Answer = std::function<Result<Json>(const Json& request)>;
  static Result<std::unique_ptr<ControlServer>> start(const fs::path& state, Answer answer);
  ~ControlServer();

 private:
  ControlServer(UniqueFd listener, UniqueFd wake, fs::path path, Answer answer);
  void serve();
  void attend(UniqueFd caller);
  Result<Json> answer_safely(const Json& request);
  UniqueFd listener_, wake_;
  fs::path path_;
  Answer answer_;
  std::jthread thread_;
};

/// Asks the node that runs on this state directory; none where no node runs. The deadline is for the whole exchange.
Result<std::optional<Json>> ask_node(const fs::path& state, const Json& request, std::chrono::milliseconds deadline);

}  // namespace shoal::node
