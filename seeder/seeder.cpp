#include "seeder/seeder.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "base/shutdown.hpp"
#include "base/wording.hpp"
#include "swarm/engine_metrics.hpp"

namespace shoal::seeder {
namespace {

constexpr std::chrono::seconds refresh_interval{1};
// A file server that does not answer keeps the others waiting for so long: at the start, where all that is well is to be served when
// "seeding" is said, and later.
constexpr std::chrono::seconds first_patience{20};
constexpr std::chrono::milliseconds usual_patience{200};

}  // namespace

bool Seeder::Policy::may_link(const identity::Certificate& peer, const InfoHash&) {
  return peer.identity.role == identity::Role::node || peer.identity.role == identity::Role::seeder;
}

Result<std::unique_ptr<Seeder>> Seeder::start(member::MemberSession& session, const HostPort& listen, const swarm::SwarmOptions& options,
                                              cli::Output& out) {
  std::unique_ptr<Seeder> seeder(new Seeder(session, out));
  mesh::MeshOptions mesh_options;
  mesh_options.listen = listen;
  SHOAL_TRY(seeder->mesh_, mesh::Mesh::start(mesh_options, session.credentials(), seeder->policy_, session.clock()));
  auto on_event = [&events = seeder->events_](const swarm::Event& event) { events.lock()->push_back(event); };
  swarm::SwarmOptions with_stop = options;
  with_stop.site = session.site();
  with_stop.client_stop = seeder->stop_;
  SHOAL_TRY(seeder->swarm_, swarm::Swarm::start(with_stop, session.self().id, *seeder->mesh_, session.client(seeder->stop_.get_token()),
                                                session.clock(), on_event));
  seeder->offer_.emplace(session, *seeder->swarm_, out);
  session.keep_renewed();
  return seeder;
}

Seeder::~Seeder() {
  offer_.reset();
  swarm_.reset();  // says "stopped" to the tracker, with a client that must still be able to speak
  stop_.request_stop();
  mesh_.reset();
}

void Seeder::run(cli::Service& service) {
  const std::stop_token stop = service.stop();
  refresh(stop, first_patience);
  if (!stop.stop_requested()) {
    say_ready();
    service.ready(status());
  }
  while (sleep_for(std::min<std::chrono::milliseconds>(refresh_interval, service.longest_wait()), stop)) {
    take_events();
    refresh(stop, usual_patience);
    say_progress();
    service.alive(status());
  }
  out_.progress_done();
}

void Seeder::refresh(const std::stop_token& stop, std::chrono::milliseconds patience) {
  offer_->refresh(stop, patience);
  served_ = offer_->releases();
  waiting_ = offer_->waiting();
}

void Seeder::describe(metrics::Page& page) const {
  page.gauge("shoal_releases", "Releases that this machine has published, by state.",
             {{{{"state", "served"}}, static_cast<double>(served_)}, {{{"state", "waiting"}}, static_cast<double>(waiting_)}});
  page.gauge("shoal_trust_root_seconds_left", "Seconds until the trust root expires that this machine knows.",
             static_cast<double>((session_.verifier()->root().expires - session_.clock().now()).count()));
  swarm::describe_engine(page, *mesh_, *swarm_);
}

void Seeder::take_events() {
  std::vector<swarm::Event> events = std::exchange(*events_.lock(), {});
  for (const auto& event : events) {
    if (auto* failed = std::get_if<swarm::Failed>(&event)) offer_->failed(failed->content, failed->error);
    if (auto* lied = std::get_if<swarm::PeerLied>(&event)) log::warn("bad_piece_received", {{"machine", lied->peer.str()}});
  }
}

void Seeder::say_ready() {
  std::string releases = counted(offer_->releases(), "release");
  Json contents = Json::array();
  for (const auto& content : offer_->contents()) contents.push_back(content.hex());
  out_.result({{"type", "seeding"}, {"listen", port()}, {"releases", offer_->releases()}, {"info_hashes", contents}},
              "seeding " + releases + " on port " + std::to_string(port()) + "; interrupt to stop");
}

std::string Seeder::status() const {
  const std::string problem = announce_problem();
  return "serves " + counted(offer_->releases(), "release") + " on port " + std::to_string(port()) +
         (problem.empty() ? "" : "; the tracker cannot be told: " + problem);
}

void Seeder::say_progress() {
  swarm::Progress sum;
  for (const auto& content : offer_->contents()) {
    auto progress = swarm_->progress(content);
    if (!progress) continue;
    sum.sent += progress->sent;
    sum.upload_rate += progress->upload_rate;
    sum.peers += progress->peers;
  }
  std::string problem = announce_problem();
  std::string detail = "sent to " + counted(sum.peers, "peer") + (problem.empty() ? "" : "; the tracker cannot be told: " + problem);
  Json extra{{"peers", sum.peers}, {"sent", sum.sent}, {"releases", offer_->releases()}};
  if (!problem.empty()) extra["tracker_problem"] = problem;
  out_.progress({"seeding " + counted(offer_->releases(), "release"), sum.sent, 0, sum.upload_rate, detail, extra});
}

std::string Seeder::announce_problem() const {
  for (const auto& content : offer_->contents()) {
    std::string problem = swarm_->announce_problem(content);
    if (!problem.empty()) return problem;
  }
  return "";
}

}  // namespace shoal::seeder
