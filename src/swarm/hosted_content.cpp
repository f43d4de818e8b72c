#include "swarm/hosted_content.hpp"

#include <libtorrent/peer_info.hpp>

#include <algorithm>

namespace shoal::swarm {
namespace {

/// The engine throws where a handle's torrent is gone; it may go at any time.
template <class Call>
void with_engine(Call call) {
  try {
    call();
  } catch (const lt::system_error&) {}
}

}  // namespace

HostedContent::HostedContent(const InfoHash& id, store::Layout layout, Mode mode, const store::PieceStore& store)
    : id_(id), layout_(std::move(layout)), mode_(mode), store_(store) {
  auto last = last_.lock();
  last->size = layout_.total_size();
  if (mode_ == Mode::fetch) return;
  last->done = last->size;
  last->complete = true;
  course_.finished = course_.told = true;
}

void HostedContent::connect(mesh::VirtualEndpoint endpoint) const {
  // As if a tracker had named it: libtorrent then forgets one of the peer's failures.
  with_engine([&] { handle().connect_peer(to_engine(endpoint), lt::peer_info::tracker); });
}

void HostedContent::flush() const {
  with_engine([&] { handle().flush_cache(); });
}

/// A peer that was refused a block was told that the piece is not here (BEP 54), and would never ask for it again on that connection. So
/// the connections end, and the next ones begin with what is here.
void HostedContent::resume_after_error() const {
  with_engine([&] {
    handle().clear_error();
    handle().pause();
    handle().resume();
  });
}

void HostedContent::recheck() const {
  with_engine([&] {
    if (mode_ == Mode::seed) handle().set_flags(lt::torrent_flags::upload_mode);
    handle().force_recheck();
  });
}

store::ContentFacts HostedContent::store_facts() const {
  const auto id = stored_as_.with([](const auto& stored_as) { return stored_as; });
  return id ? store_.facts(*id) : store::ContentFacts{};
}

store::ContentEvents HostedContent::store_events(const std::shared_ptr<HostedContent>& content, const std::shared_ptr<Bell>& bell) {
  store::ContentEvents events;
  events.problem = [content, bell](const Error& error) {
    content->news_.lock()->problems.push_back(error);
    bell->news();
  };
  events.lost = [content, bell](const std::vector<std::uint32_t>&, const Error& why) {
    content->news_.lock()->lost = why;
    bell->news();
  };
  return events;
}

bool HostedContent::is_finished_now() const {
  bool finished = false;
  with_engine([&] { finished = handle().status({}).is_finished; });
  return finished;
}

bool HostedContent::engine_believes_too_much() const {
  int believed = 0;
  with_engine([&] { believed = handle().status({}).num_pieces; });
  // In this order: the store knows of a piece before the engine does.
  return believed > static_cast<int>(store_facts().have);
}

ByteCount HostedContent::bytes_of(const lt::typed_bitfield<lt::piece_index_t>& pieces) const {
  ByteCount bytes = 0;
  const auto count = std::min(layout_.piece_count(), static_cast<std::uint32_t>(pieces.size()));
  for (std::uint32_t i = 0; i < count; ++i)
    if (pieces.get_bit(lt::piece_index_t(static_cast<int>(i)))) bytes += layout_.bytes_in(i);
  return bytes;
}

bool HostedContent::update(const lt::torrent_status& status) {
  const bool checking = status.state == lt::torrent_status::checking_files || status.state == lt::torrent_status::checking_resume_data;
  const ByteCount done = bytes_of(status.pieces);
  auto last = last_.lock();
  if (!last->complete) {
    last->done = done;
    last->checking = checking;
  }
  last->sent = static_cast<ByteCount>(status.total_payload_upload);
  last->download_rate = static_cast<ByteCount>(status.download_payload_rate);
  last->upload_rate = static_cast<ByteCount>(status.upload_payload_rate);
  last->peers = static_cast<std::uint32_t>(status.num_peers);
  const std::int64_t moved = status.total_payload_upload + status.total_payload_download;
  return std::exchange(moved_, moved) != moved;
}

void HostedContent::set_still() {
  auto last = last_.lock();
  last->download_rate = last->upload_rate = 0;
}

void HostedContent::set_complete() {
  auto last = last_.lock();
  last->done = last->size;
  last->checking = false;
  last->complete = true;
}

Progress HostedContent::progress() const {
  Progress progress = last_.with([](const Progress& last) { return last; });
  progress.from_source = payload_->from_source;
  progress.from_peers = payload_->from_peers;
  progress.from_mirrors = payload_->from_mirrors;
  progress.reused = store_facts().reused;
  return progress;
}

AnnounceFacts HostedContent::facts() const {
  const Progress now = progress();
  AnnounceFacts facts;
  facts.need = {now.complete, now.peers, layout_.piece_count()};
  facts.uploaded = now.sent;
  facts.downloaded = now.from_source + now.from_peers;
  // Every byte may be there while the last writes are under way; until then the content is not one that others may count on.
  facts.left = now.complete ? 0 : std::max<ByteCount>(now.size - now.done, 1);
  return facts;
}

void HostedContent::note_named(const std::vector<registry::AnnouncedPeer>& peers) {
  const auto is_among = [](const auto& all, const NodeId& id) {
    return std::any_of(all.begin(), all.end(), [&id](const auto& peer) { return peer.id == id; });
  };
  auto named = named_.lock();
  NamedPeers now{peers, static_cast<unsigned>(peers.size())};
  for (const auto& earlier : *named ? (*named)->peers : std::vector<registry::AnnouncedPeer>{})
    if (!is_among(peers, earlier.id)) now.peers.push_back(earlier);
  if (now.peers.size() > NamedPeers::most) now.peers.resize(NamedPeers::most);
  *named = std::move(now);
}

bool HostedContents::insert(const Pointer& content) {
  return contents_.with([&](auto& contents) { return contents.emplace(content->id(), content).second; });
}

HostedContents::Pointer HostedContents::find(const InfoHash& id) const {
  return contents_.with([&](const auto& contents) {
    auto it = contents.find(id);
    return it == contents.end() ? Pointer() : it->second;
  });
}

HostedContents::Pointer HostedContents::extract(const InfoHash& id) {
  return contents_.with([&](auto& contents) {
    auto node = contents.extract(id);
    return node.empty() ? Pointer() : std::move(node.mapped());
  });
}

std::vector<HostedContents::Pointer> HostedContents::all() const {
  return contents_.with([](const auto& contents) {
    std::vector<Pointer> all;
    for (const auto& [id, content] : contents) all.push_back(content);
    return all;
  });
}

}  // namespace shoal::swarm
