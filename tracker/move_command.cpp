// `shoal tracker move`: the tracker has another host name or port from now on.
#include "base/directory_lock.hpp"
#include "base/log.hpp"
#include "cli/tracker_url.hpp"
#include "tracker/command_parts.hpp"
#include "tracker/state.hpp"

namespace shoal::tracker {
namespace {

/// A certificate for the new name, then the address that tokens carry. The lock shows that no tracker runs with the old one.
Result<HostPort> move_to(const fs::path& state, const HostPort& url, WallTime now) {
  SHOAL_TRY(identity::Authority authority, load_authority(state));
  SHOAL_TRY(identity::Member self, load_tracker(state));
  SHOAL_TRY(DirectoryLock lock, DirectoryLock::acquire(state).within("stop the tracker first"));
  identity::KeyAndRequest fresh = identity::make_request();
  const auto grant = tracker_grant(self.credentials.self.identity, url, now, std::chrono::hours(24));
  SHOAL_TRY(std::string pem, authority.issue(fresh.request_pem, grant));
  SHOAL_TRY(self.credentials, identity::make_credentials(std::move(fresh.key_pem), std::move(pem), authority.certificate_pem()));
  const HostPort before = std::exchange(self.tracker, url);
  SHOAL_CHECK(identity::save_credentials(state, self.credentials));
  SHOAL_CHECK(identity::save_tracker(state, self));
  return before;
}

Status run_tracker_move(cli::Invocation& call) {
  SHOAL_TRY(HostPort url, cli::parse_tracker_url(call.get("URL")).within("URL"));
  SHOAL_TRY(HostPort before, move_to(call.get("--state"), url, SystemClock().now()));
  call.out.result({{"type", "moved"}, {"before", before.str()}, {"tracker", url.str()}},
                  "the tracker is at " + url.str() + " instead of " + before.str() +
                      ", for its next start and for new tokens\n"
                      "Start it, then tell each machine that has joined: shoal join --tracker https://" +
                      url.str());
  return {};
}

cli::Command tracker_move_command() {
  return {.path = "tracker move",
          .summary = "give the tracker another host name or port",
          .details =
              "Run it on the tracker's host while the tracker is stopped. New tokens carry the new address, and the tracker's certificate "
              "names its host. Machines that have joined keep the old address until 'shoal join --tracker URL' tells them the new one: "
              "let the old name lead to the new host until then.\n\n"
              "Example: shoal tracker move https://tracker2.example:7443",
          .positionals = {{"URL", "https://HOST[:PORT] under which members reach the tracker from now on; port 7443 if you leave it out",
                           true}},
          .options = {state_option},
          .run = run_tracker_move,
          .topic = cli::topic_set_up,
          .also = {"tracker rename", "tracker set", "tracker url"},
          .failures = {ErrorCode::not_found, ErrorCode::not_enrolled, ErrorCode::no_space}};
}

}  // namespace

std::vector<cli::Command> move_commands() { return {tracker_move_command()}; }

}  // namespace shoal::tracker
