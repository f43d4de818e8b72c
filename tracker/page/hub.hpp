// Everybody who looks: each change is encoded once and pushed to all.
#pragma once

#include <functional>
#include <vector>

#include "http/feed.hpp"
#include "tracker/page/fleet_model.hpp"
#include "tracker/page/sessions.hpp"

namespace shoal::page {

/// Thread-safe. Owns the model.
class Hub {
 public:
  static constexpr std::size_t most_readers = 32;
  /// Of changes that a reader has not taken; then it is dropped, and its browser begins again with the whole picture.
  static constexpr ByteCount most_waiting = 4 * MiB;

  Hub(FleetModel model, const Clock& clock) : state_(State{std::move(model), {}, nullptr, {}}), clock_(clock) {}

  /// A feed that begins with the whole picture and ends with the session; null where there are too many.
  std::shared_ptr<http::Feed> join(const Session& session);
  /// The session has ended before its time: so do its feeds, those of other tabs too.
  void leave(const Sha256& session);
  /// Changes the model under the lock, and tells everybody what came of it.
  void update(const std::function<void(FleetModel&)>& work);
  Json details(const NodeId& machine) const;
  std::size_t readers() const;
  void close();

 private:
  struct Reader {
    std::shared_ptr<http::Feed> feed;
    Session session;
  };
  struct State {
    FleetModel model;
    std::vector<Reader> readers;
    http::Feed::Portion picture;  // of the model as it is; none after a change
    SteadyTime told;
  };
  void drop_ended(State& state) const;
  Guarded<State> state_;
  const Clock& clock_;
};

}  // namespace shoal::page
