// The store as libtorrent sees it, without an engine around it.
#include "swarm/store_disk.hpp"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/disk_buffer_holder.hpp>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/io_context.hpp>
#include <libtorrent/peer_request.hpp>
#include <libtorrent/performance_counters.hpp>
#include <libtorrent/settings_pack.hpp>
#include <libtorrent/storage_defs.hpp>

#include "doctest/doctest.h"
#include "metainfo/torrent.hpp"
#include "support/must.hpp"
#include "support/published.hpp"
#include "support/store_contract.hpp"

namespace lt = libtorrent;
using namespace shoal;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t piece_length = 64 * KiB;
constexpr int block = 16 * 1024;

/// A checkpoint on disk, a store, and the back-end over it.
class Disk {
 public:
  enum class Holds { nothing, everything };
  explicit Disk(Holds holds, ByteCount budget = 4 * MiB) : store_(posix_, options(budget)) {
    test::put_file(source / "a", bytes_a);
    test::put_file(source / "b", bytes_b);
    metainfo.emplace(test::published(source, piece_length));
    fs::create_directory(target);
    add(holds == Holds::everything);
    disk_ = swarm::store_disk(store_, contents_)(io_, settings_, counters_);
    storage_ = disk_->new_torrent(params(), std::make_shared<int>(0));
  }
  ~Disk() {
    storage_.reset();
    disk_->abort(true);
    io_.restart();
    io_.run_for(10s);
    CHECK(contents_.wait_closed(metainfo->info_hash(), 10s));
  }

  lt::disk_interface& operator*() { return *disk_; }
  lt::storage_index_t index() const { return storage_; }
  const lt::torrent_info& torrent() const { return *torrent_; }

  /// Runs the engine's loop until `done`; false at the deadline.
  template <class Done>
  bool run_until(Done done) {
    disk_->submit_jobs();
    io_.restart();
    for (const auto end = std::chrono::steady_clock::now() + 10s; !done() && std::chrono::steady_clock::now() < end;) {
      io_.run_one_for(100ms);
      disk_->submit_jobs();
    }
    return done();
  }

  /// The errors of all blocks, once each was answered.
  std::vector<lt::error_code> write(int piece, const std::string& bytes) { return write(piece, 0, bytes); }
  std::vector<lt::error_code> write(int piece, int offset, const std::string& bytes) {
    std::vector<lt::error_code> errors;
    std::size_t asked = 0;
    for (int at = 0; at < static_cast<int>(bytes.size()); at += block, ++asked) {
      const int length = std::min(block, static_cast<int>(bytes.size()) - at);
      disk_->async_write(storage_, {lt::piece_index_t(piece), offset + at, length}, bytes.data() + at, nullptr,
                         [&](const lt::storage_error& error) { errors.push_back(error.ec); });
      CHECK(errors.empty());  // never before the call has returned
    }
    CHECK(run_until([&] { return errors.size() == asked; }));
    return errors;
  }

  lt::sha1_hash hash(int piece) {
    std::optional<lt::sha1_hash> result;
    disk_->async_hash(storage_, lt::piece_index_t(piece), {}, lt::disk_interface::v1_hash,
                      [&](lt::piece_index_t, const lt::sha1_hash& hash, const lt::storage_error&) { result = hash; });
    CHECK(run_until([&] { return result.has_value(); }));
    return result.value_or(lt::sha1_hash());
  }

  std::string read(int piece, int start, int length, lt::disk_job_flags_t flags = {}) {
    std::optional<std::string> result;
    disk_->async_read(
        storage_, {lt::piece_index_t(piece), start, length},
        [&](lt::disk_buffer_holder buffer, const lt::storage_error& error) {
          result = error ? "error: " + error.ec.message() : std::string(buffer.data(), static_cast<std::size_t>(buffer.size()));
        },
        flags);
    if (flags & lt::disk_interface::force_copy) CHECK_FALSE(result);
    CHECK(run_until([&] { return result.has_value(); }));
    return result.value_or("");
  }

  void clear(int piece) {
    bool done = false;
    disk_->async_clear_piece(storage_, lt::piece_index_t(piece), [&](lt::piece_index_t) { done = true; });
    CHECK(run_until([&] { return done; }));
  }

  lt::status_t check(bool first) {
    std::optional<lt::status_t> result;
    lt::add_torrent_params resume;
    disk_->async_check_files(storage_, first ? &resume : nullptr, {},
                             [&](lt::status_t status, const lt::storage_error&) { result = status; });
    CHECK(run_until([&] { return result.has_value(); }));
    return result.value_or(lt::status_t::fatal_disk_error);
  }

  void release() {
    bool done = false;
    disk_->async_release_files(storage_, [&] { done = true; });
    CHECK(run_until([&] { return done; }));
  }

