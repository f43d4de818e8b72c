// How long machines that have most of a content take to get the rest: real meshes, engines and stores on loopback, in one process, with a
// tracker in memory. The content is a sparse file, so that a hundred gigabytes cost nothing but their number of pieces.
//
//   update [--size-mb N] [--missing-kb N | --have PERCENT] [--nodes N] [--sources N] [--source-is node|seeder] [--how journal|reuse]
//          [--directed 0|1] [--limit-kb N] [--seed S]
//
// journal: the node fetched the rest before and was restarted. reuse: an older release on its disk has the rest (copied first: for small
// sizes). --limit-kb limits what each source sends, in kB/s. Printed as JSON: seconds until the first and the last node is complete, bytes
// that were missing, copies of them that sources sent, and links that were made.
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>

#include "crypto/sha256_chain.hpp"
#include "integration/swarm/machines.hpp"
#include "store/piece_digests.hpp"

namespace {

using namespace shoal;
using namespace shoal::test;

struct Options {
  ByteCount size = 200'000'000, missing = 3'000'000, limit = 0;
  unsigned nodes = 1, sources = 1;
  bool node_as_source = false, reuse = false, directed = true;
  std::uint64_t seed = 1;
};

/// A sparse file, and some of its pieces with bytes.
class SparseContent {
 public:
  SparseContent(const Options& options, const fs::path& root) : layout_({{name, 0}}, 1), root_(root) {
    const std::uint32_t piece = store::piece_length_for(options.size);
    const auto pieces = static_cast<std::uint32_t>(std::max<ByteCount>(1, options.size / piece));
    layout_ = store::Layout({{name, ByteCount{pieces} * piece}}, piece);
    make_sparse(root);
    fill(options);
  }

  const metainfo::CheckedMetainfo& metainfo() const { return *metainfo_; }
  /// The same without the bytes.
  const metainfo::CheckedMetainfo& before() const { return *before_; }
  const std::vector<bool>& have() const { return have_; }
  ByteCount missing() const { return ByteCount(std::count(have_.begin(), have_.end(), false)) * layout_.piece_length(); }
  const fs::path& root() const { return root_; }
  void make_sparse(const fs::path& root) const {
    put_file(root / name, "");
    fs::resize_file(root / name, layout_.total_size());
  }

 private:
  static constexpr const char* name = "weights.bin";

  void fill(const Options& options) {
    const std::uint32_t piece = layout_.piece_length(), pieces = layout_.piece_count();
    const auto wanted = std::clamp<ByteCount>((options.missing + piece - 1) / piece, 1, pieces);
    have_.assign(pieces, true);
    store::TreeHashes hashes{{}, std::vector(pieces, digests(std::string(piece, '\0')))};
    if (options.reuse) before_ = checked(hashes, options);
    std::fstream file(root_ / name, std::ios::in | std::ios::out | std::ios::binary);
    std::mt19937_64 random(options.seed);
    for (ByteCount done = 0; done < wanted;) {
      const auto at = static_cast<std::uint32_t>(random() % pieces);
      if (!have_[at]) continue;
      const std::string bytes = noise(piece, options.seed + at);
      file.seekp(static_cast<std::streamoff>(ByteCount{at} * piece));
      file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      hashes.pieces[at] = digests(bytes);
      have_[at] = false;
      ++done;
    }
    file.close();
    metainfo_ = checked(hashes, options);
  }

  static store::PieceHashes digests(const std::string& bytes) {
    std::vector<store::PieceHashes> hashes(1);
    const store::Layout layout({{name, bytes.size()}}, static_cast<std::uint32_t>(bytes.size()));
    store::PieceDigests one(layout, 0, hashes);
    one.update(bytes);
    one.finish();
    return hashes[0];
  }

  /// The file's own digest and the states on the way to it: takes a second for 2 GB, a minute for 100 GB.
  void sum_up(store::TreeHashes& hashes, const Options& options) const {
    const std::string zeroes(layout_.piece_length(), '\0');
    crypto::Sha256Chain sum;
    for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
      sum.update(have_[i] ? zeroes : noise(zeroes.size(), options.seed + i));
      if (store::has_state(layout_, i)) hashes.pieces[i].after = sum.state();
    }
    hashes.files = {sum.finish()};
  }

  metainfo::CheckedMetainfo checked(store::TreeHashes hashes, const Options& options) const {
    sum_up(hashes, options);
    const auto metainfo = must(metainfo::make_metainfo(layout_, hashes));
    auto release = release_of(layout_, hashes.files);
    release.swarm = swarm_of(metainfo.bytes, metainfo.info_hash, layout_.piece_length());
    return must(metainfo::CheckedMetainfo::check(publisher_.verified(release), metainfo.bytes));
  }

