#include "metrics/exporter.hpp"

#include "base/log.hpp"
#include "metrics/process.hpp"

namespace shoal::metrics {
namespace {

http::Response plain(int status, std::string body) { return {status, "text/plain; charset=utf-8", std::move(body)}; }

http::Response page_of(const Exported& exported) {
  Page page;
  page.gauge("shoal_build_info", "Version and role of the program; always 1.",
             {{{{"role", exported.role}, {"version", exported.version}}, 1}});
  const auto left = exported.credentials.current()->self.not_after - exported.clock.now();
  page.gauge("shoal_certificate_seconds_left",
             "Seconds until this machine's certificate expires; it is renewed after two thirds of its life.",
             static_cast<double>(left.count()));
  describe_process(page);
  exported.describe(page);
  return {200, "text/plain; version=0.0.4; charset=utf-8", page.text()};
}

http::ServerLimits limits() {
  http::ServerLimits limits;
  limits.connections = limits.connections_per_address = 64;
  limits.body = [](const std::string&, const std::string&, const identity::Certificate*) { return ByteCount{0}; };
  return limits;
}

}  // namespace

http::Response answer(const http::Request& request, const Exported& exported) {
  const bool known = request.path == "/metrics" || request.path == "/livez" || request.path == "/readyz";
  if (!known) return plain(404, "there are /metrics, /livez and /readyz\n");
  if (request.method != "GET" && request.method != "HEAD") return {405, "text/plain; charset=utf-8", "use GET\n", "GET, HEAD"};
  if (request.path == "/metrics") return page_of(exported);
  const Health health = exported.health();
  if (!health.alive) return plain(503, "the service hangs\n");
  if (request.path == "/readyz" && !health.ready) return plain(503, "not ready yet\n");
  return plain(200, "ok\n");
}

Result<std::unique_ptr<Exporter>> Exporter::start(const HostPort& listen, Exported exported) {
  std::unique_ptr<Exporter> exporter(new Exporter);
  if (listen.host.empty()) return exporter;
  const Clock& clock = exported.clock;
  auto handler = [exported = std::move(exported)](const http::Request& request, const http::Reply& reply) {
    reply(answer(request, exported));
  };
  http::ServerOptions options{listen, nullptr, limits(), 1};
  options.plain_anywhere = true;
  auto server = http::Server::start(std::move(options), clock, std::move(handler));
  if (!server.ok()) return Error(std::move(server).error()).within("metrics");
  exporter->server_ = std::move(server).value();
  if (!http::is_loopback(listen))
    log::warn("metrics_are_public", {{"listen", listen.str()},
                                     {"meaning", "whoever reaches this address can read them: bind them to loopback, or close the port"}});
  return exporter;
}

}  // namespace shoal::metrics
