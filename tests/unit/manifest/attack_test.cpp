// The manifest attack table: a good document, one thing wrong with it, and the words that the refusal must have.
#include "base/encoding.hpp"
#include "doctest/doctest.h"
#include "unit/manifest/samples.hpp"

using namespace shoal;
using namespace shoal::test;
using manifest::SeenSequence;
using manifest::SignedEnvelope;
using manifest::Verifier;

namespace {

struct Bench : Fleet {
  Verifier verify = verifier();

  Status take_release(const SignedEnvelope& envelope, const char* wanted = "acme/tern") const {
    return status(verify.release(envelope, model(wanted)));
  }
  Status take_release(const std::string& payload) const {
    return take_release(manifest::sign(manifest::release_type, payload, {publisher}));
  }
  /// A release with one edit in its JSON, well signed.
  Status edited_release(const std::function<void(OrderedJson&)>& edit) const { return take_release(edited(good_release(), edit)); }
  /// A release whose files have these paths, in this order, well signed.
  Status release_of(const std::vector<std::string>& paths) const {
    return edited_release([&](OrderedJson& json) {
      json["files"] = OrderedJson::array();
      for (const std::string& path : paths) json["files"].push_back({{"path", path}, {"size", 1}, {"sha256", std::string(64, 'a')}});
      json["total_size"] = paths.size();
    });
  }

  Status take_pointer(const SignedEnvelope& envelope, SeenSequence seen = {3, 7}) const {
    return status(verify.channel(envelope, model(), channel(), seen, now));
  }
  Status take_pointer(const std::string& payload) const {
    return take_pointer(manifest::sign(manifest::channel_type, payload, {publisher}));
  }
  Status edited_pointer(const std::function<void(OrderedJson&)>& edit) const { return take_pointer(edited(good_pointer(), edit)); }

  manifest::TrustRoot next_root() const {
    manifest::TrustRoot next = root();
    ++next.version;
    return next;
  }
  Status rotate_to(const SignedEnvelope& next) const {
    Verifier copy = verify;
    Status status = copy.rotate(next);
    CHECK((status.ok() || copy.fingerprint() == verify.fingerprint()));  // a refusal leaves the root as it was
    return status;
  }
  Status rotate_to(const std::function<void(manifest::TrustRoot&)>& edit) const {
    manifest::TrustRoot next = next_root();
    edit(next);
    return rotate_to(sign_root(next));
  }
  Status edited_root(const std::function<void(OrderedJson&)>& edit) const {
    return rotate_to(manifest::sign(manifest::trust_root_type, edited(next_root(), edit), {root_a, root_b}));
  }

