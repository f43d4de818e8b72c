#include "publisher/hash_memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "crypto/digest.hpp"

namespace shoal::publisher {
namespace {

constexpr ByteCount memory_limit = 512 * MiB;
constexpr std::size_t check_size = 16;  // hexadecimal digits before each line
constexpr std::size_t piece_size = Sha1::size() + Sha256::size() + 16 + crypto::Sha256State::size();

fs::path path_for(const fs::path& state, const fs::path& root) { return state / "hashing" / crypto::sha256(root.string()).hex(); }

std::string check_of(std::string_view line) { return crypto::sha256(line).hex().substr(0, check_size); }

std::string encode(const store::FileHashes& hashes) {
  std::string text = hashes.file.raw();
  for (const auto& piece : hashes.pieces) {
    text += piece.sha1.raw() + piece.sha256.raw();
    append_little_endian(text, piece.fingerprint.low);
    append_little_endian(text, piece.fingerprint.high);
    text += piece.after.raw();
  }
  return text;
}

std::optional<store::FileHashes> decode(std::string_view text) {
  if (text.size() < Sha256::size() || (text.size() - Sha256::size()) % piece_size != 0) return std::nullopt;
  store::FileHashes hashes{Sha256::from_raw(text.substr(0, Sha256::size())).value(), {}};
  for (text.remove_prefix(Sha256::size()); !text.empty(); text.remove_prefix(piece_size)) {
    store::PieceHashes piece;
    piece.sha1 = Sha1::from_raw(text.substr(0, Sha1::size())).value();
    piece.sha256 = Sha256::from_raw(text.substr(Sha1::size(), Sha256::size())).value();
    const std::string_view rest = text.substr(Sha1::size() + Sha256::size());
    piece.fingerprint = {from_little_endian<std::uint64_t>(rest), from_little_endian<std::uint64_t>(rest.substr(8))};
    piece.after = crypto::Sha256State::from_raw(rest.substr(16, crypto::Sha256State::size())).value();
    hashes.pieces.push_back(piece);
  }
  return hashes;
}

/// The device is left out: a file server that is mounted again may have another number.
bool same_state(const store::FileStamp& a, const store::FileStamp& b) {
  return a.size == b.size && a.mtime_ns == b.mtime_ns && a.inode == b.inode;
}

}  // namespace

HashMemory::HashMemory(const fs::path& state, const fs::path& root, const store::Layout& layout)
    : path_(path_for(state, root)), layout_(layout) {
  auto text = read_file(path_, memory_limit);
  if (text.ok()) read(text.value());
  Status made = make_directories(path_.parent_path(), 0700);
  auto file = open_file(path_, O_WRONLY | O_APPEND | O_CREAT, 0600);
  if (!made.ok() || !file.ok()) {
    log::warn("hashes_not_saved", {{"reason", file.ok() ? made.error().message : file.error().message}});
    return;
  }
  // A line that was cut by a crash must not swallow the next.
  if (text.ok() && !text.value().empty() && !text.value().ends_with('\n') && ::write(file.value().get(), "\n", 1) != 1) return;
  *file_.lock() = std::move(file).value();
}

void HashMemory::read(const std::string& text) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    read_line(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
  }
}

void HashMemory::read_line(std::string_view line) {
  if (line.size() < check_size || line.substr(0, check_size) != check_of(line.substr(check_size))) return;
  auto json = parse_json(line.substr(check_size), memory_limit);
  if (!json.ok()) return;
  JsonReader reader(json.value(), "hashes");
  Known known;
  const std::string path = reader.string("path");
  known.stamp.size = reader.number("size");
  known.stamp.mtime_ns = static_cast<std::int64_t>(reader.number("mtime_ns"));
  known.stamp.inode = reader.number("inode");
  known.piece_length = static_cast<std::uint32_t>(reader.number("piece_length"));
  known.last = reader.boolean("last");
  auto hashes = from_base64(reader.string("digests"));
  if (!reader.finish().ok() || !hashes.ok()) return;
  known.hashes = std::move(hashes).value();
  known_[path] = std::move(known);
}

bool HashMemory::is_last(std::uint32_t file) const { return layout_.first_piece(file) + layout_.pieces_of(file) == layout_.piece_count(); }

std::optional<store::FileHashes> HashMemory::find(std::uint32_t file, const store::FileStamp& stamp) const {
  auto entry = known_.find(layout_.files()[file].path);
  if (entry == known_.end()) return std::nullopt;
  const Known& known = entry->second;
  if (!same_state(known.stamp, stamp) || known.piece_length != layout_.piece_length() || known.last != is_last(file)) return std::nullopt;
  return decode(known.hashes);
}

void HashMemory::add(std::uint32_t file, const store::FileStamp& stamp, const store::FileHashes& hashes) {
  // Before 1970 there is no number for it.
  if (stamp.mtime_ns < 0) return;
  Json json{{"path", layout_.files()[file].path},
            {"size", stamp.size},
            {"mtime_ns", stamp.mtime_ns},
            {"inode", stamp.inode},
            {"last", is_last(file)},
            {"piece_length", layout_.piece_length()},
            {"digests", to_base64(encode(hashes))}};
  std::string line = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  line.insert(0, check_of(line));
  line += '\n';
  auto open = file_.lock();
  // One write for a line: a crash cuts the last one at most, and its check tells. A full disk costs the memory, not the publication.
  if (*open && ::write(open->get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) open->reset();
}

void HashMemory::forget(const fs::path& state, const fs::path& root) { static_cast<void>(remove_tree(path_for(state, root))); }

}  // namespace shoal::publisher
