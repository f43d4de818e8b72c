// The one member template of Agent, for the sources that have its thread do something.
#pragma once

#include <future>

#include "node/agent.hpp"

namespace shoal::node {

template <typename Value>
Result<Value> Agent::on_loop(std::function<Result<Value>()> work, const std::function<Status()>& may_wait) {
  auto done = std::make_shared<std::promise<Result<Value>>>();
  auto answer = done->get_future();
  tasks_.post([work = std::move(work), done] { done->set_value(work()); });
  done.reset();
  while (answer.wait_for(std::chrono::milliseconds(100)) != std::future_status::ready) SHOAL_CHECK(may_wait());
  try {
    return answer.get();
  } catch (const std::future_error&) {  // the queue was closed
    return fail("the running node is ending");
  }
}

}  // namespace shoal::node
