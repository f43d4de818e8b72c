#include "store/piece_store.hpp"

#include <algorithm>
#include <thread>

#include "base/backoff.hpp"
#include "base/log.hpp"
#include "store/piece_store_impl.hpp"
#include "store/source_file.hpp"

namespace shoal::store {
namespace {

constexpr std::chrono::milliseconds longest_pause{2000};

/// By file. Neighbouring pieces make one gap.
std::vector<std::vector<Gap>> gaps_of(const StoredContent& content) {
  std::vector<std::vector<Gap>> gaps(content.news.layout.files().size());
  for (std::uint32_t i = 0; i < content.have.size(); ++i) {
    if (content.have[i]) continue;
    for (const FilePart& part : content.parts(i)) {
      auto& of_file = gaps[part.file];
      if (!of_file.empty() && of_file.back().offset + of_file.back().length == part.offset) of_file.back().length += part.length;
      else of_file.push_back({part.offset, part.length});
    }
  }
  return gaps;
}

bool is_same(const FileMark& then, const FileMark& now) {
  return then.size == now.size && then.inode == now.inode && (then.mtime_ns == 0 || then.mtime_ns == now.mtime_ns);
}

/// Files that can be taken from an older content as a whole: all of them lie in one piece or two.
bool is_short(const Layout& layout, std::uint32_t file) {
  const ByteCount size = layout.files()[file].size;
  return size > 0 && size < layout.piece_length();
}

/// What a content lacks, by what it is known by elsewhere.
struct Wanted {
  explicit Wanted(const NewContent& news) : pieces(news.pieces.begin(), news.pieces.end()) {
    for (std::uint32_t i = 0; i < news.files.size(); ++i)
      if (is_short(news.layout, i)) files.insert(news.files[i]);
  }
  const std::set<Sha256> pieces;
  std::set<Sha256> files;
};

bool has_any(const std::vector<Sha256>& digests, const std::set<Sha256>& wanted) {
  return std::any_of(digests.begin(), digests.end(), [&](const Sha256& digest) { return wanted.contains(digest); });
}

/// A machine may have thousands of releases, and most have nothing in common.
void drop_strangers(NewContent& news) {
  const Wanted wanted(news);
  std::erase_if(news.older, [&](const OlderContent& older) {
    return older.pieces.size() != older.layout.piece_count() ||
           !(has_any(older.pieces, wanted.pieces) || has_any(older.files, wanted.files));
  });
}

}  // namespace

PieceStore::Impl::Impl(FileLayer& files, StoreOptions options, ChunkPool& pool)
    : layer_(files), options_(options), pool_(pool), open_files_(options.open_files) {
  zeroes_ = std::move(pool_.take(1).at(0));
  std::fill_n(zeroes_.data(), ChunkPool::chunk_size, '\0');
  feeder_ = std::make_unique<WorkQueue>(1);
  pool_.on_free([this] { wake_starved(); });
  if (options_.scrub_rate > 0) scrubber_ = std::thread([this] { scrub_loop(); });
}

PieceStore::Impl::~Impl() {
  state_.lock()->scrub_ending = true;
  scrub_ended_.notify_all();
  if (scrubber_.joinable()) scrubber_.join();
  std::vector<ContentId> ids;
  state_.with([&](const State& state) {  // a loop over state_.lock()->contents would go on without the lock
    for (const auto& [id, content] : state.contents) ids.push_back(id);
  });
  for (const auto id : ids) stop(id, [] {});
  pool_.watch(false);
  feeder_->stop();
  std::vector<Lane*> lanes;
  state_.with([&](const State& state) {
    for (const auto& [device, lane] : state.lanes) lanes.push_back(lane.get());
  });
  for (Lane* lane : lanes) lane->queue.stop();
  state_.with([&](State& state) {
    state.ending = true;
    for (Lane* lane : lanes) kick(*lane);
  });
  for (Lane* lane : lanes) lane->syncer.join();
  state_.lock()->cache = {};
}

Lane& PieceStore::Impl::lane_for(std::uint64_t device) {
  auto state = state_.lock();
  auto& lane = state->lanes[device];
  if (lane) return *lane;
  lane = std::make_unique<Lane>(device, options_.threads != 0 ? options_.threads : std::max(1U, std::thread::hardware_concurrency()));
  lane->syncer = std::thread([this, lane = lane.get()] { sync_loop(*lane); });
  return *lane;
}

ContentPtr PieceStore::Impl::find(const State& state, ContentId id) {
  auto it = state.contents.find(id);
  return it == state.contents.end() || it->second->stopping ? nullptr : it->second;
}

Result<Added> PieceStore::Impl::add(NewContent news) {
  if (news.pieces.size() != news.layout.piece_count())
    return fail("a content of " + std::to_string(news.layout.piece_count()) + " pieces with " + std::to_string(news.pieces.size()) +
                " digests");
  if (!news.files.empty() && news.files.size() != news.layout.files().size())
    return fail("a content of " + std::to_string(news.layout.files().size()) + " files with " + std::to_string(news.files.size()) +
                " digests");
  if (news.layout.piece_length() > options_.memory_budget / 8)
    return fail(ErrorCode::usage, "pieces of " + format_bytes(news.layout.piece_length()) + " need a memory budget of " +
                                      format_bytes(8 * ByteCount{news.layout.piece_length()}) + " at least");
  drop_strangers(news);
  const ContentId id = state_.with([](State& state) { return ContentId{state.next_id++}; });
  auto content = std::make_shared<StoredContent>(id, std::move(news));
  SHOAL_CHECK(open(*content).within(shown(content->news.root)));
  content->facts.have = content->facts.durable = static_cast<std::uint32_t>(std::count(content->have.begin(), content->have.end(), true));
  content->was_whole = content->facts.have == content->have.size();
  Added added{id, content->have, !content->older_pieces.empty() || !content->older_files.empty()};
  added.unexplored =
      added.unexplored || std::find(content->unexplored.begin(), content->unexplored.end(), true) != content->unexplored.end();
  state_.with([&](State& state) {
    if (!content->read_only()) ++state.updating;
    state.contents.emplace(id, content);
  });
  return added;
}

Status PieceStore::Impl::open(StoredContent& content) {
  const OpenMode mode = content.read_only() ? OpenMode::read : OpenMode::update;
  content.files = std::make_unique<ContentFiles>(layer_, open_files_, ContentPlace{content.news.root, content.news.moves_to},
                                                 content.news.layout, mode);
  SHOAL_TRY(auto root, content.files->find());
  content.lane = &lane_for(root->id().device);
  own(*content.files, *content.lane);
  if (content.read_only() || content.news.complete) {
    content.have.assign(content.have.size(), true);
    return {};
  }
  SHOAL_TRY(const auto existed, content.files->existing());
  SHOAL_CHECK(recall(content, existed));
  SHOAL_CHECK(content.files->prepare(gaps_of(content)));
  open_older(content);
  if (content.news.journal.empty()) return {};
  const JournalIdentity identity{content.news.identity, content.news.layout.piece_count()};
  SHOAL_TRY(content.journal, Journal::create(layer_, content.news.journal, identity, {content.have, content.files->marks(false)}));
  return {};
}

void PieceStore::Impl::own(ContentFiles& files, Lane& lane) {
  files.set_owner(
      lane.device, [&lane](OpenFiles::Job job) { lane.queue.push(std::move(job)); },
      [this, &lane] {
        state_.with([&](State&) {
          if (!std::exchange(lane.has_open_files, true)) lane.sync_wanted.notify_one();
        });
      });
}

/// Takes from the journal what it knows of files that are still the same; what else is there is to be explored.
Status PieceStore::Impl::recall(StoredContent& content, const std::vector<bool>& existed) {
  const auto& layout = content.news.layout;
  std::optional<JournalState> remembered;
  if (!content.news.journal.empty()) {
    auto loaded = Journal::load(layer_, content.news.journal, {content.news.identity, layout.piece_count()});
    if (loaded.ok()) remembered = std::move(loaded).value();
    else if (loaded.error().code != ErrorCode::not_found) log::warn("journal_refused", {{"why", loaded.error().message}});
  }
  std::vector<FileMark> now;
  if (remembered) now = content.files->marks(true);
  std::vector<bool> same(layout.files().size());
  for (std::uint32_t file = 0; file < same.size(); ++file)
    same[file] = remembered && existed[file] && file < remembered->files.size() && is_same(remembered->files[file], now[file]);
  for (std::uint32_t piece = 0; piece < layout.piece_count(); ++piece) {
    const auto parts = layout.parts(piece);
    const auto all = [&](const std::vector<bool>& are) {
      return std::all_of(parts.begin(), parts.end(), [&](const FilePart& part) { return are[part.file]; });
    };
    const bool unchanged = all(same);
    content.have[piece] = unchanged && remembered->have[piece];
    content.unexplored[piece] = !unchanged && all(existed);
  }
  return {};
}

/// Opened only while something is copied from them: they may be many, and some may go.
void PieceStore::Impl::open_older(StoredContent& content) {
  const Wanted wanted(content.news);
  for (const auto& old : content.news.older) {
    auto files = std::make_unique<ContentFiles>(layer_, open_files_, ContentPlace{old.root, {}}, old.layout, OpenMode::read);
    own(*files, *content.lane);
    auto older = std::make_unique<OlderFiles>(OlderFiles{old, std::move(files)});
    for (std::uint32_t i = 0; i < old.pieces.size(); ++i)
      if (wanted.pieces.contains(old.pieces[i])) content.older_pieces.emplace(old.pieces[i], std::pair(older.get(), i));
    for (std::uint32_t i = 0; i < old.files.size(); ++i)
      if (wanted.files.contains(old.files[i])) content.older_files.emplace(old.files[i], std::pair(older.get(), i));
    content.older.push_back(std::move(older));
  }
}

void PieceStore::Impl::stop(ContentId id, std::function<void()> callback) {
  Calls calls;
  {
    auto state = state_.lock();
    auto it = state->contents.find(id);
    if (it == state->contents.end()) {
      calls.push_back(std::move(callback));
    } else {
      StoredContent& content = *it->second;
      content.stopping = true;
      content.stops.push_back(std::move(callback));
      std::vector<std::uint32_t> idle;
      for (const auto& [piece, live] : content.live)
        if (!live->completing && !live->spilling) idle.push_back(piece);
      for (const auto piece : idle) drop(*state, content, piece);
      const auto drop_read = [&](const auto& waiting) {
        if (waiting.first.get() != &content) return false;
        for (auto& read : content.reading[waiting.second])
          calls.push_back([call = std::move(read.callback)] { call(fail(ErrorCode::interrupted, "the content is closed")); });
        content.reading.erase(waiting.second);
        return true;
      };
      std::erase_if(content.lane->waiting, drop_read);
      // One of the lane that waits for memory may be what would have let the next of the lane begin.
      if (std::erase_if(state->starved, drop_read) > 0) wake_starved();
      check_drained(*state, calls);
      kick(*content.lane);
    }
  }
  for (auto& call : calls) call();
}

ContentFacts PieceStore::Impl::facts(ContentId id) const {
  return state_.with([&](const State& state) {
    auto it = state.contents.find(id);
    if (it == state.contents.end()) return ContentFacts{};
    ContentFacts facts = it->second->facts;
    if (!it->second->in_trouble) facts.problem.clear();
    return facts;
  });
}

void PieceStore::Impl::end_job(StoredContent& content) {
  auto state = state_.lock();
  --content.jobs;
  if (content.stopping && content.jobs == 0) kick(*content.lane);
}

void PieceStore::Impl::trouble(StoredContent& content, const Error& error) {
  const bool is_new = state_.with([&](State&) {
    content.facts.problem = error.message;
    return !std::exchange(content.in_trouble, true);
  });
  if (!is_new) return;
  log::warn("store_trouble", {{"why", error.message}});
  if (content.news.events.problem) content.news.events.problem(error);
}

std::chrono::milliseconds PieceStore::Impl::pause(unsigned attempt) const { return backoff(options_.retry_pause, longest_pause, attempt); }

Status remember(FileLayer& files, const NewContent& content, const std::vector<bool>& have) {
  OpenFiles open(1);
  ContentFiles stored(files, open, {content.root, content.moves_to}, content.layout, OpenMode::read);
  SHOAL_CHECK(stored.find());
  const JournalIdentity identity{content.identity, content.layout.piece_count()};
  SHOAL_CHECK(Journal::create(files, content.journal, identity, {have, stored.marks(true)}));
  return {};
}

PieceStore::PieceStore(FileLayer& files, StoreOptions options)
    : pool_(options.memory_budget), impl_(std::make_unique<Impl>(files, options, pool_)) {}
PieceStore::~PieceStore() = default;

Result<Added> PieceStore::add(NewContent content) { return impl_->add(std::move(content)); }
PieceStore::Taken PieceStore::write(ContentId id, std::uint32_t piece, std::uint32_t offset, std::string_view bytes) {
  return impl_->write(id, piece, offset, bytes);
}
void PieceStore::complete(ContentId id, std::uint32_t piece, VerdictCallback callback) { impl_->complete(id, piece, std::move(callback)); }
void PieceStore::clear(ContentId id, std::uint32_t piece, std::function<void()> callback) { impl_->clear(id, piece, std::move(callback)); }
void PieceStore::on_drained(std::function<void()> call) { impl_->on_drained(std::move(call)); }
std::optional<Block> PieceStore::cached(ContentId id, std::uint32_t piece, std::uint32_t offset, std::uint32_t length) {
  return impl_->cached(id, piece, offset, length);
}
void PieceStore::read(ContentId id, std::uint32_t piece, std::uint32_t offset, std::uint32_t length, BlockCallback callback) {
  impl_->read(id, piece, offset, length, std::move(callback));
}
void PieceStore::flush(ContentId id, std::function<void(Status)> callback) { impl_->flush(id, std::move(callback)); }
void PieceStore::stop(ContentId id, std::function<void()> callback) { impl_->stop(id, std::move(callback)); }
ContentFacts PieceStore::facts(ContentId id) const { return impl_->facts(id); }
StoreCounters PieceStore::counters() const { return impl_->counters(); }
std::size_t PieceStore::open_files() const { return impl_->open_files(); }

}  // namespace shoal::store
