#include "node/moving.hpp"

#include "identity/member.hpp"
#include "identity/tls.hpp"
#include "registry/client.hpp"

namespace shoal::node {

Result<Moved> move_tracker(const fs::path& state, const HostPort& tracker, const Clock& clock, const std::stop_token& stop) {
  SHOAL_TRY(identity::Member member, identity::load_member(state));
  identity::CredentialStore credentials(member.credentials);
  identity::ClientTlsSource tls(credentials, std::string(identity::alpn_http));
  registry::Client client(http::Client::to_tracker(tracker, tls, clock), stop);
  SHOAL_CHECK(client.status());
  const Moved moved{std::exchange(member.tracker, tracker), tracker};
  SHOAL_CHECK(identity::save_tracker(state, member));
  return moved;
}

}  // namespace shoal::node
