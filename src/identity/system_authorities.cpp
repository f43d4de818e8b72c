#include "identity/system_authorities.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

namespace shoal::identity {
namespace {

struct Withheld {
  std::optional<std::string> file, directory;
};
/// Written before the first thread starts. Empty: nothing is withheld.
std::optional<Withheld> withheld;

std::optional<std::string> take(const char* name) {
  const char* value = std::getenv(name);
  std::optional<std::string> taken;
  if (value != nullptr) taken = value;
  ::setenv(name, "/dev/null", 1);
  return taken;
}

void put_back(std::vector<std::string>& lines, const char* name, const std::optional<std::string>& value) {
  const std::string prefix = std::string(name) + "=";
  std::erase_if(lines, [&](const std::string& line) { return line.starts_with(prefix); });
  if (value) lines.push_back(prefix + *value);
}

}  // namespace

void withhold_system_authorities() { withheld = Withheld{take(X509_get_default_cert_file_env()), take(X509_get_default_cert_dir_env())}; }

std::vector<std::string> environment() {
  std::vector<std::string> lines;
  for (char** variable = ::environ; *variable != nullptr; ++variable) lines.emplace_back(*variable);
  if (!withheld) return lines;
  put_back(lines, X509_get_default_cert_file_env(), withheld->file);
  put_back(lines, X509_get_default_cert_dir_env(), withheld->directory);
  return lines;
}

bool use_system_authorities(SSL_CTX* context) {
  if (!withheld) return SSL_CTX_set_default_verify_paths(context) == 1;
  const std::string file = withheld->file.value_or(X509_get_default_cert_file());
  const std::string directory = withheld->directory.value_or(X509_get_default_cert_dir());
  // As OpenSSL does it: a file that is missing is no error as long as there is the directory.
  if (SSL_CTX_load_verify_file(context, file.c_str()) != 1) ERR_clear_error();
  return SSL_CTX_load_verify_dir(context, directory.c_str()) == 1;
}

}  // namespace shoal::identity
