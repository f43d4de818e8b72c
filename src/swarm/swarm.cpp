#include "swarm/swarm.hpp"

#include <libtorrent/ip_filter.hpp>
#include <libtorrent/session.hpp>

#include <atomic>
#include <mutex>
#include <random>

#include "base/log.hpp"
#include "crypto/digest.hpp"
#include "metainfo/metainfo_form.hpp"
#include "metainfo/torrent.hpp"
#include "swarm/alert_pump.hpp"
#include "swarm/content_files.hpp"
#include "swarm/deciding_pieces.hpp"
#include "swarm/deciding_watch.hpp"
#include "swarm/grants.hpp"
#include "swarm/introductions.hpp"
#include "swarm/mirror_fetcher.hpp"
#include "swarm/peer_log.hpp"
#include "swarm/piece_blame.hpp"
#include "swarm/prompt_dialing.hpp"
#include "swarm/session_settings.hpp"
#include "swarm/stall_watch.hpp"
#include "swarm/store_disk.hpp"
#include "swarm/unread_guard.hpp"

namespace shoal::swarm {
namespace {

HostPort reached_at(const SwarmOptions& options, const mesh::Mesh& mesh) {
  HostPort place = options.advertise.value_or(HostPort{});
  if (place.port == 0) place.port = mesh.port();
  return place;
}

constexpr std::chrono::seconds close_deadline{10};

/// File i of the torrent is root/<path in the release>, whatever the torrent is called.
void place_files(lt::add_torrent_params& params, const fs::path& root, const store::Layout& layout) {
  params.save_path = root.string();
  const auto slots = metainfo::slots_of(layout);
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (slots[i].file) params.renamed_files[lt::file_index_t(static_cast<int>(i))] = (root / layout.files()[*slots[i].file].path).string();
}

/// Between the priorities lies a factor of seven in rarity: the picker multiplies both.
std::vector<lt::download_priority_t> priorities_of(const store::Layout& layout, const std::vector<std::uint32_t>& first) {
  std::vector<lt::download_priority_t> priorities(layout.piece_count(), lt::low_priority);
  for (const std::uint32_t piece : first) priorities.at(piece) = lt::top_priority;
  return priorities;
}

bool is_judged_early(const Content& content) { return content.mode == Mode::fetch && content.deciding_first; }

using lt_plugin = std::function<std::shared_ptr<lt::torrent_plugin>(const lt::torrent_handle&, lt::client_data_t)>;

/// What libtorrent is told of a content.
lt::add_torrent_params parameters(lt::add_torrent_params loaded, const Content& content, const std::vector<bool>& have,
                                  const std::vector<std::uint32_t>& deciding, std::vector<lt_plugin> plugins) {
  lt::add_torrent_params params = std::move(loaded);
  place_files(params, content.root, content.metainfo.layout());
  // Neither paused nor auto-managed: queueing would start with three downloads.
  params.flags = lt::torrent_flags::update_subscribe | lt::torrent_flags::duplicate_is_error | lt::torrent_flags::disable_dht |
                 lt::torrent_flags::disable_lsd | lt::torrent_flags::disable_pex;
  // Exactly as many bits as pieces, or libtorrent takes them for an interrupted check.
  params.have_pieces.resize(params.ti->num_pieces(), false);
  for (int i = 0; i < params.ti->num_pieces(); ++i)
    if (have.at(static_cast<std::size_t>(i))) params.have_pieces.set_bit(lt::piece_index_t(i));
  if (is_judged_early(content)) params.piece_priorities = priorities_of(content.metainfo.layout(), deciding);
  for (lt_plugin& plugin : plugins) params.extensions.push_back(std::move(plugin));
  return params;
}

store::NewContent stored(const Content& content) {
  store::NewContent result;
  result.layout = content.metainfo.layout();
  result.pieces = content.metainfo.piece_sha256();
  result.files = content.metainfo.file_sha256();
  result.proof = content.metainfo.proof();
  if (content.fingerprints.size() == result.pieces.size()) result.fingerprints = content.fingerprints;
  result.root = content.root;
  result.moves_to = content.moves_to;
  result.access = content.mode == Mode::seed ? store::ContentAccess::read_only : store::ContentAccess::update;
  result.complete = content.mode == Mode::keep;
  result.journal = content.journal;
  result.identity = crypto::sha256(content.metainfo.bytes());
  for (const auto& older : content.reuse_from)
    result.older.push_back({older.metainfo.layout(), older.metainfo.piece_sha256(), older.root, older.metainfo.file_sha256()});
  return result;
}

class EngineSwarm final : public Swarm {
 public:
  EngineSwarm(const SwarmOptions& options, const NodeId& self, mesh::Mesh& mesh, std::unique_ptr<registry::Client> client,
              const Clock& clock, std::function<void(const Event&)> events, PortHold hold)
      : options_(options),
        events_(events),
        clock_(clock),
        mesh_(mesh),
        self_(self),
        hold_(std::move(hold)),
        introductions_(mesh, self, bans_, clock),
        store_(files_, {.memory_budget = options.memory_budget, .scrub_rate = options.scrub_rate, .open_files = options.open_files}),
        session_(session_params(session_settings(options, mesh.front(), hold_), store_disk(store_, disk_))),
        announcer_(std::make_unique<Announcer>(std::move(client), peer_id_of(self), reached_at(options, mesh), clock, options.client_stop,
                                               [&mesh](const std::vector<NodeId>& machines) { mesh.refuse(machines); })) {
    session_.set_peer_class_filter(peer_classes());
    pump_ = std::make_unique<AlertPump>(session_, contents_, introductions_, clock, bell_,
                                        AlertPump::Sinks{events, [this] { announcer_->wake(); }});
    pump_->set_limited(options.upload_limit > 0 || options.download_limit > 0);
    mirrors_ = std::make_unique<MirrorFetcher>(mesh, clock, MirrorOptions{options.mirror_after, options.mirror_ca, !options.site.empty()},
                                               payload_, std::move(events));
    stalls_ = std::make_unique<StallWatch>(
        options.stall, StallWatch::Means{mesh, clock, *announcer_, introductions_, *mirrors_, [this] { return download_limit_.load(); }});
  }

