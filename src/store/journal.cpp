#include "store/journal.hpp"

#include <algorithm>
#include <boost/crc.hpp>
#include <optional>

#include "base/bytes.hpp"
#include "base/failpoint.hpp"

namespace shoal::store {
namespace {

constexpr std::string_view magic = "SHOALJNL";
constexpr std::uint32_t version = 1;
constexpr std::size_t header_size = 8 + 4 + 4 + 32 + 4;
constexpr std::uint32_t type_verified = 1, type_lost = 2, type_files = 3;

constexpr std::uint32_t reversed(std::uint32_t bits) {
  std::uint32_t result = 0;
  for (int i = 0; i < 32; ++i) result = result << 1 | (bits >> i & 1);
  return result;
}

/// As in ISO 3309 (zlib's), continued from that of the bytes before. Boost takes the remainder to start from in the other order of bits.
std::uint32_t crc32(std::string_view bytes, std::uint32_t before) {
  boost::crc_32_type crc(reversed(~before));
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

/// Takes integers from the front; `ok` becomes false where there are too few bytes.
class Cutter {
 public:
  explicit Cutter(std::string_view bytes) : rest_(bytes) {}
  bool ok() const { return ok_; }
  bool empty() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  std::string_view bytes(std::size_t count) {
    ok_ = ok_ && rest_.size() >= count;
    if (!ok_) return {};
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  template <class Integer>
  Integer take() {
    const std::string_view taken = bytes(sizeof(Integer));
    return ok_ ? from_little_endian<Integer>(taken) : Integer{};
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

std::string header_of(const JournalIdentity& identity) {
  std::string out(magic);
  append_little_endian(out, version);
  append_little_endian(out, identity.piece_count);
  out += identity.content.view();
  append_little_endian(out, crc32(out, 0));
  return out;
}

std::string record(std::uint32_t type, const std::string& payload, std::uint32_t& crc) {
  std::string out;
  append_little_endian(out, type);
  append_little_endian(out, static_cast<std::uint32_t>(payload.size()));
  out += payload;
  crc = crc32(out, crc);
  append_little_endian(out, crc);
  return out;
}

std::string runs_of(std::vector<std::uint32_t> pieces) {
  std::sort(pieces.begin(), pieces.end());
  std::string out;
  for (std::size_t i = 0; i < pieces.size();) {
    std::size_t end = i + 1;
    while (end < pieces.size() && pieces[end] == pieces[end - 1] + 1) ++end;
    append_little_endian(out, pieces[i]);
    append_little_endian(out, static_cast<std::uint32_t>(end - i));
    i = end;
  }
  return out;
}

std::string marks_of(const std::vector<FileMark>& files) {
  std::string out;
  for (const FileMark& file : files) {
    append_little_endian(out, file.size);
    append_little_endian(out, file.inode);
    append_little_endian(out, file.mtime_ns);
  }
  return out;
}

std::vector<std::uint32_t> pieces_in(const std::vector<bool>& have) {
  std::vector<std::uint32_t> pieces;
  for (std::uint32_t i = 0; i < have.size(); ++i)
    if (have[i]) pieces.push_back(i);
  return pieces;
}

/// False where the record makes no sense: then it ends the journal, as damage does.
bool apply_runs(std::string_view payload, bool value, std::vector<bool>& have) {
  Cutter in(payload);
  while (!in.empty()) {
    const auto first = in.take<std::uint32_t>();
    const auto count = in.take<std::uint32_t>();
    if (!in.ok() || count > have.size() || first > have.size() - count) return false;
    std::fill_n(have.begin() + first, count, value);
  }
  return true;
}

bool apply_files(std::string_view payload, std::vector<FileMark>& files) {
  Cutter in(payload);
  files.clear();
  while (!in.empty()) {
    FileMark mark;
    mark.size = in.take<ByteCount>();
    mark.inode = in.take<std::uint64_t>();
    mark.mtime_ns = in.take<std::int64_t>();
    if (!in.ok()) return false;
    files.push_back(mark);
  }
  return true;
}

bool apply(std::uint32_t type, std::string_view payload, JournalState& state) {
  if (type == type_files) return apply_files(payload, state.files);
  return (type == type_verified || type == type_lost) && apply_runs(payload, type == type_verified, state.have);
}

fs::path directory_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

/// Type and payload of the next record, if it is whole and its CRC holds.
std::optional<std::pair<std::uint32_t, std::string_view>> next_record(Cutter& in, std::uint32_t& crc) {
  const std::string_view start = in.rest();
  const auto type = in.take<std::uint32_t>();
  const auto length = in.take<std::uint32_t>();
  const std::string_view payload = in.bytes(length);
  const auto stored = in.take<std::uint32_t>();
  if (!in.ok()) return std::nullopt;
  crc = crc32(start.substr(0, 8 + payload.size()), crc);
  if (stored != crc) return std::nullopt;
  return std::pair(type, payload);
}

}  // namespace

std::string encode_journal(const JournalIdentity& identity, const JournalState& state) {
  std::string out = header_of(identity);
  std::uint32_t crc = crc32(std::string_view(out).substr(0, header_size - 4), 0);
  out += record(type_files, marks_of(state.files), crc);
  out += record(type_verified, runs_of(pieces_in(state.have)), crc);
  return out;
}

Result<JournalState> parse_journal(std::string_view bytes, const JournalIdentity& identity) {
  const std::string header = header_of(identity);
  if (!bytes.starts_with(magic)) return fail("it is not a journal");
  if (!bytes.starts_with(header)) return fail("it is damaged, or of another content or version");
  JournalState state;
  state.have.resize(identity.piece_count);
  std::uint32_t crc = crc32(std::string_view(header).substr(0, header_size - 4), 0);
  Cutter in(bytes.substr(header_size));
  while (auto found = next_record(in, crc))
    if (!apply(found->first, found->second, state)) break;
  return state;
}

Result<JournalState> Journal::load(FileLayer& layer, const fs::path& path, const JournalIdentity& identity) {
  const std::string name = path.filename().string();
  SHOAL_TRY(auto directory, layer.open_directory(directory_of(path)));
  SHOAL_TRY(auto file, directory->open(name, OpenMode::read));
  SHOAL_TRY(FileStamp stamp, file->stamp());
  if (stamp.size > journal_limit) return fail("journal " + name + " is too large");
  std::string bytes(stamp.size, '\0');
  if (int error = read_exactly(*file, 0, bytes.data(), bytes.size()); error != 0) return fail_errno("journal " + name, error);
  return parse_journal(bytes, identity).within("journal " + name);
}

Journal::Journal(FileLayer& layer, const fs::path& path, JournalIdentity identity, JournalState state)
    : layer_(layer), directory_(directory_of(path)), name_(path.filename().string()), identity_(identity), state_(std::move(state)) {}

Result<std::unique_ptr<Journal>> Journal::create(FileLayer& layer, const fs::path& path, JournalIdentity identity, JournalState state) {
  std::unique_ptr<Journal> journal(new Journal(layer, path, identity, std::move(state)));
  SHOAL_CHECK(journal->rewrite());
  return journal;
}

Status Journal::add(const std::vector<std::uint32_t>& pieces) {
  for (const auto piece : pieces) state_.have.at(piece) = true;
  return append(type_verified, runs_of(pieces));
}

Status Journal::lose(const std::vector<std::uint32_t>& pieces) {
  for (const auto piece : pieces) state_.have.at(piece) = false;
  return append(type_lost, runs_of(pieces));
}

Status Journal::mark(std::vector<FileMark> files) {
  state_.files = std::move(files);
  return append(type_files, marks_of(state_.files));
}

/// Empty where it is not as we left it.
std::shared_ptr<File> Journal::open() const {
  if (!written_) return nullptr;
  auto directory = layer_.open_directory(directory_);
  if (!directory.ok()) return nullptr;
  auto file = directory.value()->open(name_, OpenMode::update);
  if (!file.ok()) return nullptr;
  auto stamp = file.value()->stamp();
  const bool is_ours = stamp.ok() && stamp->size == written_->size && stamp->inode == written_->inode && stamp->device == written_->device;
  return is_ours ? std::move(file).value() : nullptr;
}

Status Journal::append(std::uint32_t type, const std::string& payload) {
  const auto file = open();
  if (!file) return rewrite();
  const std::string bytes = record(type, payload, crc_);
  if (at_failpoint("journal.half")) {
    (void)write_exactly(*file, written_->size, bytes.data(), bytes.size() / 2);
    die();
  }
  int error = write_exactly(*file, written_->size, bytes.data(), bytes.size());
  failpoint("journal.appended");
  if (error == 0) error = file->sync();
  failpoint("journal.synced");
  written_->size += bytes.size();
  if (error == 0) return {};
  written_.reset();
  return fail_errno("cannot write journal " + name_, error);
}

Status Journal::rewrite() {
  const std::string bytes = encode_journal(identity_, state_);
  const std::string fresh = name_ + ".new";
  SHOAL_TRY(auto directory, layer_.open_directory(directory_));
  SHOAL_TRY(auto file, directory->open(fresh, OpenMode::create));
  int error = file->resize(0);
  if (error == 0) error = write_exactly(*file, 0, bytes.data(), bytes.size());
  if (error == 0) error = file->sync();
  if (error != 0) return fail_errno("cannot write journal " + name_, error);
  failpoint("journal.before_rename");
  SHOAL_CHECK(directory->rename(fresh, name_));
  failpoint("journal.renamed");
  SHOAL_CHECK(directory->sync());
  Cutter tail(std::string_view(bytes).substr(bytes.size() - 4));
  crc_ = tail.take<std::uint32_t>();
  SHOAL_TRY(written_, file->stamp());
  return {};
}

}  // namespace shoal::store
