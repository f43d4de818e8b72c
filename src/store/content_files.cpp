#include "store/content_files.hpp"

#include "store/source_file.hpp"

namespace shoal::store {

Result<std::shared_ptr<Directory>> ContentFiles::find() {
  SHOAL_TRY(auto found, open_root());
  identity_ = found->id();
  return found;
}

void ContentFiles::set_owner(std::uint64_t device, std::function<void(OpenFiles::Job)> post, std::function<void()> opened) {
  owner_ = std::make_shared<const OpenFiles::Owner>(OpenFiles::Owner{owner_->id, device, std::move(post), std::move(opened)});
}

Result<std::shared_ptr<Directory>> ContentFiles::root() {
  if (auto held = open_.find_root(*owner_)) return held;
  SHOAL_TRY(auto found, open_root());
  return open_.keep_root(owner_, std::move(found));
}

/// In this order: a directory that is renamed between the two looks is found by the second.
Result<std::shared_ptr<Directory>> ContentFiles::open_root() const {
  Error why;
  for (const fs::path& path : {place_.root, place_.moves_to}) {
    if (path.empty()) continue;
    auto found = layer_.open_directory(path);
    if (found.ok() && (!identity_ || found.value()->id() == *identity_)) return std::shared_ptr<Directory>(std::move(found).value());
    if (found.ok()) why = fail(shown(path) + " is not the directory any more that it was");
    else if (why.message.empty()) why = std::move(found).error();
  }
  return why;
}

/// Two threads may open the same file; one of the two handles is then closed before it is used.
Result<std::shared_ptr<File>> ContentFiles::get(std::uint32_t file) {
  if (auto held = open_.find(*owner_, file)) return held;
  SHOAL_TRY(auto directory, root());
  SHOAL_TRY(auto opened, directory->open(layout_.files()[file].path, mode_));
  return open_.keep(owner_, file, std::move(opened));
}

Result<std::vector<bool>> ContentFiles::existing() {
  SHOAL_TRY(auto directory, root());
  std::vector<bool> existed;
  for (const auto& file : layout_.files()) existed.push_back(directory->open(file.path, OpenMode::read).ok());
  return existed;
}

Status ContentFiles::prepare(const std::vector<bool>& fill) {
  SHOAL_TRY(auto directory, root());
  for (std::uint32_t i = 0; i < layout_.files().size(); ++i) SHOAL_CHECK(prepare_one(*directory, layout_.files()[i], fill[i]));
  return {};
}

Status ContentFiles::prepare_one(Directory& root, const LayoutFile& wanted, bool fill) {
  SHOAL_TRY(auto file, root.open(wanted.path, OpenMode::create));
  SHOAL_CHECK(file->stamp());  // a regular file, not something in its place
  const ByteCount size = wanted.size;
  const int error = fill ? file->reserve(size) : file->resize(size);
  if (error != 0) return fail_errno("cannot make room for " + shown(wanted.path), error);
  return {};
}

std::vector<FileMark> ContentFiles::marks(bool at_rest) {
  std::vector<FileMark> marks(layout_.files().size());
  auto directory = root();
  for (std::uint32_t i = 0; directory.ok() && i < marks.size(); ++i) {
    auto file = directory.value()->open(layout_.files()[i].path, OpenMode::read);
    if (!file.ok()) continue;
    auto stamp = file.value()->stamp();
    if (stamp.ok()) marks[i] = {stamp->size, stamp->inode, at_rest ? stamp->mtime_ns : 0};
  }
  return marks;
}

}  // namespace shoal::store
