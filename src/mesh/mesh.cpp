#include "mesh/mesh.hpp"

#include <thread>

#include "base/log.hpp"
#include "crypto/digest.hpp"
#include "mesh/acceptor.hpp"
#include "mesh/deadline.hpp"
#include "mesh/dialer.hpp"
#include "mesh/directory.hpp"
#include "mesh/link_log.hpp"
#include "mesh/link_table.hpp"
#include "mesh/rules.hpp"
#include "mesh/served.hpp"
#include "mesh/sockets.hpp"
#include "mesh/socks_entrance.hpp"
#include "mesh/switchboard.hpp"
#include "mesh/wire_info.hpp"
#include "mesh/worker.hpp"

namespace shoal::mesh {
namespace {

constexpr std::chrono::seconds recheck_every{2};

struct Doors {
  UniqueFd network;
  UniqueFd engine;
};

Result<UniqueFd> open_network(const MeshOptions& options) {
  auto network = listen_on(options.listen, 0);
  if (network.ok() || network.error().code != ErrorCode::conflict || !options.any_port_if_taken) return network;
  log::info("mesh_port_taken", {{"listen", options.listen.str()}});
  return listen_on({options.listen.host, 0}, 0);
}

Result<Doors> open_doors(const MeshOptions& options) {
  SHOAL_TRY(UniqueFd network, open_network(options));
  SHOAL_TRY(UniqueFd engine, listen_on({"127.0.0.1", 0}, engine_buffer));
  return Doors{std::move(network), std::move(engine)};
}

/// The composition root of the folder. One control thread brings links about; the workers move their bytes.
class OwnMesh final : public Mesh {
 public:
  OwnMesh(MeshOptions options, Doors doors, const identity::CredentialStore& credentials, LinkPolicy& policy, const Clock& clock);
  OwnMesh(const OwnMesh&) = delete;
  OwnMesh& operator=(const OwnMesh&) = delete;
  ~OwnMesh() override;

  std::uint16_t port() const override { return port_; }
  const SocksFront& front() const override { return front_; }
  void serve(const InfoHash& info_hash, Accepted accepted) override { served_.add(info_hash, std::move(accepted)); }
  void unserve(const InfoHash& info_hash) override;
  VirtualEndpoint introduce(const NodeId& peer, const InfoHash& info_hash, const HostPort& address) override;
  std::optional<Whom> whom(VirtualEndpoint endpoint) const override;
  std::optional<std::chrono::microseconds> round_trip(VirtualEndpoint endpoint) const override;
  void rest(VirtualEndpoint endpoint) override { directory_.lock()->rest(endpoint); }
  std::vector<VirtualEndpoint> wake(const InfoHash& info_hash) override { return directory_.lock()->wake(info_hash); }
  void cut(const NodeId& peer) override;
  void renew(const NodeId& peer, const InfoHash& info_hash) override;
  void refuse(const std::vector<NodeId>& machines) override;
  void recheck() override;
  std::vector<LinkCounters> links() const override;
  std::map<identity::Role, LinkTotals> link_totals() const override { return table_.totals(); }
  MeshCounters counters() const override { return tally_.read(); }

 private:
  Switchboard::Outside outside();
  std::optional<std::chrono::microseconds> round_trip(const LinkKey& key) const;
  void start_link(LinkParts parts);
  void tell_engine(const LinkKey& key);
  void link_ended(const std::shared_ptr<Link>& link);
  void run_control();
  void recheck_later();

  // What every thread may use.
  const MeshOptions options_;
  Tally tally_;
  Rules rules_;
  Served served_;
  Guarded<Directory> directory_;
  LinkTable table_;

  // The control thread's. Coroutines that are left suspended go with io_, after the rooms that they worked for.
  net::io_context io_{1};
  net::executor_work_guard<net::io_context::executor_type> keep_running_{io_.get_executor()};
  Dialer dialer_;
  Switchboard switchboard_;
  Acceptor acceptor_;
  SocksFront front_;
  SocksEntrance entrance_;
  Deadline recheck_timer_{io_};
  bool rechecking_ = false;
  std::uint16_t port_ = 0;

