#include "mesh/link_log.hpp"

#include "base/log.hpp"

namespace shoal::mesh::link_log {
namespace {

bool is_off() { return !log::writes(log::Level::debug); }

std::string text_of(const tcp::endpoint& address) {
  const std::string host = address.address().to_string();
  return (address.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(address.port());
}

void write(std::string_view event, const LinkKey& key, std::string_view name, std::string_view value) {
  if (is_off()) return;
  log::debug_of(key.peer.str(), event, {{"machine", key.peer.str()}, {"info_hash", key.info_hash.hex()}, {name, value}});
}

}  // namespace

void dialling(const LinkKey& key, const tcp::endpoint& address) {
  if (!is_off()) write("link_dialling", key, "address", text_of(address));
}

void not_dialled(const LinkKey& key, std::string_view why) { write("link_dial_failed", key, "reason", why); }

void refused(std::string_view party, std::string_view why) {
  if (!is_off()) log::debug_of(party, "link_refused", {{"from", party}, {"reason", why}});
}

void refused(const LinkKey& key, std::string_view why) { write("link_refused", key, "reason", why); }

void accepted(const LinkKey& key, const tcp::socket& from) {
  if (is_off()) return;
  ErrorStatus error;
  const auto address = from.remote_endpoint(error);
  write("link_accepted", key, "address", error ? "unknown" : text_of(address));
}

void waiting(const LinkKey& key, std::string_view why) { write("link_waiting", key, "reason", why); }

void dropped(const LinkKey& key, std::string_view why) { write("link_dropped", key, "reason", why); }

void up(const LinkKey& key, bool dialled) { write("link_up", key, "dialled_by", dialled ? "this machine" : "the peer"); }

void down(const Link& link) {
  if (is_off()) return;
  const LinkKey& key = link.key();
  const auto lived = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - link.since());
  log::debug_of(key.peer.str(), "link_down",
                {{"machine", key.peer.str()},
                 {"info_hash", key.info_hash.hex()},
                 {"reason", mesh::text_of(link.end())},
                 {"milliseconds", lived.count()}});
}

}  // namespace shoal::mesh::link_log