  store::Layout layout_;
  const fs::path root_;
  const Publisher publisher_;
  std::vector<bool> have_;
  std::optional<metainfo::CheckedMetainfo> metainfo_, before_;
};

class Run {
 public:
  explicit Run(const Options& options) : o_(options), content_(options, dir_.path() / "source") {
    for (unsigned i = 0; i < o_.sources; ++i) add_source(i);
    for (unsigned i = 0; i < o_.nodes; ++i) prepare_node(i);
  }

  void measure() {
    const auto start = std::chrono::steady_clock::now();
    for (unsigned i = 0; i < o_.nodes; ++i) must(nodes_[i]->swarm().add(wanted_[i]).ok(), "a node starts");
    std::map<unsigned, double> done;
    const bool in_time = eventually(
        [&] {
          for (unsigned i = 0; i < o_.nodes; ++i)
            if (!nodes_[i]->events<swarm::Completed>().empty())
              done.emplace(i, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
          return done.size() == o_.nodes;
        },
        std::chrono::seconds(600));
    must(in_time, "all nodes complete within ten minutes");
    print(done);
  }

 private:
  swarm::SwarmOptions options(bool source) const {
    swarm::SwarmOptions options;
    options.directed = o_.directed;
    options.upload_limit = source ? o_.limit : 0;
    return options;
  }
  void add_source(unsigned i) {
    const auto role = o_.node_as_source ? identity::Role::node : identity::Role::seeder;
    sources_.push_back(std::make_unique<Machine>(tracker_, certificates_, role, 100 + i, options(true)));
    const auto mode = o_.node_as_source ? swarm::Mode::keep : swarm::Mode::seed;
    must(sources_.back()->swarm().add({content_.metainfo(), content_.root(), mode}).ok(), "a source starts");
  }
  void prepare_node(unsigned i) {
    nodes_.push_back(std::make_unique<Machine>(tracker_, certificates_, identity::Role::node, 1 + i, options(false)));
    const fs::path place = dir_.path() / ("node" + std::to_string(i));
    swarm::Content content{content_.metainfo(), place, swarm::Mode::fetch, dir_.path() / ("journal" + std::to_string(i))};
    if (o_.reuse) {
      content.reuse_from.push_back({content_.before(), place.string() + "-before"});
      content_.make_sparse(place.string() + "-before");
    } else {
      content_.make_sparse(place);
      must(swarm::remember(content, content_.have()).ok(), "a journal is written");
    }
    wanted_.push_back(std::move(content));
  }

  void print(const std::map<unsigned, double>& done) const {
    double first = 1e9, last = 0;
    for (const auto& [node, seconds] : done) {
      first = std::min(first, seconds);
      last = std::max(last, seconds);
    }
    ByteCount sent = 0;
    std::uint64_t links = 0;
    for (const auto& source : sources_) sent += source->swarm().totals().to_peers + source->swarm().totals().to_sources;
    for (const auto* machines : {&sources_, &nodes_})
      for (const auto& machine : *machines) links += machine->mesh().counters().dialled;
    std::printf(
        "{\"first_seconds\": %.3f, \"last_seconds\": %.3f, \"missing_bytes\": %llu, \"pieces\": %u, \"source_copies\": %.3f, \"links\": "
        "%llu}\n",
        first, last, static_cast<unsigned long long>(content_.missing()), content_.metainfo().layout().piece_count(),
        static_cast<double>(sent) / static_cast<double>(content_.missing()), static_cast<unsigned long long>(links));
  }

  const Options o_;
  const TempDirectory dir_;
  const SparseContent content_;
  FakeTracker tracker_;
  const TestFleet certificates_;
  std::vector<std::unique_ptr<Machine>> sources_, nodes_;
  std::vector<swarm::Content> wanted_;
};

Options parse(int argc, char** argv) {
  Options options;
  double have = -1;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    const auto number = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--size-mb") options.size = number * 1'000'000;
    if (name == "--missing-kb") options.missing = number * 1000;
    if (name == "--have") have = std::strtod(argv[i + 1], nullptr);
    if (name == "--nodes") options.nodes = static_cast<unsigned>(number);
    if (name == "--sources") options.sources = static_cast<unsigned>(number);
    if (name == "--source-is") options.node_as_source = value == "node";
    if (name == "--how") options.reuse = value == "reuse";
    if (name == "--directed") options.directed = number != 0;
    if (name == "--limit-kb") options.limit = number * 1000;
    if (name == "--seed") options.seed = number;
  }
  if (have >= 0) options.missing = static_cast<ByteCount>(static_cast<double>(options.size) * (100 - have) / 100);
  return options;
}

}  // namespace

int main(int argc, char** argv) { Run(parse(argc, argv)).measure(); }
