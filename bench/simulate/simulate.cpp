// A fan-out in virtual time: the grant policy of the source as it is in the product, and nodes that trade at random. No sockets.
//
//   simulate [--nodes N] [--pieces P] [--degree D] [--least L] [--source R] [--seed S]
//
// All links are alike and carry one piece in one unit of time, up and down at once; the source's is R times as fast. The source has a link
// to each of the first 1000 nodes; word of a piece takes two units to arrive. A node asks each neighbour for one piece at a time, or for
// its share of what arrives in 1.2 % of the run (0.25 s where the ideal is 20 s) where that is more. Neighbours are drawn as the tracker
// hands out peers: each joiner gets half a degree of those who came before it, of two at random the one that has fewer links. Who has fewer
// than L after that asks once more, 5 to 10 s later, and gets as many as it lacks (swarm/announce_schedule.hpp; --least 0: it does not).
// Printed as JSON: nodes as multiples of the ideal P * (1 + floor(log2 N) / P), copies sent by the source, and announces that the tracker
// answered for each node.
#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "swarm/announce_schedule.hpp"
#include "swarm/grant_policy.hpp"

namespace {

using shoal::SteadyTime;
using shoal::swarm::GrantPolicy;

struct Options {
  std::uint32_t nodes = 100, pieces = 1000, degree = 2 * shoal::swarm::first_peers;
  std::uint32_t least = shoal::swarm::enough_peers;
  double source = 1;  // rate
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
  explicit Simulation(const Options& options) : o_(options), policy_(o_.pieces, 1, o_.seed), random_(o_.seed), none_(o_.pieces) {
    in_all_ = o_.pieces / 80;
    for (std::uint32_t i = 0; i < o_.pieces; ++i) policy_.hold(i, true);
    for (std::uint32_t i = 0; i <= o_.nodes; ++i) hosts_.emplace_back(o_.pieces);
    connect();
  }

  void run() {
    tick();
    for (; !events_.empty() && done_ < o_.nodes; events_.pop()) {
      const Event event = events_.top();
      now_ = event.at;
      handle(event);
    }
  }

  void print() const {
    const double ideal = o_.pieces + std::floor(std::log2(o_.nodes));
    std::printf(
        "{\"nodes\": %u, \"pieces\": %u, \"degree\": %u, \"median_over_ideal\": %.3f, \"last_over_ideal\": %.3f, "
        "\"source_copies\": %.3f, \"announces_per_node\": %.2f, \"fewest_neighbours\": %zu}\n",
        o_.nodes, o_.pieces, o_.degree, median_ / ideal, now_ / ideal, static_cast<double>(sent_by_source_) / o_.pieces,
        1 + static_cast<double>(asked_again_) / o_.nodes, fewest_neighbours());
  }

 private:
  static constexpr std::uint32_t source = 0;
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
    GrantPolicy::Peer peer = 0;
    bool linked = false;  // to the source
  };

  SteadyTime clock() const { return SteadyTime{} + std::chrono::microseconds(static_cast<std::int64_t>(now_ * unit_us())); }
  /// The ideal run takes 20 s.
  double unit_us() const { return 20e6 / o_.pieces; }

  void connect() {
    for (std::uint32_t i = 1; i <= o_.nodes; ++i) {
      hosts_[i].linked = i <= o_.source_links;
      if (hosts_[i].linked) hosts_[i].peer = policy_.join(shoal::swarm::PeerKind::node, {});
      if (hosts_[i].linked) by_peer_.push_back(i);
      if (i > 1) link_at_random(i, std::min(o_.degree / 2, i - 1), i - 1);
      if (o_.least > 0) events_.push({(5 + 5 * static_cast<double>(random_() % 1000) / 1000) * 1e6 / unit_us(), What::ask_again, i, 0, 0});
    }
  }
  /// Until the host has `count` neighbours, all of the first `among`.
  void link_at_random(std::uint32_t i, std::uint32_t count, std::uint32_t among) {
    while (hosts_[i].neighbours.size() < count) {
      const auto one = static_cast<std::uint32_t>(1 + random_() % among), two = static_cast<std::uint32_t>(1 + random_() % among);
      const std::uint32_t other = hosts_[one].neighbours.size() <= hosts_[two].neighbours.size() ? one : two;
      auto& mine = hosts_[i].neighbours;
      if (other == i || std::find(mine.begin(), mine.end(), other) != mine.end()) continue;
      mine.push_back(other);
      hosts_[i].asked_of.push_back(0);
      hosts_[other].neighbours.push_back(i);
      hosts_[other].asked_of.push_back(0);
    }
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
    for (std::uint32_t i = 1; i <= o_.nodes; ++i) fewest = std::min(fewest, hosts_[i].neighbours.size());
    return fewest;
  }

