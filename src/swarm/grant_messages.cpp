#include "swarm/grant_messages.hpp"

#include "base/bytes.hpp"
#include "swarm/grants.hpp"

namespace shoal::swarm {
namespace {

std::uint8_t message_id(const lt::bdecode_node& handshake) {
  const lt::bdecode_node messages = handshake.dict_find_dict("m");
  const std::int64_t id = messages ? messages.dict_find_int_value(show_key) : 0;
  return id > 0 && id <= UINT8_MAX ? static_cast<std::uint8_t>(id) : std::uint8_t{0};
}

}  // namespace

std::optional<GrantHello> read_grant_hello(const lt::bdecode_node& handshake) {
  if (handshake.type() != lt::bdecode_node::dict_t) return {};
  const lt::bdecode_node said = handshake.dict_find_dict(grant_key);
  if (!said || said.dict_find_int_value("v") != grant_version) return {};
  return GrantHello{said.dict_find_int_value("source") == 1, std::string(said.dict_find_string_value("site")).substr(0, longest_site),
                    message_id(handshake)};
}

std::vector<std::uint32_t> read_show(std::string_view body) {
  std::vector<std::uint32_t> pieces;
  if (body.size() > most_shown * index_size) return pieces;
  for (std::size_t at = 0; at + index_size <= body.size(); at += index_size)
    pieces.push_back(from_big_endian<std::uint32_t>(body.substr(at, index_size)));
  return pieces;
}

}  // namespace shoal::swarm
