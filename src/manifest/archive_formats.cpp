// Archives are what their members are. Zip (APPNOTE.TXT) is accepted where its directory, its local headers and the bytes of the file
// agree: where every loader, from whichever end it reads, sees the same members. Tar (POSIX ustar, GNU, pax) where it is followed to its
// end.
#include <algorithm>
#include <array>

#include "base/encoding.hpp"
#include "manifest/code_formats.hpp"
#include "manifest/format_names.hpp"
#include "manifest/recognisers.hpp"

namespace shoal::manifest {
namespace {

using namespace std::string_view_literals;

constexpr int depth_limit = 3;
constexpr std::size_t directory_limit = 16 * 1024 * 1024, member_limit = 100'000;
constexpr std::size_t end_size = 22, comment_limit = 65535;

std::uint64_t number_at(std::string_view bytes, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = width; i > 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[at + i - 1]);
  return value;
}

bool leads_outside(std::string_view name) {
  return name.starts_with('/') || name.find('\\') != std::string_view::npos || name.find(':') != std::string_view::npos ||
         ("/" + std::string(name) + "/").find("/../") != std::string::npos;
}

/// What a member says by its name, else by its content.
Verdict member(std::string_view archive, std::string_view name, const View& content, int depth) {
  auto within = [&](const std::string& why) {
    return bad("it is a " + std::string(archive) + " archive with " + printable(name) + ": " + why);
  };
  if (auto why = executes_code_by_name(name)) return within(*why);
  if (leads_outside(name)) return within("its name leads out of the archive");
  if (has_ending(name, {".py"})) return within("it is Python code");
  if (depth >= depth_limit) return within("archives are nested too deeply");
  Facts unused;
  Verdict verdict = inspect({name, content, depth + 1}, unused);
  return verdict.is == Verdict::Is::good ? good() : within(verdict ? verdict.why : describe(content));
}

// --- zip ---

struct ZipMember {
  std::string name;
  std::uint64_t flags = 0, method = 0, packed = 0, size = 0, header = 0;
};

struct ZipEnd {
  ByteCount directory = 0, directory_size = 0, members = 0;
  ByteCount end = 0;  // where the directory must end
};

/// Whether somebody who looks for the end of an archive at `at` of `tail` would find one with members.
bool is_zip_end(const View& bytes, std::string_view tail, std::size_t at) {
  const ByteCount place = bytes.size() - tail.size() + at;
  if (at >= 20 && tail.substr(at - 20, 4) == "PK\6\7"sv) return true;
  const std::uint64_t size = number_at(tail, at + 12, 4), offset = number_at(tail, at + 16, 4);
  return size > 0 && ((size <= place && bytes.at(place - size, 4) == "PK\1\2"sv) || bytes.at(offset, 4) == "PK\1\2"sv);
}

bool ends_as_zip(const View& bytes) {
  const std::string tail(bytes.at(bytes.size() - std::min<ByteCount>(bytes.size(), end_size + comment_limit),
                                  std::min<ByteCount>(bytes.size(), end_size + comment_limit)));
  int looked_at = 0;
  for (std::size_t at = tail.find("PK\5\6"sv); at != std::string::npos && at + end_size <= tail.size(); at = tail.find("PK\5\6"sv, at + 4))
    if (++looked_at > 100 || is_zip_end(bytes, tail, at)) return true;
  return false;
}

/// Without a comment, as every library writes it; with one, readers do not agree where the end is.
std::optional<ZipEnd> zip_end(const View& bytes) {
  if (bytes.size() < end_size) return {};
  const std::string last(bytes.at(bytes.size() - end_size, end_size));
  if (!last.starts_with("PK\5\6"sv) || number_at(last, 4, 4) != 0 || number_at(last, 20, 2) != 0) return {};
  ZipEnd end{number_at(last, 16, 4), number_at(last, 12, 4), number_at(last, 10, 2), bytes.size() - end_size};
  constexpr std::size_t locator_size = 20, end64_size = 56;
  if (end.end < locator_size + end64_size || bytes.at(end.end - locator_size, 4) != "PK\6\7"sv) return end;
  const ByteCount place = end.end - locator_size - end64_size;
  if (number_at(bytes.at(end.end - locator_size, locator_size), 8, 8) != place) return {};
  const std::string record(bytes.at(place, end64_size));
  if (!record.starts_with("PK\6\6"sv)) return {};
  return ZipEnd{number_at(record, 48, 8), number_at(record, 40, 8), number_at(record, 32, 8), place};
}

/// The numbers that did not fit their fields, in the order in which they stand there.
bool take_zip64(std::string_view extra, std::array<std::uint64_t*, 3> fields) {
  while (extra.size() >= 4) {
    const std::size_t kind = number_at(extra, 0, 2), size = number_at(extra, 2, 2);
    if (size > extra.size() - 4) return false;
    std::string_view body = extra.substr(4, size);
    extra.remove_prefix(4 + size);
    if (kind != 1) continue;
    for (std::uint64_t* field : fields) {
      if (field == nullptr || *field != UINT32_MAX) continue;
      if (body.size() < 8) return false;
      *field = number_at(body, 0, 8);
      body.remove_prefix(8);
    }
  }
  return true;
}

std::optional<std::vector<ZipMember>> zip_directory(const View& bytes, const ZipEnd& end) {
  std::vector<ZipMember> members;
  if (end.members > member_limit || end.directory_size > directory_limit || end.directory_size > end.end ||
      end.directory != end.end - end.directory_size)
    return {};
  Cursor at(bytes.part(end.directory, end.directory_size));
  for (ByteCount i = 0; i < end.members; ++i) {
    const std::string fixed(at.take(46));
    if (!fixed.starts_with("PK\1\2"sv)) return {};
    ZipMember each{std::string(at.take(number_at(fixed, 28, 2))),
                   number_at(fixed, 8, 2),
                   number_at(fixed, 10, 2),
                   number_at(fixed, 20, 4),
                   number_at(fixed, 24, 4),
                   number_at(fixed, 42, 4)};
    const std::string extra(at.take(number_at(fixed, 30, 2)));
    at.skip(number_at(fixed, 32, 2));
    if (!at.ok() || !take_zip64(extra, {&each.size, &each.packed, &each.header})) return {};
    members.push_back(std::move(each));
  }
  if (!at.at_end()) return {};
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.header < b.header; });
  return members;
}

