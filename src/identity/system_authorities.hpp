// The certificate authorities that this system trusts: for HTTPS mirrors, and for nothing else.
#pragma once

#include <openssl/types.h>

#include <string>
#include <vector>

namespace shoal::identity {

/// libtorrent reads all of them in whenever a session starts, 50 ms of work and a megabyte for servers that it never asks. From now on the
/// environment (SSL_CERT_FILE, SSL_CERT_DIR) shows OpenSSL none, and `use_system_authorities` those that it showed before. Call it before
/// the first thread starts.
void withhold_system_authorities();
/// This process's environment as it was before, as NAME=value: for programs that it starts. Thread-safe while nobody changes it.
std::vector<std::string> environment();
/// The context trusts what the system trusts. False: OpenSSL says why.
bool use_system_authorities(SSL_CTX* context);

}  // namespace shoal::identity
