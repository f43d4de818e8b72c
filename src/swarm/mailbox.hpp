// Answers from other threads on their way to libtorrent's network thread: one wake-up for all that came together.
#pragma once

#include <libtorrent/io_context.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/asio.hpp"
#include "base/guarded.hpp"
#include "swarm/engine.hpp"

namespace shoal::swarm {

/// Thread-safe. Keeps the io_context running while an answer is expected, so that none is lost when the session ends.
class Mailbox : public std::enable_shared_from_this<Mailbox> {
 public:
  using Letter = std::function<void()>;
  explicit Mailbox(lt::io_context& io) : io_(io) { state_.lock()->work.emplace(io.get_executor()); }

  /// An answer will come: exactly one `answer` follows.
  void expect() { ++state_.lock()->expected; }
  void answer(Letter letter) { put(std::move(letter), 1); }
  /// What nobody waits for.
  void post(Letter letter) { put(std::move(letter), 0); }
  /// Nothing new will be asked: the io_context may end once everything is answered.
  void close();

 private:
  using Work = boost::asio::executor_work_guard<lt::io_context::executor_type>;
  struct State {
    std::vector<Letter> letters;
    bool on_its_way = false;
    std::size_t expected = 0;
    bool closed = false;
    std::optional<Work> work;
  };
  void put(Letter letter, std::size_t answered);
  void deliver();

  lt::io_context& io_;
  Guarded<State> state_;
};

}  // namespace shoal::swarm
