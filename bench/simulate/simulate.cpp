// A fan-out in virtual time: the grant policy of the source as it is in the product, and nodes that trade at random. No sockets.
//
//   simulate [--nodes N] [--pieces P] [--have PERCENT] [--alike 0|1] [--sources S] [--directed 0|1] [--degree D] [--least L] [--source R]
//            [--seed S]
//
// All links are alike and carry one piece in one unit of time, up and down at once; a source's is R times as fast. A source has a link
// to each of the first 1000 nodes; word of a piece takes two units to arrive. A node asks each neighbour for one piece at a time, or for
// its share of what arrives in 1.2 % of the run (0.25 s where the ideal is 20 s) where that is more. Neighbours are drawn as the tracker
// hands out peers: each joiner gets half a degree of the earlier nodes, of two at random the one that has fewer links. A node with fewer
// than L links after that asks once more, 5 to 10 s later, and gets as many as it lacks (fanout/announce_schedule.hpp; --least 0: it does
// not).
//
// Every node begins with PERCENT of the pieces: the same ones as all others (--alike 1, a new version of what all have), or each its own (a
// fetch that was interrupted). As in the product, a node that begins with half or more rations what it brought, and shows what it fetches.
// With --directed 0, sources and such nodes are ordinary seeds.
//
// Printed as JSON: nodes as multiples of the ideal M * (1 + floor(log2 N) / M), where M is the number of pieces that a node lacks, copies
// of these sent by the sources, and announces that the tracker answered for each node.
#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "fanout/announce_schedule.hpp"
#include "fanout/grant_policy.hpp"

namespace {

using shoal::SteadyTime;
using shoal::fanout::GrantPolicy;

struct Options {
  std::uint32_t nodes = 100, pieces = 1000;
  std::optional<std::uint32_t> asked_degree, asked_least;
  std::uint32_t degree = 0, least = 0;  // as asked, or what a node does
  double source = 1;                    // rate
  double have = 0;                      // percent
  bool alike = true, directed = true;
  std::uint32_t sources = 1;
  std::uint64_t seed = 1;
  std::uint32_t source_links = 1000;  // as many as an engine takes by default
  double word = 2;                    // units of time until a message arrives
};

/// A set of pieces that is searched by words.
class Pieces {
 public:
  explicit Pieces(std::uint32_t count) : words_((count + 63) / 64) {}
  bool has(std::uint32_t i) const { return words_[i / 64] >> (i % 64) & 1; }
  void set(std::uint32_t i) { words_[i / 64] |= std::uint64_t{1} << (i % 64); }
  void clear(std::uint32_t i) { words_[i / 64] &= ~(std::uint64_t{1} << (i % 64)); }
  /// Calls use(piece) for each that is here and in neither of the others.
  template <class Use>
  static void each(const Pieces& here, const Pieces& not_in, const Pieces& nor_in, Use use) {
    for (std::size_t at = 0; at < here.words_.size(); ++at)
      for (std::uint64_t word = here.words_[at] & ~not_in.words_[at] & ~nor_in.words_[at]; word != 0; word &= word - 1)
        use(static_cast<std::uint32_t>(at * 64) + static_cast<std::uint32_t>(std::countr_zero(word)));
  }

 private:
  std::vector<std::uint64_t> words_;
};

class Simulation {
 public:
  explicit Simulation(const Options& options) : o_(options), random_(o_.seed), none_(o_.pieces) {
    lacking_ = std::max(1U, static_cast<std::uint32_t>(std::lround(o_.pieces * (100 - o_.have) / 100)));
    in_all_ = o_.pieces / 80;
    for (std::uint32_t i = 0; i < o_.sources + o_.nodes; ++i) hosts_.emplace_back(o_.pieces);
    for (std::uint32_t i = 0; i < o_.sources; ++i) fill(hosts_[i], o_.pieces);
    for (std::uint32_t i = o_.sources; i < hosts_.size(); ++i) fill(hosts_[i], o_.pieces - lacking_);
    connect();
    if (o_.directed) ration();
    for (std::uint32_t id = 0; id < hosts_.size(); ++id)
      for (const std::uint32_t other : hosts_[id].neighbours) meet(id, other);
  }

  void run() {
    tick();
    for (std::uint32_t id = 0; id < hosts_.size(); ++id) ask_all(id);
    for (; !events_.empty() && done_ < o_.nodes; events_.pop()) {
      const Event event = events_.top();
      now_ = event.at;
      handle(event);
    }
  }