  /// No new peers, then no new events, then goodbye to the tracker, then the engine.
  ~EngineSwarm() override {
    for (const auto& content : contents_.all()) introductions_.close(content->id());
    stalls_.reset();
    mirrors_.reset();
    pump_.reset();
    announcer_.reset();
  }

  Status add(Content content) override;
  void remove(const InfoHash& content) override;
  std::optional<Progress> progress(const InfoHash& content) const override;
  void set_limits(ByteCount upload, ByteCount download) override {
    download_limit_ = download;
    session_.apply_settings(rate_limits(upload, download));
    pump_->set_limited(upload > 0 || download > 0);
  }
  void open_gate(const InfoHash& content) override;
  void look_at_gate(const InfoHash& content) override;
  void hurry(const InfoHash& content, const std::vector<std::uint32_t>& pieces) override;
  std::vector<bool> pieces(const InfoHash& content) const override;
  Totals totals() const override;
  std::string announce_problem(const InfoHash& content) const override { return announcer_->problem(content); }

 private:
  Status start_torrent(const Content& content, const std::shared_ptr<HostedContent>& hosted);
  Status hand_to_engine(const Content& content, const std::shared_ptr<HostedContent>& hosted, const store::Added& added);
  std::shared_ptr<PieceBlame> blame(const Content& content, const std::shared_ptr<HostedContent>& hosted);
  std::shared_ptr<DecidingWatch> gate(const Content& content, const InfoHash& id, const std::vector<std::uint32_t>& deciding);
  void announce(const std::shared_ptr<HostedContent>& hosted);

