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
  manifest::ChannelPlace place = 0;
  bool in_whole = true;  // has room in the statement for all, which lists the oldest
  bool in_shard = true;  // has room in that of its shard
  bool operator==(const ChannelStanding&) const = default;
};

/// What a statement is made from.
struct Situation {
  std::uint64_t trust_root = 1;
  bool may_sign = false;                  // the trust root names this tracker's key
  std::vector<ChannelStanding> channels;  // sorted by model and channel
  std::uint32_t shards = 1;               // above one, `in_whole` is not for all
  std::size_t left_out = 0;               // channels that have no room in their shard's statement: the youngest
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
  using Places = std::vector<manifest::ChannelPlace>;

  /// Answers at once where the serial in force is not `after` (0 is none), else at the next change or after `patience`. Touches no disk.
  void ask(std::uint64_t after, std::chrono::seconds patience, Answer answer) { ask({}, after, patience, std::move(answer)); }
  /// The same for the shards in which these places lie; their serial is the highest one. Without places, for the one statement for all,
  /// which lists the oldest channels as far as they fit.
  void ask(Places places, std::uint64_t after, std::chrono::seconds patience, Answer answer);
  /// Answers those whose patience is over, and the rest of a crowd. To be called every second.
  void sweep();
  /// Answers everyone with what is in force; nobody waits any more.
  void close();

  /// As of the last refresh; empty where the channel is not known.
  std::optional<ChannelStanding> standing(const ModelName& model, const ChannelName& channel) const;
  std::vector<ChannelStanding> standings() const;
  std::size_t waiting() const;

  /// When pointers of this epoch end, and how many are halted, as of the last refresh.
  struct Ends {
    std::optional<WallTime> soonest;
    std::size_t soon = 0;  // within manifest::warning_time, those that expired included
    std::size_t expired = 0;
    std::size_t halted = 0;  // channels whose rollout is halted
  };
  Ends ends(std::uint64_t epoch) const;

 private:
  struct Waiter {
    Places places;
    SteadyTime deadline;
    Answer answer;
  };
  /// A statement. It is signed when it is asked for.
  struct Sheet {
    std::uint64_t serial = 0;  // of the fleet, at the last change of what it lists
    std::string envelope = {};
    SteadyTime signed_at = {};
  };
  struct State {
    Situation situation;
    std::uint64_t serial = 0;
    Sheet whole;
    std::vector<Sheet> shards;  // empty where one statement is enough
    bool looked = false;
    bool stale = false;  // a refresh failed
    bool closed = false;
    std::vector<Waiter> waiting;  // for another serial than the one in force
    std::vector<Waiter> due;      // for their turn to be answered
  };
  void take(State& state, Situation seen) const;
  Status sign(State& state, Sheet& sheet, std::optional<manifest::Shard> shard) const;
  Status renew(State& state, Sheet& sheet, std::optional<manifest::Shard> shard) const;
  Result<std::string> current(State& state, const Places& places) const;
  static std::vector<std::uint32_t> shards_of(const State& state, const Places& places);
  static std::uint64_t serial_of(const State& state, const Places& places);
  struct Ready {
    Answer answer;
    Result<std::string> with;
  };
  std::vector<Ready> next_batch(State& state) const;
  static void answer(std::vector<Ready> batch);

  const FleetName fleet_;
  const crypto::PrivateKey key_;
  const Clock& clock_;
  const Look look_;
  Guarded<int> looking_;  // one refresh at a time, so that an older look never replaces a newer one
  mutable Guarded<State> state_;
};

}  // namespace shoal::tracker