  void print() const {
    const double ideal = lacking_ + std::floor(std::log2(o_.nodes));
    std::printf(
        "{\"nodes\": %u, \"pieces\": %u, \"lacking\": %u, \"degree\": %u, \"median_over_ideal\": %.3f, \"last_over_ideal\": %.3f, "
        "\"source_copies\": %.3f, \"announces_per_node\": %.2f, \"fewest_neighbours\": %zu}\n",
        o_.nodes, o_.pieces, lacking_, o_.degree, median_ / ideal, now_ / ideal, static_cast<double>(sent_by_sources_) / lacking_,
        1 + static_cast<double>(asked_again_) / o_.nodes, fewest_neighbours());
  }

 private:
  enum class What : std::uint8_t { up_free, arrived, known, ask_again, tick };
  struct Event {
    double at;
    What what;
    std::uint32_t host, other, piece;
    bool operator<(const Event& later) const { return at > later.at; }
  };
  struct Request {
    std::uint32_t to, piece;
  };
  /// The knowledge that a directing host has of the others.
  struct Rationing {
    Rationing(std::uint32_t pieces, std::uint64_t seed) : policy(pieces, 1, seed) {}
    GrantPolicy policy;
    std::vector<std::uint32_t> host_of;  // by peer
  };
  /// That a host is a peer of one that rations.
  struct Ward {
    std::uint32_t of;
    GrantPolicy::Peer peer;
  };
  struct Host {
    explicit Host(std::uint32_t pieces) : has(pieces), shown(pieces), asked(pieces), copies(pieces) {}
    Pieces has, shown, asked;           // shown: what neighbours have heard of
    std::vector<std::uint16_t> copies;  // of each piece, among the neighbours
    std::uint32_t count = 0;
    std::vector<std::uint32_t> neighbours;
    std::vector<std::uint8_t> asked_of;  // pieces asked of each neighbour
    std::vector<Request> queue;          // to send
    bool sending = false;
    double down_free = 0;
    std::unique_ptr<Rationing> rationing;
    std::vector<Ward> wards;
  };

  bool is_source(std::uint32_t id) const { return id < o_.sources; }
  SteadyTime clock() const {
    return SteadyTime{} + std::chrono::hours(1) + std::chrono::microseconds(static_cast<std::int64_t>(now_ * unit_us()));
  }
  /// The ideal run from nothing takes 20 s.
  double unit_us() const { return 20e6 / o_.pieces; }

  /// The first pieces, or any.
  void fill(Host& host, std::uint32_t count) {
    while (host.count < count) {
      const std::uint32_t piece = o_.alike || count == o_.pieces ? host.count : static_cast<std::uint32_t>(random_() % o_.pieces);
      if (host.has.has(piece)) continue;
      host.has.set(piece);
      ++host.count;
    }
    host.shown = host.has;
  }

