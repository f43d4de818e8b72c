#include "metainfo/metainfo.hpp"

#include <libtorrent/bdecode.hpp>
#include <libtorrent/bencode.hpp>
#include <libtorrent/entry.hpp>
#include <libtorrent/torrent_info.hpp>

#include <algorithm>
#include <functional>

#include "doctest/doctest.h"
#include "support/published.hpp"

namespace lt = libtorrent;
using namespace shoal;

namespace {

constexpr std::uint32_t piece = 64 * KiB;

/// A small checkpoint: an empty file, tiny ones, one that ends on a piece boundary, one of several pieces, and an empty file at the end.
store::Layout sample_layout() {
  return store::Layout({{"config.json", 12}, {"data/empty", 0}, {"data/exact", 2 * piece}, {"model.bin", 3 * piece + 7}, {"zz", 0}}, piece);
}

crypto::Sha256State state_of(std::uint32_t piece) {
  return crypto::Sha256State::from_raw(crypto::sha256("state " + std::to_string(piece)).view()).value();
}

store::TreeHashes sample_hashes(const store::Layout& layout) {
  store::TreeHashes hashes;
  for (const auto& file : layout.files()) hashes.files.push_back(crypto::sha256(file.size > 0 ? file.path : ""));
  for (std::uint32_t i = 0; i < layout.piece_count(); ++i)
    hashes.pieces.push_back({crypto::sha1(std::to_string(i)), crypto::sha256(std::to_string(i)), {}, state_of(i)});
  for (std::uint32_t file = 0; file < layout.files().size(); ++file)
    if (layout.pieces_of(file) == 1 && !layout.is_packed(file)) hashes.pieces[layout.first_piece(file)].sha256 = hashes.files[file];
  return hashes;
}

struct Sample {
  store::Layout layout = sample_layout();
  store::TreeHashes hashes = sample_hashes(layout);
  metainfo::Metainfo metainfo = test::must(metainfo::make_metainfo(layout, hashes));
  test::Publisher publisher;

