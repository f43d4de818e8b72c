#include "publisher/publisher.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "crypto/digest.hpp"
#include "manifest/model_signing.hpp"
#include "publisher/channel_mover.hpp"
#include "support/publishing_machine.hpp"

namespace shoal::publisher {
namespace {

using testing::Machine;
using testing::request_for;
using testing::write;

const std::string version_path = "/v1/models/acme/llama/versions/1.0";
const std::string channel_path = "/v1/models/acme/llama/channels/main";

struct Checkpoint {
  Checkpoint() {
    write(root() / "config.json", "{}");
    write(root() / "weights.bin", std::string(300'000, 'w'));
    for (const char* name : {"config.json", "weights.bin"})
      fs::last_write_time(root() / name, fs::file_time_type::clock::now() - std::chrono::hours(1));
  }
  const fs::path& root() const { return directory.path(); }
  TempDirectory directory;
};

bool registered_anything(const Machine&, const testing::Memory& memory) {
  return std::any_of(memory.requests.begin(), memory.requests.end(), [](const auto& request) { return request.starts_with("PUT"); });
}

void check_refused(Machine& machine, const Result<PublishReport>& result, ErrorCode code, std::string_view part) {
  REQUIRE_FALSE(result.ok());
  CAPTURE(result.error().message);
  CHECK(result.error().code == code);
  CHECK(result.error().message.find(part) != std::string::npos);
  CHECK_FALSE(registered_anything(machine, machine.memory()));
  CHECK(test::must(Sources(machine.state()).list()).empty());
}

manifest::VerifiedChannelPointer pointer_of(Machine& machine) {
  auto envelope = test::must(manifest::SignedEnvelope::decode(machine.memory().channels.at(channel_path), manifest::channel_limit));
  return test::must(machine.session().verifier()->channel(envelope, ModelName::trusted("acme/llama"), ChannelName::trusted("main"), {},
                                                          machine.clock().now()));
}

Result<PublishReport> publish(Machine& machine, const PublishRequest& request) {
  Signer signer = machine.signer();
  return Publisher(machine.session(), machine.tracker(), signer, machine.out(), {}).publish(request);
}

TEST_CASE("a version that is a little larger keeps the piece length of which nodes have pieces, and one that is much larger does not") {
  Machine machine;
  TempDirectory directory;
  const auto length_of = [&](ByteCount size, const std::string& version) {
    write(directory.path() / "weights.bin", version);
    fs::resize_file(directory.path() / "weights.bin", size);
    fs::last_write_time(directory.path() / "weights.bin", fs::file_time_type::clock::now() - std::chrono::hours(1));
    PublishRequest request = request_for(directory.path(), version);
    request.allow_code_formats = true;  // nearly all of it is a hole
    test::must(publish(machine, request));
    const auto& published = machine.memory().versions.at("/v1/models/acme/llama/versions/" + version);
    auto envelope = test::must(manifest::SignedEnvelope::decode(published.envelope, manifest::release_limit));
    return test::must(machine.session().verifier()->release(envelope, ModelName::trusted("acme/llama")))->swarm.piece_length;
  };
  CHECK(length_of(64 * MiB, "1.0") == 64 * KiB);
  CHECK(length_of(64 * MiB + 1, "2.0") == 64 * KiB);
  CHECK(length_of(128 * MiB + 1, "3.0") == 256 * KiB);
  // Whatever the channel points at now, a release that is registered is what it was.
  CHECK(length_of(64 * MiB + 1, "2.0") == 64 * KiB);
}

TEST_CASE("a published release verifies, is remembered, and the channel points at it") {
  Machine machine;
  Checkpoint checkpoint;
  PublishRequest request = request_for(checkpoint.root());
  request.labels = {{"stage", "test"}};
  Signer signer = machine.signer();
  PublishReport report = test::must(Publisher(machine.session(), machine.tracker(), signer, machine.out(), {}).publish(request));
  CHECK(report.files == 2);
  CHECK(report.bytes == 300'002);
  CHECK_FALSE(report.already);

  const auto& sent = machine.memory().versions.at(version_path);
  auto envelope = test::must(manifest::SignedEnvelope::decode(sent.envelope, manifest::release_limit));
  auto release = test::must(machine.session().verifier()->release(envelope, request.model, report.id));
  CHECK(release->version == request.version);
  CHECK(release->labels == request.labels);
  CHECK(release->created == machine.clock().now());
  CHECK(release->files.at(1).sha256 == crypto::sha256(std::string(300'000, 'w')));
  auto metainfo = test::must(metainfo::CheckedMetainfo::check(release, sent.metainfo));
  CHECK(metainfo.info_hash() == report.info_hash);

  Source source = test::must(Sources(machine.state()).load(report.id));
  CHECK(source.root == fs::canonical(checkpoint.root()));
  CHECK(source.metainfo == sent.metainfo);
  CHECK(source.envelope == sent.envelope);
  CHECK(source.mtimes_ns.size() == 2);

  auto pointer = pointer_of(machine);
  CHECK(pointer->release == report.id);
  CHECK(pointer->sequence == 1);
  CHECK(pointer->epoch == 3);
}

TEST_CASE("small files share pieces where that pays, unless they may not, and a release that is registered stays as it is") {
  Machine machine;
  TempDirectory directory;
  for (int i = 0; i < 100; ++i) write(directory.path() / ("f" + std::to_string(i)), std::string(200, static_cast<char>('a' + i % 26)));
  const auto publish = [&](const std::string& version, bool align) {
    PublishRequest request = request_for(directory.path(), version);
    request.align_files = align;
    Signer signer = machine.signer();
    (void)test::must(Publisher(machine.session(), machine.tracker(), signer, machine.out(), {}).publish(request));
    const auto& sent = machine.memory().versions.at("/v1/models/acme/llama/versions/" + version);
    auto envelope = test::must(manifest::SignedEnvelope::decode(sent.envelope, manifest::release_limit));
    auto release = test::must(machine.session().verifier()->release(envelope, request.model));
    const auto metainfo = test::must(metainfo::CheckedMetainfo::check(release, sent.metainfo));
    return std::pair(release->swarm.packing, metainfo.layout().piece_count());
  };
  CHECK(publish("1.0", false) == std::pair<std::uint32_t, std::uint32_t>(2, 2));
  CHECK(publish("2.0", true) == std::pair<std::uint32_t, std::uint32_t>(1, 100));
  CHECK(publish("1.0", true).first == 2);
  CHECK(publish("2.0", false).first == 1);
}

TEST_CASE("publishing the same content again changes nothing and says so") {
  Machine machine;
  Checkpoint checkpoint;
  PublishReport first = test::must(machine.publish(checkpoint.root()));
  std::string pointer = machine.memory().channels.at(channel_path);
  machine.clock().advance(std::chrono::hours(1));
  machine.memory().requests.clear();
  PublishReport second = test::must(machine.publish(checkpoint.root()));
  CHECK(second.already);
  CHECK(second.id == first.id);
  CHECK(machine.memory().channels.at(channel_path) == pointer);
  CHECK_FALSE(registered_anything(machine, machine.memory()));
}

manifest::VerifiedRelease release_of(Machine& machine, const ReleaseId& id) {
  auto envelope =
      test::must(manifest::SignedEnvelope::decode(machine.memory().versions.at(version_path).envelope, manifest::release_limit));
  return test::must(machine.session().verifier()->release(envelope, ModelName::trusted("acme/llama"), id));
}

TEST_CASE("the files are signed once with the publisher's key, and publishing again keeps the signature") {
  Machine machine;
  Checkpoint checkpoint;
  PublishReport first = test::must(machine.publish(checkpoint.root()));
  CHECK(first.model_signature);
  auto release = release_of(machine, first.id);
  CHECK(manifest::verifies_model_signature(*release, machine.key().public_key()));
  PublishReport second = test::must(machine.publish(checkpoint.root()));
  CHECK(second.id == first.id);
  CHECK(*release_of(machine, second.id) == *release);
}

TEST_CASE("files are not signed where the source has a signature of its own or nobody wants one") {
  Checkpoint own, bare;
  write(own.root() / "model.sig", "by somebody else");
  PublishRequest unsigned_request = request_for(bare.root());
  unsigned_request.model_signature = false;
  for (const PublishRequest& request : {request_for(own.root()), unsigned_request}) {
    Machine machine;
    PublishReport report = test::must(publish(machine, request));
    CHECK_FALSE(report.model_signature);
    CHECK_FALSE(release_of(machine, report.id)->model_signature);
  }
}

TEST_CASE("what nodes refuse is not published unless the publisher allows it, and the release says whether") {
  Checkpoint checkpoint;
  write(checkpoint.root() / "old.pt", "x");
  write(checkpoint.root() / "hidden.dat", "cposix\nsystem\np0\n(Vid\np1\ntp2\nRp3\n.");
  Machine machine;
  PublishRequest request = request_for(checkpoint.root());
  auto refused = publish(machine, request);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::usage);
  for (const char* part : {"hidden.dat: it is a Python pickle", "1 more file", "--allow-code-formats"})
    CHECK_MESSAGE(refused.error().message.find(part) != std::string::npos, refused.error().message);
  request.allow_code_formats = true;
  PublishReport report = test::must(publish(machine, request));
  CHECK(report.code_files.size() == 2);
  CHECK(release_of(machine, report.id)->allows_code);
  // A consent that was given once need not be given again.
  request.allow_code_formats = false;
  CHECK(test::must(publish(machine, request)).already);
}

TEST_CASE("a release without formats that execute code does not allow them") {
  Checkpoint checkpoint;
  Machine machine;
  PublishReport report = test::must(machine.publish(checkpoint.root()));
  CHECK(report.code_files.empty());
  CHECK_FALSE(release_of(machine, report.id)->allows_code);
}

TEST_CASE("what was published without consent to formats that execute code does not get it later") {
  Machine machine;
  Checkpoint checkpoint;
  test::must(machine.publish(checkpoint.root()));
  PublishRequest request = request_for(checkpoint.root());
  request.allow_code_formats = true;
  auto refused = publish(machine, request);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::conflict);
  CHECK(refused.error().message.find("new version") != std::string::npos);
}

TEST_CASE("publishing again finishes what was interrupted before the channel moved") {
  Machine machine;
  Checkpoint checkpoint;
  machine.memory().before = [](const http::ClientRequest& request) -> Status {
    if (request.target == channel_path) return fail(ErrorCode::unreachable, "no answer");
    return {};
  };
  auto cut = machine.publish(checkpoint.root());
  REQUIRE_FALSE(cut.ok());
  CHECK(cut.error().code == ErrorCode::unreachable);
  CHECK(cut.error().message.find("run the same command again") != std::string::npos);
  machine.memory().before = nullptr;
  PublishReport report = test::must(machine.publish(checkpoint.root()));
  CHECK(report.already);
  CHECK(pointer_of(machine)->release == report.id);
}

TEST_CASE("a machine that publishes known content from elsewhere serves it with the registered metainfo") {
  Machine machine;
  Checkpoint first, second;
  PublishReport report = test::must(machine.publish(first.root()));
  test::must(machine.publish(second.root()));
  Source source = test::must(Sources(machine.state()).load(report.id));
  CHECK(source.root == fs::canonical(second.root()));
  CHECK(source.metainfo == machine.memory().versions.at(version_path).metainfo);
}

TEST_CASE("a version never gets other content") {
  Machine machine;
  Checkpoint checkpoint;
  test::must(machine.publish(checkpoint.root()));
  auto before = machine.memory().versions.at(version_path).envelope;
  machine.memory().requests.clear();
  std::string named;
  SUBCASE("another size") {
    write(checkpoint.root() / "config.json", "{ }");
    named = "another config.json";
  }
  SUBCASE("the same size") {
    write(checkpoint.root() / "config.json", "[]");
    named = "another config.json";
  }
  SUBCASE("one file more") {
    write(checkpoint.root() / "extra", "1");
    named = "without extra";
  }
  SUBCASE("one file less") {
    fs::remove(checkpoint.root() / "weights.bin");
    named = "with weights.bin";
  }
  auto result = machine.publish(checkpoint.root());
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == ErrorCode::conflict);
  CAPTURE(result.error().message);
  CHECK(result.error().message.find(named) != std::string::npos);
  CHECK_FALSE(registered_anything(machine, machine.memory()));
  CHECK(machine.memory().versions.at(version_path).envelope == before);
}

TEST_CASE("each new version moves the channel one sequence up") {
  Machine machine;
  Checkpoint checkpoint;
  test::must(machine.publish(checkpoint.root(), "1.0"));
  PublishReport second = test::must(machine.publish(checkpoint.root(), "1.1"));
  CHECK(pointer_of(machine)->sequence == 2);
  CHECK(pointer_of(machine)->release == second.id);
  PublishReport first = test::must(machine.publish(checkpoint.root(), "1.0"));
  CHECK(pointer_of(machine)->sequence == 3);
  CHECK(pointer_of(machine)->release == first.id);
}

TEST_CASE("a pointer that expired is followed by the next sequence") {
  Machine machine;
  Checkpoint checkpoint;
  test::must(machine.publish(checkpoint.root()));
  machine.clock().advance(std::chrono::hours(24 * 100));
  test::must(machine.publish(checkpoint.root()));
  CHECK(pointer_of(machine)->sequence == 2);
}

TEST_CASE("a pointer in force that does not verify is not followed") {
  Machine machine;
  Checkpoint checkpoint;
  machine.memory().channels[channel_path] =
      manifest::sign(manifest::channel_type, R"({"anything":1})", {crypto::PrivateKey::generate()}).encode();
  auto result = machine.publish(checkpoint.root());
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == ErrorCode::verification);
}

TEST_CASE("without a channel none is moved") {
  Machine machine;
  Checkpoint checkpoint;
  PublishRequest request = request_for(checkpoint.root());
  request.channel.reset();
  Signer signer = machine.signer();
  test::must(Publisher(machine.session(), machine.tracker(), signer, machine.out(), {}).publish(request));
  CHECK(machine.memory().channels.empty());
}

TEST_CASE("keys that may not sign end it before the tracker hears of it") {
  Machine machine(identity::Role::seeder, {{{"other/*"}, {}, 1}});
  Checkpoint checkpoint;
  check_refused(machine, machine.publish(checkpoint.root()), ErrorCode::verification, "may sign for other/*");
  CHECK(machine.memory().requests.empty());
}

TEST_CASE("a tracker that is down ends it before a byte is hashed") {
  Machine machine;
  Checkpoint checkpoint;
  machine.memory().before = [](const http::ClientRequest&) -> Status {
    return fail(ErrorCode::unreachable, "tracker 127.0.0.1:1: refused");
  };
  check_refused(machine, machine.publish(checkpoint.root()), ErrorCode::unreachable, "refused");
  CHECK(machine.memory().requests.size() == 1);
}

TEST_CASE("files that change during the work are never registered") {
  Machine machine;
  Checkpoint checkpoint;
  // The tracker is asked between the survey and the hashing.
  machine.memory().before = [&](const http::ClientRequest&) -> Status {
    SUBCASE("one was written") { write(checkpoint.root() / "config.json", "[]"); }
    SUBCASE("one was added") { write(checkpoint.root() / "more", "1"); }
    SUBCASE("one went") { fs::remove(checkpoint.root() / "config.json"); }
    return {};
  };
  check_refused(machine, machine.publish(checkpoint.root()), ErrorCode::failed, "changed while it was hashed");
}

TEST_CASE("an interrupted publication registers nothing") {
  Machine machine;
  Checkpoint checkpoint;
  std::stop_source stop;
  stop.request_stop();
  Signer signer = machine.signer();
  Publisher publisher(machine.session(), machine.tracker(), signer, machine.out(), stop.get_token());
  auto result = publisher.publish(request_for(checkpoint.root()));
  check_refused(machine, result, ErrorCode::interrupted, "interrupted");
}

TEST_CASE("labels that a release may not have are refused before hashing") {
  Machine machine;
  Checkpoint checkpoint;
  PublishRequest request = request_for(checkpoint.root());
  request.labels = {{"note", "line\nbreak"}};
  Signer signer = machine.signer();
  Publisher publisher(machine.session(), machine.tracker(), signer, machine.out(), {});
  check_refused(machine, publisher.publish(request), ErrorCode::usage, "label");
}

TEST_CASE("a parent may be named by its version or its id, and must exist") {
  Machine machine;
  Checkpoint checkpoint;
  PublishReport first = test::must(machine.publish(checkpoint.root()));
  Signer signer = machine.signer();
  Publisher publisher(machine.session(), machine.tracker(), signer, machine.out(), {});
  auto parent_of = [&](const std::string& version) {
    const auto& sent = machine.memory().versions.at("/v1/models/acme/llama/versions/" + version);
    auto envelope = test::must(manifest::SignedEnvelope::decode(sent.envelope, manifest::release_limit));
    return test::must(manifest::decode_release(envelope.payload)).parent;
  };
  PublishRequest request = request_for(checkpoint.root(), "1.1");
  request.parent = "1.0";
  test::must(publisher.publish(request));
  CHECK(parent_of("1.1") == first.id);
  request.version = VersionName::trusted("1.2");
  request.parent = first.id.hex();
  test::must(publisher.publish(request));
  CHECK(parent_of("1.2") == first.id);
  request.version = VersionName::trusted("1.3");
  request.parent = "0.9";
  auto missing = publisher.publish(request);
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().code == ErrorCode::not_found);
}

}  // namespace
}  // namespace shoal::publisher
