#include "store/syncer.hpp"

#include <algorithm>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "store/explorer.hpp"

namespace shoal::store {
namespace {

/// Those among `pieces` that have bytes in the file.
std::vector<std::uint32_t> pieces_of(const StoredContent& content, std::uint32_t file, const std::set<std::uint32_t>& pieces) {
  const std::uint32_t first = content.spec.layout.first_piece(file);
  return {pieces.lower_bound(first), pieces.lower_bound(first + content.spec.layout.pieces_of(file))};
}

}  // namespace

Syncer::Syncer(OpenFiles& open_files, Contents& contents, const StoreOptions& options)
    : open_files_(open_files), contents_(contents), options_(options) {}

Lane& Syncer::lane_for(std::uint64_t device) {
  auto state = contents_.lock();
  auto& lane = state->lanes[device];
  if (lane) return *lane;
  lane = std::make_unique<Lane>(device, options_.threads != 0 ? options_.threads : std::max(1U, std::thread::hardware_concurrency()));
  lane->syncer = std::thread([this, lane = lane.get()] { run(*lane); });
  return *lane;
}

void Syncer::end() {
  std::vector<Lane*> lanes;
  contents_.with([&](const StoreState& state) {
    for (const auto& [device, lane] : state.lanes) lanes.push_back(lane.get());
  });
  for (Lane* lane : lanes) lane->queue.stop();
  contents_.with([&](StoreState& state) {
    state.ending = true;
    for (Lane* lane : lanes) state.kick(*lane);
  });
  for (Lane* lane : lanes) lane->syncer.join();
}

void Syncer::flush(ContentId id, std::function<void(Status)> callback) {
  const bool known = contents_.with([&](StoreState& state) {
    const ContentPtr content = state.find(id);
    if (!content) return false;
    state.of(*content).flushes.push_back(std::move(callback));
    state.kick(*content->lane);
    return true;
  });
  if (!known) callback(fail(ErrorCode::interrupted, "the content is closed"));
}

/// True while there is more to come. Sleeps while nothing is written and no file is open.
bool Syncer::wait_for_work(Lane& lane) {
  auto state = contents_.lock();
  LaneState& mine = state->of(lane);
  const auto has_work = [&] { return mine.kicked || mine.unsynced; };
  if (mine.has_open_files) lane.sync_wanted.wait_for(state.lock(), options_.close_after, has_work);
  else lane.sync_wanted.wait(state.lock(), [&] { return has_work() || mine.has_open_files; });
  if (mine.unsynced) lane.sync_wanted.wait_for(state.lock(), options_.sync_interval, [&] { return mine.kicked; });
  mine.kicked = mine.unsynced = false;
  return !state->ending;
}

/// A fetch that is stalled and a source that nobody asks give their files back.
void Syncer::close_idle_files(Lane& lane) {
  contents_.lock()->of(lane).has_open_files = false;  // whoever opens one from here on says so
  if (!open_files_.close_idle(lane.device, std::chrono::steady_clock::now() - options_.close_after)) return;
  contents_.lock()->of(lane).has_open_files = true;
}

void Syncer::run(Lane& lane) {
  bool more = true;
  while (more) {
    more = wait_for_work(lane);
    const auto contents = contents_.with([](const StoreState& state) { return state.contents; });
    for (const auto& [id, content] : contents) {
      if (content->lane != &lane) continue;
      const auto [closing, flushes] = contents_.with([&, content = content](StoreState& state) {
        ContentState& mine = state.of(*content);
        return std::pair(mine.stopping && mine.jobs == 0, std::exchange(mine.flushes, {}));
      });
      const Status status = sync(content);
      for (const auto& call : flushes) call(status);
      if (closing) finish(content);
    }
    close_idle_files(lane);
  }
}

/// Everything that is written becomes durable, and then known as such.
Status Syncer::sync(const ContentPtr& content) {
  std::set<std::uint32_t> pieces;
  std::vector<std::uint32_t> forgotten;
  contents_.with([&](StoreState& state) {
    ContentState& mine = state.of(*content);
    mine.syncing = std::exchange(mine.written, {});
    pieces = mine.syncing;
    forgotten = std::exchange(mine.forgotten, {});
  });
  if (pieces.empty() && forgotten.empty()) return {};
  failpoint("store.before_sync");
  Status status = sync_files(content, pieces);
  failpoint("store.synced");
  Status noted = write_journal(*content, pieces, forgotten);
  // The rest is retried.
  contents_.with([&](StoreState& state) {
    ContentState& mine = state.of(*content);
    mine.written.merge(mine.syncing);
    if (!mine.written.empty()) state.note_unsynced(*content->lane);
  });
  if (!noted.ok()) contents_.report_problem(*content, noted.error());
  close_if_durable(*content);
  return status.ok() ? std::move(noted) : std::move(status);
}

/// Where all of it is there and durable, whoever opens a file from here on only reads it.
void Syncer::close_if_durable(StoredContent& content) {
  const bool durable = contents_.with([&](StoreState& state) { return state.of(content).facts.durable == state.of(content).have.size(); });
  if (!durable) return;
  content.files->close_clean();
  for (const auto& older : content.older) older->files->close();
}

/// Takes from `pieces` those that are not durable.
Status Syncer::sync_files(const ContentPtr& content, std::set<std::uint32_t>& pieces) {
  Status first_failure;
  auto dirty = content->files->take_dirty();
  for (const auto file : content->suspect_) dirty.push_back({file, nullptr, true});
  for (auto& one : dirty)
    if (Status synced = sync_file(content, one, pieces); !synced.ok()) first_failure = std::move(synced);
  return first_failure;
}

Status Syncer::sync_file(const ContentPtr& content, DirtyFile& dirty, std::set<std::uint32_t>& pieces) {
  const auto held = std::move(dirty.open);  // closed here if others closed it meanwhile
  auto open = held ? Result<std::shared_ptr<File>>(held) : content->files->get(dirty.file);
  if (!open.ok()) {
    for (const auto piece : pieces_of(*content, dirty.file, pieces)) pieces.erase(piece);
    content->suspect_.insert(dirty.file);
    return std::move(open).error();
  }
  const int error = open.value()->sync();
  if (error == 0 && !dirty.failed && !content->suspect_.contains(dirty.file)) return {};
  if (error != 0) log::warn("sync_failed", {{"file", content->name(dirty.file)}, {"reason", fail_errno("fdatasync", error).message}});
  return sync_again(content, dirty.file, *open.value(), pieces);
}

/// After a failed sync the system may have dropped what was dirty and forgotten that it was: also of pieces that become complete only
/// later. From then on, of this file only what the disk gives back is believed, and only after a sync that succeeds.
Status Syncer::sync_again(const ContentPtr& content, std::uint32_t file, File& open, std::set<std::uint32_t>& pieces) {
  content->suspect_.insert(file);
  const auto mine = pieces_of(*content, file, pieces);
  std::vector<std::uint32_t> lost;
  for (const auto piece : mine) {
    for (const FilePart& part : content->parts(piece))
      if (part.file == file) open.drop_cache(part.offset, part.length);
    auto digest = stored_digest(*content, piece);
    if (digest.ok() && digest.value() == content->spec.pieces[piece]) continue;
    pieces.erase(piece);
    lost.push_back(piece);
  }
  if (!lost.empty()) contents_.lose(content, lost, fail(content->name(file) + ": written bytes were lost when a sync failed"));
  if (const int error = open.sync(); error != 0) {
    for (const auto piece : mine) pieces.erase(piece);
    Error why = fail_errno("cannot sync " + content->name(file), error);
    contents_.report_problem(*content, why);
    return why;
  }
  if (lost.empty()) return {};
  return fail(content->name(file) + ": written bytes were lost when a sync failed");
}

Status Syncer::write_journal(StoredContent& content, const std::set<std::uint32_t>& pieces, const std::vector<std::uint32_t>& forgotten) {
  Status status;
  if (content.journal_ && !forgotten.empty()) status = content.journal_->lose(forgotten);
  // A piece that was lost meanwhile must not be noted as being there.
  std::vector<std::uint32_t> durable;
  contents_.with([&](StoreState& state) {
    const auto& syncing = state.of(content).syncing;
    std::copy_if(pieces.begin(), pieces.end(), std::back_inserter(durable), [&](auto piece) { return syncing.contains(piece); });
  });
  if (content.journal_ && !durable.empty() && status.ok()) status = content.journal_->add(durable);
  if (!status.ok()) {
    contents_.with([&](StoreState& state) {
      auto& again = state.of(content).forgotten;
      again.insert(again.end(), forgotten.begin(), forgotten.end());
    });
    return status;
  }
  contents_.with([&](StoreState& state) {
    ContentState& mine = state.of(content);
    for (const auto piece : durable) mine.facts.durable += static_cast<std::uint32_t>(mine.syncing.erase(piece));
  });
  return {};
}

/// Nobody uses it any more.
void Syncer::finish(const ContentPtr& content) {
  if (content->journal_) {
    // With the times of the files, so that a change between two runs is noticed.
    if (Status marked = content->journal_->mark(content->files->marks(true)); !marked.ok())
      log::warn("journal_not_closed", {{"reason", marked.error().message}});
    content->journal_.reset();
  }
  content->files.reset();
  content->older.clear();
  std::vector<std::function<void()>> stops;
  std::vector<std::function<void(Status)>> flushes;
  contents_.with([&](StoreState& state) {
    state.memory.cache().erase_content(content->key());
    if (!content->read_only()) state.memory.end_update();
    state.contents.erase(content->id);
    stops = std::exchange(state.of(*content).stops, {});
    flushes = std::exchange(state.of(*content).flushes, {});
  });
  for (const auto& call : flushes) call(fail(ErrorCode::interrupted, "the content is closed"));
  for (const auto& call : stops) call();
}

}  // namespace shoal::store