  template <class T>
  static Status status(const Result<T>& result) {
    return result.ok() ? Status() : Status(result.error());
  }
};

/// What a node does with bytes from the network: envelope first, then the rules.
Status decode_and_take(const Bench& b, const std::string& json) {
  Result<SignedEnvelope> envelope = SignedEnvelope::decode(json, manifest::release_limit);
  if (!envelope.ok()) return fail(ErrorCode::verification, envelope.error().message);
  return b.take_release(*envelope);
}

struct Attack {
  const char* name;
  std::function<Status(const Bench&)> attempt;
  const char* says;
};

void run(const std::vector<Attack>& attacks) {
  Bench bench;
  for (const Attack& attack : attacks) {
    CAPTURE(attack.name);
    Status status = attack.attempt(bench);
    CHECK_FALSE(status.ok());
    CAPTURE(status.error().message);
    CHECK(status.error().code == ErrorCode::verification);
    CHECK(status.error().message.find(attack.says) != std::string::npos);
  }
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

SignedEnvelope flipped(SignedEnvelope envelope, std::size_t at) {
  envelope.payload[at] = static_cast<char>(envelope.payload[at] ^ 1);
  return envelope;
}

}  // namespace

TEST_CASE("every good document is accepted, so that the tables below refuse for their own reason") {
  Bench b;
  CHECK(b.take_release(b.sign_release(good_release())).ok());
  CHECK(decode_and_take(b, b.sign_release(good_release()).encode()).ok());
  CHECK(b.release_of({"a", "b/c"}).ok());
  CHECK(b.take_pointer(b.sign_pointer(good_pointer())).ok());
  CHECK(b.edited_release([](OrderedJson&) {}).ok());
  CHECK(b.edited_pointer([](OrderedJson&) {}).ok());
  CHECK(b.edited_root([](OrderedJson&) {}).ok());
  CHECK(b.rotate_to(b.sign_root(b.next_root())).ok());
}

TEST_CASE("attacks on signatures are refused") {
  run({
      {"a flipped byte at the start of the payload",
       [](const Bench& b) { return b.take_release(flipped(b.sign_release(good_release()), 0)); }, "0 good signatures"},
      {"a flipped byte in the middle", [](const Bench& b) { return b.take_release(flipped(b.sign_release(good_release()), 300)); },
       "0 good signatures"},
      {"a flipped byte in the signature",
       [](const Bench& b) {
         SignedEnvelope envelope = b.sign_release(good_release());
         envelope.signatures[0].signature[20] = static_cast<char>(envelope.signatures[0].signature[20] ^ 1);
         return b.take_release(envelope);
       },
       "0 good signatures"},
      {"white space appended to the payload",
       [](const Bench& b) {
         SignedEnvelope envelope = b.sign_release(good_release());
         envelope.payload += '\n';
         return b.take_release(envelope);
       },
       "0 good signatures"},
      {"no signature",
       [](const Bench& b) {
         SignedEnvelope envelope = b.sign_release(good_release());
         envelope.signatures.clear();
         return b.take_release(envelope);
       },
       "0 good signatures"},
      {"a key that nobody knows",
       [](const Bench& b) { return b.take_release(manifest::sign(manifest::release_type, encode(good_release()), {b.stranger})); },
       "0 good signatures"},
      {"a key that is authorised for other models only",
       [](const Bench& b) { return b.take_release(manifest::sign(manifest::release_type, encode(good_release()), {b.elsewhere})); },
       "0 good signatures"},
      {"root keys, which sign roots and no releases",
       [](const Bench& b) {
         return b.take_release(manifest::sign(manifest::release_type, encode(good_release()), {b.root_a, b.root_b}));
       },
       "0 good signatures"},
      {"a stranger's signature under the publisher's key id",
       [](const Bench& b) {
         SignedEnvelope envelope = manifest::sign(manifest::release_type, encode(good_release()), {b.stranger});
         envelope.signatures[0].key = b.publisher.public_key().id();
         return b.take_release(envelope);
       },
       "0 good signatures"},
      {"a threshold of two, signed by one",
       [](const Bench& b) {
         manifest::Release release = good_release();
         release.model = model("acme/vault");
         return b.take_release(b.sign_release(release), "acme/vault");
       },
       "1 good signatures by authorised keys, 2 are needed"},
      {"a threshold of two, signed twice by one key",
       [](const Bench& b) {
         manifest::Release release = good_release();
         release.model = model("acme/vault");
         return b.take_release(manifest::sign(manifest::release_type, encode(release), {b.publisher, b.publisher}), "acme/vault");
       },
       "1 good signatures"},
      {"a threshold of two, the second key unknown",
       [](const Bench& b) {
         manifest::Release release = good_release();
         release.model = model("acme/vault");
         return b.take_release(manifest::sign(manifest::release_type, encode(release), {b.publisher, b.stranger}), "acme/vault");
       },
       "1 good signatures"},
      {"a model that no rule names",
       [](const Bench& b) {
         manifest::Release release = good_release();
         release.model = model("nobody/tern");
         return b.take_release(b.sign_release(release), "nobody/tern");
       },
       "names no publisher"},
      {"a pointer's payload type on a release",
       [](const Bench& b) { return b.take_release(manifest::sign(manifest::channel_type, encode(good_release()), {b.publisher})); },
       "the envelope is of type"},
      {"the payload type changed after signing",
       [](const Bench& b) {
         SignedEnvelope envelope = manifest::sign("text/plain", encode(good_release()), {b.publisher});
         envelope.payload_type = manifest::release_type;
         return b.take_release(envelope);
       },
       "0 good signatures"},
      {"trailing bytes after the envelope",
       [](const Bench& b) { return decode_and_take(b, b.sign_release(good_release()).encode() + "{}"); }, "bad JSON"},
      {"a second payload in the envelope",
       [](const Bench& b) { return decode_and_take(b, replaced(b.sign_release(good_release()).encode(), "{", "{\"payload\":\"e30=\",")); },
       "duplicate key 'payload'"},
  });
}

TEST_CASE("a release for another model or with another id is refused") {
  run({
      {"a release of a sister model",
       [](const Bench& b) {
         manifest::Release release = good_release();
         release.model = model("acme/gull");
         return b.take_release(b.sign_release(release));
       },
       "it is signed for acme/gull"},
      {"another release than the one that was asked for",
       [](const Bench& b) {
         return Bench::status(b.verify.release(b.sign_release(good_release()), model(), digest_of<ReleaseId>("another")));
       },
       "its id is"},
  });
  Bench b;
  SignedEnvelope envelope = b.sign_release(good_release());
  Result<manifest::VerifiedRelease> release = b.verify.release(envelope, model(), manifest::release_id(envelope.payload));
  REQUIRE(release.ok());
  CHECK(release->id().bytes == crypto::sha256(envelope.payload).bytes);
}

TEST_CASE("a well-signed release that breaks the rules of the format is refused") {
  run({
      {"trailing bytes after the JSON", [](const Bench& b) { return b.take_release(encode(good_release()) + "{}"); }, "bad JSON"},
      {"trailing bytes behind a NUL", [](const Bench& b) { return b.take_release(encode(good_release()) + std::string("\0{}", 3)); },
       "bad JSON"},
      {"a duplicate key", [](const Bench& b) { return b.take_release(replaced(encode(good_release()), "{", "{\"version\":\"9\",")); },
       "duplicate key 'version'"},
      {"a duplicate key in a file",
       [](const Bench& b) { return b.take_release(replaced(encode(good_release()), "\"size\":", "\"size\":1,\"size\":")); },
       "duplicate key 'size'"},
      {"an unknown member", [](const Bench& b) { return b.edited_release([](auto& j) { j["sizes"] = 1; }); }, "unknown member 'sizes'"},
      {"an unknown member in a file", [](const Bench& b) { return b.edited_release([](auto& j) { j["files"][0]["mode"] = 1; }); },
       "unknown member 'mode'"},
      {"an unknown member in the swarm", [](const Bench& b) { return b.edited_release([](auto& j) { j["swarm"]["x"] = 1; }); },
       "unknown member 'x'"},
      {"a later schema", [](const Bench& b) { return b.edited_release([](auto& j) { j["schema"] = 2; }); }, "schema 2 is not known"},
      {"no schema", [](const Bench& b) { return b.edited_release([](auto& j) { j.erase("schema"); }); }, "schema is missing"},
      {"nesting beyond 32 levels",
       [](const Bench& b) {
         return b.take_release(replaced(encode(good_release()), "{", "{\"deep\":" + std::string(40, '[') + std::string(40, ']') + ","));
       },
       "deeper than 32"},
      {"a document beyond the limit", [](const Bench& b) { return b.take_release(encode(good_release()) + std::string(64 * MiB, ' ')); },
       "larger than the limit"},
      {"text that is not UTF-8", [](const Bench& b) { return b.take_release(replaced(encode(good_release()), "apache", "\xff\xff")); },
       "bad JSON"},
      {"an array", [](const Bench& b) { return b.take_release(std::string("[]")); }, "not an object"},
      {"no files", [](const Bench& b) { return b.release_of({}); }, "no files"},
      {"files out of order",
       [](const Bench& b) {
         return b.release_of({"b", "a"});
       },
       "bytewise order"},
      {"a file twice",
       [](const Bench& b) {
         return b.release_of({"a", "a"});
       },
       "bytewise order"},
      {"a bad model name", [](const Bench& b) { return b.edited_release([](auto& j) { j["model"] = "../tern"; }); }, "not a model name"},
      {"a bad version", [](const Bench& b) { return b.edited_release([](auto& j) { j["version"] = "a/b"; }); }, "not a version"},
      {"a date that does not exist",
       [](const Bench& b) { return b.edited_release([](auto& j) { j["created"] = "2026-02-31T00:00:00Z"; }); }, "calendar"},
      {"a digest in upper case",
       [](const Bench& b) { return b.edited_release([](auto& j) { j["files"][0]["sha256"] = std::string(64, 'A'); }); }, "lower-case"},
      {"a digest that is too short", [](const Bench& b) { return b.edited_release([](auto& j) { j["files"][0]["sha256"] = "abcd"; }); },
       "32 bytes"},
      {"a negative size", [](const Bench& b) { return b.edited_release([](auto& j) { j["files"][0]["size"] = -1; }); }, "whole number"},
      {"a size with a fraction", [](const Bench& b) { return b.edited_release([](auto& j) { j["files"][0]["size"] = 1.5; }); },
       "whole number"},
      {"a size as text", [](const Bench& b) { return b.edited_release([](auto& j) { j["files"][0]["size"] = "640"; }); }, "whole number"},
      {"a size beyond 64 bits",
       [](const Bench& b) { return b.take_release(replaced(encode(good_release()), "\"size\":640", "\"size\":18446744073709551616")); },
       "whole number"},
      {"sizes whose sum wraps around to the total",
       [](const Bench& b) {
         return b.edited_release([](auto& j) {
           j["files"][0]["size"] = UINT64_MAX;
           j["files"][1]["size"] = 1;
           j["files"][2]["size"] = j["total_size"];
         });
       },
       "beyond 2^53"},
      {"a total that is not the sum", [](const Bench& b) { return b.edited_release([](auto& j) { j["total_size"] = 1; }); }, "not the sum"},
      {"a piece length that is not a power of two",
       [](const Bench& b) { return b.edited_release([](auto& j) { j["swarm"]["piece_length"] = 100'000; }); }, "power of two"},
      {"a piece length of zero", [](const Bench& b) { return b.edited_release([](auto& j) { j["swarm"]["piece_length"] = 0; }); },
       "power of two"},
      {"a piece length that is too large",
       [](const Bench& b) { return b.edited_release([](auto& j) { j["swarm"]["piece_length"] = 1ull << 32; }); }, "above 16 MiB"},
      {"a metainfo without bounds",
       [](const Bench& b) { return b.edited_release([](auto& j) { j["swarm"]["metainfo_size"] = 1ull << 40; }); }, "metainfo_size"},
      {"an unknown kind of format", [](const Bench& b) { return b.edited_release([](auto& j) { j["format"]["kind"] = "pickle"; }); },
       "format kind"},
      {"a label with an escape sequence", [](const Bench& b) { return b.edited_release([](auto& j) { j["labels"]["x"] = "\x1b[2J"; }); },
       "printable"},
      {"a label that is a number", [](const Bench& b) { return b.edited_release([](auto& j) { j["labels"]["x"] = 1; }); }, "not a string"},
      {"too many labels",
       [](const Bench& b) {
         return b.edited_release([](auto& j) {
           for (int i = 0; i < 65; ++i) j["labels"]["label" + std::to_string(i)] = "x";
         });
       },
       "64 labels"},
  });
}

TEST_CASE("a well-signed release with hostile paths is refused before a byte is fetched") {
  run({
      {"the directory above", [](const Bench& b) { return b.release_of({"../x"}); }, "'..'"},
      {"the directory above, in the middle", [](const Bench& b) { return b.release_of({"a/../../x"}); }, "'..'"},
      {"an absolute path", [](const Bench& b) { return b.release_of({"/etc/cron.d/x"}); }, "absolute"},
      {"a NUL", [](const Bench& b) { return b.release_of({std::string("a\0b", 3)}); }, "control"},
      {"a control character", [](const Bench& b) { return b.release_of({"a\nb"}); }, "control"},
      {"a backslash", [](const Bench& b) { return b.release_of({"a\\..\\b"}); }, "backslash"},
      {"an empty component", [](const Bench& b) { return b.release_of({"a//b"}); }, "empty component"},
      {"an empty path", [](const Bench& b) { return b.release_of({""}); }, "is empty"},
      {"case-fold twins",
       [](const Bench& b) {
         return b.release_of({"README", "readme"});
       },
       "case alone"},
      {"twin directories",
       [](const Bench& b) {
         return b.release_of({"A/x", "a/y"});
       },
       "case alone"},
      {"a component that is too long", [](const Bench& b) { return b.release_of({std::string(256, 'x')}); }, "255 bytes"},
      {"a file that is also a directory",
       [](const Bench& b) {
         return b.release_of({"a", "a/b"});
       },
       "also a directory"},
      {"bytes that are not UTF-8",
       [](const Bench& b) { return b.take_release(replaced(encode(good_release()), "config.json", "config\xc0\xaf")); }, "bad JSON"},
  });
}

TEST_CASE("attacks with channel pointers are refused") {
  run({
      {"a pointer that expired", [](const Bench& b) { return b.edited_pointer([](auto& j) { j["expires"] = "2026-03-01T00:00:00Z"; }); },
       "expired"},
      {"a pointer that expires before it is issued",
       [](const Bench& b) { return b.edited_pointer([](auto& j) { j["expires"] = "2026-01-01T00:00:00Z"; }); }, "before it is issued"},
      {"a replayed pointer with a lower sequence",
       [](const Bench& b) {
         return b.take_pointer(b.sign_pointer(good_pointer()), {3, 8});
       },
       "lower than 3.8"},
      {"a pointer below an epoch that was seen",
       [](const Bench& b) {
         return b.take_pointer(b.sign_pointer(good_pointer()), {4, 1});
       },
       "lower than 4.1"},
      {"a pointer from before the keys rotated",
       [](const Bench& b) {
         return b.edited_pointer([](auto& j) {
           j["epoch"] = 2;
           j["sequence"] = 99;
         });
       },
       "epoch 2"},
      {"a fast-forward to a later epoch", [](const Bench& b) { return b.edited_pointer([](auto& j) { j["epoch"] = 4; }); }, "epoch 4"},
      {"a fast-forward to the largest sequence",
       [](const Bench& b) { return b.edited_pointer([](auto& j) { j["sequence"] = UINT64_MAX; }); }, "sequence"},
      {"a sequence of zero", [](const Bench& b) { return b.edited_pointer([](auto& j) { j["sequence"] = 0; }); }, "sequence"},
      {"a pointer of another model", [](const Bench& b) { return b.edited_pointer([](auto& j) { j["model"] = "acme/gull"; }); },
       "acme/gull:stable"},
      {"a pointer of another channel", [](const Bench& b) { return b.edited_pointer([](auto& j) { j["channel"] = "canary"; }); },
       "acme/tern:canary"},
      {"a release in place of a pointer", [](const Bench& b) { return b.take_pointer(b.sign_release(good_release())); },
       "the envelope is of type"},
      {"a release's payload with a pointer's type", [](const Bench& b) { return b.take_pointer(encode(good_release())); }, "missing"},
      {"a key that is not authorised for the model",
       [](const Bench& b) { return b.take_pointer(manifest::sign(manifest::channel_type, encode(good_pointer()), {b.elsewhere})); },
       "0 good signatures"},
      {"a flipped byte", [](const Bench& b) { return b.take_pointer(flipped(b.sign_pointer(good_pointer()), 60)); }, "0 good signatures"},
      {"an unknown member", [](const Bench& b) { return b.edited_pointer([](auto& j) { j["colour"] = 1; }); }, "unknown member"},
      {"a duplicate sequence", [](const Bench& b) { return b.take_pointer(replaced(encode(good_pointer()), "{", "{\"sequence\":9,")); },
       "duplicate key 'sequence'"},
      {"a reason with an escape sequence", [](const Bench& b) { return b.edited_pointer([](auto& j) { j["reason"] = "\x1b[2J"; }); },
       "printable"},
      {"a rollback of the release that it points to",
       [](const Bench& b) { return b.edited_pointer([](auto& j) { j["rollback_of"] = j["release"]; }); }, "rolls back to"},
      {"a pointer beyond the limit", [](const Bench& b) { return b.take_pointer(encode(good_pointer()) + std::string(16 * KiB, ' ')); },
       "larger than the limit"},
      {"a trust root that expired",
       [](const Bench& b) {
         return Bench::status(b.verify.channel(b.sign_pointer(good_pointer()), model(), channel(), {}, time_of("2028-01-01T00:00:00Z")));
       },
       "the trust root expired"},
  });
}

TEST_CASE("attacks on the trust root are refused") {
  run({
      {"the same version again", [](const Bench& b) { return b.rotate_to(b.sign_root(b.root())); }, "does not follow"},
      {"an older version", [](const Bench& b) { return b.rotate_to([](auto& r) { r.version = 3; }); }, "does not follow"},
      {"a version skipped", [](const Bench& b) { return b.rotate_to([](auto& r) { ++r.version; }); }, "version 6 does not follow 4"},
      {"a lower epoch", [](const Bench& b) { return b.rotate_to([](auto& r) { r.epoch = 2; }); }, "epoch 2 is lower"},
      {"another fleet", [](const Bench& b) { return b.rotate_to([](auto& r) { r.fleet = FleetName::parse("other.example").value(); }); },
       "other.example"},
      {"signed by one of two old keys",
       [](const Bench& b) { return b.rotate_to(manifest::sign(manifest::trust_root_type, encode(b.next_root()), {b.root_a})); },
       "by the keys of this one: 1 good signatures"},
      {"signed twice by one old key",
       [](const Bench& b) {
         return b.rotate_to(manifest::sign(manifest::trust_root_type, encode(b.next_root()), {b.root_a, b.root_a}));
       },
       "by the keys of this one: 1 good signatures"},
      {"signed by the new keys alone",
       [](const Bench& b) {
         manifest::TrustRoot next = b.next_root();
         next.keys.push_back(b.stranger.public_key());
         next.root_keys = {Fleet::id(b.stranger)};
         next.root_threshold = 1;
         return b.rotate_to(manifest::sign(manifest::trust_root_type, encode(next), {b.stranger}));
       },
       "by the keys of this one: 0 good signatures"},
      {"signed by the old keys alone",
       [](const Bench& b) {
         manifest::TrustRoot next = b.next_root();
         next.keys.push_back(b.stranger.public_key());
         next.root_keys = {Fleet::id(b.stranger)};
         next.root_threshold = 1;
         return b.rotate_to(b.sign_root(next));
       },
       "trust root: 0 good signatures"},
      {"publishers that sign a root",
       [](const Bench& b) {
         return b.rotate_to(manifest::sign(manifest::trust_root_type, encode(b.next_root()), {b.publisher, b.second}));
       },
       "0 good signatures"},
      {"a wrong payload type",
       [](const Bench& b) {
         return b.rotate_to(manifest::sign(manifest::release_type, encode(b.next_root()), {b.root_a, b.root_b}));
       },
       "the envelope is of type"},
      {"a threshold of zero", [](const Bench& b) { return b.edited_root([](auto& j) { j["root_threshold"] = 0; }); }, "threshold of 0"},
      {"a threshold that wraps to one",
       [](const Bench& b) { return b.edited_root([](auto& j) { j["root_threshold"] = (1ull << 32) + 1; }); }, "threshold"},
      {"a threshold beyond the keys", [](const Bench& b) { return b.edited_root([](auto& j) { j["root_threshold"] = 3; }); },
       "threshold of 3 with 2 keys"},
      {"a publishers' threshold of zero",
       [](const Bench& b) { return b.edited_root([](auto& j) { j["publishers"][0]["threshold"] = 0; }); }, "threshold of 0"},
      {"a key id twice, to reach the threshold alone",
       [](const Bench& b) { return b.edited_root([](auto& j) { j["root_keys"][1] = j["root_keys"][0]; }); }, "name a key twice"},
      {"a key twice", [](const Bench& b) { return b.edited_root([](auto& j) { j["keys"].push_back(j["keys"][0]); }); }, "is there twice"},
      {"a key id without its key", [](const Bench& b) { return b.edited_root([](auto& j) { j["keys"].erase(4); }); }, "not among the keys"},
      {"something that is no key", [](const Bench& b) { return b.edited_root([](auto& j) { j["keys"][0] = "aGVsbG8="; }); }, "public key"},
      {"a bad pattern", [](const Bench& b) { return b.edited_root([](auto& j) { j["publishers"][0]["models"][0] = "acme/*/x"; }); },
       "not a pattern"},
      {"another bad pattern", [](const Bench& b) { return b.edited_root([](auto& j) { j["publishers"][0]["models"][0] = "*/*"; }); },
       "not a pattern"},
      {"a pattern in two rules", [](const Bench& b) { return b.edited_root([](auto& j) { j["publishers"][1]["models"][0] = "acme/*"; }); },
       "in two rules"},
      {"a rule without models", [](const Bench& b) { return b.edited_root([](auto& j) { j["publishers"][0]["models"].clear(); }); },
       "names no models"},
      {"an unknown member", [](const Bench& b) { return b.edited_root([](auto& j) { j["admins"] = 1; }); }, "unknown member"},
      {"version zero", [](const Bench& b) { return b.edited_root([](auto& j) { j["version"] = 0; }); }, "version"},
      {"a root beyond the limit",
       [](const Bench& b) {
         return b.rotate_to(
             manifest::sign(manifest::trust_root_type, encode(b.next_root()) + std::string(64 * KiB, ' '), {b.root_a, b.root_b}));
       },
       "larger than the limit"},
      {"a pinned root with another fingerprint",
       [](const Bench& b) { return Bench::status(Verifier::pin(b.sign_root(b.root()), manifest::trust_fingerprint("another"))); },
       "its fingerprint is"},
      {"a pinned root without its own signatures",
       [](const Bench& b) {
         SignedEnvelope root = manifest::sign(manifest::trust_root_type, encode(b.root()), {b.root_a});
         return Bench::status(Verifier::pin(root, manifest::trust_fingerprint(root.payload)));
       },
       "1 good signatures"},
      {"a stored root that was edited", [](const Bench& b) { return Bench::status(Verifier::restore(flipped(b.sign_root(b.root()), 30))); },
       "trust root"},
  });
}
