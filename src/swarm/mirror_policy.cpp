#include "swarm/mirror_policy.hpp"

#include <algorithm>

#include "base/backoff.hpp"
#include "base/encoding.hpp"

namespace shoal::swarm {
namespace {

constexpr std::chrono::seconds first_pause{5};
constexpr std::chrono::seconds longest_pause{300};

std::string range_of(const store::FilePart& part) {
  return std::to_string(part.offset) + "-" + std::to_string(part.offset + part.length - 1);
}

Error unexpected(const http::Response& response) {
  const std::string status = std::to_string(response.status);
  if (response.status >= 300 && response.status < 400)
    return fail("it redirects to " + printable(response.location, 200) + " (" + status +
                "); redirects are not followed: list that address instead");
  if (response.status == 416) return fail("its file is shorter than the release's (416)");
  return fail("it answered with status " + status);
}

}  // namespace

std::vector<std::uint32_t> MirrorPolicy::wanted(const MirrorSight& sight) {
  if (sight.source_connected) last_source_ = sight.now;
  if (sight.received != received_) last_payload_ = sight.now;
  received_ = sight.received;
  std::vector<std::uint32_t> nowhere, missing;
  for (std::uint32_t piece = 0; piece < sight.have.size(); ++piece) {
    if (sight.have[piece]) continue;
    missing.push_back(piece);
    if (piece >= sight.availability.size() || sight.availability[piece] == 0) nowhere.push_back(piece);
  }
  const bool alone = !sight.partly_hidden && sight.now - last_source_ >= patience_;
  const bool stalled = sight.now - last_payload_ >= patience_;
  if (!nowhere.empty() && (alone || stalled)) return nowhere;
  return stalled ? missing : std::vector<std::uint32_t>{};
}

std::chrono::seconds mirror_pause(unsigned failures) { return backoff(first_pause, longest_pause, failures > 0 ? failures - 1 : 0); }

std::string range_header(const store::FilePart& part) { return "bytes=" + range_of(part); }

Result<std::string> bytes_from(http::Response response, const store::FilePart& part, ByteCount file_size) {
  const bool whole = part.offset == 0 && part.length == file_size;
  if (response.status == 200 && !whole) return fail("it sends whole files where ranges are asked for");
  if (response.status != 206 && response.status != 200) return unexpected(response);
  if (response.status == 206 && !response.content_range.starts_with("bytes " + range_of(part) + "/"))
    return fail("it sent the range '" + printable(response.content_range, 100) + "' instead of " + range_of(part));
  if (response.body.size() != part.length)
    return fail("it sent " + std::to_string(response.body.size()) + " of " + std::to_string(part.length) + " bytes");
  return std::move(response.body);
}

}  // namespace shoal::swarm
