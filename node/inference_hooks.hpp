// How each inference server is told that its files changed. Internal to node's hooks.
#pragma once

#include <chrono>
#include <stop_token>

#include "http/plain_client.hpp"
#include "node/hooks.hpp"

namespace shoal::node {

/// One server, and the time that all calls to it share.
class LocalServer {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  LocalServer(http::PlainUrl url, Deadline deadline, const std::stop_token& stop)
      : url_(std::move(url)), deadline_(deadline), stop_(stop) {}

  /// What followed host and port in the URL, "" for none.
  const std::string& path() const { return url_.target; }
  /// An answer outside 200 to 299 is an error that shows its body.
  Result<http::Response> post(const std::string& target, const std::string& body) const;
  /// Asks again until the answer is 200 or the time is up: a server that loads a model does not answer, or says 503.
  Status await_healthy(const std::string& target) const;

 private:
  Result<http::Response> call(const std::string& method, const std::string& target, const std::string& body) const;
  std::chrono::milliseconds left() const;

  http::PlainUrl url_;
  Deadline deadline_;
  const std::stop_token& stop_;
};

/// POST of `context` as JSON to the URL itself.
Status notify(const LocalServer& server, const HookContext& context);
/// Triton in explicit mode: load of the model that the URL's path names, else of the last part of the model's name.
Status reload_triton(const LocalServer& server, const HookContext& context);
Status reload_sglang(const LocalServer& server, const HookContext& context);
/// vLLM with its development endpoints: it sleeps without its weights, reads them from the path that it was started with, and wakes.
Status reload_vllm(const LocalServer& server);

}  // namespace shoal::node
