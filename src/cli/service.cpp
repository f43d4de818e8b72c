#include "cli/service.hpp"

#include <utility>

#include "base/log.hpp"

namespace shoal::cli {
namespace {

/// A loop that has not turned for so long hangs. Its turns take a second or so; a disk may make one late.
constexpr std::chrono::seconds longest_turn{60};

}  // namespace

const Option& metrics_option() {
  static const Option option{.name = "--metrics",
                             .value = "ADDR:PORT",
                             .help = "serve /metrics (Prometheus), /livez and /readyz here, over plain HTTP, such as 127.0.0.1:9470",
                             .config_key = "metrics"};
  return option;
}

Result<HostPort> metrics_address(const Invocation& call) {
  if (call.get(metrics_option().name).empty()) return HostPort{};
  return call.address(metrics_option().name);
}

Service::Service(Invocation& call, const Clock& clock, Reload reload)
    : call_(call), clock_(clock), reload_(std::move(reload)), notifier_(clock) {
  if (has_service_manager()) call.shutdown.count_hangups();
}

void Service::ready(std::string_view status) {
  turned();
  ready_ = true;
  notifier_.ready(status);
}

void Service::turned() { turned_ = clock_.steady_now().time_since_epoch().count(); }

Service::Health Service::health() const {
  const SteadyTime last{SteadyTime::duration(turned_)};
  return {!ready_ || clock_.steady_now() - last < longest_turn, ready_};
}

void Service::alive(std::string_view status) {
  turned();
  if (const unsigned hangups = call_.shutdown.hangups(); hangups != std::exchange(hangups_, hangups)) {
    notifier_.reloading();
    if (Status done = read_again(); !done.ok()) log::error("reload_failed", {{"reason", done.error().message}, {"now", "as before"}});
    else call_.out.message("the configuration was read again");
    notifier_.ready(status);
  }
  notifier_.alive(status);
}

Status Service::read_again() {
  SHOAL_TRY(Invocation next, call_.again());
  SHOAL_TRY(log::Level level, log::parse_level(next.get("--log-level")));
  if (reload_.apply) SHOAL_CHECK(reload_.apply(next));
  log::set_level(level);
  warn_of_the_rest(next);
  return {};
}

void Service::warn_of_the_rest(const Invocation& next) const {
  for (const std::string& option : call_.changed_in(next)) {
    if (option == "--log-level" || reload_.options.contains(option)) continue;
    log::warn("reload_needs_restart", {{"option", option}, {"meaning", "the new value takes effect after a restart"}});
  }
}

}  // namespace shoal::cli
