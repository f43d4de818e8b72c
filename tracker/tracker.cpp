#include "tracker/tracker.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>

#include "base/asio.hpp"
#include "base/directory_lock.hpp"
#include "base/log.hpp"
#include "base/shutdown.hpp"
#include "identity/renewal.hpp"
#include "manifest/validity.hpp"
#include "tracker/endpoints.hpp"
#include "tracker/housekeeping.hpp"
#include "tracker/page/page.hpp"
#include "tracker/page_facts.hpp"
#include "tracker/revocations.hpp"
#include "tracker/state.hpp"
#include "tracker/tracker_metrics.hpp"

namespace shoal::tracker {
namespace {

constexpr std::size_t disk_threads = 2;
constexpr unsigned failed_enrolments_per_minute = 20;  // for each address
constexpr std::chrono::seconds sweep_period{1};
constexpr std::chrono::seconds longest_sweep{10};
constexpr std::chrono::hours warning_period{24};
constexpr int sweeps_for_database = 3600;  // the first comes after an hour: a clock that is wrong at the start has time to be set
constexpr int sweeps_for_peers = 30;       // they are looked through each so many sweeps
// Each node holds a connection while it waits for the next freshness statement, and one for its announces.
constexpr std::size_t most_connections = 24000;
constexpr std::size_t most_connections_per_address = 16384;  // a site may stand behind one address
constexpr std::size_t most_waiting_per_caller = 64;          // requests that need the disk

/// The system's default of 1024 descriptors would be all that a fleet could open.
void allow_connections() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, most_connections + 1024);
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

/// A certificate for the tracker from its own CA.
identity::Renewer::Renew renew_with(const identity::Authority& authority, identity::Identity self, HostPort url, std::chrono::seconds life,
                                    const Clock& clock) {
  return [&authority, &clock, self, url, life](const std::string& request_pem) {
    return authority.issue(request_pem, tracker_grant(self, url, clock.now(), life));
  };
}

/// What is read from the state directory before anything runs.
struct Loaded {
  DirectoryLock lock;
  identity::Authority authority;
  identity::Member self;
  Database database;
  crypto::PrivateKey freshness_key;
};

Result<Loaded> load(const fs::path& state) {
  SHOAL_TRY(identity::Authority authority, load_authority(state));
  SHOAL_TRY(DirectoryLock lock, DirectoryLock::acquire(state));
  SHOAL_TRY(identity::Member self, load_tracker(state));
  SHOAL_TRY(Database database, Database::open(database_path(state)));
  SHOAL_TRY(crypto::PrivateKey freshness_key, load_or_make_freshness_key(state));
  return Loaded{std::move(lock), std::move(authority), std::move(self), std::move(database), std::move(freshness_key)};
}

/// Every object of the tracker, in the order in which they need each other; the destructor takes them down in reverse.
class RunningTracker final : public Tracker {
 public:
  RunningTracker(Loaded loaded, TrackerOptions options, const Clock& clock)
      : options_(std::move(options)),
        clock_(clock),
        lock_(std::move(loaded.lock)),
        authority_(std::move(loaded.authority)),
        database_(std::move(loaded.database)),
        trust_root_(loaded.self.trust_root),
        url_(loaded.self.tracker),
        credentials_(std::move(loaded.self.credentials)),
        tls_(credentials_, {.alpn = {std::string(identity::alpn_http), std::string(identity::alpn_enrol)},
                            .require_alpn = false,
                            .allow_enrolment = true}),
        freshness_key_(std::move(loaded.freshness_key)),
        attempts_(clock, failed_enrolments_per_minute),
        revocations_(database_) {}

  ~RunningTracker() override {
    // No new sweeps or certificates; then no disk work, so that nothing answers into a server that is gone; then the servers.
    page_.reset();
    sweeper_ = {};
    renewer_.reset();
    disk_.stop();
    disk_.join();
    if (freshness_) freshness_->close();  // who waits is answered while there is a server to do it
    plain_server_.reset();
    server_.reset();
  }

  HostPort listen() const override { return {options_.listen.host, server_->port()}; }
  HostPort plain_listen() const override { return {options_.plain_listen.host, plain_server_ ? plain_server_->port() : std::uint16_t{0}}; }

  std::string page() const override { return page_ ? page_->origin() : ""; }

  bool alive() const override { return clock_.steady_now() - SteadyTime(SteadyTime::duration(swept_)) < sweep_period + longest_sweep; }

