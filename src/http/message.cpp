#include "http/message.hpp"

#include <atomic>
#include <exception>

#include "base/log.hpp"
#include "http/router.hpp"

namespace shoal::http {

struct Reply::State {
  explicit State(Send s) : send(std::move(s)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    try {
      answer(error_response(500, fail("the request was dropped without an answer")));
    } catch (const std::exception& problem) {
      log::error("http_reply_lost", {{"reason", problem.what()}});
    }
  }

  void answer(Response response) {
    if (!answered.exchange(true)) send(std::move(response));
  }

  Send send;
  std::atomic<bool> answered{false};
};

Reply::Reply(Send send) : state_(std::make_shared<State>(std::move(send))) {}

void Reply::operator()(Response response) const { state_->answer(std::move(response)); }

}  // namespace shoal::http
