// How often an address may fail to enrol.
#pragma once

#include <map>
#include <string>

#include "base/clock.hpp"
#include "base/guarded.hpp"

namespace shoal::tracker {

/// Counts failures in windows of a minute, by address; an IPv6 network of 64 bits counts as one, since a single host has all of it. Success
/// costs nothing, so that a rack behind one address can join at once. Thread-safe; memory is bounded.
class AttemptLimit {
 public:
  AttemptLimit(const Clock& clock, unsigned failures_per_minute) : clock_(clock), most_(failures_per_minute) {}
  bool allows(const std::string& address);
  void failed(const std::string& address);

 private:
  static constexpr std::size_t most_addresses = 10000;
  struct Window {
    SteadyTime start;
    unsigned failures = 0;
  };
  using Windows = std::map<std::string, Window>;
  bool is_over(const Window& window) const;

  const Clock& clock_;
  unsigned most_;
  Guarded<Windows> windows_;
};

}  // namespace shoal::tracker
