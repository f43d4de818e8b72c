// Places for connections that have not shown a certificate: those that still shake hands, and those that enrol.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/guarded.hpp"

namespace shoal::http {

/// Thread-safe. When every place is taken, the oldest connection of the address with the most of them makes room: a flood displaces itself.
class StrangerPool {
 public:
  /// A connection that is younger than `grace` is not displaced.
  StrangerPool(std::size_t places, std::chrono::milliseconds grace) : places_(places), grace_(grace) {}

  /// Given back when it goes. The pool must outlive it.
  class Place {
   public:
    Place(Place&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), block_(std::move(other.block_)), id_(other.id_) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(block_, other.block_);
      std::swap(id_, other.id_);
      return *this;
    }
    ~Place() {
      if (pool_ != nullptr) pool_->leave(block_, id_);
    }
    /// While its request is being answered, a connection is not displaced.
    void set_busy(bool busy) {
      if (pool_ != nullptr) pool_->set_busy(block_, id_, busy);
    }

   private:
    friend class StrangerPool;
    Place(StrangerPool& pool, std::string block, std::uint64_t id) : pool_(&pool), block_(std::move(block)), id_(id) {}
    StrangerPool* pool_;
    std::string block_;
    std::uint64_t id_;
  };

  /// `displaced` is called, on any thread, when the connection has to go; its place is free already. Nothing where nobody can make room.
  std::optional<Place> enter(const std::string& block, SteadyTime now, std::function<void()> displaced);
  bool has_room(SteadyTime now) const;
  std::size_t open() const;
  std::uint64_t displaced() const;

 private:
  struct Entry {
    std::uint64_t id;
    SteadyTime since;
    std::function<void()> displaced;
    bool busy = false;
  };
  using Block = std::list<Entry>;  // the oldest first
  struct State {
    std::size_t open = 0;
    std::uint64_t next_id = 1;
    std::uint64_t displaced = 0;
    std::map<std::string, Block> blocks;
  };
  using Victim = std::pair<std::map<std::string, Block>::const_iterator, Block::const_iterator>;
  std::optional<Victim> find_victim(const State& state, SteadyTime now) const;
  void set_busy(const std::string& block, std::uint64_t id, bool busy);
  void leave(const std::string& block, std::uint64_t id);
  static void remove(State& state, const std::string& block, std::uint64_t id);

  const std::size_t places_;
  const std::chrono::milliseconds grace_;
  Guarded<State> state_;
};

}  // namespace shoal::http
