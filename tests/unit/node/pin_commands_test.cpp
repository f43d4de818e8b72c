#include "node/pin_commands.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "node/pins.hpp"
#include "unit/cli/sample.hpp"
#include "unit/manifest/samples.hpp"

using namespace shoal;
using namespace shoal::node;
using cli::test::Outcome;

namespace {

/// A state directory with acme/tern@1.2.0, which acme/tern:stable points at.
struct Machine {
  Machine() {
    const auto release = test::good_release();
    const std::string payload = manifest::encode(release);
    id = *ReleaseId::from_raw(crypto::sha256(payload).view());
    const auto envelope = manifest::sign(manifest::release_type, payload, {crypto::PrivateKey::generate()});
    REQUIRE(shelf.save_manifest(id, envelope.encode(), "metainfo").ok());
    fs::create_directories(shelf.release(id));
    REQUIRE(shelf.switch_to(*parse_reference("acme/tern:stable"), id).ok());
  }
  Outcome run(std::vector<std::string> words) const {
    words.insert(words.end(), {"--state", directory.path().string()});
    std::vector<const char*> pointers;
    for (const std::string& word : words) pointers.push_back(word.c_str());
    return cli::test::run_words(pin_commands(), pointers);
  }
  std::vector<Pin> pins() const { return *Pins(directory.path()).all(SystemClock().now()); }

  TempDirectory directory;
  Shelf shelf{directory.path()};
  ReleaseId id;
};

}  // namespace

TEST_CASE("a release is pinned by its version, its channel or its id") {
  Machine machine;
  for (const std::string& reference : {std::string("acme/tern@1.2.0"), std::string("acme/tern:stable"), machine.id.hex()}) {
    CAPTURE(reference);
    CHECK(machine.run({"pin", reference, "--reason", "audit"}).out == "pinned acme/tern@1.2.0 until it is unpinned: audit\n");
    REQUIRE(machine.pins().size() == 1);
    CHECK(machine.pins()[0].release == machine.id);
    CHECK(machine.run({"unpin", reference}).code == 0);
    CHECK(machine.pins().empty());
  }
}

TEST_CASE("a pin for some time is a lease") {
  Machine machine;
  CHECK(machine.run({"pin", "acme/tern:stable", "--for", "2h"}).code == 0);
  REQUIRE(machine.pins().size() == 1);
  CHECK(*machine.pins()[0].until - machine.pins()[0].since == std::chrono::hours(2));
  CHECK(machine.run({"pin", "acme/tern:stable", "--for", "0s"}).code == 2);
  CHECK(machine.run({"pin", "acme/tern:stable", "--for", "soon"}).code == 2);
}

TEST_CASE("the list names model and version, for people and as JSON") {
  Machine machine;
  CHECK(machine.run({"pin", "--list"}).err == "nothing is pinned on this machine\n");
  machine.run({"pin", "acme/tern@1.2.0", "--reason", "audit"});
  CHECK(machine.run({"pin", "--list"}).out == "acme/tern@1.2.0 until it is unpinned: audit\n");
  const Json json = *parse_json(machine.run({"pin", "--list", "--json"}).out, MiB);
  CHECK(json["type"] == "pin");
  CHECK(json["model"] == "acme/tern");
  CHECK(json["release"] == machine.id.hex());
}

TEST_CASE("what is not on this machine cannot be pinned, and what is not pinned not unpinned") {
  Machine machine;
  CHECK(machine.run({"pin"}).code == 2);
  CHECK(machine.run({"pin", "nonsense"}).code == 2);
  CHECK(machine.run({"pin", "acme/tern@9"}).code == 10);
  CHECK(machine.run({"pin", "acme/tern:other"}).code == 10);
  CHECK(machine.run({"pin", std::string(64, 'a')}).code == 10);
  CHECK(machine.run({"unpin", "acme/tern:stable"}).code == 10);
  fs::remove_all(machine.shelf.release(machine.id));  // fetched to another place with pull --to
  CHECK(machine.run({"pin", "acme/tern@1.2.0"}).code == 10);
}
