#include "member/fleet_freshness.hpp"

#include <doctest/doctest.h>

#include "support/must.hpp"

using namespace shoal;
using test::must;

namespace {

manifest::ChannelPointer pointer(std::uint64_t epoch, std::uint64_t sequence) {
  manifest::ChannelPointer pointer;
  pointer.epoch = epoch;
  pointer.sequence = sequence;
  return pointer;
}

manifest::ChannelState halted(std::uint64_t epoch, std::uint64_t sequence) {
  manifest::ChannelState state{must(ModelName::parse("acme/llama")), must(ChannelName::parse("main")), epoch, sequence, {}, true};
  return state;
}

}  // namespace

TEST_CASE("a rollout is halted where the tracker says so of this very pointer") {
  const auto state = halted(2, 7);
  CHECK(member::is_halted(&state, pointer(2, 7)));
  CHECK_FALSE(member::is_halted(&state, pointer(2, 8)));
}

TEST_CASE("a pointer of another epoch is another, even with the same sequence") {
  const auto state = halted(1, 7);
  CHECK_FALSE(member::is_halted(&state, pointer(2, 7)));
}

TEST_CASE("a channel that is not listed, or not halted, is not halted") {
  CHECK_FALSE(member::is_halted(nullptr, pointer(1, 1)));
  auto state = halted(1, 1);
  state.halted = false;
  CHECK_FALSE(member::is_halted(&state, pointer(1, 1)));
}
