#include "swarm/mailbox.hpp"

namespace shoal::swarm {

void Mailbox::put(Letter letter, std::size_t answered) {
  auto state = state_.lock();
  if (!state->work) return;  // the engine has ended
  state->letters.push_back(std::move(letter));
  state->expected -= answered;
  // Under the lock: `work` keeps the io_context alive as long as it is held.
  if (!std::exchange(state->on_its_way, true)) boost::asio::post(io_, [self = shared_from_this()] { self->deliver(); });
}

void Mailbox::deliver() {
  std::vector<Letter> letters = state_.with([](State& state) {
    state.on_its_way = false;
    return std::exchange(state.letters, {});
  });
  for (Letter& letter : letters) {
    letter();
    letter = nullptr;
  }
  auto state = state_.lock();
  if (state->closed && state->expected == 0 && state->letters.empty()) state->work.reset();
}

void Mailbox::close() {
  auto state = state_.lock();
  state->closed = true;
  if (state->expected == 0 && state->letters.empty()) state->work.reset();
}

}  // namespace shoal::swarm