/// Where the content of a member lies, if its local header agrees with the directory; what follows it begins at `next`.
std::optional<View> zip_content(const View& bytes, const ZipMember& each, ByteCount next) {
  Cursor at(bytes, std::min(each.header, bytes.size()));
  const std::string fixed(at.take(30));
  if (!fixed.starts_with("PK\3\4"sv)) return {};
  const std::string name(at.take(number_at(fixed, 26, 2)));
  const std::string extra(at.take(number_at(fixed, 28, 2)));
  std::uint64_t packed = number_at(fixed, 18, 4), size = number_at(fixed, 22, 4);
  const bool described_later = (each.flags & 8) != 0;
  if (name != each.name || number_at(fixed, 6, 2) != each.flags || number_at(fixed, 8, 2) != each.method) return {};
  if (!take_zip64(extra, {&size, &packed, nullptr})) return {};
  const bool same = size == each.size && packed == each.packed;
  if (!same && !(described_later && size == 0 && packed == 0)) return {};
  const View content = at.part(each.packed);
  if (!at.ok() || at.position() > next) return {};
  const ByteCount gap = next - at.position();
  const bool fits = gap == 0 || (described_later && (gap == 12 || gap == 16 || gap == 20 || gap == 24));
  return fits ? std::optional(content) : std::nullopt;
}

/// What a member says by its entry in the directory.
Verdict zip_entry(const ZipMember& each) {
  if ((each.flags & 1) != 0) return bad("it is a zip archive with " + printable(each.name) + ", which is encrypted");
  if (each.method == 0) return {};
  return bad("it is a zip archive with " + printable(each.name) + ", which is compressed, so that nobody looked into it");
}

bool begins_as_zip(const View& bytes) {
  const std::string head(bytes.head(4));
  return head == "PK\3\4"sv || head == "PK\5\6"sv || head == "PK\7\x08"sv || head == "PK00"sv;
}

Verdict zip_members(const Subject& subject, const std::vector<ZipMember>& members, ByteCount directory) {
  const Verdict twisted = bad("it is a zip archive whose parts contradict each other");
  if ((members.empty() ? directory : members.front().header) != 0) return twisted;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const ZipMember& each = members[i];
    const auto content = zip_content(subject.bytes, each, i + 1 < members.size() ? members[i + 1].header : directory);
    if (!content) return twisted;
    if (auto why = executes_code_by_name(each.name)) return member("zip", each.name, *content, subject.depth);
    if (Verdict verdict = zip_entry(each)) return verdict;
    if (Verdict verdict = member("zip", each.name, *content, subject.depth); verdict.is == Verdict::Is::bad) return verdict;
    if (!subject.bytes.sound()) break;
  }
  return good();
}

// --- tar ---

/// Octal, or the binary form that GNU has for large numbers. Python reads what is between spaces and NULs; so much stricter is not needed.
std::uint64_t tar_number(std::string_view field) {
  std::uint64_t value = 0;
  if (field[0] == '\x80' || field[0] == '\xff') {
    for (char c : field.substr(1)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  for (char c : field)
    if (c >= '0' && c <= '7') value = value << 3 | static_cast<std::uint64_t>(c - '0');
  return value;
}

/// The checksum tells, as the sum of signed or of unsigned bytes.
bool is_tar_header(std::string_view block) {
  if (block.size() != 512 || block.find_first_not_of('\0') == std::string_view::npos) return false;
  std::uint64_t plain = 8 * ' ', with_sign = 8 * ' ';
  for (std::size_t i = 0; i < 512; ++i) {
    if (i >= 148 && i < 156) continue;
    plain += static_cast<unsigned char>(block[i]);
    with_sign += static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<signed char>(block[i])));
  }
  const std::uint64_t said = tar_number(block.substr(148, 8));
  return said == plain || said == with_sign;
}