  const std::string bytes_a = test::noise(150'000, 1);
  const std::string bytes_b = test::noise(70'000, 2);
  std::string piece(int number) const {
    return number < 3 ? bytes_a.substr(static_cast<std::size_t>(number) * piece_length, piece_length)
                      : bytes_b.substr(static_cast<std::size_t>(number - 3) * piece_length, piece_length);
  }
  store::PieceStore& store() { return store_; }
  store::ContentId id() const { return id_; }

  TempDirectory dir;
  fs::path source = dir.path() / "source", target = dir.path() / "target";
  std::optional<metainfo::CheckedMetainfo> metainfo;

 private:
  static store::StoreOptions options(ByteCount budget) {
    store::StoreOptions result;
    result.memory_budget = budget;
    return result;
  }
  void add(bool seed) {
    store::NewContent spec;
    spec.layout = metainfo->layout();
    spec.pieces = metainfo->piece_sha256();
    spec.root = seed ? source : target;
    spec.access = seed ? store::ContentAccess::read_only : store::ContentAccess::update;
    id_ = test::must(store_.add(std::move(spec))).id;
    torrent_ = test::must(metainfo::load_torrent(metainfo->bytes())).ti;
    contents_.enter(metainfo->info_hash(), {id_, torrent_, false});
  }
  lt::storage_params params() {
    return {torrent_->files(), nullptr, path_, lt::storage_mode_sparse, priorities_, torrent_->info_hashes().v1};
  }

  store::PosixFiles posix_;
  swarm::DiskContents contents_;
  store::PieceStore store_;
  store::ContentId id_{};
  std::shared_ptr<lt::torrent_info> torrent_;
  const std::string path_ = target.string();
  lt::aux::vector<lt::download_priority_t, lt::file_index_t> priorities_;
  lt::io_context io_;
  lt::settings_pack settings_;
  lt::counters counters_;
  std::unique_ptr<lt::disk_interface> disk_;
  lt::storage_holder storage_;
};

}  // namespace

namespace {

/// The back-end, for the contract.
struct DiskDoor {
  std::uint32_t piece_count() const { return disk.metainfo->layout().piece_count(); }
  std::string piece(std::uint32_t number) const { return disk.piece(static_cast<int>(number)); }
  void write(std::uint32_t number, std::uint32_t at, const std::string& bytes) {
    for (const auto& error : disk.write(static_cast<int>(number), static_cast<int>(at), bytes)) CHECK_FALSE(error);
  }
  bool complete(std::uint32_t number) {
    const auto piece_index = lt::piece_index_t(static_cast<int>(number));
    return disk.hash(static_cast<int>(number)) == disk.torrent().hash_for_piece(piece_index);
  }
  std::string read(std::uint32_t number, std::uint32_t at, std::uint32_t length) {
    // Whole blocks, as peers do: behind the end of a file they are padding.
    const int left = disk.torrent().piece_size(lt::piece_index_t(static_cast<int>(number))) - static_cast<int>(at);
    const std::string bytes = disk.read(static_cast<int>(number), static_cast<int>(at), std::min(lt::default_block_size, left));
    return bytes.starts_with("error: ") ? "" : bytes.substr(0, length);
  }
  void clear(std::uint32_t number) { disk.clear(static_cast<int>(number)); }
  void flush() { disk.release(); }
  std::string stored(std::uint32_t number) {
    const auto& layout = disk.metainfo->layout();
    const auto extent = layout.parts(number).front();
    return test::must(read_file(disk.target / layout.files()[extent.file].path, GiB)).substr(extent.offset, extent.length);
  }

