#include "tracker/announce_reply.hpp"

#include "registry/bencode.hpp"

namespace shoal::tracker {
namespace {

using registry::Bencode;

void add_compact(Bencode::Dictionary& reply, const std::vector<AnnouncePeer>& peers) {
  std::string v4, v6;
  for (const AnnouncePeer& peer : peers) (peer.endpoint.is_v4() ? v4 : v6) += peer.endpoint.compact();
  reply.emplace("peers", std::move(v4));
  if (!v6.empty()) reply.emplace("peers6", std::move(v6));
}

void add_dictionaries(Bencode::Dictionary& reply, const std::vector<AnnouncePeer>& peers, bool with_ids) {
  Bencode::List list;
  for (const AnnouncePeer& peer : peers) {
    Bencode::Dictionary entry{{"ip", peer.endpoint.ip_text()}, {"port", std::int64_t{peer.endpoint.port}}};
    if (with_ids) entry.emplace("peer id", peer.peer_id);
    list.emplace_back(std::move(entry));
  }
  reply.emplace("peers", std::move(list));
}

std::int64_t number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

}  // namespace

std::string encode_announce(const AnnounceAnswer& answer, const AnnounceQuery& query) {
  Bencode::Dictionary reply{{"complete", number(answer.counts.complete)},
                            {"downloaded", number(answer.counts.downloaded)},
                            {"external ip", answer.external_ip},
                            {"incomplete", number(answer.counts.incomplete)},
                            {"interval", std::int64_t{answer.interval.count()}},
                            {"min interval", std::int64_t{answer.min_interval.count()}}};
  if (query.compact) add_compact(reply, answer.peers);
  else add_dictionaries(reply, answer.peers, !query.no_peer_id);
  // The names of those whose certificates must not be accepted any more; stock clients do not know the key.
  Bencode::List revoked;
  for (const NodeId& machine : answer.revoked) revoked.emplace_back(machine.str());
  if (!revoked.empty()) reply.emplace("revoked", std::move(revoked));
  if (!answer.tracker_id.empty()) reply.emplace("tracker id", answer.tracker_id);
  return Bencode(std::move(reply)).encode();
}

std::string encode_scrape(const ScrapeAnswer& answer) {
  Bencode::Dictionary files;
  for (const auto& [info_hash, counts] : answer)
    files.emplace(info_hash.raw(), Bencode::Dictionary{{"complete", number(counts.complete)},
                                                       {"downloaded", number(counts.downloaded)},
                                                       {"downloaders", number(counts.downloaders)},
                                                       {"incomplete", number(counts.incomplete)}});
  return Bencode(Bencode::Dictionary{{"files", std::move(files)}}).encode();
}

std::string encode_failure(const Error& error) { return Bencode(Bencode::Dictionary{{"failure reason", error.message}}).encode(); }

}  // namespace shoal::tracker
