// The rules that hold a metainfo against its release, in the order in which they are applied.
#include <libtorrent/bdecode.hpp>

#include "base/encoding.hpp"
#include "crypto/digest.hpp"
#include "metainfo/metainfo.hpp"
#include "metainfo/metainfo_form.hpp"
#include "metainfo/metainfo_limits.hpp"
#include "metainfo/torrent.hpp"

namespace shoal::metainfo {
namespace {

Error differs(std::string what) { return fail(ErrorCode::verification, "metainfo: " + std::move(what)); }

std::string_view view(lt::string_view text) { return {text.data(), text.size()}; }

/// A key or a path of a stranger, fit for a message.
std::string in_quotes(std::string_view text) { return "'" + printable(text) + "'"; }

std::string number(std::int64_t value) { return std::to_string(value); }

Status check_signed_bytes(const manifest::SwarmInfo& expected, const std::string& bytes) {
  if (bytes.size() != expected.metainfo_size)
    return differs("is " + std::to_string(bytes.size()) + " bytes, the release says " + std::to_string(expected.metainfo_size));
  if (bytes.size() > metainfo_limit)
    return differs("is " + format_bytes(bytes.size()) + ", at most " + format_bytes(metainfo_limit) + " are allowed");
  if (crypto::sha256(bytes) != expected.metainfo_sha256) return differs("its SHA-256 is not the one that the release names");
  return {};
}

/// `root` points into `bytes`.
Result<lt::bdecode_node> decode(const std::string& bytes) {
  lt::error_code error;
  lt::bdecode_node root =
      lt::bdecode({bytes.data(), static_cast<std::ptrdiff_t>(bytes.size())}, error, nullptr, metainfo_max_depth, metainfo_max_tokens);
  if (error) return differs("is not bencoded: " + error.message());
  if (root.type() != lt::bdecode_node::dict_t) return differs("is not a dictionary");
  if (static_cast<std::size_t>(root.data_section().size()) != bytes.size()) return differs("has bytes behind its end");
  return root;
}

struct Member {
  std::string_view key;
  lt::bdecode_node::type_t type;
};

std::string_view type_name(lt::bdecode_node::type_t type) {
  switch (type) {
    case lt::bdecode_node::dict_t: return "a dictionary";
    case lt::bdecode_node::list_t: return "a list";
    case lt::bdecode_node::string_t: return "a string";
    case lt::bdecode_node::int_t: return "a number";
    default: return "nothing";
  }
}

/// The dictionary has exactly these members (sorted), with these types: so there is no tracker, no web seed, no `similar`, no
/// `collections`, no second version of the file list, and no key twice.
Status check_members(const lt::bdecode_node& dictionary, const std::string& what, const std::vector<Member>& members) {
  std::size_t next = 0;
  for (int i = 0; i < dictionary.dict_size(); ++i) {
    auto [name, value] = dictionary.dict_at(i);
    const std::string_view key = view(name);
    if (next < members.size() && key > members[next].key) break;
    if (next == members.size() || key != members[next].key)
      return differs(what + " has " + in_quotes(key) + ", which is not allowed there");
    if (value.type() != members[next].type)
      return differs(what + ": " + in_quotes(key) + " is not " + std::string(type_name(members[next].type)));
    ++next;
  }
  if (next < members.size()) return differs(what + " has no " + in_quotes(members[next].key));
  return {};
}

constexpr auto dict_t = lt::bdecode_node::dict_t;
constexpr auto list_t = lt::bdecode_node::list_t;
constexpr auto string_t = lt::bdecode_node::string_t;
constexpr auto int_t = lt::bdecode_node::int_t;

constexpr const char* states_key = "sha256 states";

Status check_structure(const lt::bdecode_node& root) {
  std::vector<Member> members{{"info", dict_t}, {"sha256 pieces", string_t}};
  // Releases of before have none.
  if (root.dict_find(states_key)) members.push_back({states_key, string_t});
  SHOAL_CHECK(check_members(root, "the torrent", members));
  return check_members(root.dict_find("info"), "info",
                       {{"files", list_t}, {"name", string_t}, {"piece length", int_t}, {"pieces", string_t}, {"private", int_t}});
}

Status check_path(const lt::bdecode_node& list, const std::string& what, const std::vector<std::string>& expected) {
  bool same = list.list_size() == static_cast<int>(expected.size());
  for (int i = 0; same && i < list.list_size(); ++i)
    same = list.list_at(i).type() == string_t && view(list.list_at(i).string_value()) == expected[static_cast<std::size_t>(i)];
  if (!same) return differs(what + " has another path");
  return {};
}

Status check_slot(const lt::bdecode_node& entry, const FileSlot& slot, const store::Layout& layout) {
  const std::string what = slot.file ? "file " + in_quotes(layout.files()[*slot.file].path) : "padding of " + std::to_string(slot.length);
  if (entry.type() != dict_t) return differs(what + " is not a dictionary");
  std::vector<Member> members{{"length", int_t}, {"path", list_t}};
  if (!slot.file) members.insert(members.begin(), {"attr", string_t});
  SHOAL_CHECK(check_members(entry, what, members));
  if (!slot.file && view(entry.dict_find_string_value("attr")) != "p") return differs(what + " has attributes other than padding");
  const std::int64_t length = entry.dict_find_int_value("length");
  if (length < 0 || static_cast<ByteCount>(length) != slot.length)
    return differs(what + " is " + number(length) + " bytes, the release says " + std::to_string(slot.length));
  return check_path(entry.dict_find("path"), what, slot.file ? components(layout.files()[*slot.file].path) : padding_path(slot.length));
}

Status check_files(const lt::bdecode_node& list, const store::Layout& layout) {
  const auto slots = slots_of(layout);
  for (std::size_t i = 0; i < slots.size() && static_cast<int>(i) < list.list_size(); ++i)
    SHOAL_CHECK(check_slot(list.list_at(static_cast<int>(i)), slots[i], layout));
  if (list.list_size() != static_cast<int>(slots.size()))
    return differs("lists " + number(list.list_size()) + " files and paddings, the release makes " + std::to_string(slots.size()));
  return {};
}

Status check_digests(const lt::bdecode_node& root, const store::Layout& layout) {
  const auto info = root.dict_find("info");
  const ByteCount pieces = layout.piece_count();
  if (static_cast<ByteCount>(info.dict_find("pieces").string_length()) != pieces * Sha1::size())
    return differs("does not have one SHA-1 for each of " + std::to_string(pieces) + " pieces");
  if (static_cast<ByteCount>(root.dict_find("sha256 pieces").string_length()) != pieces * Sha256::size())
    return differs("does not have one SHA-256 for each of " + std::to_string(pieces) + " pieces");
  const auto states = root.dict_find(states_key);
  if (states && static_cast<ByteCount>(states.string_length()) != states_size(layout))
    return differs("does not have one state of SHA-256 for each piece that is not the last of its file");
  return {};
}

Status check_scalars(const lt::bdecode_node& info, const manifest::Release& release, const std::string& name) {
  if (info.dict_find_int_value("private") != 1) return differs("is not private");
  if (info.dict_find_int_value("piece length") != release.swarm.piece_length)
    return differs("has pieces of " + number(info.dict_find_int_value("piece length")) + " bytes, the release says " +
                   std::to_string(release.swarm.piece_length));
  if (view(info.dict_find_string_value("name")) != name)
    return differs("its name is not " + in_quotes(name) + ", which follows from the files");
  return {};
}

/// The release was checked: there are no other numbers.
store::Packing packing_of(const manifest::Release& release) { return static_cast<store::Packing>(release.swarm.packing); }

Result<store::Layout> usable_layout(const manifest::Release& release) {
  std::vector<store::LayoutFile> files;
  ByteCount total = 0;
  for (const auto& file : release.files) {
    // libtorrent counts offsets with 48 bits.
    if (file.size > (ByteCount{1} << 48) - 1 - total) return differs("the release is larger than 2^48 bytes");
    total += file.size;
    files.push_back({file.path, file.size});
  }
  SHOAL_TRY(auto layout, store::Layout::make(std::move(files), release.swarm.piece_length, packing_of(release)).within("metainfo"));
  if (layout.piece_count() == 0) return differs("the release has nothing but empty files");
  if (layout.piece_count() > static_cast<std::uint32_t>(metainfo_max_pieces))
    return differs("the release has more than " + number(metainfo_max_pieces) + " pieces");
  return layout;
}

std::vector<Sha256> file_digests(const manifest::Release& release) {
  std::vector<Sha256> digests;
  for (const auto& file : release.files) digests.push_back(file.sha256);
  return digests;
}

template <class Digest>
std::vector<Digest> split(std::string_view bytes) {
  std::vector<Digest> digests(bytes.size() / Digest::size());
  for (std::size_t i = 0; i < digests.size(); ++i) digests[i] = Digest::from_raw(bytes.substr(i * Digest::size(), Digest::size())).value();
  return digests;
}

/// None where files of several pieces have no states.
std::optional<store::FileProof> proof_in(std::string_view states, const store::Layout& layout, std::vector<Sha256> files) {
  if (states.size() != states_size(layout)) return std::nullopt;
  store::FileProof proof{std::move(files), std::vector<crypto::Sha256State>(layout.piece_count())};
  const auto all = split<crypto::Sha256State>(states);
  auto next = all.begin();
  for (std::uint32_t piece = 0; piece < layout.piece_count(); ++piece)
    if (store::has_state(layout, piece)) proof.after[piece] = *next++;
  return proof;
}

/// What the release and the metainfo say of one file must not contradict each other.
Status check_files_against_pieces(const manifest::Release& release, const store::Layout& layout, const std::vector<Sha256>& pieces) {
  const auto file = store::contradiction(layout, file_digests(release), pieces);
  if (!file) return {};
  return differs("its piece for file " + in_quotes(release.files[*file].path) + " does not have the SHA-256 that the release names");
}

/// Last: nothing that the rules above did not look at, such as a length written with a leading zero.
Status check_form(const lt::bdecode_node& root, const std::string& bytes, const store::Layout& layout, const std::string& name) {
  const auto info = root.dict_find("info");
  PieceWords words;
  words.sha1 = view(info.dict_find_string_value("pieces"));
  words.sha256 = view(root.dict_find_string_value("sha256 pieces"));
  words.states = view(root.dict_find_string_value(states_key));
  if (encode_metainfo(layout, name, words) != bytes) return differs("is not in the one form that bencoding allows for it");
  return {};
}

Status check_engine(const std::string& bytes, const InfoHash& info_hash) {
  SHOAL_TRY(auto read, engine_info_hash(bytes));
  if (read != info_hash) return differs("libtorrent reads another info-hash from it");
  return {};
}

}  // namespace

Result<CheckedMetainfo> CheckedMetainfo::check(const manifest::VerifiedRelease& release, std::string bytes) {
  SHOAL_CHECK(check_signed_bytes(release->swarm, bytes));
  SHOAL_TRY(auto layout, usable_layout(*release));
  SHOAL_TRY(auto root, decode(bytes));
  SHOAL_CHECK(check_structure(root));
  const auto info = root.dict_find("info");
  const std::string name = name_of(layout, file_digests(*release));
  SHOAL_CHECK(check_files(info.dict_find("files"), layout));
  SHOAL_CHECK(check_scalars(info, *release, name));
  SHOAL_CHECK(check_digests(root, layout));
  SHOAL_CHECK(check_form(root, bytes, layout, name));
  const auto section = info.data_section();
  const auto digest = crypto::sha1({section.data(), static_cast<std::size_t>(section.size())});
  const auto info_hash = InfoHash::from_raw(digest.view()).value();
  if (info_hash != release->swarm.info_hash)
    return differs("its info-hash is " + info_hash.hex() + ", the release says " + release->swarm.info_hash.hex());
  SHOAL_CHECK(check_engine(bytes, info_hash));
  auto pieces = split<Sha256>(view(root.dict_find_string_value("sha256 pieces")));
  SHOAL_CHECK(check_files_against_pieces(*release, layout, pieces));
  auto proof = proof_in(view(root.dict_find_string_value(states_key)), layout, file_digests(*release));
  return CheckedMetainfo(std::move(bytes), info_hash, std::move(layout), std::move(pieces), file_digests(*release), std::move(proof));
}

}  // namespace shoal::metainfo
