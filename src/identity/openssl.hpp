// OpenSSL's handles as values that free themselves, and PEM. For the sources of this folder.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace shoal::identity {

template <auto free_function>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free_function(object);
  }
};

using BioHandle = std::unique_ptr<BIO, Free<BIO_free_all>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using X509Handle = std::unique_ptr<X509, Free<X509_free>>;
using RequestHandle = std::unique_ptr<X509_REQ, Free<X509_REQ_free>>;
using ExtensionHandle = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;
using NamesHandle = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;
using StoreHandle = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;
using StoreContextHandle = std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>>;
using SslContextHandle = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;

/// "what: OpenSSL's queued errors".
Error openssl_failure(std::string_view what);

/// Never asks for a passphrase: an encrypted key is an error.
Result<KeyHandle> key_from_pem(std::string_view pem);
/// The first certificate of the text.
Result<X509Handle> certificate_from_pem(std::string_view pem);
Result<RequestHandle> request_from_pem(std::string_view pem);
std::string to_pem(const EVP_PKEY* private_key);
std::string to_pem(const X509* certificate);
std::string to_pem(const X509_REQ* request);

KeyHandle generate_p256();
/// An EC key on the named curve P-256; explicit curve parameters do not count.
bool is_p256(const EVP_PKEY* key);

}  // namespace shoal::identity
