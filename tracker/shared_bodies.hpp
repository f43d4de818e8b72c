// Large answers that many ask for at once: each lies in memory once.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "base/guarded.hpp"
#include "base/ids.hpp"
#include "base/units.hpp"

namespace shoal::tracker {

using SharedBody = std::shared_ptr<const std::string>;

/// Thread-safe. A body lives while somebody reads it, and as one of those that were asked for last.
class SharedBodies {
 public:
  /// `most`: of all that live; `kept`: of those that nobody reads.
  SharedBodies(ByteCount most, ByteCount kept) : most_(most), kept_(kept), live_(std::make_shared<Guarded<ByteCount>>()) {}

  /// The body, loaded by the first who asks while the others wait. `unreachable` where those that live leave no room for it.
  Result<SharedBody> get(const ReleaseId& id, ByteCount size, const std::function<Result<std::string>()>& load);
  ByteCount live() const {
    return live_->with([](ByteCount bytes) { return bytes; });
  }

 private:
  struct State {
    std::map<ReleaseId, std::weak_ptr<const std::string>> known;
    std::list<SharedBody> newest;  // the last that was asked for first
    ByteCount newest_bytes = 0;
  };
  SharedBody adopt(std::string body) const;
  void keep(State& state, const SharedBody& body) const;
  static void drop_kept(State& state, ByteCount down_to);

  const ByteCount most_;
  const ByteCount kept_;
  const std::shared_ptr<Guarded<ByteCount>> live_;
  Guarded<State> state_;
};

}  // namespace shoal::tracker
