// How many bytes may be on their way at once.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/units.hpp"

namespace shoal::http {

struct BudgetLimits {
  ByteCount small = 64 * KiB;       // what is not larger counts for its client, and needs no room in the totals
  ByteCount own = 256 * MiB;        // of bodies that lie in memory for one client
  ByteCount shared = 1024 * MiB;    // of bodies that lie in memory once for all who read them
  ByteCount per_client = 96 * MiB;  // of both; a client without any may have a larger one
};

/// Bodies that are being sent or received, in all and by client. Thread-safe. Without it, clients that ask and do not read would fill
/// memory, and a thousand answers at once would share the line so that none is finished in time.
class AnswerBudget : public std::enable_shared_from_this<AnswerBudget> {
 public:
  enum class Kind { own, shared };

  /// Room for one body, given back when it goes.
  class Hold {
   public:
    Hold(Hold&& other) noexcept = default;
    Hold& operator=(Hold&&) = delete;
    ~Hold();

   private:
    friend class AnswerBudget;
    Hold(std::shared_ptr<AnswerBudget> budget, std::string client, ByteCount bytes, Kind kind)
        : budget_(std::move(budget)), client_(std::move(client)), bytes_(bytes), kind_(kind) {}
    std::shared_ptr<AnswerBudget> budget_;
    std::string client_;
    ByteCount bytes_;
    Kind kind_;
  };
  /// Room, or when to ask again.
  struct Verdict {
    std::optional<Hold> hold;
    std::chrono::seconds retry_after{0};
  };

  static std::shared_ptr<AnswerBudget> make(BudgetLimits limits);
  Verdict enter(const std::string& client, ByteCount bytes, Kind kind);

  /// Bytes that hold room now, and how often there was none.
  ByteCount in_flight() const;
  std::uint64_t refused() const;

 private:
  explicit AnswerBudget(BudgetLimits limits) : limits_(limits) {}

  struct State {
    ByteCount own = 0, shared = 0;
    std::map<std::string, ByteCount> by_client;
    std::uint64_t refused = 0;
    // Who is refused is told when the bytes of all who were refused before will have gone out.
    SteadyTime next_turn{};
    SteadyTime window_start{};
    ByteCount window_bytes = 0;
    double rate = 0;  // bytes per second that were finished of late
  };
  bool fits_client(const State& state, const std::string& client, ByteCount bytes) const;
  bool fits_totals(const State& state, ByteCount bytes, Kind kind) const;
  std::chrono::seconds turn_for(State& state, ByteCount bytes) const;
  void leave(const std::string& client, ByteCount bytes, Kind kind);

  const BudgetLimits limits_;
  Guarded<State> state_{State{}};
};

}  // namespace shoal::http