  void ask_again(std::uint32_t id) {
    Host& host = hosts_[id];
    const std::size_t before = host.neighbours.size();
    if (before >= o_.least || host.count == o_.pieces) return;
    ++asked_again_;
    link_at_random(id, std::min(o_.least, o_.nodes - 1), o_.nodes);
    for (std::size_t at = before; at < host.neighbours.size(); ++at) {
      meet(id, host.neighbours[at]);
      meet(host.neighbours[at], id);
      ask(id, at);
      const std::uint32_t other = host.neighbours[at];
      ask(other, index_of(hosts_[other], id));
    }
  }

  /// A new neighbour says what it has.
  void meet(std::uint32_t id, std::uint32_t other) {
    Pieces::each(hosts_[other].shown, none_, none_, [&](std::uint32_t piece) { ++hosts_[id].copies[piece]; });
  }

  void tick() {
    events_.push({now_ + 50, What::tick, source, 0, 0});
    give();
  }

  /// The source grants; a node asks for what it is granted at once.
  void give() {
    for (const auto& grant : policy_.next(clock())) {
      const std::uint32_t node = by_peer_.at(grant.peer);
      if (hosts_[node].has.has(grant.piece) || hosts_[node].asked.has(grant.piece)) continue;
      hosts_[node].asked.set(grant.piece);
      hosts_[source].queue.push_back({node, grant.piece});
      ++sent_by_source_;
    }
    send_next(source);
  }

  void send_next(std::uint32_t id) {
    Host& host = hosts_[id];
    if (host.sending || host.queue.empty()) return;
    // All neighbours are served alike: any of the waiting requests.
    const std::size_t at = id == source ? 0 : random_() % host.queue.size();
    const Request request = host.queue[at];
    host.queue.erase(host.queue.begin() + static_cast<std::ptrdiff_t>(at));
    host.sending = true;
    Host& to = hosts_[request.to];
    to.down_free = std::max(now_ + 1, to.down_free + 1);
    events_.push({now_ + (id == source ? 1 / o_.source : 1), What::up_free, id, 0, 0});
    events_.push({to.down_free, What::arrived, request.to, id, request.piece});
  }

  void arrived(std::uint32_t id, std::uint32_t from, std::uint32_t piece) {
    Host& host = hosts_[id];
    host.asked.clear(piece);
    host.has.set(piece);
    events_.push({now_ + o_.word, What::known, id, 0, piece});
    if (++host.count == o_.pieces && ++done_ == (o_.nodes + 1) / 2) median_ = now_;
    if (from == source) return;
    const std::size_t at = index_of(host, from);
    --host.asked_of[at];
    ask(id, at);
  }

  static std::size_t index_of(const Host& host, std::uint32_t other) {
    return static_cast<std::size_t>(std::find(host.neighbours.begin(), host.neighbours.end(), other) - host.neighbours.begin());
  }

  /// Everybody has heard that the host has the piece.
  void known(std::uint32_t id, std::uint32_t piece) {
    Host& host = hosts_[id];
    host.shown.set(piece);
    if (host.linked) {
      policy_.has(host.peer, piece, clock());
      give();
    }
    for (std::uint32_t other : host.neighbours) ++hosts_[other].copies[piece];
    for (std::uint32_t other : host.neighbours)
      if (!hosts_[other].has.has(piece) && !hosts_[other].asked.has(piece)) ask(other, index_of(hosts_[other], id));
  }

  void ask(std::uint32_t id, std::size_t at) {
    Host& host = hosts_[id];
    while (host.asked_of[at] < std::max<std::size_t>(1, in_all_ / host.neighbours.size())) {
      const std::uint32_t other = host.neighbours[at];
      const std::uint32_t piece = rarest(host, hosts_[other]);
      if (piece == o_.pieces) return;
      host.asked.set(piece);
      ++host.asked_of[at];
      hosts_[other].queue.push_back({id, piece});
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
  GrantPolicy policy_;
  std::mt19937_64 random_;
  const Pieces none_;
  std::vector<Host> hosts_;
  std::vector<std::uint32_t> by_peer_;
  std::priority_queue<Event> events_;
  double now_ = 0, median_ = 0;
  std::uint32_t done_ = 0, in_all_ = 0;
  std::uint64_t sent_by_source_ = 0, asked_again_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const auto value = static_cast<std::uint32_t>(std::strtoul(argv[i + 1], nullptr, 10));
    if (name == "--nodes") options.nodes = value;
    if (name == "--pieces") options.pieces = value;
    if (name == "--degree") options.degree = value;
    if (name == "--least") options.least = value;
    if (name == "--source") options.source = std::strtod(argv[i + 1], nullptr);
    if (name == "--seed") options.seed = value;
  }
  Simulation simulation(options);
  simulation.run();
  simulation.print();
}
