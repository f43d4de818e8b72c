// Composition root of the serving side: every long-lived object, built by hand in dependency order.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "cli/service.hpp"
#include "member/member_session.hpp"
#include "mesh/mesh.hpp"
#include "metrics/page.hpp"
#include "seeder/offer.hpp"
#include "swarm/swarm.hpp"

namespace shoal::seeder {

class Seeder {
 public:
  /// Opens the mesh's port (code `failed` where it is in use), starts the engine, and renews the certificate from now on.
  static Result<std::unique_ptr<Seeder>> start(member::MemberSession& session, const HostPort& listen, const swarm::SwarmOptions& options,
                                               cli::Output& out);
  /// Ends in the opposite order: engine, mesh.
  ~Seeder();

  std::uint16_t port() const { return mesh_->port(); }
  /// Serves until the service is to stop. Says "seeding" as a result once all that can be served is, and how it goes as progress.
  void run(cli::Service& service);
  /// Bytes per second; 0 is unlimited. Thread-safe.
  void limit_upload(ByteCount rate) { swarm_->set_limits(rate, 0); }
  /// What the seeder has to say to Prometheus. Thread-safe.
  void describe(metrics::Page& page) const;

 private:
  Seeder(member::MemberSession& session, cli::Output& out) : session_(session), out_(out) {}

  /// The mesh admits links for served contents only; who is no machine of the data plane has no business there either.
  struct Policy final : mesh::LinkPolicy {
    bool may_link(const identity::Certificate& peer, const InfoHash& info_hash) override;
  };

  void take_events();
  void refresh(const std::stop_token& stop, std::chrono::milliseconds patience);
  void say_ready();
  void say_progress();
  std::string status() const;  // one line for the service manager
  std::string announce_problem() const;

  member::MemberSession& session_;
  cli::Output& out_;
  std::stop_source stop_;
  Guarded<std::vector<swarm::Event>> events_;  // from the swarm's thread to run()
  Policy policy_;
  std::unique_ptr<mesh::Mesh> mesh_;
  std::unique_ptr<swarm::Swarm> swarm_;
  std::optional<Offer> offer_;
  std::atomic<std::size_t> served_{0}, waiting_{0};  // releases
};

}  // namespace shoal::seeder