  void connect() {
    for (std::uint32_t i = o_.sources; i < hosts_.size(); ++i) {
      const std::uint32_t before = i - o_.sources;
      if (before > 0) link_at_random(i, std::min(o_.degree / 2, before), o_.sources, i - 1);
      if (o_.least > 0) events_.push({(5 + 5 * static_cast<double>(random_() % 1000) / 1000) * 1e6 / unit_us(), What::ask_again, i, 0, 0});
    }
    for (std::uint32_t source = 0; source < o_.sources; ++source)
      for (std::uint32_t i = o_.sources; i < std::min<std::size_t>(hosts_.size(), o_.sources + o_.source_links); ++i) link(source, i);
  }
  void link(std::uint32_t one, std::uint32_t other) {
    for (const auto& [from, to] : {std::pair{one, other}, std::pair{other, one}}) {
      hosts_[from].neighbours.push_back(to);
      hosts_[from].asked_of.push_back(0);
    }
  }
  /// Until the host has `count` neighbours that are nodes, all of first .. last.
  void link_at_random(std::uint32_t i, std::uint32_t count, std::uint32_t first, std::uint32_t last) {
    while (nodes_near(i) < count) {
      const std::uint32_t among = last - first + 1;
      const auto one = static_cast<std::uint32_t>(first + random_() % among), two = static_cast<std::uint32_t>(first + random_() % among);
      const std::uint32_t other = nodes_near(one) <= nodes_near(two) ? one : two;
      const auto& mine = hosts_[i].neighbours;
      if (other == i || std::find(mine.begin(), mine.end(), other) != mine.end()) continue;
      link(i, other);
    }
  }
  std::size_t nodes_near(std::uint32_t id) const {
    const auto& all = hosts_[id].neighbours;
    return all.size() -
           static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [this](std::uint32_t other) { return is_source(other); }));
  }

  /// Sources, and nodes that begin with half or more, hide what they brought and grant it instead.
  void ration() {
    const bool nodes_too = 2 * lacking_ <= o_.pieces;
    for (std::uint32_t id = 0; id < hosts_.size(); ++id) {
      if (!is_source(id) && !nodes_too) continue;
      hosts_[id].shown = none_;
      hosts_[id].rationing = std::make_unique<Rationing>(o_.pieces, o_.seed + id);
      Pieces::each(hosts_[id].has, none_, none_, [&](std::uint32_t piece) { hosts_[id].rationing->policy.set_held(piece, true); });
    }
    for (std::uint32_t id = 0; id < hosts_.size(); ++id)
      for (const std::uint32_t other : hosts_[id].neighbours) take_on(id, other);
  }
  void take_on(std::uint32_t id, std::uint32_t other) {
    if (!hosts_[id].rationing) return;
    Rationing& own = *hosts_[id].rationing;
    const auto kind = hosts_[other].rationing ? shoal::fanout::PeerKind::source : shoal::fanout::PeerKind::node;
    const auto peer = own.policy.join(kind, clock());
    own.host_of.push_back(other);
    hosts_[other].wards.push_back({id, peer});
    Pieces::each(hosts_[other].has, none_, none_, [&](std::uint32_t piece) { own.policy.note_brought(peer, piece); });
  }

  void handle(const Event& event) {
    switch (event.what) {
      case What::up_free: hosts_[event.host].sending = false; return send_next(event.host);
      case What::arrived: return arrived(event.host, event.other, event.piece);
      case What::known: return known(event.host, event.piece);
      case What::ask_again: return ask_again(event.host);
      case What::tick: return tick();
    }
  }

  std::size_t fewest_neighbours() const {
    std::size_t fewest = o_.nodes;
    for (std::uint32_t i = o_.sources; i < hosts_.size(); ++i) fewest = std::min(fewest, nodes_near(i));
    return fewest;
  }

  void ask_again(std::uint32_t id) {
    Host& host = hosts_[id];
    const std::size_t before = host.neighbours.size();
    if (nodes_near(id) >= o_.least || host.count == o_.pieces) return;
    ++asked_again_;
    link_at_random(id, std::min(o_.least, o_.nodes - 1), o_.sources, static_cast<std::uint32_t>(hosts_.size() - 1));
    for (std::size_t at = before; at < host.neighbours.size(); ++at) {
      const std::uint32_t other = host.neighbours[at];
      meet(id, other);
      meet(other, id);
      take_on(id, other);
      take_on(other, id);
      ask(id, at);
      ask(other, index_of(hosts_[other], id));
    }
  }

  /// A new neighbour says what it has.
  void meet(std::uint32_t id, std::uint32_t other) {
    Pieces::each(hosts_[other].shown, none_, none_, [&](std::uint32_t piece) { ++hosts_[id].copies[piece]; });
  }

  void tick() {
    events_.push({now_ + 50, What::tick, 0, 0, 0});
    for (std::uint32_t id = 0; id < hosts_.size(); ++id) give(id);
  }

  /// A host that rations grants; a node asks for what it is granted at once.
  void give(std::uint32_t id) {
    if (!hosts_[id].rationing) return;
    for (const auto& grant : hosts_[id].rationing->policy.next(clock())) {
      const std::uint32_t node = hosts_[id].rationing->host_of.at(grant.peer);
      if (hosts_[node].has.has(grant.piece) || hosts_[node].asked.has(grant.piece)) continue;
      request(node, id, grant.piece);
    }
    send_next(id);
  }

  void request(std::uint32_t node, std::uint32_t from, std::uint32_t piece) {
    hosts_[node].asked.set(piece);
    hosts_[from].queue.push_back({node, piece});
    sent_by_sources_ += is_source(from) ? 1 : 0;
  }

  void send_next(std::uint32_t id) {
    Host& host = hosts_[id];
    if (host.sending || host.queue.empty()) return;
    // All neighbours are served alike: any of the waiting requests.
    const std::size_t at = host.rationing ? 0 : random_() % host.queue.size();
    const Request next = host.queue[at];
    host.queue.erase(host.queue.begin() + static_cast<std::ptrdiff_t>(at));
    host.sending = true;
    Host& to = hosts_[next.to];
    to.down_free = std::max(now_ + 1, to.down_free + 1);
    events_.push({now_ + (is_source(id) ? 1 / o_.source : 1), What::up_free, id, 0, 0});
    events_.push({to.down_free, What::arrived, next.to, id, next.piece});
  }

  void arrived(std::uint32_t id, std::uint32_t from, std::uint32_t piece) {
    Host& host = hosts_[id];
    host.asked.clear(piece);
    host.has.set(piece);
    if (host.rationing) host.rationing->policy.set_held(piece, true);
    events_.push({now_ + o_.word, What::known, id, 0, piece});
    if (++host.count == o_.pieces && ++done_ == (o_.nodes + 1) / 2) median_ = now_;
    const std::size_t at = index_of(host, from);
    if (host.asked_of[at] > 0) --host.asked_of[at];  // what was granted was not asked for here
    ask(id, at);
  }

  static std::size_t index_of(const Host& host, std::uint32_t other) {
    return static_cast<std::size_t>(std::find(host.neighbours.begin(), host.neighbours.end(), other) - host.neighbours.begin());
  }

  /// Everybody has heard that the host has the piece.
  void known(std::uint32_t id, std::uint32_t piece) {
    Host& host = hosts_[id];
    host.shown.set(piece);
    for (const Ward& ward : host.wards) {
      hosts_[ward.of].rationing->policy.note_has(ward.peer, piece, clock());
      give(ward.of);
    }
    give(id);
    for (std::uint32_t other : host.neighbours) ++hosts_[other].copies[piece];
    for (std::uint32_t other : host.neighbours)
      if (!hosts_[other].has.has(piece) && !hosts_[other].asked.has(piece)) ask(other, index_of(hosts_[other], id));
  }

  void ask_all(std::uint32_t id) {
    for (std::size_t at = 0; at < hosts_[id].neighbours.size(); ++at) ask(id, at);
  }
  void ask(std::uint32_t id, std::size_t at) {
    Host& host = hosts_[id];
    while (host.asked_of[at] < std::max<std::size_t>(1, in_all_ / host.neighbours.size())) {
      const std::uint32_t other = host.neighbours[at];
      const std::uint32_t piece = rarest(host, hosts_[other]);
      if (piece == o_.pieces) return;
      ++host.asked_of[at];
      request(id, other, piece);
      send_next(other);
    }
  }

  /// Of what the other can send, the piece that the fewest neighbours have, as libtorrent picks; the number of pieces where there is none.
  std::uint32_t rarest(const Host& host, const Host& other) {
    std::uint32_t found = o_.pieces, equals = 0;
    unsigned fewest = ~0U;
    Pieces::each(other.shown, host.has, host.asked, [&](std::uint32_t piece) {
      if (host.copies[piece] > fewest) return;
      if (host.copies[piece] < fewest) equals = 0;
      fewest = host.copies[piece];
      if (random_() % ++equals == 0) found = piece;
    });
    return found;
  }

  const Options o_;
  std::mt19937_64 random_;
  const Pieces none_;
  std::uint32_t lacking_ = 0;
  std::vector<Host> hosts_;
  std::priority_queue<Event> events_;
  double now_ = 0, median_ = 0;
  std::uint32_t done_ = 0, in_all_ = 0;
  std::uint64_t sent_by_sources_ = 0, asked_again_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const auto value = static_cast<std::uint32_t>(std::strtoul(argv[i + 1], nullptr, 10));
    if (name == "--nodes") options.nodes = value;
    if (name == "--pieces") options.pieces = value;
    if (name == "--degree") options.asked_degree = value;
    if (name == "--least") options.asked_least = value;
    if (name == "--source") options.source = std::strtod(argv[i + 1], nullptr);
    if (name == "--seed") options.seed = value;
    if (name == "--have") options.have = std::strtod(argv[i + 1], nullptr);
    if (name == "--alike") options.alike = value != 0;
    if (name == "--directed") options.directed = value != 0;
    if (name == "--sources") options.sources = value;
  }
  options.degree = options.asked_degree.value_or(2 * static_cast<std::uint32_t>(shoal::fanout::first_peers(options.pieces)));
  options.least = options.asked_least.value_or(shoal::fanout::enough_peers(options.pieces));
  Simulation simulation(options);
  simulation.run();
  simulation.print();
}
