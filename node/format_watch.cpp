#include "node/format_watch.hpp"

#include "node/admission.hpp"

namespace shoal::node {

FormatWatch::FormatWatch(const std::vector<manifest::FileEntry>& files, const store::Layout& layout, fs::path root)
    : layout_(layout), root_(std::move(root)), inspection_(files), files_(files.size()) {
  for (std::size_t i = 0; i < files.size(); ++i) by_path_.emplace(files[i].path, i);
  for (std::uint32_t place = 0; place < layout.files().size(); ++place)
    if (auto found = by_path_.find(layout.files()[place].path); found != by_path_.end()) files_[found->second].place = place;
}

bool FormatWatch::is_here(const File& file, ByteCount offset, ByteCount length, const std::vector<bool>& have) const {
  if (length == 0) return true;
  const ByteCount begin = layout_.start(file.place) + offset, last = (begin + length - 1) / layout_.piece_length();
  for (ByteCount piece = begin / layout_.piece_length(); piece <= last; ++piece)
    if (piece >= have.size() || !have[piece]) return false;
  return true;
}

Result<std::vector<std::string>> FormatWatch::look(const std::vector<bool>& have) {
  auto read = [&](const std::string& path, ByteCount offset, ByteCount length) -> Result<std::string> {
    File& file = files_[by_path_.at(path)];
    if (is_here(file, offset, length, have)) return read_range(root_ / path, offset, length);
    file.missing_offset = offset;
    file.missing_length = length;
    return fail(ErrorCode::partial, "not fetched yet");
  };
  for (std::size_t i = undecided_from_; i < files_.size(); ++i) {
    if (i == undecided_from_ && inspection_.decided(i)) ++undecided_from_;
    if (!inspection_.decided(i) && is_here(files_[i], files_[i].missing_offset, files_[i].missing_length, have))
      SHOAL_CHECK(inspection_.look(i, read));
  }
  return inspection_.findings();
}

}  // namespace shoal::node
