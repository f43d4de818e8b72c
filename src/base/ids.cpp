#include "base/ids.hpp"

namespace shoal {
namespace {

bool lower(char c) { return c >= 'a' && c <= 'z'; }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool alnum(char c) { return lower(c) || digit(c) || (c >= 'A' && c <= 'Z'); }

template <class Allowed>
bool all_of(std::string_view text, Allowed allowed) {
  for (char c : text)
    if (!allowed(c)) return false;
  return true;
}

bool valid_word(std::string_view text, std::size_t limit, std::string_view extra) {
  if (text.empty() || text.size() > limit || text[0] == '.' || text[0] == '-') return false;
  return all_of(text, [&](char c) { return alnum(c) || extra.find(c) != std::string_view::npos; });
}

std::string shown(std::string_view text) { return "'" + printable(text) + "'"; }

}  // namespace

template <>
Result<ModelName> ModelName::parse(std::string_view text) {
  auto slash = text.find('/');
  if (slash == std::string_view::npos || !valid_word(text.substr(0, slash), 96, "._-") || !valid_word(text.substr(slash + 1), 96, "._-"))
    return fail(ErrorCode::usage, shown(text) + " is not a model name: write it as org/name, with letters, digits, '.', '_' and '-'");
  return ModelName(std::string(text));
}

template <>
Result<VersionName> VersionName::parse(std::string_view text) {
  if (!valid_word(text, 96, "._+-"))
    return fail(ErrorCode::usage, shown(text) + " is not a version: use letters, digits, '.', '_', '+' and '-', such as 1.2.0");
  return VersionName(std::string(text));
}

template <>
Result<ChannelName> ChannelName::parse(std::string_view text) {
  bool is_lower = all_of(text, [](char c) { return !(c >= 'A' && c <= 'Z'); });
  if (!is_lower || !valid_word(text, 64, "._-"))
    return fail(ErrorCode::usage, shown(text) + " is not a channel: use lower-case letters, digits, '.', '_' and '-', such as stable");
  return ChannelName(std::string(text));
}

template <>
Result<FleetName> FleetName::parse(std::string_view text) {
  bool fits = !text.empty() && text.size() <= 63 && all_of(text, [](char c) { return lower(c) || digit(c) || c == '.' || c == '-'; });
  if (!fits || !(lower(text.front()) || digit(text.front())) || !(lower(text.back()) || digit(text.back())))
    return fail(ErrorCode::usage, shown(text) + " is not a fleet name: use lower-case letters, digits, '.' and '-'");
  return FleetName(std::string(text));
}

template <>
Result<NodeId> NodeId::parse(std::string_view text) {
  if (text.size() != 12 || !all_of(text, [](char c) { return lower(c) || (c >= '2' && c <= '7'); }))
    return fail(ErrorCode::usage, shown(text) + " is not a node id: 12 characters of a-z and 2-7");
  return NodeId(std::string(text));
}

Result<VersionRef> VersionRef::parse(std::string_view text) {
  const auto at = text.find('@');
  if (at == std::string_view::npos)
    return fail(ErrorCode::usage, shown(text) + " names no version: write it as org/name@version, such as acme/llama@1.0");
  SHOAL_TRY(ModelName model, ModelName::parse(text.substr(0, at)));
  SHOAL_TRY(VersionName version, VersionName::parse(text.substr(at + 1)));
  return VersionRef{std::move(model), std::move(version)};
}

Result<ChannelRef> ChannelRef::parse(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos)
    return fail(ErrorCode::usage, shown(text) + " names no channel: write it as org/name:channel, such as acme/llama:main");
  SHOAL_TRY(ModelName model, ModelName::parse(text.substr(0, colon)));
  SHOAL_TRY(ChannelName channel, ChannelName::parse(text.substr(colon + 1)));
  return ChannelRef{std::move(model), std::move(channel)};
}

namespace {
constexpr std::string_view peer_id_prefix = "-SH0100-";
}

std::string peer_id_of(const NodeId& id) { return std::string(peer_id_prefix) + id.str(); }

Result<NodeId> node_of_peer_id(std::string_view peer_id) {
  if (!peer_id.starts_with(peer_id_prefix)) return fail("not a peer id of this fleet's software");
  return NodeId::parse(peer_id.substr(peer_id_prefix.size()));
}

}  // namespace shoal
