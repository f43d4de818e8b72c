// The client's side of BEP 3.
#include <algorithm>
#include <limits>

#include "base/encoding.hpp"
#include "registry/bencode.hpp"
#include "registry/messages.hpp"

namespace shoal::registry {
namespace {

// A tracker that says 0 must not make its fleet spin, and one that says years must not lose it.
constexpr std::chrono::seconds shortest_interval{1};
constexpr std::chrono::seconds longest_interval{3600};

Result<std::chrono::seconds> read_interval(const BencodeView& reply) {
  const BencodeView* member = reply.find("interval");
  if (member == nullptr || member->integer() == nullptr) return fail("announce reply: interval is missing or not an integer");
  return std::clamp(std::chrono::seconds(*member->integer()), shortest_interval, longest_interval);
}

const std::string_view* string_member(const BencodeView& object, std::string_view key) {
  const BencodeView* member = object.find(key);
  return member != nullptr ? member->string() : nullptr;
}

bool is_host(std::string_view text) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_";
  return !text.empty() && text.size() <= 253 && text.find_first_not_of(allowed) == std::string_view::npos;
}

/// Appends the peer where its id names a machine that can be dialled.
Status read_peer(const BencodeView& item, std::vector<AnnouncedPeer>& peers) {
  const std::string_view* id = string_member(item, "peer id");
  const std::string_view* ip = string_member(item, "ip");
  const BencodeView* port = item.find("port");
  if (id == nullptr || ip == nullptr || port == nullptr || port->integer() == nullptr)
    return fail("announce reply: a peer lacks its id, ip or port");
  auto node = node_of_peer_id(*id);
  bool dialable = is_host(*ip) && *port->integer() > 0 && *port->integer() <= std::numeric_limits<std::uint16_t>::max();
  if (node.ok() && dialable) peers.push_back({*node, {std::string(*ip), static_cast<std::uint16_t>(*port->integer())}});
  return {};
}

Result<std::vector<AnnouncedPeer>> read_peers(const BencodeView& reply) {
  std::vector<AnnouncedPeer> peers;
  const BencodeView* member = reply.find("peers");
  if (member == nullptr || (member->string() != nullptr && member->string()->empty())) return peers;
  if (member->string() != nullptr) return fail("announce reply: the peers come without their ids though compact=0 was asked for");
  if (member->list() == nullptr) return fail("announce reply: peers is not a list");
  for (const BencodeView& item : *member->list()) SHOAL_CHECK(read_peer(item, peers));
  return peers;
}

/// Ids that cannot be read name nobody: they are left out.
std::vector<NodeId> read_revoked(const BencodeView& reply) {
  std::vector<NodeId> machines;
  const BencodeView* member = reply.find("revoked");
  if (member == nullptr || member->list() == nullptr) return machines;
  for (const BencodeView& item : *member->list()) {
    auto id = item.string() != nullptr ? NodeId::parse(std::string(*item.string())) : Result<NodeId>(fail("not a string"));
    if (id.ok()) machines.push_back(*id);
  }
  return machines;
}

Error refusal(const BencodeView& reason) {
  std::string_view text = reason.string() != nullptr ? *reason.string() : std::string_view("without a reason");
  return fail("the tracker refused the announce: " + printable(text, remark_limit));
}

}  // namespace

std::string announce_target(const AnnounceRequest& request) {
  std::string target = "/announce?info_hash=" + percent_encode(request.info_hash.view());
  target += "&peer_id=" + percent_encode(request.peer_id);
  target += "&port=" + std::to_string(request.port);
  if (!request.address.empty()) target += "&address=" + percent_encode(request.address);
  target += "&uploaded=" + std::to_string(request.uploaded);
  target += "&downloaded=" + std::to_string(request.downloaded);
  target += "&left=" + std::to_string(request.left);
  if (!request.event.empty()) target += "&event=" + percent_encode(request.event);
  target += "&compact=0&numwant=" + std::to_string(request.numwant);
  return target;
}

Result<AnnounceReply> decode_announce_reply(std::string_view bencoded) {
  auto parsed = parse_bencode(bencoded);
  if (!parsed.ok()) return std::move(parsed).error().within("announce reply");
  const BencodeView& reply = *parsed;
  if (reply.dictionary() == nullptr) return fail("announce reply: not a dictionary");
  if (const BencodeView* reason = reply.find("failure reason")) return refusal(*reason);
  AnnounceReply result;
  SHOAL_TRY(result.interval, read_interval(reply));
  SHOAL_TRY(result.peers, read_peers(reply));
  result.revoked = read_revoked(reply);
  if (const auto* warning = string_member(reply, "warning message")) result.warning = printable(*warning, remark_limit);
  return result;
}

}  // namespace shoal::registry
