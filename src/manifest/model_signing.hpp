// OpenSSF Model Signing (github.com/ossf/model-signing-spec, v1.0): `model.sig`, a sigstore bundle over the files of a model, which
// other people's tools verify. The statement is rebuilt from the file list of the release, byte for byte, so that a release carries the
// signature alone. Pure.
#pragma once

#include <string>
#include <string_view>

#include "crypto/signing_key.hpp"
#include "manifest/release.hpp"

namespace shoal::manifest {

/// Where the bundle lies, at the root of the model.
inline constexpr std::string_view model_signature_name = "model.sig";

/// SHA-256 over the digests of the files, in order: what the statement's subject names.
Sha256 model_root_digest(const std::vector<Sha256>& files);
/// The in-toto statement; code `usage` where the release has no file that counts (all are of version control).
Result<std::string> model_statement(const Release& release);
/// Whether the source brought a `model.sig` of its own (or a directory of that name): it keeps it, and gets none of ours.
bool has_own_model_signature(const Release& release);

/// What `publish` puts into the release.
Result<ModelSignature> sign_model(const Release& release, const crypto::PrivateKey& key);
/// The content of `model.sig`. Code `verification` where it is not what the release's `sha256` says; `not_found` where the release
/// carries no signature.
Result<std::string> model_signature_bundle(const Release& release);
/// Whether the signature of the release is of this key.
bool verifies_model_signature(const Release& release, const crypto::PublicKey& key);

}  // namespace shoal::manifest
