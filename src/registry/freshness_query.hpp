// How freshness is asked for by shard: GET /v1/freshness?after=SERIAL&wait=SECONDS&places=0a3,f01 and what comes back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "manifest/freshness.hpp"

namespace shoal::registry {

/// In one request. The answer has one statement for each shard in which one of them lies.
inline constexpr std::size_t most_places = 32;

/// Three hexadecimal digits each, with commas between them.
std::string encode_places(const std::vector<manifest::ChannelPlace>& places);
/// `usage` unless there are 1 to `most_places` of this form.
Result<std::vector<manifest::ChannelPlace>> decode_places(std::string_view text);

/// Envelopes, each a line of its own. One alone looks as it does to those who ask for no places.
std::string join_statements(const std::vector<std::string>& envelopes);
/// `most` at most.
Result<std::vector<std::string>> split_statements(std::string_view text, std::size_t most = most_places);

}  // namespace shoal::registry
