#include "node/admission.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "crypto/digest.hpp"
#include "manifest/model_signing.hpp"
#include "support/published.hpp"

using namespace shoal;
using namespace shoal::node;

namespace {

const std::string pickle = "cposix\nsystem\np0\n(Vid\np1\ntp2\nRp3\n.";

/// A release of files that lie in a directory.
struct Shown {
  TempDirectory directory;
  manifest::VerifiedRelease release;

  Shown(const std::map<std::string, std::string>& files, bool publisher_allows, bool signature = false)
      : release(made(directory.path(), files, publisher_allows, signature)) {}

  static manifest::VerifiedRelease made(const fs::path& at, const std::map<std::string, std::string>& files, bool allows, bool signature) {
    manifest::Release release = test::release_of(store::Layout({{"x", 1}}, 16 * 1024), {crypto::sha256("x")});
    release.files.clear();
    for (const auto& [path, content] : files) {
      test::put_file(at / path, content);
      release.files.push_back({path, content.size(), crypto::sha256(content)});
    }
    release.swarm.piece_length = 16 * 1024;
    release.allows_code = allows;
    if (signature) release.model_signature = test::must(manifest::sign_model(release, crypto::PrivateKey::generate()));
    return test::Publisher().verified(release);
  }
};

}  // namespace

TEST_CASE("a pickle by its name is refused unless publisher and node both allow it") {
  for (bool publisher : {false, true})
    for (bool node : {false, true}) {
      Shown shown({{"model.pt", "anything"}}, publisher);
      CHECK(admit_formats(shown.release, node).ok() == (publisher && node));
    }
}

TEST_CASE("a pickle under a harmless name is refused by its content unless publisher and node both allow it") {
  for (bool publisher : {false, true})
    for (bool node : {false, true}) {
      Shown shown({{"config.json", "{}"}, {"notes/weights.dat", pickle}}, publisher);
      CHECK(admit_formats(shown.release, node).ok());
      CHECK(admit_content(shown.release, shown.directory.path(), node).ok() == (publisher && node));
    }
}

TEST_CASE("a refusal names the file, the reason and the consents that are missing") {
  Shown shown({{"a.bin", pickle}, {"b.bin", pickle}}, false);
  auto status = admit_content(shown.release, shown.directory.path(), false);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::verification);
  for (const char* part :
       {"acme/tiny@1", "a.bin: it is a Python pickle", "1 more file", "publish it with --allow-code-formats", "allow_code_formats"})
    CHECK_MESSAGE(status.error().message.find(part) != std::string::npos, status.error().message);
  CHECK(admit_content(shown.release, shown.directory.path(), true).error().message.find("allow_code_formats in") == std::string::npos);
}

TEST_CASE("data in a format that nobody knows is refused unless publisher and node both allow it") {
  for (bool publisher : {false, true})
    for (bool node : {false, true}) {
      Shown shown({{"weights.bin", test::noise(5000, 3)}}, publisher);
      CHECK(admit_formats(shown.release, node).ok());
      CHECK(admit_content(shown.release, shown.directory.path(), node).ok() == (publisher && node));
    }
}

TEST_CASE("formats that hold data alone are admitted") {
  Shown shown({{"model.safetensors", std::string("\2\0\0\0\0\0\0\0{}", 10)}, {"notes.txt", "weights are elsewhere"}, {"empty", ""}}, false);
  CHECK(admit_formats(shown.release, false).ok());
  CHECK(admit_content(shown.release, shown.directory.path(), false).ok());
}

TEST_CASE("a model signature that is not of the release's files is refused before the first byte") {
  Shown good({{"a", "1"}}, false, true);
  CHECK(admit_formats(good.release, false).ok());
  manifest::Release wrong = *good.release;
  wrong.model_signature->sha256.bytes[0] ^= 1;
  CHECK(admit_formats(test::Publisher().verified(wrong), false).error().code == ErrorCode::verification);
}

TEST_CASE("model.sig is written where the release has a signature, and only there") {
  Shown with({{"a", "1"}}, false, true), without({{"a", "1"}}, false);
  REQUIRE(write_model_signature(with.release, with.directory.path()).ok());
  REQUIRE(write_model_signature(without.release, without.directory.path()).ok());
  auto text = read_file(with.directory.path() / "model.sig", MiB);
  REQUIRE(text.ok());
  CHECK(crypto::sha256(*text) == with.release->model_signature->sha256);
  CHECK_FALSE(fs::exists(without.directory.path() / "model.sig"));
}

TEST_CASE("a signature that a killed run had not finished leaves nothing beside the files, and files of the release stay") {
  Shown shown({{"config.json", "{}"}, {".model.sig.tmp.file", "{}"}}, false, true);
  test::put_file(shown.directory.path() / ".model.sig.tmp.29130.29130.2", "half");
  REQUIRE(write_model_signature(shown.release, shown.directory.path()).ok());
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(shown.directory.path())) names.insert(entry.path().filename().string());
  CHECK(names == std::set<std::string>{".model.sig.tmp.file", "config.json", "model.sig"});
}
