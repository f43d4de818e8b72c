#include "swarm/payload_counter.hpp"

#include <libtorrent/error_code.hpp>
#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/peer_request.hpp>

#include <optional>

namespace shoal::swarm {
namespace {

using Counts = std::vector<std::shared_ptr<PayloadCounts>>;

class PeerCounter final : public lt::peer_plugin {
 public:
  PeerCounter(const mesh::Mesh& mesh, Counts counts, std::shared_ptr<Bell> bell, mesh::VirtualEndpoint endpoint)
      : mesh_(mesh), counts_(std::move(counts)), bell_(std::move(bell)), endpoint_(endpoint) {
    bell_->moved();
  }

  void on_disconnect(const lt::error_code&) override { bell_->moved(); }

  bool on_piece(const lt::peer_request& request, lt::span<const char>) override {
    const bool source = is_source();
    for (const auto& each : counts_) (source ? each->from_source : each->from_peers) += static_cast<ByteCount>(request.length);
    return false;
  }

  bool on_reject(const lt::peer_request&) override {
    for (const auto& each : counts_) ++each->rejected;
    return false;
  }

  void sent_payload(int bytes) override {
    const bool source = is_source();
    for (const auto& each : counts_) (source ? each->to_source : each->to_peers) += static_cast<ByteCount>(bytes);
  }

 private:
  /// The mesh knows the role once the link stands, which is before the first block; asked once.
  bool is_source() {
    if (!role_)
      if (auto whom = mesh_.whom(endpoint_)) role_ = whom->role;
    return role_ == identity::Role::seeder;
  }

  const mesh::Mesh& mesh_;
  Counts counts_;
  const std::shared_ptr<Bell> bell_;
  mesh::VirtualEndpoint endpoint_;
  std::optional<identity::Role> role_;
};

class TorrentCounter final : public lt::torrent_plugin {
 public:
  TorrentCounter(const mesh::Mesh& mesh, Counts counts, std::shared_ptr<Bell> bell)
      : mesh_(mesh), counts_(std::move(counts)), bell_(std::move(bell)) {}

  std::shared_ptr<lt::peer_plugin> new_connection(const lt::peer_connection_handle& peer) override {
    return std::make_shared<PeerCounter>(mesh_, counts_, bell_, from_engine(peer.remote()));
  }

 private:
  const mesh::Mesh& mesh_;
  Counts counts_;
  const std::shared_ptr<Bell> bell_;
};

}  // namespace

std::shared_ptr<lt::torrent_plugin> payload_counter(const mesh::Mesh& mesh, Counts counts, std::shared_ptr<Bell> bell) {
  return std::make_shared<TorrentCounter>(mesh, std::move(counts), std::move(bell));
}

}  // namespace shoal::swarm
