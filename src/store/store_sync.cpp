// Durability: data first, then the journal; and what happens when a sync fails.
#include <algorithm>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "store/piece_store_impl.hpp"

namespace shoal::store {

/// With the lock held.
void PieceStore::Impl::kick(Lane& lane) {
  lane.kicked = true;
  lane.sync_wanted.notify_one();
}

void PieceStore::Impl::flush(ContentId id, std::function<void(Status)> callback) {
  const bool known = state_.with([&](State& state) {
    const ContentPtr content = find(state, id);
    if (!content) return false;
    content->flushes.push_back(std::move(callback));
    kick(*content->lane);
    return true;
  });
  if (!known) callback(fail(ErrorCode::interrupted, "the content is closed"));
}

/// Pieces that were there are not; those who count on them are told.
void PieceStore::Impl::lose(const ContentPtr& content, const std::vector<std::uint32_t>& pieces, const Error& why) {
  std::vector<std::uint32_t> lost;
  state_.with([&](State& state) {
    for (const auto piece : pieces) {
      if (!content->have[piece]) continue;
      content->have[piece] = false;
      content->unexplored[piece] = false;
      --content->facts.have;
      // The journal hears of it in any case: it may have been told, or be about to be, that the piece is there.
      if (content->written.erase(piece) + content->syncing.erase(piece) == 0) --content->facts.durable;
      content->forgotten.push_back(piece);
      state.cache.erase(static_cast<std::uint32_t>(content->id), piece);
      lost.push_back(piece);
    }
    if (!lost.empty()) kick(*content->lane);
  });
  if (lost.empty()) return;
  log::warn("pieces_lost", {{"pieces", lost.size()}, {"first", lost.front()}, {"why", why.message}});
  if (content->news.events.lost) content->news.events.lost(lost, why);
}

/// With the lock held: a piece was written that is not durable yet.
void PieceStore::Impl::note_unsynced(Lane& lane) {
  if (std::exchange(lane.unsynced, true)) return;
  lane.sync_wanted.notify_one();
}

/// True while there is more to come. Sleeps while nothing is written and no file is open.
bool PieceStore::Impl::wait_for_work(Lane& lane) {
  auto state = state_.lock();
  const auto has_work = [&] { return lane.kicked || lane.unsynced; };
  if (lane.has_open_files) lane.sync_wanted.wait_for(state.lock(), options_.close_after, has_work);
  else lane.sync_wanted.wait(state.lock(), [&] { return has_work() || lane.has_open_files; });
  if (lane.unsynced) lane.sync_wanted.wait_for(state.lock(), options_.sync_interval, [&] { return lane.kicked; });
  lane.kicked = lane.unsynced = false;
  return !state->ending;
}

/// A fetch that is stalled and a source that nobody asks give their files back.
void PieceStore::Impl::close_idle_files(Lane& lane) {
  state_.lock()->lanes.at(lane.device)->has_open_files = false;  // whoever opens one from here on says so
  if (!open_files_.close_idle(lane.device, std::chrono::steady_clock::now() - options_.close_after)) return;
  state_.lock()->lanes.at(lane.device)->has_open_files = true;
}

void PieceStore::Impl::sync_loop(Lane& lane) {
  bool more = true;
  while (more) {
    more = wait_for_work(lane);
    const auto contents = state_.with([](const State& state) { return state.contents; });
    for (const auto& [id, content] : contents) {
      if (content->lane != &lane) continue;
      const bool over = state_.with([&](State&) { return content->stopping && content->jobs == 0; });
      const auto flushes = state_.with([&](State&) { return std::exchange(content->flushes, {}); });
      const Status status = sync(content);
      for (const auto& call : flushes) call(status);
      if (over) finish(content);
    }
    close_idle_files(lane);
  }
}

/// Everything that is written becomes durable, and then known as such.
Status PieceStore::Impl::sync(const ContentPtr& content) {
  std::set<std::uint32_t> pieces;
  std::vector<std::uint32_t> forgotten;
  state_.with([&](State&) {
    content->syncing = std::exchange(content->written, {});
    pieces = content->syncing;
    forgotten = std::exchange(content->forgotten, {});
  });
  if (pieces.empty() && forgotten.empty()) return {};
  failpoint("store.before_sync");
  Status status = sync_files(content, pieces);
  failpoint("store.synced");
  Status noted = note(*content, pieces, forgotten);
  // What is left is tried again.
  state_.with([&](State&) {
    content->written.merge(content->syncing);
    if (!content->written.empty()) note_unsynced(*content->lane);
  });
  if (!noted.ok()) trouble(*content, noted.error());
  close_if_durable(*content);
  return status.ok() ? std::move(noted) : std::move(status);
}

/// Where all of it is there and durable, whoever opens a file from here on only reads it.
void PieceStore::Impl::close_if_durable(StoredContent& content) {
  const bool durable = state_.with([&](const State&) { return content.facts.durable == content.have.size(); });
  if (!durable) return;
  content.files->close_clean();
  for (const auto& older : content.older) older->files->close();
}

/// Takes from `pieces` those that are not durable.
Status PieceStore::Impl::sync_files(const ContentPtr& content, std::set<std::uint32_t>& pieces) {
  Status first_failure;
  auto dirty = content->files->take_dirty();
  for (const auto file : content->suspect) dirty.push_back({file, nullptr, true});
  for (auto& one : dirty)
    if (Status synced = sync_file(content, one, pieces); !synced.ok()) first_failure = std::move(synced);
  return first_failure;
}

Status PieceStore::Impl::sync_file(const ContentPtr& content, DirtyFile& dirty, std::set<std::uint32_t>& pieces) {
  const auto held = std::move(dirty.open);  // closed here if others closed it meanwhile
  auto open = held ? Result<std::shared_ptr<File>>(held) : content->files->get(dirty.file);
  if (!open.ok()) {
    for (const auto piece : pieces_of(*content, dirty.file, pieces)) pieces.erase(piece);
    content->suspect.insert(dirty.file);
    return std::move(open).error();
  }
  const int error = open.value()->sync();
  if (error == 0 && !dirty.failed && !content->suspect.contains(dirty.file)) return {};
  if (error != 0) log::warn("sync_failed", {{"file", content->name(dirty.file)}, {"why", fail_errno("fdatasync", error).message}});
  return sync_again(content, dirty.file, *open.value(), pieces);
}

/// Those among `pieces` that have bytes in the file.
std::vector<std::uint32_t> PieceStore::Impl::pieces_of(const StoredContent& content, std::uint32_t file,
                                                       const std::set<std::uint32_t>& pieces) {
  const std::uint32_t first = content.news.layout.first_piece(file);
  return {pieces.lower_bound(first), pieces.lower_bound(first + content.news.layout.pieces_of(file))};
}

/// After a failed sync the system may have dropped what was dirty and forgotten that it was: also of pieces that become complete only
/// later. From then on, of this file only what the disk gives back is believed, and only after a sync that succeeds.
Status PieceStore::Impl::sync_again(const ContentPtr& content, std::uint32_t file, File& open, std::set<std::uint32_t>& pieces) {
  content->suspect.insert(file);
  const auto mine = pieces_of(*content, file, pieces);
  std::vector<std::uint32_t> lost;
  for (const auto piece : mine) {
    for (const FilePart& part : content->parts(piece))
      if (part.file == file) open.drop_cache(part.offset, part.length);
    auto digest = stored_digest(*content, piece);
    if (digest.ok() && digest.value() == content->news.pieces[piece]) continue;
    pieces.erase(piece);
    lost.push_back(piece);
  }
  if (!lost.empty()) lose(content, lost, fail(content->name(file) + ": written bytes were lost when a sync failed"));
  if (const int error = open.sync(); error != 0) {
    for (const auto piece : mine) pieces.erase(piece);
    Error why = fail_errno("cannot sync " + content->name(file), error);
    trouble(*content, why);
    return why;
  }
  if (lost.empty()) return {};
  return fail(content->name(file) + ": written bytes were lost when a sync failed");
}

Status PieceStore::Impl::note(StoredContent& content, const std::set<std::uint32_t>& pieces, const std::vector<std::uint32_t>& forgotten) {
  Status status;
  if (content.journal && !forgotten.empty()) status = content.journal->lose(forgotten);
  // A piece that was lost meanwhile must not be noted as being there.
  std::vector<std::uint32_t> durable;
  state_.with([&](State&) {
    std::copy_if(pieces.begin(), pieces.end(), std::back_inserter(durable), [&](auto piece) { return content.syncing.contains(piece); });
  });
  if (content.journal && !durable.empty() && status.ok()) status = content.journal->add(durable);
  if (!status.ok()) {
    state_.with([&](State&) { content.forgotten.insert(content.forgotten.end(), forgotten.begin(), forgotten.end()); });
    return status;
  }
  state_.with([&](State&) {
    for (const auto piece : durable) content.facts.durable += static_cast<std::uint32_t>(content.syncing.erase(piece));
  });
  return {};
}

/// Nobody uses it any more.
void PieceStore::Impl::finish(const ContentPtr& content) {
  if (content->journal) {
    // With the times of the files, so that a change between two runs is noticed.
    if (Status marked = content->journal->mark(content->files->marks(true)); !marked.ok())
      log::warn("journal_not_closed", {{"why", marked.error().message}});
    content->journal.reset();
  }
  content->files.reset();
  content->older.clear();
  std::vector<std::function<void()>> stops;
  std::vector<std::function<void(Status)>> flushes;
  state_.with([&](State& state) {
    state.cache.erase_content(static_cast<std::uint32_t>(content->id));
    if (!content->read_only()) --state.updating;
    state.contents.erase(content->id);
    stops = std::exchange(content->stops, {});
    flushes = std::exchange(content->flushes, {});
  });
  for (const auto& call : flushes) call(fail(ErrorCode::interrupted, "the content is closed"));
  for (const auto& call : stops) call();
}

}  // namespace shoal::store
