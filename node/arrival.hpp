// A release on its way to this machine, as its readers see it: bytes that may be sent, news of more, and how it ends.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "base/guarded.hpp"
#include "http/body_source.hpp"
#include "metainfo/metainfo.hpp"
#include "node/arriving_pieces.hpp"
#include "node/gateway/byte_range.hpp"
#include "node/shelf.hpp"

namespace shoal::node {

/// Thread-safe. Two threads: one waits for the fetch, one looks every 50 ms which pieces have arrived while anybody waits for some.
class Arrival : public std::enable_shared_from_this<Arrival> {
 public:
  /// Its means in the node.
  struct Means {
    /// Brings the release to the shelf; blocks until it is there or `stop` is requested.
    std::function<Status(const std::stop_token& stop)> fetch;
    /// Which pieces are verified and written; none while the swarm does not have the content.
    std::function<std::vector<bool>()> pieces;
    /// Has the swarm fetch these pieces before others.
    std::function<void(const std::vector<std::uint32_t>&)> hurry;
  };

  Arrival(std::shared_ptr<const manifest::VerifiedRelease> release, Shelf shelf, Means means);
  /// Gives the fetch up, unless others want it.
  ~Arrival();
  /// Called once.
  void begin();

  /// A part of a file of the release, by the file's number.
  std::shared_ptr<http::BodySource> body(std::uint32_t file, gateway::Span bytes);
  /// Whether it has ended, one way or the other; later readers need no arrival, or a new one.
  bool ended() const;
  /// Why it failed, once it has.
  std::optional<Error> failure() const;

 private:
  friend class ArrivingBody;
  enum class Phase { coming, whole, failed };
  using Reader = std::uint64_t;

  /// For a reader: what it may send of its file from `offset`. Nothing where it has to wait.
  struct Readable {
    ByteCount length = 0;
    bool whole = false;  // the file is on the shelf, and all of it may be sent
  };
  Result<Readable> look(std::uint32_t file, ByteCount offset);
  Result<bool> prove(std::uint32_t piece) const;
  Reader enter(std::function<void()> wake);
  void leave(Reader reader);
  void wake_all();

  void run_fetch(const std::stop_token& stop);
  void run_watch(const std::stop_token& stop);
  void watch_once();
  void load_metainfo();

  struct State {
    Phase phase = Phase::coming;
    Error failure = {};
    std::shared_ptr<const metainfo::CheckedMetainfo> metainfo;
    std::optional<ArrivingPieces> pieces;
    bool in_swarm = false;
    std::map<Reader, std::function<void()>> readers;
    Reader next_reader = 0;
  };

  const std::shared_ptr<const manifest::VerifiedRelease> release_;
  const Shelf shelf_;
  const Means means_;
  mutable Guarded<State> state_{State{}};
  std::jthread fetch_, watch_;
};

}  // namespace shoal::node