std::string tar_name(std::string_view block) {
  const std::string_view name = block.substr(0, std::min<std::size_t>(block.find('\0'), 100));
  const std::string_view prefix = block.substr(345, 155);
  const bool ustar = block.substr(257, 5) == "ustar" && block[262] == '\0' && prefix[0] != '\0';
  return ustar ? std::string(prefix.substr(0, prefix.find('\0'))) + "/" + std::string(name) : std::string(name);
}

Verdict tar_member(const Subject& subject, const std::string& block, const View& content) {
  const char kind = block[156];
  const std::string name = tar_name(block);
  if (kind == '5' || kind == 'x' || kind == 'g' || kind == 'L' || kind == 'K')
    return content.size() > MiB ? bad("it is a tar archive with a header of " + format_bytes(content.size())) : good();
  if (kind != '0' && kind != '\0' && kind != '7') return bad("it is a tar archive with " + printable(name) + ", which is no file");
  return member("tar", name, content, subject.depth);
}

/// Long names and pax headers give the member after them another name, or another size: then the walk would go astray.
bool renames(const View& content, char kind, std::string& name) {
  const std::string text(content.head(static_cast<std::size_t>(std::min<ByteCount>(content.size(), MiB))));
  if (kind == 'L') name = text.substr(0, text.find('\0'));
  if (kind == 'x' || kind == 'g') {
    if (text.find("size=") != std::string::npos || text.find("GNU.sparse") != std::string::npos) return false;
    if (const auto path = text.find(" path="); path != std::string::npos) name = text.substr(path + 6, text.find('\n', path) - path - 6);
  }
  return true;
}

Verdict tar_members(const Subject& subject) {
  Cursor at(subject.bytes);
  std::string long_name;
  std::size_t members = 0;
  while (at.ok() && at.left() >= 512 && ++members <= member_limit) {
    const std::string block(at.take(512));
    if (block.find_first_not_of('\0') == std::string::npos) break;
    if (!is_tar_header(block)) return bad("it is a tar archive that is damaged after " + std::to_string(members - 1) + " members");
    const std::uint64_t size = tar_number(std::string_view(block).substr(124, 12));
    const View content = at.part(size);
    at.skip(std::min<ByteCount>((512 - size % 512) % 512, at.left()));
    if (!at.ok()) return bad("it is a tar archive that is cut");
    if (Verdict verdict = tar_member(subject, block, content); verdict.is == Verdict::Is::bad) return verdict;
    if (!long_name.empty())
      if (Verdict verdict = member("tar", long_name, content, subject.depth); verdict.is == Verdict::Is::bad) return verdict;
    long_name.clear();
    if (!renames(content, block[156], long_name)) return bad("it is a tar archive whose headers change the sizes of its members");
  }
  for (ByteCount rest = at.left(); rest > 0 && at.ok(); rest = at.left())
    if (at.take(std::min<ByteCount>(rest, 64 * KiB)).find_first_not_of('\0') != std::string_view::npos)
      return bad("it is a tar archive, and goes on after its end");
  return good();
}

}  // namespace

Verdict foresee_zip(const View& bytes) {
  if (!begins_as_zip(bytes)) return ends_as_zip(bytes) ? bad("it ends as a zip archive, and begins as something else") : Verdict{};
  const auto end = zip_end(bytes);
  if (!end) return bad("it is a zip archive that goes on after its end, or is cut");
  const auto members = zip_directory(bytes, *end);
  if (!members) return bad("it is a zip archive whose directory is damaged or too long");
  for (const ZipMember& each : *members) {
    if (auto why = executes_code_by_name(each.name)) return bad("it is a zip archive with " + printable(each.name) + ": " + *why);
    if (Verdict verdict = zip_entry(each)) return verdict;
  }
  return good();
}

Verdict recognise_zip(const Subject& subject, Facts&) {
  if (!begins_as_zip(subject.bytes))
    return ends_as_zip(subject.bytes) ? bad("it ends as a zip archive, and begins as something else") : Verdict{};
  const auto end = zip_end(subject.bytes);
  if (!end) return bad("it is a zip archive that goes on after its end, or is cut");
  const auto members = zip_directory(subject.bytes, *end);
  if (!members) return bad("it is a zip archive whose directory is damaged or too long");
  return zip_members(subject, *members, end->directory);
}

Verdict recognise_tar(const Subject& subject, Facts&) { return is_tar_header(subject.bytes.head(512)) ? tar_members(subject) : Verdict{}; }

/// Its readers look for the signature at 0, 512, 1024 and so on, doubling: what is before it is the user's.
Verdict recognise_hdf5(const View& bytes) {
  for (ByteCount at = 0; at < bytes.size() && bytes.sound(); at = at == 0 ? 512 : at * 2)
    if (bytes.at(at, 8) == "\x89HDF\r\n\x1a\n"sv) return bad("it is an HDF5 file, as Keras writes them, which may hold code");
  return {};
}

}  // namespace shoal::manifest
