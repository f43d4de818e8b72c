// The page, put together: its listener, its sessions and the thread that looks at the tracker.
#pragma once

#include <memory>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "tracker/page/facts.hpp"

namespace shoal::page {

struct PageOptions {
  HostPort listen;  // loopback; port 0: any
  fs::path state;   // of the tracker, where links are made
  std::chrono::seconds certificate_life{std::chrono::hours(24)};
};

/// Owns its threads and its listener. `facts` and `clock` must outlive it.
class PageServer {
 public:
  static Result<std::unique_ptr<PageServer>> start(PageOptions options, Facts& facts, const Clock& clock);
  virtual ~PageServer() = default;
  /// "http://127.0.0.1:7480"
  virtual std::string origin() const = 0;
};

}  // namespace shoal::page