  const SwarmOptions options_;
  const std::function<void(const Event&)> events_;
  std::atomic<ByteCount> download_limit_{options_.download_limit};
  const Clock& clock_;
  mesh::Mesh& mesh_;
  const NodeId self_;
  const PortHold hold_;
  const std::shared_ptr<PayloadCounts> payload_ = std::make_shared<PayloadCounts>();
  const std::shared_ptr<fanout::Bans> bans_ = std::make_shared<fanout::Bans>();
  const std::shared_ptr<Bell> bell_ = std::make_shared<Bell>();
  DiskContents disk_;
  std::mutex changing_;  // held by add and remove; they wait for the engine, never for events
  HostedContents contents_;
  Introductions introductions_;
  store::PosixFiles files_;
  store::PieceStore store_;
  lt::session session_;  // the threads of the engine end here; all above is what they use
  std::unique_ptr<Announcer> announcer_;
  std::unique_ptr<AlertPump> pump_;
  std::unique_ptr<MirrorFetcher> mirrors_;
  std::unique_ptr<StallWatch> stalls_;
};

Status EngineSwarm::add(Content content) {
  std::lock_guard one_at_a_time(changing_);
  content.root = fs::absolute(content.root);
  if (!content.moves_to.empty()) content.moves_to = fs::absolute(content.moves_to);
  const InfoHash id = content.metainfo.info_hash();
  auto hosted = std::make_shared<HostedContent>(id, content.metainfo.layout(), content.mode, store_);
  // Before the engine has it, so that no alert comes for a content that is not known yet.
  if (!contents_.insert(hosted)) return fail(ErrorCode::conflict, "content " + id.hex() + " is in the swarm already");
  if (Status started = start_torrent(content, hosted); !started.ok()) {
    contents_.extract(id);
    return started;
  }
  introductions_.open(hosted);
  announce(hosted);
  if (content.mode != Mode::seed) stalls_->add(hosted);
  bell_->moved();
  if (content.mode == Mode::fetch && !content.mirrors.empty()) mirrors_->add(hosted, content);
  return {};
}

Status EngineSwarm::start_torrent(const Content& content, const std::shared_ptr<HostedContent>& hosted) {
  const bool all_there = content.mode != Mode::fetch;
  const auto& layout = content.metainfo.layout();
  SHOAL_CHECK(all_there ? check_source(content.root, layout) : prepare_target(content.root, layout));
  store::NewContent news = stored(content);
  news.events = HostedContent::store_events(hosted, bell_);
  SHOAL_TRY(store::Added added, store_.add(std::move(news)));
  hosted->set_stored_as(added.id);
  Status handed = hand_to_engine(content, hosted, added);
  if (!handed.ok()) store_.stop(added.id, [this, id = hosted->id()] { disk_.closed(id); });
  return handed;
}

/// None for what is never fetched.
std::shared_ptr<PieceBlame> EngineSwarm::blame(const Content& content, const std::shared_ptr<HostedContent>& hosted) {
  if (content.mode == Mode::seed) return nullptr;
  BlamedContent blamed{hosted->id(), content.metainfo.layout(), content.metainfo.piece_sha256(), {}};
  blamed.convicted = [weak = std::weak_ptr(hosted), bell = bell_](const NodeId& machine, const fanout::Sentence& sentence) {
    if (auto alive = weak.lock()) alive->convicted(machine, sentence);
    bell->news();
  };
  return PieceBlame::make(std::move(blamed), bans_, mesh_, clock_);
}

/// None for what is not judged, or has no pieces that decide.
std::shared_ptr<DecidingWatch> EngineSwarm::gate(const Content& content, const InfoHash& id, const std::vector<std::uint32_t>& deciding) {
  if (!is_judged_early(content) || deciding.empty()) return nullptr;
  return DecidingWatch::make(content.metainfo.layout(), deciding, clock_, [id, events = events_] { events(Decidable{id}); });
}

Status EngineSwarm::hand_to_engine(const Content& content, const std::shared_ptr<HostedContent>& hosted, const store::Added& added) {
  SHOAL_TRY(auto loaded, metainfo::load_torrent(content.metainfo.bytes()));
  const auto blamed = blame(content, hosted);
  const auto deciding = deciding_pieces(content.metainfo.layout());
  disk_.enter(hosted->id(), {added.id, loaded.ti, added.unexplored, blamed ? blamed->watch() : nullptr});
  auto counter = [&mesh = mesh_, payload = std::vector{hosted->payload(), payload_}, bell = bell_](
                     const lt::torrent_handle&, lt::client_data_t) { return payload_counter(mesh, payload, bell); };
  auto rationing = [role = GrantRole{options_.directed, hosted->id().leading(), std::random_device()(), options_.memory_budget / 3, self_,
                                     options_.site, deciding, hosted->wishes()},
                    &mesh = mesh_,
                    &clock = clock_](const lt::torrent_handle& torrent, lt::client_data_t) { return grants(torrent, role, mesh, clock); };
  auto unread = [&mesh = mesh_, &clock = clock_](const lt::torrent_handle& torrent, lt::client_data_t) {
    return unread_guard(torrent, mesh, clock);
  };
  auto watcher = [&mesh = mesh_, id = hosted->id()](const lt::torrent_handle&, lt::client_data_t) { return peer_log(mesh, id); };
  std::vector<lt_plugin> plugins{watcher, unread, counter};
  if (options_.speaks_grants) plugins.emplace_back(rationing);
  if (blamed) plugins.emplace_back([blamed](const lt::torrent_handle& torrent, lt::client_data_t) { return blamed->plugin(torrent); });
  // Behind those that look at requests: it keeps them from whatever follows.
  if (const auto watch = gate(content, hosted->id(), deciding)) {
    hosted->set_gate(watch);
    plugins.emplace_back([watch](const lt::torrent_handle& torrent, lt::client_data_t) { return watch->plugin(torrent); });
  }
  plugins.emplace_back([](const lt::torrent_handle& torrent, lt::client_data_t) { return prompt_dialing(torrent); });
  lt::error_code error;
  hosted->attach(session_.add_torrent(parameters(std::move(loaded), content, added.have, deciding, std::move(plugins)), error));
  if (error) return fail("content " + hosted->id().hex() + ": " + error.message());
  return {};
}

void EngineSwarm::announce(const std::shared_ptr<HostedContent>& hosted) {
  AnnounceCallbacks callbacks;
  callbacks.facts = [hosted] { return hosted->facts(); };
  callbacks.peers = [this, hosted](std::vector<registry::AnnouncedPeer> peers) {
    std::erase_if(peers, [this](const auto& peer) { return peer.id == self_; });
    hosted->note_named(peers);
    introductions_.introduce(*hosted, peers);
  };
  announcer_->add(hosted->id(), std::move(callbacks));
}

void EngineSwarm::remove(const InfoHash& content) {
  std::lock_guard one_at_a_time(changing_);
  auto hosted = contents_.extract(content);
  if (!hosted) return;
  stalls_->remove(content);
  mirrors_->remove(content);
  announcer_->remove(content);
  introductions_.close(content);
  session_.remove_torrent(hosted->handle());
  if (!disk_.wait_closed(content, close_deadline)) log::warn("files_still_open", {{"info_hash", content.hex()}});
}

std::optional<Progress> EngineSwarm::progress(const InfoHash& content) const {
  auto hosted = contents_.find(content);
  if (!hosted) return std::nullopt;
  Progress progress = hosted->progress();
  progress.banned = static_cast<std::uint32_t>(bans_->count(content, clock_.steady_now()));
  return progress;
}

void EngineSwarm::open_gate(const InfoHash& content) {
  if (auto hosted = contents_.find(content)) hosted->open_gate();
}

void EngineSwarm::look_at_gate(const InfoHash& content) {
  if (auto hosted = contents_.find(content)) hosted->look_at_gate();
}

void EngineSwarm::hurry(const InfoHash& content, const std::vector<std::uint32_t>& pieces) {
  if (auto hosted = contents_.find(content)) hosted->hurry(pieces);
}

std::vector<bool> EngineSwarm::pieces(const InfoHash& content) const {
  auto hosted = contents_.find(content);
  return hosted ? hosted->pieces() : std::vector<bool>();
}

Totals EngineSwarm::totals() const {
  Totals totals;
  totals.from_source = payload_->from_source;
  totals.from_peers = payload_->from_peers;
  totals.from_mirrors = payload_->from_mirrors;
  totals.to_sources = payload_->to_source;
  totals.to_peers = payload_->to_peers;
  totals.store = store_.counters();
  const auto contents = contents_.all();
  totals.contents = contents.size();
  for (const auto& content : contents)
    if (const fanout::Stall stall = content->stall(); stall.stalled) ++totals.stalled.at(static_cast<std::size_t>(stall.reason));
  totals.lies = bans_->convictions();
  totals.banned = bans_->count(clock_.steady_now());
  return totals;
}

}  // namespace

Status remember(const Content& content, const std::vector<bool>& have) {
  store::PosixFiles files;
  return store::remember(files, stored(content), have);
}

Result<std::unique_ptr<Swarm>> Swarm::start(SwarmOptions options, NodeId self, mesh::Mesh& mesh, std::unique_ptr<registry::Client> client,
                                            const Clock& clock, std::function<void(const Event&)> events) {
  const Descriptors share = share_descriptors(raise_descriptor_limit(), options.connections);
  options.connections = share.connections;
  options.open_files = share.files;
  SHOAL_TRY(PortHold hold, PortHold::take());
  try {
    return std::unique_ptr<Swarm>(
        std::make_unique<EngineSwarm>(options, self, mesh, std::move(client), clock, std::move(events), std::move(hold)));
  } catch (const std::exception& e) {
    return fail(std::string("the BitTorrent engine does not start: ") + e.what());
  }
}

}  // namespace shoal::swarm
