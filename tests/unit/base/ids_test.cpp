#include "base/ids.hpp"

#include <unordered_set>

#include "doctest/doctest.h"

using namespace shoal;

TEST_CASE("a model is called org/name and nothing else") {
  for (const char* good : {"acme/tern", "A/b", "meta-llama/Llama-3.1_8B", "0/0"}) CHECK_MESSAGE(ModelName::parse(good).ok(), good);
  for (const char* bad : {"", "/", "tern", "acme/", "/tern", "acme/tern/x", "acme/../x", "../tern", "acme/.tern", "-acme/tern",
                          "acme/-tern", "ac me/tern", "acme/tern:stable", "acme/tern@1", "acme/te\xc3\xa9rn", "acme\\tern", "acme//tern"})
    CHECK_MESSAGE(!ModelName::parse(bad).ok(), bad);
  CHECK(ModelName::parse(std::string(96, 'a') + "/" + std::string(96, 'b')).ok());
  CHECK_FALSE(ModelName::parse(std::string(97, 'a') + "/b").ok());
  CHECK_FALSE(ModelName::parse(std::string("acme/te\0rn", 10)).ok());
}

TEST_CASE("versions, channels, fleets and node ids keep their alphabets") {
  CHECK(VersionName::parse("1.2.0+build_7").ok());
  for (const char* bad : {"", ".", "..", ".1", "-1", "1/2", "1:2", "1 2"}) CHECK_FALSE(VersionName::parse(bad).ok());
  CHECK(ChannelName::parse("stable-2").ok());
  for (const char* bad : {"", "Stable", "a+b", "-a", "a/b"}) CHECK_FALSE(ChannelName::parse(bad).ok());
  CHECK_FALSE(ChannelName::parse(std::string(65, 'a')).ok());
  CHECK(FleetName::parse("fleet-1.example").ok());
  for (const char* bad : {"", "-a", "a-", ".a", "a.", "A", "a_b", "a/b"}) CHECK_FALSE(FleetName::parse(bad).ok());
  CHECK_FALSE(FleetName::parse(std::string(64, 'a')).ok());
  CHECK(NodeId::parse("abcdefghij27").ok());
  for (const char* bad : {"", "abcdefghij2", "abcdefghij277", "abcdefghij21", "ABCDEFGHIJ27"}) CHECK_FALSE(NodeId::parse(bad).ok());
}

TEST_CASE("a version and a channel are written after their model") {
  CHECK(VersionRef::parse("acme/llama@1.0+2").value().str() == "acme/llama@1.0+2");
  CHECK(ChannelRef::parse("acme/llama:main").value().str() == "acme/llama:main");
  CHECK(VersionRef::parse("acme/llama:main").error().message ==
        "'acme/llama:main' names no version: write it as org/name@version, such as acme/llama@1.0");
  CHECK(ChannelRef::parse("acme/llama").error().message ==
        "'acme/llama' names no channel: write it as org/name:channel, such as acme/llama:main");
  for (const char* bad : {"", "@", "acme@1", "acme/llama@", "acme/llama@1@2", "acme/llama@1:main"})
    CHECK_FALSE(VersionRef::parse(bad).ok());
  for (const char* bad : {"", ":", "acme:main", "acme/llama:", "acme/llama:Main", "acme/llama:a:b"})
    CHECK_FALSE(ChannelRef::parse(bad).ok());
}

TEST_CASE("a refused name is quoted without its control characters and not at length") {
  Result<ModelName> bad = ModelName::parse("a\x1b[2J" + std::string(10'000, 'x'));
  CHECK(bad.error().message.find('\x1b') == std::string::npos);
  CHECK(bad.error().message.size() < 300);
  CHECK(bad.error().code == ErrorCode::usage);
}

TEST_CASE("a digest is read from exactly its bytes, or its digits in lower case") {
  Sha256 digest = Sha256::from_raw(std::string(32, '\xab')).value();
  CHECK(digest.hex().substr(0, 4) == "abab");
  CHECK(Sha256::from_hex(digest.hex()).value() == digest);
  CHECK_FALSE(Sha256::from_raw(std::string(31, 'x')).ok());
  CHECK_FALSE(Sha256::from_raw(std::string(33, 'x')).ok());
  CHECK_FALSE(Sha256::from_hex(std::string(64, 'A')).ok());
  CHECK_FALSE(Sha256::from_hex(std::string(62, 'a')).ok());
  CHECK_FALSE(Sha256::from_hex(std::string(64, 'g')).ok());
  CHECK(std::unordered_set<Sha256>{digest, digest}.size() == 1);
}

TEST_CASE("a peer id carries the id of the machine") {
  NodeId id = NodeId::parse("abcdefghij27").value();
  CHECK(peer_id_of(id) == "-SH0100-abcdefghij27");
  CHECK(node_of_peer_id("-SH0100-abcdefghij27").value() == id);
  CHECK_FALSE(node_of_peer_id("-LT2080-abcdefghij27").ok());
  CHECK_FALSE(node_of_peer_id("-SH0100-abcdefghij2").ok());
  CHECK_FALSE(node_of_peer_id("-SH0100-ABCDEFGHIJ27").ok());
}
