// The tracker, put together.
#pragma once

#include <memory>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "base/units.hpp"
#include "identity/credentials.hpp"
#include "metrics/page.hpp"
#include "tracker/catalog.hpp"
#include "tracker/node_reports.hpp"

namespace shoal::tracker {

struct TrackerOptions {
  fs::path state;
  HostPort listen;        // port 0: any
  HostPort plain_listen;  // no host: no plain test listener
  HostPort page;          // no host: no page
  std::chrono::seconds certificate_life{std::chrono::hours(24)};
  std::chrono::seconds announce_interval{30};
  ChannelQuotas quotas;
  unsigned threads = 2;                         // of each listener
  std::uint32_t halt_sample = smallest_sample;  // nodes that have to try a release before their failures halt its rollout
};

/// Owns the state directory, the listeners and their threads from start() to destruction.
class Tracker {
 public:
  static Result<std::unique_ptr<Tracker>> start(TrackerOptions options, const Clock& clock);
  virtual ~Tracker() = default;
  /// What the listeners are bound to; the plain one has port 0 where there is none.
  virtual HostPort listen() const = 0;
  virtual HostPort plain_listen() const = 0;
  /// Where the page is, "http://127.0.0.1:7480"; empty where there is none.
  virtual std::string page() const = 0;
  /// Whether the tracker's rounds, which need its locks, still turn. Thread-safe.
  virtual bool alive() const = 0;
  /// What the tracker has to say to Prometheus. Thread-safe; reads the database.
  virtual void describe(metrics::Page& page) const = 0;
  virtual const identity::CredentialStore& credentials() const = 0;
};

}  // namespace shoal::tracker
