// Machines of a small fleet in one process: real meshes, real engines, and a tracker that lives in memory.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "support/published.hpp"
#include "support/test_fleet.hpp"
#include "swarm/swarm.hpp"

namespace shoal::test {

using namespace std::chrono_literals;

/// Waits for a condition that no one signals; false at the deadline.
template <class Condition>
bool eventually(Condition condition, std::chrono::seconds deadline = 60s) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    never.wait_for(lock, 5ms);
  }
  return true;
}

/// Answers announces like a tracker with compact=0. Thread-safe.
class FakeTracker {
 public:
  struct Announced {
    std::string peer_id, event;
    ByteCount left = 0, downloaded = 0, uploaded = 0;
  };

  http::Response answer(const std::string& target);
  void set_down(bool down) { state_.lock()->down = down; }
  /// From now on requests are not answered until their stop token says so.
  void set_silent() { state_.lock()->silent = true; }
  bool is_silent() const {
    return state_.with([](const State& s) { return s.silent; });
  }
  /// A peer that no machine announced.
  void add(const InfoHash& content, const NodeId& id, std::uint16_t port);
  std::vector<Announced> log() const {
    return state_.with([](const State& s) { return s.log; });
  }
  bool saw(const NodeId& node, const std::string& event) const;
  bool is_down() const {
    return state_.with([](const State& s) { return s.down; });
  }

 private:
  struct State {
    std::map<std::string, std::map<std::string, std::pair<std::uint16_t, ByteCount>>> peers;  // info-hash, peer id -> port, left
    std::vector<Announced> log;
    bool down = false;
    bool silent = false;
  };
  Guarded<State> state_;
};

/// The way to it that a registry::Client takes.
class FakeTrackerClient final : public http::Client {
 public:
  bool over_loopback() const override { return true; }
  explicit FakeTrackerClient(FakeTracker& tracker) : tracker_(tracker) {}
  Result<http::Response> send(http::ClientRequest request, const std::stop_token& stop) override;

 private:
  FakeTracker& tracker_;
};

class AllowAll final : public mesh::LinkPolicy {
 public:
  bool may_link(const identity::Certificate&, const InfoHash&) override { return true; }
};

class Machine {
 public:
  Machine(FakeTracker& tracker, const TestFleet& fleet, identity::Role role, unsigned number, swarm::SwarmOptions options = {});

  const NodeId& id() const { return id_; }
  mesh::Mesh& mesh() { return *mesh_; }
  swarm::Swarm& swarm() { return *swarm_; }
  /// Ends the engine; the mesh stays.
  void stop_swarm() { swarm_.reset(); }

  template <class T>
  std::vector<T> events() const {
    return events_.with([](const std::vector<swarm::Event>& all) {
      std::vector<T> some;
      for (const auto& event : all)
        if (const T* wanted = std::get_if<T>(&event)) some.push_back(*wanted);
      return some;
    });
  }
  template <class T>
  bool await(std::chrono::seconds deadline = 60s) const {
    return eventually([&] { return !events<T>().empty(); }, deadline);
  }
  swarm::Progress progress(const InfoHash& content) const { return swarm_->progress(content).value_or(swarm::Progress{}); }

 private:
  NodeId id_;
  identity::CredentialStore credentials_;
  AllowAll policy_;
  SystemClock clock_;
  std::stop_source client_stop_;
  Guarded<std::vector<swarm::Event>> events_;
  std::unique_ptr<mesh::Mesh> mesh_;
  std::unique_ptr<swarm::Swarm> swarm_;
};

/// A checkpoint of `shards` files of `shard` bytes and what else real ones have: tiny files, an empty one, one in a directory.
void put_checkpoint(const fs::path& root, int shards, std::size_t shard);
/// Paths and SHA-256 of all regular files below a directory.
std::map<std::string, Sha256> digests_below(const fs::path& root);
/// How many descriptors of this process are open on files below a directory.
std::size_t descriptors_below(const fs::path& root);

}  // namespace shoal::test
