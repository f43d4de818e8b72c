#include "store/open_files.hpp"

#include <utility>

namespace shoal::store {

/// With the lock held.
void OpenFiles::touch(State& state, const Key& key, Entry& entry) {
  entry.used = std::chrono::steady_clock::now();
  if (!std::exchange(entry.in_order, true)) entry.place = state.order.insert(state.order.begin(), key);
  else state.order.splice(state.order.begin(), state.order, entry.place);
}

/// With the lock held; there is no such entry yet.
OpenFiles::Entry& OpenFiles::insert(State& state, const OwnerPtr& owner, std::uint32_t file) {
  const Key key{owner->id, file};
  Entry& entry = state.entries[key];
  entry.owner = owner;
  entry.used = std::chrono::steady_clock::now();
  entry.place = state.order.insert(state.order.begin(), key);
  return entry;
}

std::shared_ptr<File> OpenFiles::find(const Owner& owner, std::uint32_t file) {
  auto state = state_.lock();
  auto it = state->entries.find({owner.id, file});
  if (it == state->entries.end()) return nullptr;
  touch(*state, it->first, it->second);
  return it->second.file;
}

std::shared_ptr<Directory> OpenFiles::find_root(const Owner& owner) {
  auto state = state_.lock();
  auto it = state->entries.find({owner.id, root});
  if (it == state->entries.end()) return nullptr;
  touch(*state, it->first, it->second);
  return it->second.directory;
}

std::shared_ptr<File> OpenFiles::keep(const OwnerPtr& owner, std::uint32_t file, std::shared_ptr<File> opened) {
  const auto there = state_.with([&](State& state) -> std::shared_ptr<File> {
    auto it = state.entries.find({owner->id, file});
    if (it == state.entries.end()) {
      insert(state, owner, file).file = opened;
      return nullptr;
    }
    touch(state, it->first, it->second);
    return it->second.file;
  });
  trim(*owner);
  if (there) return there;
  if (owner->opened) owner->opened();
  return opened;
}

std::shared_ptr<Directory> OpenFiles::keep_root(const OwnerPtr& owner, std::shared_ptr<Directory> opened) {
  state_.with([&](State& state) {
    auto it = state.entries.find({owner->id, root});
    if (it == state.entries.end()) insert(state, owner, root).directory = opened;
    else touch(state, it->first, it->second);
  });
  trim(*owner);
  return opened;
}

void OpenFiles::set_dirty(const OwnerPtr& owner, std::uint32_t file, const std::shared_ptr<File>& open) {
  state_.with([&](State& state) {
    auto it = state.entries.find({owner->id, file});
    if (it != state.entries.end() && it->second.file != open) {
      state.left_over.emplace(owner->id, DirtyFile{file, open, false});
      return;
    }
    Entry& entry = it == state.entries.end() ? insert(state, owner, file) : it->second;
    entry.file = open;
    entry.dirty = true;
    ++entry.writes;
    touch(state, {owner->id, file}, entry);
  });
  trim(*owner);
}

std::vector<DirtyFile> OpenFiles::take_dirty(const Owner& owner) {
  std::vector<DirtyFile> taken;
  auto state = state_.lock();
  const auto first = [&] { return state->entries.lower_bound({owner.id, 0}); };
  const auto is_ours = [&](auto it) { return it != state->entries.end() && it->first.first == owner.id; };
  retired_.wait(state.lock(), [&] {
    for (auto it = first(); is_ours(it); ++it)
      if (it->second.syncing) return false;
    return true;
  });
  for (auto it = first(); is_ours(it); ++it)
    if (std::exchange(it->second.dirty, false)) taken.push_back({it->first.second, it->second.file, false});
  const auto [begin, end] = state->left_over.equal_range(owner.id);
  for (auto left = begin; left != end; ++left) taken.push_back(std::move(left->second));
  state->left_over.erase(begin, end);
  return taken;
}

void OpenFiles::set_failed(const Owner& owner, std::uint32_t file) {
  state_.lock()->left_over.emplace(owner.id, DirtyFile{file, nullptr, true});
}

void OpenFiles::forget(const Owner& owner, std::uint32_t file) {
  Entry gone;  // closed after the lock
  auto state = state_.lock();
  auto node = state->entries.extract({owner.id, file});
  if (node.empty()) return;
  gone = std::move(node.mapped());
  if (gone.in_order) state->order.erase(gone.place);
  if (gone.dirty) state->left_over.emplace(owner.id, DirtyFile{file, gone.file, false});
}

template <class Goes>
void OpenFiles::close_if(const Owner& owner, Goes goes) {
  std::vector<Entry> gone;  // closed after the lock
  auto state = state_.lock();
  auto it = state->entries.lower_bound({owner.id, 0});
  while (it != state->entries.end() && it->first.first == owner.id) {
    if (!goes(it->first.second, it->second)) {
      ++it;
      continue;
    }
    if (it->second.in_order) state->order.erase(it->second.place);
    gone.push_back(std::move(it->second));
    it = state->entries.erase(it);
  }
}

void OpenFiles::close_clean(const Owner& owner) {
  close_if(owner, [](std::uint32_t file, const Entry& entry) { return file != root && !entry.dirty && !entry.syncing; });
}

void OpenFiles::close(const Owner& owner) {
  close_if(owner, [](std::uint32_t, const Entry&) { return true; });
  state_.lock()->left_over.erase(owner.id);
}

bool OpenFiles::close_idle(std::uint64_t device, std::chrono::steady_clock::time_point before) {
  std::vector<Victim> gone;
  bool some_left = false;
  state_.with([&](State& state) {
    for (auto it = state.entries.begin(); it != state.entries.end();) {
      const auto here = it++;
      if (here->first.second == root || here->second.owner->device != device) continue;
      if (here->second.syncing || here->second.used >= before) some_left = true;
      else gone.push_back(take_out(state, here));
    }
  });
  for (Victim& victim : gone)
    if (victim.entry.dirty) retire(std::move(victim));
  return some_left;
}

std::size_t OpenFiles::count() const {
  return state_.with([](const State& state) { return state.entries.size(); });
}

/// Takes out the entries beyond the limit. A dirty file keeps its entry until it is synced, and is synced only by its own file system's
/// users: one that hangs must not hold up the others.
std::optional<OpenFiles::Victim> OpenFiles::next_victim(const Owner& owner) {
  auto state = state_.lock();
  if (state->order.size() <= most_) return std::nullopt;
  for (auto place = state->order.end(); place != state->order.begin();) {
    auto it = state->entries.find(*--place);
    const Entry& entry = it->second;
    if (!entry.syncing && (!entry.dirty || entry.owner->device == owner.device)) return take_out(*state, it);
  }
  return std::nullopt;
}

/// With the lock held, which must be given back before the victim goes.
OpenFiles::Victim OpenFiles::take_out(State& state, std::map<Key, Entry>::iterator it) {
  Entry& entry = it->second;
  state.order.erase(entry.place);
  entry.in_order = false;
  entry.syncing = entry.dirty;
  Victim victim{it->first, entry};
  if (!entry.dirty) state.entries.erase(it);
  return victim;
}

/// On a worker, because close(2) may hang.
void OpenFiles::trim(const Owner& owner) {
  while (auto victim = next_victim(owner)) {
    const OwnerPtr theirs = victim->entry.owner;
    if (victim->entry.dirty) retire(std::move(*victim));
    else if (theirs->device != owner.device && theirs->post) theirs->post([held = std::make_shared<Victim>(std::move(*victim))] {});
  }
}

void OpenFiles::retire(Victim victim) {
  const bool failed = victim.entry.file->sync() != 0;
  Entry gone;  // closed after the lock
  auto state = state_.lock();
  retired_.notify_all();
  auto it = state->entries.find(victim.key);
  if (it == state->entries.end() || it->second.file != victim.entry.file) return;
  Entry& entry = it->second;
  entry.syncing = false;
  if (failed) state->left_over.emplace(victim.key.first, DirtyFile{victim.key.second, nullptr, true});
  const bool written_again = entry.writes != victim.entry.writes;
  if (!written_again) entry.dirty = false;
  if (entry.in_order) return;  // in use again
  if (written_again) return touch(*state, victim.key, entry);
  gone = std::move(entry);
  state->entries.erase(it);
}

}  // namespace shoal::store
