#include "tracker/page/page.hpp"

#include <thread>

#include "base/log.hpp"
#include "base/shutdown.hpp"
#include "http/router.hpp"
#include "http/server.hpp"
#include "tracker/page/assets.hpp"
#include "tracker/page/details.hpp"
#include "tracker/page/guard.hpp"
#include "tracker/page/hub.hpp"
#include "tracker/page/links.hpp"

namespace shoal::page {
namespace {

using http::PathArguments;
using http::Reply;
using http::Request;
using http::Response;

constexpr ByteCount largest_body = 1024;
constexpr std::size_t most_connections = 96;  // of which 32 may be open pages
constexpr std::chrono::milliseconds turn_period{1000};
// Lists cost the tracker a look at its database and at all announces, so they come less often; the longer a look takes, the less often.
constexpr std::chrono::seconds list_period{5};
constexpr int cost_factor = 50;

Response json(const Json& value) { return {200, "application/json", value.dump(-1, ' ', false, Json::error_handler_t::replace)}; }
Response refused(const Error& error) { return http::error_response(http::status_of(error.code), error); }
Response no_session() {
  return http::error_response(401, fail(ErrorCode::not_enrolled, "no session: run 'shoal page' on the tracker's host, and open its link"));
}
Response empty() { return {204, "", ""}; }

http::ServerLimits limits() {
  http::ServerLimits limits;
  limits.connections = limits.connections_per_address = most_connections;
  limits.body = [](const std::string& method, const std::string& path, const identity::Certificate*) {
    return method == "POST" && path == "/session" ? largest_body : ByteCount{0};
  };
  return limits;
}

class RunningPage final : public PageServer {
 public:
  RunningPage(PageOptions options, Facts& facts, const Clock& clock)
      : options_(std::move(options)),
        facts_(facts),
        clock_(clock),
        sessions_(clock),
        hub_(FleetModel(facts.fleet(), {options_.certificate_life}), clock) {}

  ~RunningPage() override {
    forget_origin(options_.state);
    watcher_ = {};
    hub_.close();
    server_.reset();
  }

  std::string origin() const override { return "http://" + HostPort{options_.listen.host, server_->port()}.str(); }

  Status open() {
    if (!http::is_loopback(options_.listen))
      return fail(ErrorCode::usage, "--page must be on a loopback address, not on " + options_.listen.str() +
                                        ": reach it from elsewhere with 'ssh -L 7480:127.0.0.1:7480 HOST'");
    look();
    http::ServerOptions options{options_.listen, nullptr, limits(), 1};
    SHOAL_TRY(server_, http::Server::start(std::move(options), clock_,
                                           [this](Request request, const Reply& reply) { handle(std::move(request), reply); }));
    rules_.cookie = "shoal_page_" + std::to_string(server_->port());  // cookies of one host are shared by all its ports
    ready_ = true;
    SHOAL_CHECK(write_origin(options_.state, origin()));
    watcher_ = std::jthread([this](const std::stop_token& stop) {
      while (sleep_for(turn_period, stop)) look();
    });
    log::info("page_open", {{"origin", origin()}});
    return {};
  }

 private:
  // --- on the server's thread

  void handle(Request request, const Reply& reply) {
    if (!ready_) return reply(guarded(refused(fail(ErrorCode::unreachable, "the page is starting"))));
    if (auto why = objection(request, rules_)) return reply(guarded(std::move(*why)));
    reply(guarded(answer(request)));
  }

  Response answer(const Request& request) {
    if (const Asset* asset = find_asset(request.path)) return show(request, *asset);
    if (request.path == "/session") return change_session(request);
    if (request.method != "GET") return refused(fail(ErrorCode::not_found, "there is nothing of this name"));
    const auto session = sessions_.find(cookie_of(request, rules_.cookie));
    if (!session) return no_session();
    if (request.path == "/events") return events(*session);
    return look_up(request);
  }

  static Response show(const Request& request, const Asset& asset) {
    if (request.method != "GET" && request.method != "HEAD") return {405, "text/plain; charset=utf-8", "use GET\n", "GET, HEAD"};
    Response response{200, std::string(asset.type), std::string(asset.text)};
    return response;
  }

  /// Only the page's own script can send JSON here, since other sites would have to ask first.
  Response change_session(const Request& request) {
    const std::string cookie = cookie_of(request, rules_.cookie);
    if (request.method == "GET") return sessions_.find(cookie) ? empty() : no_session();
    Response done = empty();
    if (request.method == "DELETE") {
      if (const auto session = sessions_.find(cookie)) {
        sessions_.end(*session);
        hub_.leave(session->id);
      }
      done.fields.emplace_back("Set-Cookie", set_cookie(rules_, "", std::chrono::seconds(0)));
      return done;
    }
    auto type = request.headers.find("content-type");
    if (request.method != "POST" || type == request.headers.end() || type->second != "application/json")
      return refused(fail(ErrorCode::usage, "POST with a JSON body"));
    auto body = parse_json(request.body, largest_body);
    if (!body.ok() || !body->is_object()) return refused(fail(ErrorCode::usage, "a JSON object is missing"));
    JsonReader reader(*body, "session");
    const std::string link = reader.string("link");
    if (!reader.finish().ok()) return refused(fail(ErrorCode::usage, "the secret of the link is missing"));
    if (!use_link(options_.state, link, clock_.now())) {
      log::info("page_link_refused", {{"address", request.remote_address}});
      return http::error_response(403, fail(ErrorCode::not_enrolled, "this link was used before, or is too old: run 'shoal page' again"));
    }
    log::info("page_session", {{"address", request.remote_address}});
    done.fields.emplace_back("Set-Cookie", set_cookie(rules_, sessions_.begin(), Sessions::life));
    return done;
  }

