#include "http/answer_budget.hpp"

#include <algorithm>
#include <cmath>

namespace shoal::http {
namespace {

// Bytes per second. Rather too fast: who comes back early is refused once more, while a line that waits for its clients is lost.
constexpr double slowest_rate = 512.0 * MiB;
constexpr std::chrono::seconds longest_turn{60}, client_turn{1};  // within the time that an idle connection is kept
constexpr std::chrono::seconds window{1};

}  // namespace

std::shared_ptr<AnswerBudget> AnswerBudget::make(BudgetLimits limits) {
  std::shared_ptr<AnswerBudget> budget(new AnswerBudget(limits));
  budget->state_.lock()->rate = slowest_rate;
  return budget;
}

AnswerBudget::Hold::~Hold() {
  if (budget_) budget_->leave(client_, bytes_, kind_);
}

bool AnswerBudget::fits_client(const State& state, const std::string& client, ByteCount bytes) const {
  auto held = state.by_client.find(client);
  return held == state.by_client.end() || held->second + bytes <= limits_.per_client;
}

bool AnswerBudget::fits_totals(const State& state, ByteCount bytes, Kind kind) const {
  if (bytes <= limits_.small) return true;
  ByteCount taken = kind == Kind::own ? state.own : state.shared;
  return taken == 0 || taken + bytes <= (kind == Kind::own ? limits_.own : limits_.shared);
}

std::chrono::seconds AnswerBudget::turn_for(State& state, ByteCount bytes) const {
  const SteadyTime now = std::chrono::steady_clock::now();
  auto share = std::chrono::duration<double>(static_cast<double>(bytes) / state.rate);
  state.next_turn = std::max(state.next_turn, now) + std::chrono::duration_cast<SteadyTime::duration>(share);
  state.next_turn = std::min(state.next_turn, now + longest_turn);
  return std::max(std::chrono::ceil<std::chrono::seconds>(state.next_turn - now), std::chrono::seconds(1));
}

AnswerBudget::Verdict AnswerBudget::enter(const std::string& client, ByteCount bytes, Kind kind) {
  bytes = std::max<ByteCount>(bytes, 1);
  auto state = state_.lock();
  const bool over_its_own = !fits_client(*state, client, bytes);
  if (over_its_own || !fits_totals(*state, bytes, kind)) {
    ++state->refused;
    return {std::nullopt, over_its_own ? client_turn : turn_for(*state, bytes)};
  }
  (kind == Kind::own ? state->own : state->shared) += bytes;
  state->by_client[client] += bytes;
  return {Hold(shared_from_this(), client, bytes, kind), {}};
}

void AnswerBudget::leave(const std::string& client, ByteCount bytes, Kind kind) {
  auto state = state_.lock();
  (kind == Kind::own ? state->own : state->shared) -= bytes;
  auto held = state->by_client.find(client);
  if ((held->second -= bytes) == 0) state->by_client.erase(held);
  const SteadyTime now = std::chrono::steady_clock::now();
  state->window_bytes += bytes;
  auto passed = now - state->window_start;
  if (passed < window) return;
  double seconds = std::chrono::duration<double>(passed).count();
  state->rate = std::max((state->rate + static_cast<double>(state->window_bytes) / seconds) / 2, slowest_rate);
  state->window_start = now;
  state->window_bytes = 0;
}

ByteCount AnswerBudget::in_flight() const {
  return state_.with([](const State& state) { return state.own + state.shared; });
}

std::uint64_t AnswerBudget::refused() const {
  return state_.with([](const State& state) { return state.refused; });
}

}  // namespace shoal::http
