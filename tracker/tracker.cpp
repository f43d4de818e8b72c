#include "tracker/tracker.hpp"

#include "base/asio.hpp"
#include "base/log.hpp"
#include "base/shutdown.hpp"
#include "identity/renewal.hpp"
#include "tracker/endpoints.hpp"
#include "tracker/state.hpp"

namespace shoal::tracker {
namespace {

constexpr std::size_t disk_threads = 2;
constexpr unsigned failed_enrolments_per_minute = 20;  // for each address
constexpr std::chrono::seconds sweep_period{30};

/// A certificate for the tracker from its own CA.
identity::Renewer::Renew renew_with(const identity::Authority& authority, identity::Identity self, HostPort url, std::chrono::seconds life,
                                    const Clock& clock) {
  return [&authority, &clock, self, url, life](const std::string& request_pem) {
    return authority.issue(request_pem, tracker_grant(self, url, clock.now(), life));
  };
}

Result<manifest::Verifier> restore_verifier(const std::string& trust_root) {
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(trust_root, manifest::trust_root_limit));
  return manifest::Verifier::restore(envelope);
}

/// What is read from the state directory before anything runs.
struct Loaded {
  DirectoryLock lock;
  identity::Authority authority;
  identity::Member self;
  Database database;
  manifest::Verifier verifier;
};

Result<Loaded> load(const fs::path& state) {
  SHOAL_TRY(identity::Authority authority, load_authority(state));
  SHOAL_TRY(DirectoryLock lock, DirectoryLock::acquire(state));
  SHOAL_TRY(identity::Member self, load_tracker(state));
  SHOAL_TRY(manifest::Verifier verifier, restore_verifier(self.trust_root).within("trust root of " + state.string()));
  SHOAL_TRY(Database database, Database::open(database_path(state)));
  return Loaded{std::move(lock), std::move(authority), std::move(self), std::move(database), std::move(verifier)};
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
        verifier_(std::move(loaded.verifier)),
        attempts_(clock, failed_enrolments_per_minute) {}

  ~RunningTracker() override {
    // No new sweeps or certificates; then no disk work, so that nothing answers into a server that is gone; then the servers.
    sweeper_ = {};
    renewer_.reset();
    disk_.stop();
    disk_.join();
    plain_server_.reset();
    server_.reset();
  }

  HostPort listen() const override { return {options_.listen.host, server_->port()}; }
  HostPort plain_listen() const override { return {options_.plain_listen.host, plain_server_ ? plain_server_->port() : std::uint16_t{0}}; }

  Status run() {
    SHOAL_CHECK(renew_itself());
    SHOAL_TRY(catalog_, Catalog::open(database_, verifier_, clock_));
    SHOAL_TRY(admission_, Admission::open(database_, authority_, clock_, {options_.certificate_life, trust_root_}));
    announcer_ = std::make_unique<Announcer>(
        peers_, clock_,
        Announcer::Options{options_.announce_interval, [this](const InfoHash& hash) { return catalog_->knows(hash); }, system_random()});
    SHOAL_CHECK(serve());
    sweeper_ = std::jthread([this](const std::stop_token& stop) {
      while (sleep_for(sweep_period, stop)) announcer_->sweep();
    });
    return {};
  }

 private:
  Status renew_itself() {
    auto renew = renew_with(authority_, credentials_.current()->self.identity, url_, options_.certificate_life, clock_);
    auto save = [state = options_.state](const identity::Credentials& next) { return identity::save_credentials(state, next); };
    renewer_ = std::make_unique<identity::Renewer>(credentials_, clock_, std::move(renew), std::move(save));
    // After a rest the certificate may have run out, and no handshake would succeed until the renewer's own turn.
    if (credentials_.current()->self.not_after <= clock_.now()) SHOAL_CHECK(renewer_->renew_now());
    return {};
  }

  Status serve() {
    Parts parts{*announcer_, *admission_,        *catalog_,
                attempts_,   authority_.fleet(), [this](std::function<void()> work) { net::post(disk_, std::move(work)); }};
    http::ServerLimits limits;
    limits.body = body_limit;
    SHOAL_TRY(server_,
              http::Server::start({options_.listen, &tls_, limits, options_.threads}, clock_, http::Router(tracker_routes(parts))));
    if (options_.plain_listen.host.empty()) return {};
    SHOAL_TRY(plain_server_,
              http::Server::start({options_.plain_listen, nullptr, limits, options_.threads}, clock_, http::Router(plain_routes(parts))));
    log::warn("plain_listener_open",
              {{"listen", plain_listen().str()}, {"meaning", "anyone on this host can announce and scrape: for tests only"}});
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
  manifest::Verifier verifier_;
  PeerStore peers_;
  AttemptLimit attempts_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Admission> admission_;
  std::unique_ptr<Announcer> announcer_;
  net::thread_pool disk_{disk_threads};
  std::unique_ptr<identity::Renewer> renewer_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Server> plain_server_;
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