  Disk disk{Disk::Holds::nothing};
};

}  // namespace

TEST_CASE("the back-end keeps the store's contract") { test::StoreContract<DiskDoor>().check(); }

TEST_CASE("a piece that is right is answered with the torrent's SHA-1, and is on the disk") {
  Disk disk(Disk::Holds::nothing);
  for (int piece = 0; piece < disk.torrent().num_pieces(); ++piece) {
    for (const auto& error : disk.write(piece, disk.piece(piece))) CHECK_FALSE(error);
    CHECK(disk.hash(piece) == disk.torrent().hash_for_piece(lt::piece_index_t(piece)));
  }
  disk.release();
  CHECK(disk.store().facts(disk.id()).durable == 5);
  CHECK(test::must(read_file(disk.target / "a", MiB)) == disk.bytes_a);
  CHECK(test::must(read_file(disk.target / "b", MiB)) == disk.bytes_b);
}

TEST_CASE("a piece that is wrong is answered with zeroes, and its blocks can be read until it is cleared") {
  Disk disk(Disk::Holds::nothing);
  std::string wrong = disk.piece(0);
  wrong[1] = static_cast<char>(wrong[1] ^ 1);
  disk.write(0, wrong);
  CHECK(disk.hash(0) == lt::sha1_hash());
  CHECK(disk.read(0, 0, block, lt::disk_interface::force_copy) == wrong.substr(0, block));
  disk.clear(0);
  CHECK(disk.read(0, 0, block).starts_with("error"));
  disk.write(0, disk.piece(0));
  CHECK(disk.hash(0) != lt::sha1_hash());
}

TEST_CASE("padding that a peer sends is ignored, and padding that a peer asks for is zeroes") {
  Disk disk(Disk::Holds::nothing);
  std::string padded = disk.piece(2);
  const std::size_t used = padded.size();
  padded.resize(piece_length, 'x');
  disk.write(2, padded);
  CHECK(disk.hash(2) == disk.torrent().hash_for_piece(lt::piece_index_t(2)));
  Disk source(Disk::Holds::everything);
  std::string expected = source.piece(2).substr(used / block * block);
  expected.resize(block, '\0');
  CHECK(source.read(2, static_cast<int>(used / block * block), block) == expected);
  CHECK(source.read(2, static_cast<int>(piece_length) - block, block) == std::string(block, '\0'));
}

TEST_CASE("what a source holds is read, the second time from memory and on the spot") {
  Disk disk(Disk::Holds::everything);
  CHECK(disk.read(1, block, block) == disk.piece(1).substr(block, block));
  bool answered = false;
  (*disk).async_read(disk.index(), {lt::piece_index_t(1), 0, block},
                     [&](lt::disk_buffer_holder buffer, const lt::storage_error&) { answered = buffer.size() == block; }, {});
  CHECK(answered);
}

TEST_CASE("buffers that libtorrent holds are the store's memory, and come back to it") {
  Disk disk(Disk::Holds::everything);
  std::vector<lt::disk_buffer_holder> held;
  CHECK(disk.read(0, 0, block) == disk.piece(0).substr(0, block));
  const auto before = disk.store().memory().in_use();
  for (int i = 0; i < 100; ++i)
    (*disk).async_read(disk.index(), {lt::piece_index_t(0), 0, block},
                       [&](lt::disk_buffer_holder buffer, const lt::storage_error&) { held.push_back(std::move(buffer)); }, {});
  CHECK(held.size() == 100);
  CHECK(held.front().data() == held.back().data());
  CHECK(disk.store().memory().in_use() == before);
  held.clear();
  CHECK(disk.read(0, block, block) == disk.piece(0).substr(block, block));
}

TEST_CASE("who asks for single bytes, or at odd places, gets nothing and holds no memory") {
  Disk disk(Disk::Holds::everything);
  const std::size_t before = disk.store().memory().in_use();
  CHECK(disk.read(0, 0, 1).starts_with("error"));
  CHECK(disk.read(0, 7, block).starts_with("error"));
  CHECK(disk.read(0, 0, 2 * block).starts_with("error"));
  CHECK(disk.store().memory().in_use() == before);
}

TEST_CASE("a source takes no writes") {
  Disk disk(Disk::Holds::everything);
  // It has the piece: libtorrent would not ask. The store drops blocks that come anyway.
  disk.write(0, std::string(piece_length, 'x'));
  CHECK(disk.read(0, 0, block) == disk.piece(0).substr(0, block));
  CHECK(test::must(read_file(disk.source / "a", MiB)) == disk.bytes_a);
}

TEST_CASE("libtorrent is told the first time that the pieces it was given are all, and later to ask again") {
  Disk disk(Disk::Holds::everything);
  CHECK(disk.check(true) == lt::status_t::no_error);
  CHECK(disk.check(false) == lt::status_t::need_full_check);
  CHECK(disk.hash(0) == disk.torrent().hash_for_piece(lt::piece_index_t(0)));
}

TEST_CASE("files are not moved, renamed or deleted") {
  Disk disk(Disk::Holds::everything);
  int refused = 0;
  (*disk).async_delete_files(disk.index(), {}, [&](const lt::storage_error& error) { refused += error ? 1 : 0; });
  (*disk).async_rename_file(disk.index(), lt::file_index_t(0), "x",
                            [&](const std::string&, lt::file_index_t, const lt::storage_error& error) { refused += error ? 1 : 0; });
  (*disk).async_move_storage(disk.index(), "/x", lt::move_flags_t::always_replace_files,
                             [&](lt::status_t, const std::string&, const lt::storage_error& error) { refused += error ? 1 : 0; });
  CHECK(disk.run_until([&] { return refused == 3; }));
  CHECK(fs::exists(disk.source / "a"));
}