  std::vector<std::unique_ptr<Worker>> workers_;
  std::thread control_;
};

SocksFront make_secret() { return {0, "shoal", to_hex(crypto::random_bytes(32))}; }

OwnMesh::OwnMesh(MeshOptions options, Doors doors, const identity::CredentialStore& credentials, LinkPolicy& policy, const Clock& clock)
    : options_(std::move(options)),
      rules_(credentials, policy, clock, tally_),
      dialer_(io_, credentials, rules_),
      switchboard_(io_, {options_.handshake}, options_.links, rules_, served_, table_, dialer_, outside()),
      acceptor_(io_, std::move(doors.network), {options_.handshake, options_.unfinished_handshakes}, credentials, rules_, served_,
                [this](Arrival arrival) { switchboard_.arrive(std::move(arrival)); }),
      front_(make_secret()),
      entrance_(io_, std::move(doors.engine), options_.handshake, {front_.user, front_.password}, tally_,
                [this](VirtualEndpoint endpoint, tcp::socket engine) { switchboard_.call(endpoint, std::move(engine)); }) {
  port_ = acceptor_.port();
  front_.port = entrance_.port();
  for (unsigned i = 0; i < std::max(1U, options_.threads); ++i)
    workers_.push_back(std::make_unique<Worker>(options_.idle, [this](const std::shared_ptr<Link>& link) { link_ended(link); }));
  acceptor_.start();
  entrance_.start();
  control_ = std::thread([this] { run_control(); });
}

OwnMesh::~OwnMesh() {
  io_.stop();
  control_.join();
  workers_.clear();
}

void OwnMesh::run_control() {
  block_sigpipe();
  for (;;) try {
      io_.run();
      return;
    } catch (const std::exception& error) {
      log::error("mesh_control_failed", {{"reason", error.what()}});
    }
}

Switchboard::Outside OwnMesh::outside() {
  return {[this](VirtualEndpoint endpoint) { return directory_.lock()->find(endpoint); },
          [this](VirtualEndpoint endpoint) { return directory_.lock()->is_current(endpoint); },
          [this](const NodeId& peer) { return directory_.lock()->address(peer); },
          [this](const LinkKey& key) { tell_engine(key); },
          [this](const LinkKey& key) { directory_.lock()->renumber(key); },
          [this](LinkParts parts) { start_link(std::move(parts)); }};
}

void OwnMesh::tell_engine(const LinkKey& key) {
  VirtualEndpoint endpoint = directory_.lock()->endpoint_for_caller(key);
  if (endpoint.port != 0) served_.tell(key, endpoint);
}

/// Control thread.
void OwnMesh::start_link(LinkParts parts) {
  identity::Role role = parts.peer.identity.role;
  directory_.lock()->link_started(parts.key.peer, role);
  auto traffic = table_.traffic(parts.key, role);
  auto link = std::make_shared<Link>(std::move(parts), std::move(traffic));
  table_.add(link);
  auto idlest = std::min_element(workers_.begin(), workers_.end(), [](const auto& a, const auto& b) { return a->load() < b->load(); });
  (*idlest)->take(std::move(link));
  recheck_later();
}

/// A worker's thread.
void OwnMesh::link_ended(const std::shared_ptr<Link>& link) {
  table_.remove(link);
  directory_.lock()->link_ended(link->key().peer);
  link_log::down(*link);
  net::post(io_, [this, key = link->key()] { switchboard_.link_ended(key); });
}

void OwnMesh::unserve(const InfoHash& info_hash) {
  served_.remove(info_hash);
  auto cut_all = [this, info_hash] {
    table_.cut(LinkEnd::not_served, [&](const Link& link) { return link.key().info_hash == info_hash; });
  };
  cut_all();
  // Once more on the thread that makes links: one may have been under way.
  net::post(io_, [this, info_hash, cut_all] {
    if (served_.contains(info_hash)) return;  // served anew meanwhile
    switchboard_.drop([&](const LinkKey& key) { return key.info_hash == info_hash; });
    cut_all();
    table_.forget(info_hash);
    // Under the lock: whoever serves it anew is introduced to peers after that, and must not be given a port that goes.
    auto directory = directory_.lock();
    if (!served_.contains(info_hash)) directory->release(info_hash);
  });
}

VirtualEndpoint OwnMesh::introduce(const NodeId& peer, const InfoHash& info_hash, const HostPort& address) {
  auto directory = directory_.lock();
  directory->set_address(peer, address);
  return directory->endpoint({peer, info_hash});
}

std::optional<Mesh::Whom> OwnMesh::whom(VirtualEndpoint endpoint) const {
  return directory_.with([&](const Directory& directory) -> std::optional<Whom> {
    auto key = directory.find(endpoint);
    if (!key) return std::nullopt;
    return Whom{key->peer, key->info_hash, directory.role(key->peer)};
  });
}

std::optional<std::chrono::microseconds> OwnMesh::round_trip(VirtualEndpoint endpoint) const {
  const auto key = directory_.with([&](const Directory& directory) { return directory.find(endpoint); });
  return key ? round_trip(*key) : std::nullopt;
}

std::optional<std::chrono::microseconds> OwnMesh::round_trip(const LinkKey& key) const {
  const auto link = table_.find(key);
  return link ? shortest_round_trip(link->wire()) : std::nullopt;
}

std::vector<LinkCounters> OwnMesh::links() const {
  std::vector<LinkCounters> all = table_.counters();
  for (LinkCounters& each : all)
    if (each.links > 0) each.round_trip = round_trip(LinkKey{each.peer, each.info_hash});
  return all;
}

void OwnMesh::cut(const NodeId& peer) {
  auto cut_all = [this, peer] { tally_.cut += table_.cut(LinkEnd::cut, [&](const Link& link) { return link.key().peer == peer; }); };
  cut_all();
  net::post(io_, [this, peer, cut_all] {
    switchboard_.drop([&](const LinkKey& key) { return key.peer == peer; });
    cut_all();
  });
}

void OwnMesh::renew(const NodeId& peer, const InfoHash& info_hash) {
  if (const auto link = table_.find({peer, info_hash})) link->cut(LinkEnd::renewed);
}

void OwnMesh::refuse(const std::vector<NodeId>& machines) {
  if (rules_.refuse({machines.begin(), machines.end()})) recheck();
}

void OwnMesh::recheck() {
  tally_.cut += table_.cut(LinkEnd::not_allowed, [this](const Link& link) { return !rules_.may_stay(link.peer(), link.key().info_hash); });
}

/// Control thread; goes on for as long as there are links.
void OwnMesh::recheck_later() {
  if (std::exchange(rechecking_, true)) return;
  recheck_timer_.in(recheck_every, [this] {
    rechecking_ = false;
    recheck();
    if (table_.open() > 0) recheck_later();
  });
}

}  // namespace

Result<std::unique_ptr<Mesh>> Mesh::start(MeshOptions options, const identity::CredentialStore& credentials, LinkPolicy& policy,
                                          const Clock& clock) try {
  SHOAL_TRY(Doors doors, open_doors(options));
  return std::unique_ptr<Mesh>(std::make_unique<OwnMesh>(std::move(options), std::move(doors), credentials, policy, clock));
} catch (const std::exception& error) {
  return fail(std::string("cannot start the mesh: ") + error.what());
}

}  // namespace shoal::mesh
