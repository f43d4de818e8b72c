// What peers say of directed seeding (docs/formats.md): members of BEP 10's handshake, and the message shoal_show. Pure; included by the
// sources of this folder and by tests.
#pragma once

#include <libtorrent/bdecode.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::swarm {

namespace lt = libtorrent;

inline constexpr const char* show_key = "shoal_show";
inline constexpr std::size_t index_size = sizeof(std::uint32_t);
inline constexpr std::size_t most_shown = 4096;  // pieces, in one message
inline constexpr std::size_t longest_site = 128;

struct GrantHello {
  bool source = false;       // it rations what it has
  std::string site;          // empty where it did not say
  std::uint8_t show_id = 0;  // of shoal_show, when it goes there; 0: it does not take it
};

/// Nothing where the handshake does not speak of grants, in this version of them.
std::optional<GrantHello> read_grant_hello(const lt::bdecode_node& handshake);

/// The pieces of a shoal_show; none where it is longer than it may be. What is left over of a piece's number counts for nothing.
std::vector<std::uint32_t> read_show(std::string_view body);

}  // namespace shoal::swarm
