#include "store/piece_store.hpp"

#include <algorithm>

#include "store/content_opener.hpp"
#include "store/incoming.hpp"
#include "store/reader.hpp"
#include "store/scrubber.hpp"

namespace shoal::store {

/// Built in the order in which they use each other.
struct PieceStore::Parts {
  Parts(FileLayer& files, const StoreOptions& options, ChunkPool& pool)
      : open_files(options.open_files),
        contents(pool, options.retry_pause),
        syncer(open_files, contents, options),
        opener(files, open_files, contents, syncer),
        explorer(contents, tally),
        reader(pool, contents, tally),
        incoming(pool, contents, explorer, tally),
        scrubber(contents, options.scrub_rate, options.scrub_pause) {}

  StoreTally tally;
  OpenFiles open_files;
  Contents contents;
  Syncer syncer;
  ContentOpener opener;
  Explorer explorer;
  Reader reader;
  Incoming incoming;
  Scrubber scrubber;
};

namespace {

Status check(const NewContent& content, ByteCount memory_budget) {
  const Layout& layout = content.layout;
  if (content.pieces.size() != layout.piece_count())
    return fail("a content of " + std::to_string(layout.piece_count()) + " pieces with " + std::to_string(content.pieces.size()) +
                " digests");
  if (!content.files.empty() && content.files.size() != layout.files().size())
    return fail("a content of " + std::to_string(layout.files().size()) + " files with " + std::to_string(content.files.size()) +
                " digests");
  if (layout.piece_length() > memory_budget / 8)
    return fail(ErrorCode::usage, "pieces of " + format_bytes(layout.piece_length()) + " need a memory budget of " +
                                      format_bytes(8 * ByteCount{layout.piece_length()}) + " at least");
  return {};
}

bool has_unexplored(const OpenedContent& opened) {
  const auto& unexplored = opened.state.unexplored;
  return !opened.content->older_pieces.empty() || !opened.content->older_files.empty() ||
         std::find(unexplored.begin(), unexplored.end(), true) != unexplored.end();
}

}  // namespace

PieceStore::PieceStore(FileLayer& files, StoreOptions options)
    : memory_budget_(options.memory_budget), pool_(options.memory_budget), parts_(std::make_unique<Parts>(files, options, pool_)) {}

PieceStore::~PieceStore() {
  parts_->scrubber.end();
  std::vector<ContentId> ids;
  parts_->contents.with([&](const StoreState& state) {
    for (const auto& [id, content] : state.contents) ids.push_back(id);
  });
  for (const auto id : ids) stop(id, [] {});
  parts_->reader.end();
  parts_->syncer.end();
  parts_->contents.lock()->memory.cache() = {};
}

Result<Added> PieceStore::add(NewContent content) {
  SHOAL_CHECK(check(content, memory_budget_));
  const ContentId id = parts_->contents.with([](StoreState& state) { return ContentId{state.next_id++}; });
  SHOAL_TRY(OpenedContent opened, parts_->opener.open(id, std::move(content)));
  Added added{id, opened.state.have, has_unexplored(opened)};
  parts_->contents.with([&](StoreState& state) {
    if (!opened.content->read_only()) state.memory.begin_update();
    state.of(*opened.content) = std::move(opened.state);
    state.contents.emplace(id, opened.content);
  });
  return added;
}

void PieceStore::stop(ContentId id, std::function<void()> callback) {
  Calls calls;
  parts_->contents.with([&](StoreState& state) {
    auto it = state.contents.find(id);
    if (it == state.contents.end()) {
      calls.push_back(std::move(callback));
      return;
    }
    StoredContent& content = *it->second;
    state.of(content).stopping = true;
    state.of(content).stops.push_back(std::move(callback));
    parts_->incoming.close(state, content, calls);
    parts_->reader.close(state, content, calls);
    state.kick(*content.lane);
  });
  for (auto& call : calls) call();
}

PieceStore::Taken PieceStore::write(ContentId id, std::uint32_t piece, std::uint32_t offset, std::string_view bytes) {
  return parts_->incoming.write(id, piece, offset, bytes);
}
void PieceStore::complete(ContentId id, std::uint32_t piece, VerdictCallback callback) {
  parts_->incoming.complete(id, piece, std::move(callback));
}
void PieceStore::clear(ContentId id, std::uint32_t piece, std::function<void()> callback) {
  parts_->incoming.clear(id, piece, std::move(callback));
}
void PieceStore::on_drained(std::function<void()> call) { parts_->incoming.on_drained(std::move(call)); }

std::optional<Block> PieceStore::cached(ContentId id, std::uint32_t piece, std::uint32_t offset, std::uint32_t length) {
  return parts_->reader.cached(id, piece, offset, length);
}
void PieceStore::read(ContentId id, std::uint32_t piece, std::uint32_t offset, std::uint32_t length, BlockCallback callback) {
  parts_->reader.read(id, piece, offset, length, std::move(callback));
}

void PieceStore::flush(ContentId id, std::function<void(Status)> callback) { parts_->syncer.flush(id, std::move(callback)); }
ContentFacts PieceStore::facts(ContentId id) const { return parts_->contents.facts(id); }
StoreCounters PieceStore::counters() const {
  const StoreTally& tally = parts_->tally;
  return {tally.verified, tally.failed, tally.hits, tally.misses, tally.read, tally.written};
}
std::size_t PieceStore::open_files() const { return parts_->open_files.count(); }

}  // namespace shoal::store
