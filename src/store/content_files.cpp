#include "store/content_files.hpp"

#include <algorithm>
#include <cerrno>

#include "store/source_file.hpp"

namespace shoal::store {
namespace {

/// Cuts the memory of a piece into that of its parts.
class BufferCutter {
 public:
  explicit BufferCutter(std::span<const iovec> buffers) : left_(buffers.begin(), buffers.end()) {}
  std::vector<iovec> take(std::size_t bytes) {
    std::vector<iovec> taken;
    while (bytes > 0) {
      iovec& first = left_.at(next_);
      const std::size_t some = std::min(bytes, first.iov_len);
      taken.push_back({first.iov_base, some});
      first.iov_base = static_cast<char*>(first.iov_base) + some;
      first.iov_len -= some;
      bytes -= some;
      if (first.iov_len == 0) ++next_;
    }
    return taken;
  }

 private:
  std::vector<iovec> left_;
  std::size_t next_ = 0;
};

}  // namespace

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

Status ContentFiles::read(const std::vector<FilePart>& parts, std::span<const iovec> into) {
  BufferCutter buffers(into);
  for (const FilePart& part : parts) {
    SHOAL_TRY(auto file, get(part.file));
    auto some = buffers.take(part.length);
    const IoResult result = file->read(part.offset, some);
    if (result.error == 0 && result.bytes == part.length) continue;
    forget(part.file);  // ESTALE, or a file that grows again: a fresh handle
    const std::string what = "cannot read " + shown(layout_.files()[part.file].path);
    return result.error != 0 ? fail_errno(what, result.error) : fail(what + ": it is too short");
  }
  return {};
}

Status ContentFiles::write(const std::vector<FilePart>& parts, std::span<const iovec> from) {
  BufferCutter buffers(from);
  for (const FilePart& part : parts) {
    const std::string what = "cannot write " + shown(layout_.files()[part.file].path);
    auto file = get(part.file);
    if (!file.ok()) return std::move(file).error().within(what);
    auto some = buffers.take(part.length);
    const IoResult result = file.value()->write(part.offset, some);
    if (result.error == 0) set_dirty(part.file, file.value());
    if (result.error == ESTALE) forget(part.file);
    if (result.error != 0) return fail_errno(what, result.error);
  }
  return {};
}

void ContentFiles::drop_cache(const std::vector<FilePart>& parts) {
  for (const FilePart& part : parts)
    if (auto file = get(part.file); file.ok()) file.value()->drop_cache(part.offset, part.length);
}

Result<std::vector<bool>> ContentFiles::existing() {
  SHOAL_TRY(auto directory, root());
  std::vector<bool> existed;
  for (const auto& file : layout_.files()) existed.push_back(directory->open(file.path, OpenMode::read).ok());
  return existed;
}

Status ContentFiles::prepare(const std::vector<std::vector<Gap>>& gaps) {
  SHOAL_TRY(auto directory, root());
  for (std::uint32_t i = 0; i < layout_.files().size(); ++i) SHOAL_CHECK(prepare_one(*directory, layout_.files()[i], gaps[i]));
  return {};
}

Status ContentFiles::prepare_one(Directory& root, const LayoutFile& wanted, const std::vector<Gap>& gaps) {
  SHOAL_TRY(auto file, root.open(wanted.path, OpenMode::create));
  SHOAL_CHECK(file->stamp());  // a regular file, not something in its place
  int error = file->resize(wanted.size);
  for (auto gap = gaps.begin(); error == 0 && gap != gaps.end(); ++gap) error = file->reserve(gap->offset, gap->length);
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
