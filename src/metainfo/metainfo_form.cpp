#include "metainfo/metainfo_form.hpp"

#include <libtorrent/bencode.hpp>
#include <libtorrent/entry.hpp>

#include <iterator>

#include "crypto/digest.hpp"
#include "store/file_proof.hpp"

namespace shoal::metainfo {
namespace {

namespace lt = libtorrent;

lt::entry::integer_type integer(ByteCount value) { return static_cast<lt::entry::integer_type>(value); }

lt::entry path_list(const std::vector<std::string>& parts) {
  lt::entry::list_type list;
  for (const auto& part : parts) list.emplace_back(part);
  return lt::entry(std::move(list));
}

lt::entry file_entry(const store::Layout& layout, const FileSlot& slot) {
  lt::entry entry(lt::entry::dictionary_t);
  entry["length"] = integer(slot.length);
  if (slot.file) {
    entry["path"] = path_list(components(layout.files()[*slot.file].path));
  } else {
    entry["attr"] = "p";
    entry["path"] = path_list(padding_path(slot.length));
  }
  return entry;
}

lt::entry file_list(const store::Layout& layout) {
  lt::entry::list_type list;
  for (const FileSlot& slot : slots_of(layout)) list.push_back(file_entry(layout, slot));
  return lt::entry(std::move(list));
}

/// Where the next file with content begins behind each file, in the layout's order; where nothing follows, it is where the file ends.
std::vector<ByteCount> next_starts(const store::Layout& layout) {
  const auto& order = layout.order();
  std::vector<ByteCount> starts(order.size());
  std::optional<ByteCount> next;
  for (std::size_t i = order.size(); i-- > 0;) {
    const ByteCount size = layout.files()[order[i]].size;
    starts[i] = next.value_or(layout.start(order[i]) + size);
    if (size > 0) next = layout.start(order[i]);
  }
  return starts;
}

}  // namespace

std::vector<FileSlot> slots_of(const store::Layout& layout) {
  std::vector<FileSlot> slots;
  const auto next = next_starts(layout);
  for (std::size_t i = 0; i < next.size(); ++i) {
    const std::uint32_t file = layout.order()[i];
    const ByteCount size = layout.files()[file].size;
    slots.push_back({file, size});
    const ByteCount end = layout.start(file) + size;
    if (size > 0 && next[i] > end) slots.push_back({std::nullopt, next[i] - end});
  }
  return slots;
}

std::vector<std::string> components(const std::string& path) {
  std::vector<std::string> parts(1);
  for (char c : path) {
    if (c == '/') parts.emplace_back();
    else parts.back() += c;
  }
  return parts;
}

std::vector<std::string> padding_path(ByteCount length) { return {".pad", std::to_string(length)}; }

std::string name_of(const store::Layout& layout, const std::vector<Sha256>& files) {
  crypto::Sha256Hasher hasher;
  for (std::size_t i = 0; i < layout.files().size(); ++i) {
    const auto& file = layout.files()[i];
    hasher.update(file.path + '\0' + std::to_string(file.size) + '\0');
    hasher.update(files.at(i).view());
  }
  return hasher.finish().hex().substr(0, 32);
}

ByteCount states_size(const store::Layout& layout) {
  ByteCount states = 0;
  for (std::uint32_t piece = 0; piece < layout.piece_count(); ++piece) states += store::has_state(layout, piece) ? 1 : 0;
  return states * crypto::Sha256State::size();
}

std::string encode_metainfo(const store::Layout& layout, const std::string& name, const PieceWords& pieces) {
  lt::entry info(lt::entry::dictionary_t);
  info["files"] = file_list(layout);
  info["name"] = name;
  info["piece length"] = integer(layout.piece_length());
  info["pieces"] = pieces.sha1;
  info["private"] = integer(1);
  lt::entry torrent(lt::entry::dictionary_t);
  torrent["info"] = std::move(info);
  torrent["sha256 pieces"] = pieces.sha256;
  if (!pieces.states.empty()) torrent["sha256 states"] = pieces.states;
  std::string bytes;
  lt::bencode(std::back_inserter(bytes), torrent);
  return bytes;
}

}  // namespace shoal::metainfo