  Response events(const Session& session) {
    Response response{200, "text/event-stream", ""};
    response.feed = hub_.join(session);
    if (response.feed) return response;
    Response busy = refused(fail(ErrorCode::unreachable, "too many pages are open"));
    busy.retry_after = std::chrono::seconds(10);
    return busy;
  }

  /// Details, of what somebody looks at. Blocks on the disk, on a thread that serves the page alone.
  Response look_up(const Request& request) {
    std::vector<std::string> parts;
    for (std::size_t from = 1; from <= request.path.size();) {
      const std::size_t end = std::min(request.path.find('/', from), request.path.size());
      parts.push_back(request.path.substr(from, end - from));
      from = end + 1;
    }
    auto found =
        parts.size() >= 3 && parts[0] == "api" ? details(parts) : Result<Json>(fail(ErrorCode::not_found, "there is nothing of this name"));
    return found.ok() ? json(*found) : refused(found.error());
  }

  Result<Json> details(const std::vector<std::string>& parts) {
    if (parts[1] == "machines" && parts.size() == 3) {
      SHOAL_TRY(NodeId machine, NodeId::parse(parts[2]));
      Json found = hub_.details(machine);
      if (found.is_null()) return fail(ErrorCode::not_found, "no such machine");
      return found;
    }
    if (parts[1] == "releases" && parts.size() == 3) {
      SHOAL_TRY(ReleaseId release, ReleaseId::from_hex(parts[2]));
      SHOAL_TRY(std::string envelope, facts_.envelope(release));
      return release_details(envelope, *facts_.verifier());
    }
    if (parts[1] == "channels" && parts.size() == 6 && parts[5] == "history") {
      SHOAL_TRY(ModelName model, ModelName::parse(parts[2] + "/" + parts[3]));
      SHOAL_TRY(ChannelName channel, ChannelName::parse(parts[4]));
      SHOAL_TRY(auto rows, facts_.history(model, channel));
      return history_details(rows);
    }
    return fail(ErrorCode::not_found, "there is nothing of this name");
  }

  // --- on the watcher's thread, and once before it starts

  /// Lists come from the database and from all announces; what a list costs decides when the next one comes.
  struct Lists {
    std::vector<registry::MachineRow> machines;
    std::vector<ReleaseFacts> releases;
    std::vector<ChannelFacts> channels;
    Presences presences;
  };

  std::optional<Lists> read_lists() {
    const SteadyTime began = clock_.steady_now();
    if (began < next_lists_) return std::nullopt;
    auto machines = facts_.machines();
    auto releases = facts_.releases();
    auto channels = facts_.channels();
    if (!machines.ok() || !releases.ok() || !channels.ok()) {
      next_lists_ = began + list_period;
      log::debug("page_lists_not_read", {});
      return std::nullopt;
    }
    Lists lists{std::move(*machines), std::move(*releases), std::move(*channels), {}};
    for (const ReleaseFacts& release : lists.releases)
      if (auto present = facts_.present(release.content); !release.withdrawn && !present.empty())
        lists.presences[release.id] = std::move(present);
    const SteadyTime now = clock_.steady_now();
    next_lists_ = now + std::max<SteadyTime::duration>(list_period, (now - began) * cost_factor);
    return lists;
  }

  void look() {
    try {
      auto lists = read_lists();
      std::uint64_t serial = serial_;
      auto reports = facts_.reports_since(serial);
      serial_ = serial;
      const TrackerFacts tracker = facts_.tracker();
      hub_.update([&](FleetModel& model) { turn(model, std::move(lists), reports, tracker); });
    } catch (const std::exception& problem) {
      log::error("page_failed", {{"reason", problem.what()}});
    }
  }

  void turn(FleetModel& model, std::optional<Lists> lists, const std::vector<ReportFacts>& reports, const TrackerFacts& tracker) {
    const WallTime now = clock_.now();
    if (lists) {
      model.set_machines(lists->machines, now);
      model.set_releases(std::move(lists->releases));
      model.set_channels(std::move(lists->channels));
    }
    for (const ReportFacts& report : reports) model.take(report);
    if (lists) model.set_presences(lists->presences, now);
    model.set_tracker(tracker);
    model.turn(now);
  }

  const PageOptions options_;
  Facts& facts_;
  const Clock& clock_;
  GuardRules rules_;  // complete once ready_
  std::atomic<bool> ready_{false};
  Sessions sessions_;
  Hub hub_;
  SteadyTime next_lists_{};
  std::uint64_t serial_ = 0;
  std::unique_ptr<http::Server> server_;
  std::jthread watcher_;
};

}  // namespace

Result<std::unique_ptr<PageServer>> PageServer::start(PageOptions options, Facts& facts, const Clock& clock) {
  auto page = std::make_unique<RunningPage>(std::move(options), facts, clock);
  SHOAL_CHECK(page->open().within("page"));
  return std::unique_ptr<PageServer>(std::move(page));
}

}  // namespace shoal::page