  const identity::CredentialStore& credentials() const override { return credentials_; }
  void describe(metrics::Page& page) const override {
    const auto verifier = roots_->verifier();
    const manifest::TrustRoot& root = verifier->root();
    describe_tracker(
        page, {meter_, peers_.totals(), server_->counters(), catalog_->count(), freshness_->ends(root.epoch), root.expires, clock_.now()});
  }

  Status run() {
    SHOAL_CHECK(renew_itself());
    SHOAL_TRY(roots_, TrustRoots::open(database_, trust_root_, clock_).within("trust root of " + options_.state.string()));
    SHOAL_TRY(catalog_, Catalog::open(
                            database_, [this] { return roots_->verifier(); }, clock_, options_.quotas));
    auto roots_from = [this](const Sha256& fingerprint) { return roots_->chain_from(fingerprint); };
    SHOAL_TRY(keys_, MachineKeys::open(database_, clock_));
    SHOAL_TRY(admission_, Admission::open(database_, authority_, *keys_, clock_, {options_.certificate_life, roots_from}));
    announcer_ = std::make_unique<Announcer>(
        peers_, clock_,
        Announcer::Options{options_.announce_interval, [this](const InfoHash& hash) { return catalog_->knows(hash); }, system_random(),
                           [this](const InfoHash& hash) { return catalog_->withdrawn(hash); },
                           [this] { return revocations_.certified(clock_.now()); }});
    SHOAL_CHECK(revocations_.refresh());
    freshness_ = std::make_unique<FreshnessDesk>(authority_.fleet(), freshness_key_, clock_, [this] { return look(); });
    SHOAL_CHECK(freshness_->refresh());
    SHOAL_CHECK(serve());
    SHOAL_CHECK(serve_page());
    note_sweep();
    sweeper_ = std::jthread([this](const std::stop_token& stop) {
      for (int sweeps = 1; sleep_for(sweep_period, stop); ++sweeps) {
        freshness_->sweep();
        shut_out_revoked();
        if (Status saved = keys_->save(); !saved.ok()) log::warn("machine_keys_not_saved", {{"reason", saved.error().message}});
        if (sweeps % sweeps_for_peers == 0) announcer_->sweep();
        warn_of_ends();
        if (sweeps % sweeps_for_database == 0) sweep_rows();
        note_sweep();
      }
    });
    return {};
  }

 private:
  void note_sweep() { swept_ = clock_.steady_now().time_since_epoch().count(); }

  /// Once a day, of what somebody has to renew.
  void warn_of_ends() {
    const WallTime now = clock_.now();
    if (now >= warned_ && now - warned_ < warning_period) return;
    warned_ = now;
    const auto verifier = roots_->verifier();
    const manifest::TrustRoot& root = verifier->root();
    if (manifest::ends_soon(root.expires, now))
      log::warn("trust_root_ends_soon", {{"expires", format_time(root.expires)}, {"renew", "shoal trust rotate --root-key FILE"}});
    const FreshnessDesk::Ends ends = freshness_->ends(root.epoch);
    if (ends.soon > 0)
      log::warn("channels_end_soon", {{"channels", ends.soon},
                                      {"expired", ends.expired},
                                      {"first", format_time(*ends.soonest)},
                                      {"renew", "shoal channel renew --all"}});
  }

  void sweep_rows() {
    if (auto machines = admission_->machines(); machines.ok()) reports_.retain(*machines);
    auto swept = sweep_database(database_, clock_.now());
    if (!swept.ok()) return log::warn("database_not_swept", {{"reason", swept.error().message}});
    if (*swept == Swept{}) return;
    log::info("database_swept", {{"tokens", swept->tokens},
                                 {"enrolments", swept->enrolments},
                                 {"machines", swept->machines},
                                 {"metainfos", swept->metainfos},
                                 {"deletions", swept->deletions}});
  }

  void shut_out_revoked() {
    auto fresh = revocations_.refresh();
    if (!fresh.ok()) return log::warn("revocations_not_read", {{"reason", fresh.error().message}});
    for (const NodeId& machine : *fresh) {
      log::info("machine_revoked", {{"machine", machine.str()}});
      peers_.forget(machine);
      reports_.forget(machine);
    }
  }

