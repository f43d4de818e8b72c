#include "manifest/model_signing.hpp"

#include <algorithm>
#include <array>

#include "base/encoding.hpp"
#include "crypto/digest.hpp"
#include "manifest/document.hpp"
#include "manifest/envelope.hpp"

namespace shoal::manifest {
namespace {

constexpr std::string_view payload_type = "application/vnd.in-toto+json";
/// What the specification leaves out of every model, at its root. In the order in which the statement names them.
constexpr std::array<std::string_view, 5> ignored{model_signature_name, ".git", ".gitattributes", ".github", ".gitignore"};

std::string_view top_of(std::string_view path) { return path.substr(0, path.find('/')); }

bool is_ignored(std::string_view path) { return std::find(ignored.begin(), ignored.end(), top_of(path)) != ignored.end(); }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

OrderedJson serialization() { return {{"method", "files"}, {"hash_type", "sha256"}, {"allow_symlinks", false}, {"ignore_paths", ignored}}; }

OrderedJson statement_of(const Release& release, const OrderedJson& resources, const Sha256& root) {
  OrderedJson subject{{"name", release.model.str()}, {"digest", {{"sha256", root.hex()}}}};
  OrderedJson json;
  json["_type"] = "https://in-toto.io/Statement/v1";
  json["subject"] = OrderedJson::array({subject});
  json["predicateType"] = "https://model_signing/signature/v1.0";
  json["predicate"] = {{"resources", resources}, {"serialization", serialization()}};
  return json;
}

/// One JSON object and nothing else in it: the specification allows no more members.
std::string bundle_of(const std::string& statement, const ModelSignature& signature) {
  OrderedJson sig{{"sig", to_base64(signature.signature)}, {"keyid", ""}};
  OrderedJson json;
  json["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.3+json";
  json["verificationMaterial"] = {{"publicKey", {{"hint", signature.hint.hex()}}}, {"tlogEntries", OrderedJson::array()}};
  json["dsseEnvelope"] = {{"payload", to_base64(statement)}, {"payloadType", payload_type}, {"signatures", OrderedJson::array({sig})}};
  return json.dump();
}

}  // namespace

Sha256 model_root_digest(const std::vector<Sha256>& files) {
  crypto::Sha256Hasher hasher;
  for (const Sha256& file : files) hasher.update(file.view());
  return hasher.finish();
}

Result<std::string> model_statement(const Release& release) {
  OrderedJson resources = OrderedJson::array();
  std::vector<Sha256> digests;
  for (const FileEntry& file : release.files) {
    if (is_ignored(file.path)) continue;
    resources.push_back({{"name", file.path}, {"digest", file.sha256.hex()}, {"algorithm", "sha256"}});
    digests.push_back(file.sha256);
  }
  if (digests.empty())
    return fail(ErrorCode::usage, "a model signature covers no file of " + release.model.str() + ": all are of version control");
  return statement_of(release, resources, model_root_digest(digests)).dump();
}

bool has_own_model_signature(const Release& release) {
  return std::any_of(release.files.begin(), release.files.end(),
                     [](const FileEntry& file) { return lower(top_of(file.path)) == model_signature_name; });
}

Result<ModelSignature> sign_model(const Release& release, const crypto::PrivateKey& key) {
  SHOAL_TRY(std::string statement, model_statement(release));
  ModelSignature signature;
  signature.hint = crypto::sha256(key.public_key().pem());
  signature.signature = key.sign(pre_authentication_encoding(payload_type, statement));
  signature.sha256 = crypto::sha256(bundle_of(statement, signature));
  return signature;
}

Result<std::string> model_signature_bundle(const Release& release) {
  if (!release.model_signature) return fail(ErrorCode::not_found, release.model.str() + " has no model signature");
  SHOAL_TRY(std::string statement, model_statement(release));
  std::string bundle = bundle_of(statement, *release.model_signature);
  if (crypto::sha256(bundle) == release.model_signature->sha256) return bundle;
  return fail(
      ErrorCode::verification,
      release.ref().str() + ": model.sig is not what its release says: publish it with the same version of shoal as the nodes have");
}

bool verifies_model_signature(const Release& release, const crypto::PublicKey& key) {
  auto statement = model_statement(release);
  return statement.ok() && release.model_signature && crypto::sha256(key.pem()) == release.model_signature->hint &&
         key.verifies(pre_authentication_encoding(payload_type, *statement), release.model_signature->signature);
}

}  // namespace shoal::manifest
