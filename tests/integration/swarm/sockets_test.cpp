// Only mutual TLS leaves the host: the engine has no socket that another machine could reach.
#include <fstream>
#include <sstream>

#include "doctest/doctest.h"
#include "machines.hpp"

using namespace shoal;
using namespace shoal::test;
using identity::Role;

namespace {

struct Socket {
  std::string table;  // "tcp", "udp6", ...
  std::string local;  // as /proc/net has it: address in hexadecimal, ':', port
  bool loopback = false;
};

std::set<std::string> own_inodes() {
  std::set<std::string> inodes;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const std::string target = fs::read_symlink(entry.path(), error).string();
    if (!error && target.starts_with("socket:[")) inodes.insert(target.substr(8, target.size() - 9));
  }
  return inodes;
}

/// In /proc/net/*, IPv4 addresses stand as a number in host order: 127.x.y.z ends in 7F on a little-endian machine.
bool is_loopback(const std::string& table, const std::string& local) {
  const std::string address = local.substr(0, local.find(':'));
  if (table.ends_with('6'))
    return address == "00000000000000000000000001000000" || (address.starts_with("0000000000000000FFFF0000") && address.ends_with("7F"));
  return address.ends_with("7F");
}

std::vector<Socket> own_sockets() {
  const auto inodes = own_inodes();
  std::vector<Socket> sockets;
  for (const std::string table : {"tcp", "tcp6", "udp", "udp6", "raw", "raw6"}) {
    std::ifstream file("/proc/self/net/" + table);
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
      std::istringstream fields(line);
      std::vector<std::string> field;
      for (std::string word; fields >> word;) field.push_back(word);
      if (field.size() > 9 && inodes.contains(field[9])) sockets.push_back({table, field[1], is_loopback(table, field[1])});
    }
  }
  return sockets;
}

}  // namespace

TEST_CASE("during a transfer no socket of the engine is bound beyond loopback") {
  FakeTracker tracker;
  TestFleet fleet;
  TempDirectory dir;
  put_checkpoint(dir.path() / "source", 2, 4'000'000);
  const auto metainfo = published(dir.path() / "source", 256 * KiB);
  Machine seeder(tracker, fleet, Role::seeder, 1, {100, 2'000'000, 0});
  Machine node(tracker, fleet, Role::node, 2);
  REQUIRE(seeder.swarm().add({metainfo, dir.path() / "source", swarm::Mode::seed}).ok());
  REQUIRE(node.swarm().add({metainfo, dir.path() / "fetched", swarm::Mode::fetch}).ok());
  REQUIRE(eventually([&] { return node.progress(metainfo.info_hash()).done > 1'000'000; }));
  const auto sockets = own_sockets();
  REQUIRE(sockets.size() >= 4);  // otherwise nothing was looked at
  std::size_t udp = 0;
  for (const auto& socket : sockets) {
    CAPTURE(socket.table);
    CAPTURE(socket.local);
    CHECK(socket.loopback);
    if (socket.table.starts_with("udp")) ++udp;
  }
  // The two held ports, which receive nothing; libtorrent has no UDP socket.
  CHECK(udp == 2);
}

TEST_CASE("rate limits hold for peers behind the mesh, though they look like loopback") {
  FakeTracker tracker;
  TestFleet fleet;
  TempDirectory dir;
  put_file(dir.path() / "slow/model.bin", noise(32'000'000, 1));
  put_file(dir.path() / "fast/model.bin", noise(32'000'000, 2));
  const auto slow = published(dir.path() / "slow", 256 * KiB);
  const auto fast = published(dir.path() / "fast", 256 * KiB);
  Machine limited(tracker, fleet, Role::seeder, 1, {100, 500'000, 0});
  Machine unlimited(tracker, fleet, Role::seeder, 2);
  Machine node(tracker, fleet, Role::node, 3);
  REQUIRE(limited.swarm().add({slow, dir.path() / "slow", swarm::Mode::seed}).ok());
  REQUIRE(unlimited.swarm().add({fast, dir.path() / "fast", swarm::Mode::seed}).ok());
  REQUIRE(node.swarm().add({slow, dir.path() / "fetched-slow", swarm::Mode::fetch}).ok());
  REQUIRE(eventually([&] { return node.progress(slow.info_hash()).done > 0; }));
  // The limited one has a head start, and is far behind when the other is through.
  REQUIRE(node.swarm().add({fast, dir.path() / "fetched-fast", swarm::Mode::fetch}).ok());
  REQUIRE(eventually([&] { return node.progress(fast.info_hash()).complete; }));
  CHECK(node.progress(slow.info_hash()).done < slow.layout().total_size() / 2);
}
