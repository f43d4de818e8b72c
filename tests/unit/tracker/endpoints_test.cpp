#include "tracker/endpoints.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::tracker;
using identity::Role;

namespace {

ByteCount limit_for(Role role, const std::string& method, const std::string& path) {
  identity::Certificate certificate;
  certificate.identity.role = role;
  return body_limit(method, path, &certificate);
}

}  // namespace

TEST_CASE("only those who may publish may send much") {
  const std::string version = "/v1/models/acme/chat/versions/1.0", channel = "/v1/models/acme/chat/channels/stable";
  for (Role role : {Role::seeder, Role::publisher, Role::admin}) {
    CHECK(limit_for(role, "PUT", version) == 100 * MiB);
    CHECK(limit_for(role, "PUT", channel) == registry::channel_body_limit);
  }
  for (Role role : {Role::node, Role::tracker}) {
    CHECK(limit_for(role, "PUT", version) == 16 * KiB);
    CHECK(limit_for(role, "PUT", channel) == 16 * KiB);
  }
  CHECK(limit_for(Role::admin, "POST", version) == 16 * KiB);
  CHECK(limit_for(Role::admin, "PUT", "/elsewhere/versions/1") == 16 * KiB);
  CHECK(limit_for(Role::node, "POST", "/v1/renew") == 64 * KiB);
  CHECK(limit_for(Role::node, "PUT", "/v1/nodes/self") == registry::report_limit);
  CHECK(limit_for(Role::admin, "PUT", "/v1/trust-roots/2") == registry::trust_root_body_limit);
  CHECK(limit_for(Role::node, "PUT", "/v1/trust-roots/2") == 16 * KiB);
}

TEST_CASE("a stranger may send an enrolment and nothing else") {
  CHECK(body_limit("POST", "/v1/enrol", nullptr) == 64 * KiB);
  CHECK(body_limit("GET", "/v1/enrol", nullptr) == 0);
  CHECK(body_limit("POST", "/v1/renew", nullptr) == 0);
  CHECK(body_limit("PUT", "/v1/models/acme/chat/versions/1.0", nullptr) == 0);
}
