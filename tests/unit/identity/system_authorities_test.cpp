#include "identity/system_authorities.hpp"

#include <openssl/ssl.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "doctest/doctest.h"

using namespace shoal;

TEST_CASE("what starts later sees the system's authorities as they were, and OpenSSL in this process sees none") {
  ::setenv("SSL_CERT_FILE", "/somewhere/ca.pem", 1);
  ::unsetenv("SSL_CERT_DIR");
  identity::withhold_system_authorities();
  CHECK(std::string(std::getenv("SSL_CERT_FILE")) == "/dev/null");
  const auto lines = identity::environment();
  CHECK(std::count(lines.begin(), lines.end(), "SSL_CERT_FILE=/somewhere/ca.pem") == 1);
  CHECK(std::none_of(lines.begin(), lines.end(), [](const std::string& line) { return line.find("/dev/null") != std::string::npos; }));
  CHECK(std::none_of(lines.begin(), lines.end(), [](const std::string& line) { return line.starts_with("SSL_CERT_DIR="); }));
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  CHECK(identity::use_system_authorities(context.get()));
}
