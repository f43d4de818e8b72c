// Machines that are complete leave each other alone, and meet at once when one of them wants something.
#include <fstream>

#include "doctest/doctest.h"
#include "machines.hpp"

using namespace shoal;
using namespace shoal::test;
using identity::Role;

namespace {

constexpr std::uint32_t piece = 64 * KiB;

struct Kind {
  Role role = Role::node;
  swarm::SwarmOptions options = {};
  bool has_all = false;  // from the start: a seeder, or a node that was restarted
};

Kind seeder(bool directed = true) {
  Kind kind{Role::seeder, {}, true};
  kind.options.directed = directed;
  return kind;
}
Kind node() { return {}; }
Kind restarted() { return {Role::node, {}, true}; }
Kind standing_at(const std::string& site, Kind kind) {
  kind.options.site = site;
  return kind;
}
class QuietFleet {
 public:
  explicit QuietFleet(const std::vector<Kind>& kinds) {
    put_checkpoint(source_, 1, 3'000'000);
    metainfo_.emplace(published(source_, piece));
    for (const Kind& kind : kinds) add(kind);
    for (std::size_t i = 0; i < kinds.size(); ++i)
      if (!kinds[i].has_all) must(machines_[i]->await<swarm::Completed>(), "everybody completes");
  }

  Machine& add(const Kind& kind) {
    const auto number = static_cast<unsigned>(machines_.size() + 1);
    machines_.push_back(std::make_unique<Machine>(tracker_, certificates_, kind.role, number, kind.options));
    if (kind.has_all && kind.role == Role::node) fs::copy(source_, place(number), fs::copy_options::recursive);
    const swarm::Mode mode = kind.role == Role::seeder ? swarm::Mode::seed : kind.has_all ? swarm::Mode::keep : swarm::Mode::fetch;
    start(*machines_.back(), mode, mode == swarm::Mode::seed ? source_ : place(number));
    return *machines_.back();
  }
  void start(Machine& machine, swarm::Mode mode, const fs::path& root) {
    must(machine.swarm().add({*metainfo_, root, mode}).ok(), "a machine starts");
  }

  fs::path place(unsigned number) const { return dir_.path() / ("node-" + std::to_string(number)); }
  const InfoHash& content() const { return metainfo_->info_hash(); }
  Machine& machine(unsigned number) { return *machines_.at(number - 1); }
  const metainfo::CheckedMetainfo& metainfo() const { return *metainfo_; }
  const fs::path& source() const { return source_; }

  std::uint64_t links_made() const {
    std::uint64_t made = 0;
    for (const auto& machine : machines_) made += machine->mesh().counters().dialled + machine->mesh().counters().accepted;
    return made;
  }
  /// Calls of engines that came to nothing count too.
  std::uint64_t tries() const {
    std::uint64_t tries = links_made();
    for (const auto& machine : machines_) {
      const mesh::MeshCounters counters = machine->mesh().counters();
      tries += counters.handshake_failed + counters.handshake_timed_out + counters.wrong_peer + counters.refused_stream + counters.over_cap;
    }
    return tries;
  }
  std::size_t links_open() const {
    std::size_t open = 0;
    for (const auto& machine : machines_)
      for (const auto& [role, totals] : machine->mesh().link_totals()) open += totals.links;
    return open;
  }
  /// No link is open, and none was tried for three seconds.
  bool falls_silent() {
    std::uint64_t tried = 0;
    auto since = std::chrono::steady_clock::now();
    return eventually(
        [&] {
          if (links_open() > 0 || std::exchange(tried, tries()) != tries()) since = std::chrono::steady_clock::now();
          return std::chrono::steady_clock::now() - since > 3s;
        },
        30s);
  }

 private:
  FakeTracker tracker_;
  TestFleet certificates_;
  TempDirectory dir_;
  fs::path source_ = dir_.path() / "source";
  std::optional<metainfo::CheckedMetainfo> metainfo_;
  std::vector<std::unique_ptr<Machine>> machines_;
};

void spoil(const fs::path& file) {
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekp(1'000'000);
  bytes.put('!').put('?');
}

}  // namespace

TEST_CASE("machines that are complete end their links and do not make new ones") {
  const std::vector<std::pair<const char*, std::vector<Kind>>> fleets{
      {"a source that grants", {seeder(), node(), node(), node()}},
      {"an ordinary seed", {seeder(false), node(), node(), node()}},
      {"two sources, one of which does not grant", {seeder(), seeder(false), node(), node()}},
      {"restarted nodes, which are sources", {seeder(), restarted(), restarted(), restarted()}},
      {"two sites", {standing_at("a", seeder()), standing_at("a", node()), standing_at("b", node()), standing_at("b", node())}},
      {"everything", {standing_at("a", seeder()), seeder(false), standing_at("b", restarted()), standing_at("b", node()), node()}},
  };
  for (const auto& [name, kinds] : fleets) {
    CAPTURE(std::string(name));
    QuietFleet fleet(kinds);
    CHECK(fleet.falls_silent());
    // Both ends count a link. Each pair met while something was wanted, and perhaps once or twice more until both knew.
    MESSAGE(std::string(name), ": links made ", fleet.links_made());
    CHECK(fleet.links_made() <= 3 * kinds.size() * (kinds.size() - 1));
  }
}

TEST_CASE("a machine that is complete is met at once by one that comes back with less, as often as that happens") {
  QuietFleet fleet({seeder(), node(), node()});
  REQUIRE(fleet.falls_silent());
  Machine& again = fleet.machine(2);
  for (int round = 0; round < 3; ++round) {
    again.swarm().remove(fleet.content());
    spoil(fleet.place(2) / "model-0.safetensors");
    const auto start = std::chrono::steady_clock::now();
    const std::size_t completed = again.events<swarm::Completed>().size();
    fleet.start(again, swarm::Mode::fetch, fleet.place(2));
    REQUIRE(eventually([&] { return again.events<swarm::Completed>().size() > completed; }, 20s));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    MESSAGE("round ", round, ": complete after ", took.count(), " s");
    CHECK(took.count() < 3);
    CHECK(digests_below(fleet.place(2)) == digests_below(fleet.source()));
    CHECK(fleet.falls_silent());
  }
}

TEST_CASE("a machine that loses a piece while it runs meets the others again") {
  QuietFleet fleet({seeder(), node()});
  // It has sent nothing yet, so no piece is in its memory.
  Machine& whole = fleet.add(restarted());
  REQUIRE(fleet.falls_silent());
  // Nobody reads a piece before somebody asks for it: then it turns out to be wrong.
  spoil(fleet.place(3) / "model-0.safetensors");
  fleet.machine(1).swarm().remove(fleet.content());
  fleet.machine(2).swarm().remove(fleet.content());
  fs::remove_all(fleet.place(2));
  fleet.start(fleet.machine(2), swarm::Mode::fetch, fleet.place(2));
  REQUIRE(eventually([&] { return !whole.progress(fleet.content()).complete; }, 30s));
  fleet.start(fleet.machine(1), swarm::Mode::seed, fleet.source());
  CHECK(eventually([&] { return whole.progress(fleet.content()).complete; }, 30s));
  CHECK(eventually([&] { return fleet.machine(2).progress(fleet.content()).complete; }, 30s));
  CHECK(digests_below(fleet.place(2)) == digests_below(fleet.source()));
  CHECK(digests_below(fleet.place(3)) == digests_below(fleet.source()));
  CHECK(fleet.falls_silent());
}