  manifest::Release release() const {
    auto release = test::release_of(layout, hashes.files);
    release.swarm = test::swarm_of(metainfo.bytes, metainfo.info_hash, piece, layout.packing());
    return release;
  }
  void lay_out(store::Layout other) {
    layout = std::move(other);
    hashes = sample_hashes(layout);
    metainfo = test::must(metainfo::make_metainfo(layout, hashes));
  }
};

/// Small files on both sides of a large one, empty ones in between and at the end.
store::Layout packed_layout() {
  return store::Layout({{"a", 12}, {"b", piece - 1}, {"c", 0}, {"d", 3 * piece + 7}, {"e", 700}, {"f", piece}, {"g", 0}, {"h", 1}}, piece,
                       store::Packing::packed);
}

lt::entry decoded(const std::string& bytes) {
  return lt::bdecode(lt::span<const char>(bytes.data(), static_cast<std::ptrdiff_t>(bytes.size())));
}

std::string encoded(const lt::entry& entry) {
  std::string bytes;
  lt::bencode(std::back_inserter(bytes), entry);
  return bytes;
}

InfoHash info_hash_in(const std::string& bytes) {
  lt::error_code error;
  auto root = lt::bdecode({bytes.data(), static_cast<std::ptrdiff_t>(bytes.size())}, error);
  if (error || root.type() != lt::bdecode_node::dict_t || !root.dict_find_dict("info")) return {};
  auto section = root.dict_find_dict("info").data_section();
  return InfoHash::from_raw(crypto::sha1({section.data(), static_cast<std::size_t>(section.size())}).view()).value();
}

/// What check says to `bytes` when the publisher signed exactly these, with the info-hash that they have.
Result<metainfo::CheckedMetainfo> check_signed(const Sample& sample, const std::string& bytes) {
  auto release = sample.release();
  release.swarm = test::swarm_of(bytes, info_hash_in(bytes), piece);
  return metainfo::CheckedMetainfo::check(sample.publisher.verified(release), bytes);
}

struct HostileRow {
  const char* name;
  std::function<void(lt::entry& torrent)> spoil;
  const char* says;
};

lt::entry& file(lt::entry& torrent, std::size_t index) {
  return *std::next(torrent["info"]["files"].list().begin(), static_cast<long>(index));
}

// The file list of the sample: 0 config.json, 1 padding, 2 data/empty, 3 data/exact, 4 model.bin, 5 zz.
const HostileRow hostile_rows[] = {
    {"a tracker", [](lt::entry& t) { t["announce"] = "http://evil.example/announce"; }, "'announce'"},
    {"a list of trackers", [](lt::entry& t) { t["announce-list"] = lt::entry(lt::entry::list_t); }, "'announce-list'"},
    {"a web seed", [](lt::entry& t) { t["url-list"] = "http://evil.example/"; }, "'url-list'"},
    {"nodes of a DHT", [](lt::entry& t) { t["nodes"] = lt::entry(lt::entry::list_t); }, "'nodes'"},
    {"a date", [](lt::entry& t) { t["creation date"] = 1; }, "'creation date'"},
    {"a signature of another scheme", [](lt::entry& t) { t["zz"] = "x"; }, "'zz'"},
    {"piece layers", [](lt::entry& t) { t["piece layers"] = lt::entry(lt::entry::dictionary_t); }, "'piece layers'"},
    {"similar torrents", [](lt::entry& t) { t["info"]["similar"] = lt::entry(lt::entry::list_t); }, "'similar'"},
    {"collections", [](lt::entry& t) { t["info"]["collections"] = lt::entry(lt::entry::list_t); }, "'collections'"},
    {"collections beside info", [](lt::entry& t) { t["collections"] = lt::entry(lt::entry::list_t); }, "'collections'"},
    {"a second file tree", [](lt::entry& t) { t["info"]["file tree"] = lt::entry(lt::entry::dictionary_t); }, "'file tree'"},
    {"version 2", [](lt::entry& t) { t["info"]["meta version"] = 2; }, "'meta version'"},
    {"a single-file length", [](lt::entry& t) { t["info"]["length"] = 12; }, "'length'"},
    {"another source", [](lt::entry& t) { t["info"]["source"] = "x"; }, "'source'"},
    {"no file list", [](lt::entry& t) { t["info"].dict().erase("files"); }, "no 'files'"},
    {"no privacy", [](lt::entry& t) { t["info"].dict().erase("private"); }, "no 'private'"},
    {"privacy that is off", [](lt::entry& t) { t["info"]["private"] = 0; }, "not private"},
    {"privacy that is a string", [](lt::entry& t) { t["info"]["private"] = "1"; }, "'private' is not a number"},
    {"other pieces", [](lt::entry& t) { t["info"]["piece length"] = 2 * piece; }, "pieces of 131072"},
    {"another name", [](lt::entry& t) { t["info"]["name"] = "../../etc"; }, "its name is not"},
    {"a name that is a list", [](lt::entry& t) { t["info"]["name"] = lt::entry(lt::entry::list_t); }, "'name' is not a string"},
    {"no digests beside info", [](lt::entry& t) { t.dict().erase("sha256 pieces"); }, "no 'sha256 pieces'"},
    {"states for too few pieces", [](lt::entry& t) { t["sha256 states"].string().resize(96); }, "one state of SHA-256"},
    {"states for too many pieces", [](lt::entry& t) { t["sha256 states"].string() += std::string(32, 's'); }, "one state of SHA-256"},
    {"half a state", [](lt::entry& t) { t["sha256 states"].string().pop_back(); }, "one state of SHA-256"},
    {"states that are a number", [](lt::entry& t) { t["sha256 states"] = 7; }, "'sha256 states' is not a string"},
    {"a digest too few", [](lt::entry& t) { t["sha256 pieces"].string().resize(32); }, "one SHA-256 for each"},
    {"half a digest too many", [](lt::entry& t) { t["sha256 pieces"].string() += std::string(16, 'x'); }, "one SHA-256 for each"},
    {"a SHA-1 too many", [](lt::entry& t) { t["info"]["pieces"].string() += std::string(20, 'x'); }, "one SHA-1 for each"},
    {"half a SHA-1", [](lt::entry& t) { t["info"]["pieces"].string().pop_back(); }, "one SHA-1 for each"},
    {"a file that climbs", [](lt::entry& t) { file(t, 0)["path"].list().front() = ".."; }, "another path"},
    {"a path with a slash within", [](lt::entry& t) { file(t, 3)["path"] = lt::entry(lt::entry::list_type{lt::entry("data/exact")}); },
     "another path"},
    {"an empty path", [](lt::entry& t) { file(t, 0)["path"].list().clear(); }, "another path"},
    {"a number in a path", [](lt::entry& t) { file(t, 0)["path"].list().front() = 5; }, "another path"},
    {"a file that is longer", [](lt::entry& t) { file(t, 4)["length"] = 3 * piece + 8; }, "file 'model.bin' is 196616 bytes"},
    {"a negative length", [](lt::entry& t) { file(t, 4)["length"] = -1; }, "file 'model.bin' is -1 bytes"},
    {"a file too few", [](lt::entry& t) { t["info"]["files"].list().pop_back(); }, "lists 5 files"},
    {"a file too many", [](lt::entry& t) { t["info"]["files"].list().push_back(file(t, 5)); }, "lists 7 files"},
    {"files in another order", [](lt::entry& t) { std::swap(file(t, 3), file(t, 4)); }, "file 'data/exact'"},
    {"a file that is no dictionary", [](lt::entry& t) { file(t, 0) = 7; }, "is not a dictionary"},
    {"an executable file", [](lt::entry& t) { file(t, 0)["attr"] = "x"; }, "'attr'"},
    {"a symlink", [](lt::entry& t) { file(t, 0)["symlink path"] = lt::entry(lt::entry::list_t); }, "'symlink path'"},
    {"a file that claims to be padding", [](lt::entry& t) { file(t, 4)["attr"] = "p"; }, "'attr'"},
    {"padding that is executable", [](lt::entry& t) { file(t, 1)["attr"] = "px"; }, "attributes other than padding"},
    {"padding without its attribute", [](lt::entry& t) { file(t, 1).dict().erase("attr"); }, "no 'attr'"},
    {"padding of another length", [](lt::entry& t) { file(t, 1)["length"] = 1; }, "padding of 65524 is 1 bytes"},
    {"padding in a place of its own", [](lt::entry& t) { file(t, 1)["path"].list().back() = "x"; }, "another path"},
    {"a checksum in a file", [](lt::entry& t) { file(t, 0)["md5sum"] = "x"; }, "'md5sum'"},
};

struct RawRow {
  const char* name;
  std::function<std::string(std::string)> spoil;
  const char* says;
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

const RawRow raw_rows[] = {
    {"nothing", [](std::string) { return std::string(); }, "is not bencoded"},
    {"text", [](std::string) { return std::string("hello"); }, "is not bencoded"},
    {"a list", [](std::string) { return std::string("le"); }, "is not a dictionary"},
    {"trailing bytes", [](std::string b) { return b + "x"; }, "bytes behind its end"},
    {"a second torrent behind it", [](std::string b) { return b + b; }, "bytes behind its end"},
    {"a cut end", [](std::string b) { return b.substr(0, b.size() - 1); }, "is not bencoded"},
    {"depth", [](std::string) { return std::string(5000, 'l') + std::string(5000, 'e'); }, "is not bencoded"},
    {"a length with a leading zero", [](std::string b) { return replaced(std::move(b), "4:name", "04:name"); }, ""},
    {"a key twice", [](std::string b) { return replaced(std::move(b), "7:privatei1e", "7:privatei1e7:privatei1e"); }, "'private'"},
    {"keys out of order", [](std::string b) { return replaced(std::move(b), "4:infod5:files", "4:infod7:privatei1e5:files"); },
     "no 'files'"},
    {"info that is a number", [](std::string) { return std::string("d4:infoi1e13:sha256 pieces0:e"); }, "'info' is not a dictionary"},
};

}  // namespace

TEST_CASE("a metainfo is private, version 1, has no tracker and padding between files alone") {
  Sample sample;
  lt::entry torrent = decoded(sample.metainfo.bytes);
  CHECK(torrent.dict().size() == 3);
  auto& info = torrent["info"];
  CHECK(info.dict().size() == 5);
  CHECK(info["private"].integer() == 1);
  CHECK(info["name"].string().size() == 32);
  CHECK(info["files"].list().size() == 6);
  CHECK(file(torrent, 1)["attr"].string() == "p");
  CHECK(file(torrent, 1)["length"].integer() == piece - 12);
  // Nothing with content stands behind model.bin, so that the last piece is not padded.
  CHECK(file(torrent, 4)["length"].integer() == 3 * piece + 7);
  CHECK(torrent["sha256 pieces"].string().size() == 32 * sample.layout.piece_count());
  // Of data/exact one piece is not the last, of model.bin three.
  const auto state = [](std::uint32_t piece) { return state_of(piece).raw(); };
  CHECK(torrent["sha256 states"].string() == state(1) + state(3) + state(4) + state(5));
}

TEST_CASE("the engine sees pieces where the layout has them") {
  Sample sample;
  lt::torrent_info info(lt::span<const char>(sample.metainfo.bytes.data(), static_cast<std::ptrdiff_t>(sample.metainfo.bytes.size())),
                        lt::from_span);
  CHECK(static_cast<std::uint32_t>(info.num_pieces()) == sample.layout.piece_count());
  CHECK(info.priv());
  CHECK(info.piece_size(lt::piece_index_t(static_cast<int>(sample.layout.piece_count()) - 1)) == 7);
  for (std::uint32_t i = 0; i < sample.layout.piece_count(); ++i) {
    auto slices = info.map_block(lt::piece_index_t(static_cast<int>(i)), 0, 1);
    REQUIRE_FALSE(slices.empty());
    const auto extent = sample.layout.parts(i).front();
    CHECK(info.files().file_path(slices[0].file_index).ends_with(sample.layout.files()[extent.file].path));
    CHECK(static_cast<ByteCount>(slices[0].offset) == extent.offset);
  }
}

TEST_CASE("the engine sees the files of shared pieces where the layout has them") {
  Sample sample;
  sample.lay_out(packed_layout());
  REQUIRE(sample.layout.piece_count() == 2 + 4 + 1);
  lt::torrent_info info(lt::span<const char>(sample.metainfo.bytes.data(), static_cast<std::ptrdiff_t>(sample.metainfo.bytes.size())),
                        lt::from_span);
  REQUIRE(static_cast<std::uint32_t>(info.num_pieces()) == sample.layout.piece_count());
  for (std::uint32_t i = 0; i < sample.layout.piece_count(); ++i) {
    CAPTURE(i);
    const auto slices = info.map_block(lt::piece_index_t(static_cast<int>(i)), 0, static_cast<int>(sample.layout.bytes_in(i)));
    std::vector<store::FilePart> seen;
    std::uint32_t at = 0;
    for (const auto& slice : slices) {
      if (slice.size == 0) continue;
      const auto path = info.files().file_path(slice.file_index);
      const auto& files = sample.layout.files();
      const auto file = std::find_if(files.begin(), files.end(), [&](const auto& f) { return path.ends_with("/" + f.path); });
      seen.push_back({static_cast<std::uint32_t>(file - files.begin()), static_cast<ByteCount>(slice.offset),
                      static_cast<std::uint32_t>(slice.size), at});
      at += static_cast<std::uint32_t>(slice.size);
    }
    const auto parts = sample.layout.parts(i);
    CHECK(std::equal(parts.begin(), parts.end(), seen.begin(), seen.end(), [](const auto& a, const auto& b) {
      return a.file == b.file && a.offset == b.offset && a.length == b.length && a.at == b.at;
    }));
  }
}

TEST_CASE("a metainfo with shared pieces is accepted by the release that says so, and by no other") {
  Sample sample;
  sample.lay_out(packed_layout());
  auto checked = metainfo::CheckedMetainfo::check(sample.publisher.verified(sample.release()), sample.metainfo.bytes);
  REQUIRE_MESSAGE(checked.ok(), (checked.ok() ? "" : checked.error().message));
  CHECK(checked->layout().packing() == store::Packing::packed);
  CHECK(checked->file_sha256() == sample.hashes.files);
  auto release = sample.release();
  release.swarm.packing = 1;
  CHECK_FALSE(metainfo::CheckedMetainfo::check(sample.publisher.verified(release), sample.metainfo.bytes).ok());
  sample.lay_out(store::Layout(packed_layout().files(), piece));
  release = sample.release();
  release.swarm.packing = 2;
  CHECK_FALSE(metainfo::CheckedMetainfo::check(sample.publisher.verified(release), sample.metainfo.bytes).ok());
}

TEST_CASE("equal content has an equal info-hash and other content another") {
  Sample sample;
  CHECK(test::must(metainfo::make_metainfo(sample.layout, sample.hashes)).info_hash == sample.metainfo.info_hash);
  auto other = sample.hashes;
  other.files[1] = crypto::sha256("other");
  CHECK(test::must(metainfo::make_metainfo(sample.layout, other)).info_hash != sample.metainfo.info_hash);
}

TEST_CASE("a directory with a single file stays a directory") {
  const store::Layout layout({{"model.bin", piece + 1}}, piece);
  const auto metainfo = test::must(metainfo::make_metainfo(layout, sample_hashes(layout)));
  lt::entry torrent = decoded(metainfo.bytes);
  CHECK(torrent["info"].find_key("length") == nullptr);
  CHECK(torrent["info"]["files"].list().size() == 1);
}

TEST_CASE("a release of empty files has nothing to distribute") {
  const store::Layout layout({{"a", 0}, {"b", 0}}, piece);
  auto made = metainfo::make_metainfo(layout, sample_hashes(layout));
  REQUIRE_FALSE(made.ok());
  CHECK(made.error().code == ErrorCode::usage);
}

TEST_CASE("hashes of another directory are refused") {
  Sample sample;
  sample.hashes.pieces.pop_back();
  CHECK_FALSE(metainfo::make_metainfo(sample.layout, sample.hashes).ok());
}

TEST_CASE("a metainfo passes the check against its own release") {
  Sample sample;
  auto checked = metainfo::CheckedMetainfo::check(sample.publisher.verified(sample.release()), sample.metainfo.bytes);
  REQUIRE(checked.ok());
  CHECK(checked->info_hash() == sample.metainfo.info_hash);
  CHECK(checked->bytes() == sample.metainfo.bytes);
  CHECK(checked->layout().piece_count() == sample.layout.piece_count());
  REQUIRE(checked->piece_sha256().size() == sample.layout.piece_count());
  CHECK(checked->piece_sha256()[3] == sample.hashes.pieces[3].sha256);
  REQUIRE(checked->proof());
  CHECK(checked->proof()->files == sample.hashes.files);
  for (const std::uint32_t piece : {1u, 3u, 4u, 5u}) CHECK(checked->proof()->after[piece] == state_of(piece));
}

TEST_CASE("a metainfo without states is taken, and proves no file of several pieces") {
  Sample sample;
  lt::entry torrent = decoded(sample.metainfo.bytes);
  torrent.dict().erase("sha256 states");
  const auto checked = check_signed(sample, encoded(torrent));
  REQUIRE(checked.ok());
  CHECK_FALSE(checked->proof());
}

TEST_CASE("files of one piece each need no states, and nodes of before can read the metainfo") {
  Sample sample;
  sample.layout = store::Layout({{"a", 12}, {"b", piece}}, piece);
  sample.hashes = sample_hashes(sample.layout);
  sample.metainfo = test::must(metainfo::make_metainfo(sample.layout, sample.hashes));
  CHECK(decoded(sample.metainfo.bytes).dict().size() == 2);
  const auto checked = metainfo::CheckedMetainfo::check(sample.publisher.verified(sample.release()), sample.metainfo.bytes);
  REQUIRE(checked.ok());
  CHECK(checked->proof());
}

TEST_CASE("a file that fits into one piece and has another digest is refused, and named") {
  Sample sample;
  sample.hashes.pieces[0].sha256 = crypto::sha256("other bytes");
  sample.metainfo = test::must(metainfo::make_metainfo(sample.layout, sample.hashes));
  const auto checked = metainfo::CheckedMetainfo::check(sample.publisher.verified(sample.release()), sample.metainfo.bytes);
  REQUIRE_FALSE(checked.ok());
  CHECK(checked.error().code == ErrorCode::verification);
  CHECK(checked.error().message.find("'config.json'") != std::string::npos);
}

TEST_CASE("a metainfo of ten thousand files is made and checked") {
  std::vector<store::LayoutFile> files;
  for (int i = 10'000; i < 20'000; ++i) files.push_back({"shard-" + std::to_string(i), static_cast<ByteCount>(i % 3)});
  Sample sample;
  sample.layout = store::Layout(files, piece);
  sample.hashes = sample_hashes(sample.layout);
  sample.metainfo = test::must(metainfo::make_metainfo(sample.layout, sample.hashes));
  CHECK(metainfo::CheckedMetainfo::check(sample.publisher.verified(sample.release()), sample.metainfo.bytes).ok());
}

TEST_CASE("a metainfo that its publisher signed but that breaks a rule is refused, and the message names what") {
  Sample sample;
  for (const auto& row : hostile_rows) {
    CAPTURE(row.name);
    lt::entry torrent = decoded(sample.metainfo.bytes);
    row.spoil(torrent);
    auto checked = check_signed(sample, encoded(torrent));
    REQUIRE_FALSE(checked.ok());
    CHECK(checked.error().code == ErrorCode::verification);
    CHECK_MESSAGE(checked.error().message.find(row.says) != std::string::npos, checked.error().message);
  }
}

TEST_CASE("bytes that are not quite a metainfo are refused") {
  Sample sample;
  for (const auto& row : raw_rows) {
    CAPTURE(row.name);
    auto checked = check_signed(sample, row.spoil(sample.metainfo.bytes));
    REQUIRE_FALSE(checked.ok());
    CHECK(checked.error().code == ErrorCode::verification);
    CHECK_MESSAGE(checked.error().message.find(row.says) != std::string::npos, checked.error().message);
  }
}

TEST_CASE("bytes that the release does not name are refused") {
  Sample sample;
  const auto release = sample.publisher.verified(sample.release());
  std::string flipped = sample.metainfo.bytes;
  flipped[flipped.size() / 2] ^= 1;
  auto checked = metainfo::CheckedMetainfo::check(release, flipped);
  REQUIRE_FALSE(checked.ok());
  CHECK(checked.error().message.find("SHA-256") != std::string::npos);
  checked = metainfo::CheckedMetainfo::check(release, sample.metainfo.bytes + " ");
  REQUIRE_FALSE(checked.ok());
  CHECK(checked.error().message.find("bytes, the release says") != std::string::npos);
}

TEST_CASE("a release with another info-hash, piece length or file refuses its metainfo") {
  Sample sample;
  auto refused = [&](manifest::Release release, const char* says) {
    auto checked = metainfo::CheckedMetainfo::check(sample.publisher.verified(release), sample.metainfo.bytes);
    REQUIRE_FALSE(checked.ok());
    CHECK(checked.error().code == ErrorCode::verification);
    CHECK_MESSAGE(checked.error().message.find(says) != std::string::npos, checked.error().message);
  };
  auto release = sample.release();
  release.swarm.info_hash.bytes[0] ^= 1;
  refused(release, "info-hash");
  release = sample.release();
  release.swarm.piece_length = 2 * piece;
  refused(release, "padding");
  release = sample.release();
  release.files[0].sha256.bytes[0] ^= 1;
  refused(release, "its name is not");
  release = sample.release();
  release.files[3].path = "model.bin2";
  refused(release, "file 'model.bin2' has another path");
}
