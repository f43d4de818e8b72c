// The tracker's signed statement of where all channels stand, and the machines that wait for the next one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "crypto/signing_key.hpp"
#include "manifest/freshness.hpp"

namespace shoal::tracker {

/// Where one channel stands, and what its rollout allows.
struct ChannelStanding {
  manifest::ChannelState state;
  ReleaseId release;
  std::uint32_t halt_percent = 0;  // 0: it never halts
  std::uint32_t percent = 100;     // of the nodes, chosen by `salt` (manifest::is_chosen)
  std::string salt = {};
  WallTime expires = {};          // of the pointer
  std::uint64_t judged_from = 0;  // failures count from this sequence on
  WallTime judged_since = {};     // when the pointer of that sequence came
  bool operator==(const ChannelStanding&) const = default;
};

/// What a statement is made from.
struct Situation {
  std::uint64_t trust_root = 1;
  bool may_sign = false;                  // the trust root names this tracker's key
  std::vector<ChannelStanding> channels;  // sorted by model and channel
  std::size_t left_out = 0;               // channels that have no room in a statement: the youngest
  bool operator==(const Situation&) const = default;
};

/// Thread-safe. Waiting machines are a list and no threads; whoever changes something, or `sweep`, answers them.
class FreshnessDesk {
 public:
  static constexpr std::chrono::hours life{24};
  static constexpr std::chrono::minutes reissue_after{10};

  /// An envelope, or `not_found` where this tracker may not sign any.
  using Answer = std::function<void(Result<std::string>)>;
  /// Reads the situation from the disk.
  using Look = std::function<Result<Situation>()>;

  FreshnessDesk(FleetName fleet, crypto::PrivateKey key, const Clock& clock, Look look);

  /// Looks again; where something changed, signs under another serial and answers everyone who waits. Blocks on the disk. After a
  /// failure the next sweep tries again.
  Status refresh();
  /// Answers at once where the serial in force is not `after` (0 is none), else at the next change or after `patience`. Touches no disk.
  void ask(std::uint64_t after, std::chrono::seconds patience, Answer answer);
  /// Answers those whose patience is over, and the rest of a crowd. To be called every second.
  void sweep();
  /// Answers everyone with what is in force; nobody waits any more.
  void close();

  /// As of the last refresh; empty where the channel is not known.
  std::optional<ChannelStanding> standing(const ModelName& model, const ChannelName& channel) const;
  std::size_t waiting() const;

  /// When pointers of this epoch end, as of the last refresh.
  struct Ends {
    std::optional<WallTime> soonest;
    std::size_t soon = 0;  // within manifest::warning_time, those that expired included
    std::size_t expired = 0;
  };
  Ends ends(std::uint64_t epoch) const;

 private:
  struct Waiter {
    SteadyTime deadline;
    Answer answer;
  };
  struct State {
    Situation situation;
    std::uint64_t serial = 0;
    std::string envelope;
    SteadyTime signed_at;
    bool looked = false;
    bool stale = false;  // a refresh failed
    bool closed = false;
    std::vector<Waiter> waiting;  // for another serial than the one in force
    std::vector<Waiter> due;      // for their turn to be answered
  };
  void sign(State& state) const;
  Result<std::string> current(State& state) const;
  static std::vector<Waiter> next_batch(State& state);
  void answer(std::vector<Waiter> batch, const Result<std::string>& with) const;

  const FleetName fleet_;
  const crypto::PrivateKey key_;
  const Clock& clock_;
  const Look look_;
  Guarded<int> looking_;  // one refresh at a time, so that an older look never replaces a newer one
  mutable Guarded<State> state_;
};

}  // namespace shoal::tracker
