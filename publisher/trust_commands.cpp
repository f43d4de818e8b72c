// `shoal trust show`, `shoal trust rotate` and `shoal key create`.
#include "manifest/validity.hpp"
#include "publisher/command_parts.hpp"
#include "publisher/root_editor.hpp"

namespace shoal::publisher {
namespace {

using cli::Invocation;

constexpr ByteCount key_file_limit = 64 * KiB;
constexpr auto trust_root_life = std::chrono::days(2 * 365);

Json hex_of(const std::vector<crypto::KeyId>& ids) {
  Json list = Json::array();
  for (const crypto::KeyId& id : ids) list.push_back(id.hex());
  return list;
}

Json root_line(const manifest::Verifier& verifier, const char* type, WallTime now) {
  const manifest::TrustRoot& root = verifier.root();
  Json publishers = Json::array();
  for (const auto& rule : root.publishers)
    publishers.push_back({{"models", rule.models}, {"keys", hex_of(rule.keys)}, {"threshold", rule.threshold}});
  return {{"type", type},
          {"fleet", root.fleet.str()},
          {"version", root.version},
          {"epoch", root.epoch},
          {"expires", format_time(root.expires)},
          {"days_left", manifest::days_left(root.expires, now)},
          {"fingerprint", verifier.fingerprint().hex()},
          {"root_keys", hex_of(root.root_keys)},
          {"root_threshold", root.root_threshold},
          {"publishers", publishers},
          {"tracker_keys", hex_of(root.tracker_keys)}};
}

std::string keys_text(const std::vector<crypto::KeyId>& ids) {
  std::string text;
  for (const crypto::KeyId& id : ids) text += "\n    " + id.hex();
  return text.empty() ? "\n    none" : text;
}

std::string root_text(const manifest::Verifier& verifier, WallTime now) {
  const manifest::TrustRoot& root = verifier.root();
  std::string text = "trust root " + std::to_string(root.version) + " of fleet " + root.fleet.str() + ", epoch " +
                     std::to_string(root.epoch) + ", until " + format_time(root.expires) + " (" + manifest::end_text(root.expires, now) +
                     (manifest::ends_soon(root.expires, now) ? ": renew it with 'shoal trust rotate --root-key FILE'" : "") +
                     ")\nfingerprint " + verifier.fingerprint().hex() + "\n  root keys, " + std::to_string(root.root_threshold) +
                     " must sign:" + keys_text(root.root_keys);
  for (const auto& rule : root.publishers) {
    std::string models;
    for (const std::string& pattern : rule.models) models += (models.empty() ? "" : ", ") + pattern;
    text += "\n  publishers of " + models + ", " + std::to_string(rule.threshold) + " must sign:" + keys_text(rule.keys);
  }
  return text + "\n  tracker keys (freshness):" + keys_text(root.tracker_keys);
}

Status run_show(Invocation& call) {
  SHOAL_TRY(Desk desk, Desk::open(call));
  auto verifier = desk.session->verifier();
  call.out.result(root_line(*verifier, "trust_root", desk.clock->now()), root_text(*verifier, desk.clock->now()));
  return {};
}

Result<crypto::PublicKey> public_key(const std::string& file, const std::string& option) {
  auto pem = read_file(file, key_file_limit);
  if (!pem.ok()) return fail(ErrorCode::usage, option + ": " + pem.error().message);
  auto key = crypto::PublicKey::from_pem(*pem);
  if (!key.ok())
    return fail(ErrorCode::usage,
                option + " " + file + ": " + key.error().message + "; give the public key ('shoal key create' writes FILE.pub)");
  return key;
}

Result<std::vector<crypto::PublicKey>> public_keys(const Invocation& call, const std::string& option) {
  std::vector<crypto::PublicKey> keys;
  for (const std::string& file : call.all(option)) {
    SHOAL_TRY(auto key, public_key(file, option));
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<std::vector<RootEdit::Publisher>> publishers_of(const Invocation& call) {
  std::vector<RootEdit::Publisher> publishers;
  for (const std::string& text : call.all("--add-publisher")) {
    std::size_t equals = text.rfind('=');
    SHOAL_TRY(auto key, public_key(text.substr(0, equals), "--add-publisher"));
    publishers.push_back({std::move(key), equals == std::string::npos ? "*" : text.substr(equals + 1)});
  }
  return publishers;
}

Result<RootEdit> edit_of(const Invocation& call, WallTime now) {
  RootEdit edit;
  SHOAL_TRY(edit.add_publishers, publishers_of(call));
  SHOAL_TRY(edit.add_root_keys, public_keys(call, "--add-root-key"));
  SHOAL_TRY(edit.add_tracker_keys, public_keys(call, "--add-tracker-key"));
  edit.remove_publishers = call.all("--remove-publisher");
  edit.remove_root_keys = call.all("--remove-root-key");
  edit.remove_tracker_keys = call.all("--remove-tracker-key");
  SHOAL_TRY(auto threshold, number_option(call, "--threshold", 1, 64));
  if (threshold) edit.root_threshold = static_cast<std::uint32_t>(*threshold);
  edit.new_epoch = call.on("--new-epoch");
  edit.expires = now + trust_root_life;
  return edit;
}

Result<std::vector<crypto::PrivateKey>> root_keys_of(const Invocation& call) {
  std::vector<crypto::PrivateKey> keys;
  for (const std::string& file : call.all("--root-key")) {
    auto pem = read_file(file, key_file_limit);
    if (!pem.ok()) return fail(ErrorCode::usage, "--root-key: " + pem.error().message);
    auto key = crypto::PrivateKey::from_pem(*pem);
    if (!key.ok()) return fail(ErrorCode::usage, "--root-key " + file + ": " + key.error().message);
    keys.push_back(std::move(*key));
  }
  return keys;
}

Status run_rotate(Invocation& call) {
  SHOAL_TRY(auto keys, root_keys_of(call));
  SHOAL_TRY(Desk desk, Desk::open(call));
  SHOAL_CHECK(require_publisher(*desk.session));
  SHOAL_TRY(RootEdit wanted, edit_of(call, desk.clock->now()));
  SHOAL_TRY(manifest::TrustRoot next, edit(desk.session->verifier()->root(), wanted));
  manifest::SignedEnvelope envelope = manifest::sign(manifest::trust_root_type, manifest::encode(next), keys);
  manifest::Verifier checked = *desk.session->verifier();
  SHOAL_CHECK(checked.rotate(envelope).within("these --root-key files do not suffice"));
  SHOAL_CHECK(desk.tracker->set_trust_root(next.version, envelope.encode()));
  SHOAL_CHECK(desk.session->rotate(envelope.encode()));
  call.out.result(root_line(checked, "trust_root", desk.clock->now()), root_text(checked, desk.clock->now()));
  return {};
}

Status run_create(Invocation& call) {
  fs::path file = call.get("FILE");
  fs::path public_file = file.string() + ".pub";
  crypto::PrivateKey key = crypto::PrivateKey::generate();
  SHOAL_CHECK(create_file_durably(file, key.pem(), Access::owner));
  SHOAL_CHECK(create_file_durably(public_file, key.public_key().pem()));
  call.out.result({{"type", "key"}, {"file", file.string()}, {"public_file", public_file.string()}, {"id", key.public_key().id().hex()}},
                  "key " + key.public_key().id().hex() + "\n  private: " + file.string() +
                      "  (its owner alone may read it)\n  public:  " + public_file.string() + "  (what 'shoal trust rotate' takes)");
  return {};
}

cli::Command rotate_command() {
  return {
      "trust rotate",
      "sign the next version of the trust root: other publishers, other root keys",
      "Builds the next version, signs it with the given root keys, which must reach the thresholds of the old and the new version, and\n"
      "registers it with the tracker. Every machine accepts it by itself, even after a year away. It is valid for two years: rotate\n"
      "without changes to renew it.\n\n"
      "If a publisher key is stolen: remove it, add another, and begin a new epoch, which voids every earlier pointer; then set the\n"
      "channels again. Releases that only a removed key has signed are no longer accepted.\n\n"
      "  shoal key create ~/fleet-keys/publisher-2.key\n"
      "  shoal trust rotate --root-key ~/fleet-keys/root.key --add-publisher ~/fleet-keys/publisher-2.key.pub \\\n"
      "      --remove-publisher 3f9c2a1b --new-epoch",
      {},
      {state_option,
       {.name = "--root-key", .value = "FILE", .help = "a root key (PEM) that signs", .required = true, .repeatable = true},
       {.name = "--add-publisher",
        .value = "PUBKEY[=PATTERN]",
        .help = "a public key that may publish the models of PATTERN: *, org/* or org/name; default *",
        .repeatable = true},
       {.name = "--remove-publisher",
        .value = "KEYID",
        .help = "a publisher key, by its id or at least eight digits of it",
        .repeatable = true},
       {.name = "--add-root-key",
        .value = "PUBKEY",
        .help = "a public key that may sign trust roots from this version on",
        .repeatable = true},
       {.name = "--remove-root-key", .value = "KEYID", .help = "a root key", .repeatable = true},
       {.name = "--threshold", .value = "N", .help = "how many root keys must sign"},
       {.name = "--add-tracker-key",
        .value = "PUBKEY",
        .help = "the tracker's freshness.pub, where the fleet is older than freshness statements",
        .repeatable = true,
        .rare = true},
       {.name = "--remove-tracker-key", .value = "KEYID", .help = "a tracker key", .repeatable = true, .rare = true},
       {.name = "--new-epoch", .help = "void every channel pointer that was signed before"}},
      run_rotate,
      cli::topic_care,
      {"trust renew", "trust update", "trust add", "key rotate", "trust root"},
      cli::member_failures({ErrorCode::not_found})};
}

}  // namespace

std::vector<cli::Command> trust_commands() {
  return {{"trust show",
           "show who may sign what in this fleet",
           "Takes over newer trust roots from the tracker first.\n\n  shoal trust show",
           {},
           {state_option},
           run_show,
           cli::topic_look,
           {"trust list", "trust status"},
           cli::member_failures()},
          rotate_command(),
          {"key create",
           "make a key that signs releases or trust roots",
           "Writes the private key to FILE (readable by its owner alone) and the public one to FILE.pub. It counts once a trust root names "
           "it.\n\n"
           "  shoal key create ~/fleet-keys/publisher-2.key",
           {{"FILE", "where the private key goes; must not exist", true}},
           {},
           run_create,
           cli::topic_care,
           {"keygen", "key generate", "key new", "key add"},
           {ErrorCode::no_space}}};
}

}  // namespace shoal::publisher