  Result<Situation> look() {
    auto verifier = roots_->verifier();
    const auto& keys = verifier->root().tracker_keys;
    Situation situation;
    situation.trust_root = verifier->root().version;
    situation.may_sign = std::find(keys.begin(), keys.end(), freshness_key_.public_key().id()) != keys.end();
    SHOAL_TRY(Standings standings, catalog_->standings());
    situation.channels = std::move(standings.channels);
    situation.shards = standings.shards;
    situation.left_out = standings.left_out;
    return situation;
  }

  Status renew_itself() {
    auto renew = renew_with(authority_, credentials_.current()->self.identity, url_, options_.certificate_life, clock_);
    auto save = [state = options_.state](const identity::Credentials& next) { return identity::save_credentials(state, next); };
    renewer_ = std::make_unique<identity::Renewer>(credentials_, clock_, std::move(renew), std::move(save));
    // After a rest the certificate may have run out, or a clock that was ahead has issued it: no handshake would succeed until the
    // renewer's own turn.
    const identity::Certificate& self = credentials_.current()->self;
    if (self.not_after <= clock_.now() || clock_.now() < self.not_before) SHOAL_CHECK(renewer_->renew_now());
    return {};
  }

  Status serve() {
    Parts parts{*announcer_, *admission_, *catalog_, attempts_,          *roots_, *freshness_,
                reports_,    meter_,      clock_,    authority_.fleet(), offload_};
    allow_connections();
    http::ServerLimits limits;
    limits.body = body_limit;
    limits.connections = most_connections;
    limits.connections_per_address = most_connections_per_address;
    SHOAL_TRY(server_, http::Server::start({options_.listen, &tls_, limits, options_.threads}, clock_,
                                           without_revoked(revocations_, without_doubles(*keys_, http::Router(tracker_routes(parts))))));
    if (options_.plain_listen.host.empty()) return {};
    SHOAL_TRY(plain_server_,
              http::Server::start({options_.plain_listen, nullptr, limits, options_.threads}, clock_, http::Router(plain_routes(parts))));
    log::warn("plain_listener_open",
              {{"listen", plain_listen().str()}, {"meaning", "anyone on this host can announce and scrape: for tests only"}});
    return {};
  }

  Status serve_page() {
    if (options_.page.host.empty()) return {};
    page_facts_ = std::make_unique<PageFacts>(
        PageSources{authority_.fleet(), *admission_, *catalog_, *freshness_, reports_, peers_, *roots_, *server_, credentials_});
    SHOAL_TRY(page_, page::PageServer::start({options_.page, options_.state, options_.certificate_life}, *page_facts_, clock_));
    return {};
  }

  const TrackerOptions options_;
  const Clock& clock_;
  DirectoryLock lock_;
  identity::Authority authority_;
  Database database_;
  std::string trust_root_;
  HostPort url_;
  identity::CredentialStore credentials_;
  identity::ServerTlsSource tls_;
  crypto::PrivateKey freshness_key_;
  PeerStore peers_;
  AttemptLimit attempts_;
  Revocations revocations_;
  NodeReports reports_{options_.halt_sample};
  AnnounceMeter meter_;
  std::unique_ptr<TrustRoots> roots_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<MachineKeys> keys_;
  std::unique_ptr<Admission> admission_;
  std::unique_ptr<Announcer> announcer_;
  std::unique_ptr<FreshnessDesk> freshness_;
  net::thread_pool disk_{disk_threads};
  FairQueue offload_{most_waiting_per_caller, [this](FairQueue::Work work) { net::post(disk_, std::move(work)); }};
  std::unique_ptr<identity::Renewer> renewer_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Server> plain_server_;
  std::unique_ptr<PageFacts> page_facts_;
  std::unique_ptr<page::PageServer> page_;
  std::atomic<SteadyTime::rep> swept_{0};  // when the last sweep ended
  WallTime warned_{};                      // on the sweeper's thread
  std::jthread sweeper_;
};

}  // namespace

Result<std::unique_ptr<Tracker>> Tracker::start(TrackerOptions options, const Clock& clock) {
  SHOAL_TRY(Loaded loaded, load(options.state));
  auto tracker = std::make_unique<RunningTracker>(std::move(loaded), std::move(options), clock);
  SHOAL_CHECK(tracker->run());
  log::info("tracker_started", {{"listen", tracker->listen().str()}});
  return std::unique_ptr<Tracker>(std::move(tracker));
}

}  // namespace shoal::tracker
