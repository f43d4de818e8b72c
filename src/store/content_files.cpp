#include "store/content_files.hpp"

#include "store/source_file.hpp"

namespace shoal::store {

std::string ContentFiles::name(std::uint32_t file) const { return shown(layout_.files()[file].path); }

/// Opening happens under the lock: two threads that want the same file must not open it twice, and files are opened rarely.
Result<std::shared_ptr<File>> ContentFiles::get(std::uint32_t file) {
  auto state = state_.lock();
  if (auto it = state->dirty.find(file); it != state->dirty.end()) return it->second;
  auto it = state->open.find(file);
  if (it == state->open.end()) {
    SHOAL_TRY(auto opened, root_->open(layout_.files()[file].path, mode_));
    if (state->open.size() >= most_open) state->open.erase(state->open.begin());
    it = state->open.emplace(file, std::move(opened)).first;
  }
  return it->second;
}

void ContentFiles::set_dirty(std::uint32_t file, const std::shared_ptr<File>& open) { state_.lock()->dirty.emplace(file, open); }

std::multimap<std::uint32_t, std::shared_ptr<File>> ContentFiles::take_dirty() {
  auto state = state_.lock();
  // Back among the open ones, so that a file that is written to again is not opened again.
  for (const auto& [number, file] : state->dirty)
    if (state->open.size() < most_open) state->open.emplace(number, file);
  auto taken = std::exchange(state->forgotten, {});
  for (auto& [number, file] : std::exchange(state->dirty, {})) taken.emplace(number, std::move(file));
  return taken;
}

void ContentFiles::forget(std::uint32_t file) {
  auto state = state_.lock();
  state->open.erase(file);
  if (auto node = state->dirty.extract(file); !node.empty()) state->forgotten.emplace(file, std::move(node.mapped()));
}

void ContentFiles::close() {
  auto state = state_.lock();
  state->open.clear();
  state->dirty.clear();
  state->forgotten.clear();
}

Status ContentFiles::prepare(const std::vector<bool>& fill) {
  for (std::uint32_t i = 0; i < layout_.files().size(); ++i) SHOAL_CHECK(prepare_one(i, fill[i]));
  return {};
}

Status ContentFiles::prepare_one(std::uint32_t number, bool fill) {
  SHOAL_TRY(auto file, root_->open(layout_.files()[number].path, OpenMode::create));
  SHOAL_CHECK(file->stamp());  // a regular file, not something in its place
  const ByteCount size = layout_.files()[number].size;
  const int error = fill ? file->reserve(size) : file->resize(size);
  if (error != 0) return fail_errno("cannot make room for " + name(number), error);
  return {};
}

std::vector<FileMark> ContentFiles::marks(bool at_rest) {
  std::vector<FileMark> marks(layout_.files().size());
  for (std::uint32_t i = 0; i < marks.size(); ++i) {
    auto file = root_->open(layout_.files()[i].path, OpenMode::read);
    if (!file.ok()) continue;
    auto stamp = file.value()->stamp();
    if (stamp.ok()) marks[i] = {stamp->size, stamp->inode, at_rest ? stamp->mtime_ns : 0};
  }
  return marks;
}

}  // namespace shoal::store
