// A real tracker with a plain test listener and some enrolled machines, for clients that are not ours. Writes certificates, a
// payload and its torrent into the directory that it is given, says where everything is in one line of JSON, and runs until its
// standard input ends.
#include <iostream>

#include "base/json.hpp"
#include "registry/bencode.hpp"
#include "tracker/running_fleet.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

constexpr std::uint32_t piece_length = 65536;
constexpr std::size_t pieces = 16;
constexpr int machines = 4;

/// Bytes that differ from piece to piece.
std::string make_payload() {
  std::string payload;
  for (std::size_t block = 0; payload.size() < pieces * piece_length; ++block) payload += crypto::sha256(std::to_string(block)).raw();
  return payload;
}

struct Torrent {
  std::string bytes;
  InfoHash info_hash;
};

Torrent make_torrent(const std::string& payload) {
  using registry::Bencode;
  std::string hashes;
  for (std::size_t at = 0; at < payload.size(); at += piece_length)
    hashes += crypto::sha1(std::string_view(payload).substr(at, piece_length)).raw();
  Bencode::Dictionary info{{"length", static_cast<std::int64_t>(payload.size())},
                           {"name", "payload.bin"},
                           {"piece length", std::int64_t{piece_length}},
                           {"pieces", hashes},
                           {"private", std::int64_t{1}}};
  InfoHash info_hash = must(InfoHash::from_raw(crypto::sha1(Bencode(info).encode()).view()));
  return {Bencode(Bencode::Dictionary{{"info", info}}).encode(), info_hash};
}

void publish(RunningFleet& fleet, const std::string& payload, const Torrent& torrent) {
  manifest::Release release = fleet.release();
  release.files = {{"payload.bin", payload.size(), crypto::sha256(payload)}};
  release.swarm = {torrent.info_hash, piece_length, crypto::sha256(torrent.bytes), torrent.bytes.size()};
  auto envelope = manifest::sign(manifest::release_type, manifest::encode(release), {fleet.publisher});
  must(fleet.join(identity::Role::publisher)->client.publish(model, version, envelope.encode(), torrent.bytes));
}

Json enrol_machines(RunningFleet& fleet, const fs::path& directory) {
  Json list = Json::array();
  for (int i = 0; i < machines; ++i) {
    auto credentials = fleet.join(identity::Role::node)->store.current();
    fs::path key = directory / ("node" + std::to_string(i) + ".key"), certificate = directory / ("node" + std::to_string(i) + ".crt");
    must(write_file_durably(key, credentials->key_pem, Access::owner));
    must(write_file_durably(certificate, credentials->certificate_pem));
    list.push_back({{"id", credentials->self.identity.id.str()}, {"key", key.string()}, {"certificate", certificate.string()}});
  }
  return list;
}

void serve(const fs::path& directory) {
  RunningFleet fleet;
  fleet.options.plain_listen = {"127.0.0.1", 0};
  fleet.start();
  std::string payload = make_payload();
  Torrent torrent = make_torrent(payload);
  publish(fleet, payload, torrent);
  must(write_file_durably(directory / "payload.bin", payload));
  must(write_file_durably(directory / "payload.torrent", torrent.bytes));
  must(write_file_durably(directory / "ca.crt", fleet.fleet.authority().certificate_pem()));
  Json ready{{"tls", "https://127.0.0.1:" + std::to_string(fleet.port())},
             {"plain", "http://" + fleet.running->plain_listen().str()},
             {"info_hash", torrent.info_hash.hex()},
             {"payload", (directory / "payload.bin").string()},
             {"torrent", (directory / "payload.torrent").string()},
             {"ca", (directory / "ca.crt").string()},
             {"machines", enrol_machines(fleet, directory)}};
  std::cout << ready.dump() << std::endl;
  while (std::cin.get() != std::char_traits<char>::eof()) {}
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: foreign_fleet DIR\n";
    return 2;
  }
  serve(argv[1]);
}
