#include "http/tls_refusal.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "http/beast.hpp"

namespace shoal::http {
namespace {

bool is_tls(const ErrorStatus& error) { return error.category() == net::error::get_ssl_category(); }

}  // namespace

std::optional<std::string> refused_certificate(const ErrorStatus& error) {
  if (!is_tls(error)) return std::nullopt;
  // OpenSSL numbers a received alert as SSL_AD_REASON_OFFSET plus its code.
  switch (ERR_GET_REASON(static_cast<unsigned long>(error.value())) - SSL_AD_REASON_OFFSET) {
    case SSL_AD_BAD_CERTIFICATE: return "it is not of this fleet";
    case SSL_AD_UNKNOWN_CA: return "it is not of this fleet";
    case SSL_AD_UNSUPPORTED_CERTIFICATE: return "it is of an unsupported kind";
    case SSL_AD_CERTIFICATE_REVOKED: return "it was revoked";
    case SSL_AD_CERTIFICATE_EXPIRED: return "it has expired";
    case SSL_AD_CERTIFICATE_UNKNOWN: return "it was not accepted";
    case SSL_AD_ACCESS_DENIED: return "access is denied";
    case SSL_AD_CERTIFICATE_REQUIRED: return "none was shown";
    default: return std::nullopt;
  }
}

std::string describe(const ErrorStatus& error, const SSL* ssl) {
  long verified = ssl != nullptr ? SSL_get_verify_result(ssl) : X509_V_OK;
  if (is_tls(error) && verified != X509_V_OK) return std::string("its certificate was refused: ") + X509_verify_cert_error_string(verified);
  std::string text = error.message();
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  return text;
}

}  // namespace shoal::http
