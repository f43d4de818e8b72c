// When a mirror is asked, and what its answer is worth. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "http/message.hpp"
#include "store/layout.hpp"

namespace shoal::swarm {

/// One look at a content that is being fetched.
struct MirrorSight {
  SteadyTime now{};
  bool source_connected = false;  // a machine with the role seeder; one that rations may have pieces of which it does not tell yet
  ByteCount received = 0;         // payload from the swarm so far
  std::vector<bool> have;         // by piece
  std::vector<int> availability;  // by piece: connected peers that say they have it
  bool partly_hidden = false;     // peers of other sites may have pieces that are for others of this site to fetch (SiteShare)
};

/// The last resort. Pieces that nobody has are asked of a mirror once there was no source for `patience`; all that is missing, once nothing
/// at all has come for so long.
class MirrorPolicy {
 public:
  MirrorPolicy(std::chrono::milliseconds patience, SteadyTime begun) : patience_(patience), last_source_(begun), last_payload_(begun) {}
  /// The pieces that a mirror may be asked for now. Those that nobody has, if there are any.
  std::vector<std::uint32_t> wanted(const MirrorSight& sight);
  /// Nothing arrives: the patience is over, until something does.
  void hasten(SteadyTime now) { last_payload_ = now - patience_; }

 private:
  std::chrono::milliseconds patience_;
  SteadyTime last_source_;
  SteadyTime last_payload_;
  ByteCount received_ = 0;
};

/// How long a mirror that failed so many times in a row is left alone: 5 s, 10 s, ... up to five minutes.
std::chrono::seconds mirror_pause(unsigned failures);

/// "bytes=0-999".
std::string range_header(const store::FilePart& part);
/// The bytes of the part from what a mirror answered: 206 with just this range, or 200 where the part is the whole file. Errors say
/// what else it was: a redirect (never followed), 416, a range or a length that is not the one asked for, any other status.
Result<std::string> bytes_from(http::Response response, const store::FilePart& part, ByteCount file_size);

}  // namespace shoal::swarm
