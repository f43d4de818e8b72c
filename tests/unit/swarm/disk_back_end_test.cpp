#include "swarm/disk_back_end.hpp"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/io_context.hpp>
#include <libtorrent/peer_request.hpp>
#include <libtorrent/performance_counters.hpp>
#include <libtorrent/settings_pack.hpp>
#include <libtorrent/storage_defs.hpp>

#include "doctest/doctest.h"
#include "support/published.hpp"

namespace lt = libtorrent;
using namespace shoal;
using namespace std::chrono_literals;

namespace {

const InfoHash content = InfoHash::from_raw(std::string(20, 'c')).value();

/// The back-end without an engine around it.
class Disk {
 public:
  explicit Disk(const fs::path& root, bool is_protected) : root_(root.string()) {
    files_.set_piece_length(64 * KiB);
    files_.add_file("t/empty", 0);
    files_.add_file("t/data", 10);
    files_.set_num_pieces(1);
    if (is_protected) contents_.protect(content);
    disk_ = swarm::disk_back_end(contents_)(io_, settings_, counters_);
    storage_ = disk_->new_torrent({files_, nullptr, root_, lt::storage_mode_sparse, priorities_, lt::sha1_hash(content.raw().data())},
                                  std::make_shared<int>(0));
  }
  ~Disk() {
    storage_.reset();
    disk_->abort(true);
    io_.run_for(1s);
  }

  lt::status_t check() {
    lt::status_t result{};
    lt::add_torrent_params resume;
    wait([&](auto done) {
      disk_->async_check_files(storage_, &resume, {}, [&result, done](lt::status_t status, const lt::storage_error&) {
        result = status;
        done();
      });
    });
    return result;
  }

  lt::error_code write() {
    lt::error_code result;
    const std::string bytes(10, 'w');
    wait([&](auto done) {
      disk_->async_write(
          storage_, {lt::piece_index_t(0), 0, 10}, bytes.data(), nullptr,
          [&result, done](const lt::storage_error& error) {
            result = error.ec;
            done();
          },
          {});
    });
    wait([&](auto done) { disk_->async_release_files(storage_, done); });
    return result;
  }

  void close() { storage_.reset(); }
  swarm::DiskContents& contents() { return contents_; }

 private:
  template <class Start>
  void wait(Start start) {
    bool finished = false;
    start([&finished] { finished = true; });
    disk_->submit_jobs();
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!finished && std::chrono::steady_clock::now() < deadline) {
      io_.restart();
      io_.run_one_for(10ms);
    }
    REQUIRE(finished);
  }

  std::string root_;
  lt::io_context io_;
  lt::settings_pack settings_ = lt::default_settings();
  lt::counters counters_;
  lt::aux::vector<lt::download_priority_t, lt::file_index_t> priorities_;
  lt::file_storage files_;
  swarm::DiskContents contents_;
  std::unique_ptr<lt::disk_interface> disk_;
  lt::storage_holder storage_;
};

}  // namespace

TEST_CASE("content that is fetched is created and written") {
  TempDirectory dir;
  Disk disk(dir.path(), false);
  CHECK(disk.check() == lt::status_t::no_error);
  CHECK(fs::exists(dir.path() / "t/empty"));
  CHECK_FALSE(disk.write());
  CHECK(test::must(read_file(dir.path() / "t/data", 100)) == std::string(10, 'w'));
}

TEST_CASE("a protected content is taken as it is: nothing is created, and a write is refused") {
  TempDirectory dir;
  Disk disk(dir.path(), true);
  CHECK(disk.check() == lt::status_t::no_error);
  CHECK(disk.write() == boost::system::errc::read_only_file_system);
  CHECK(fs::is_empty(dir.path()));
}

TEST_CASE("a protected content that is there is not re-hashed and not written over") {
  TempDirectory dir;
  test::put_file(dir.path() / "t/data", "original");
  Disk disk(dir.path(), true);
  CHECK(disk.check() == lt::status_t::no_error);
  CHECK(disk.write() == boost::system::errc::read_only_file_system);
  CHECK(test::must(read_file(dir.path() / "t/data", 100)) == "original");
}

TEST_CASE("who waits for a content to close is told when its storage goes, and not before") {
  TempDirectory dir;
  Disk disk(dir.path(), false);
  CHECK_FALSE(disk.contents().wait_closed(content, 1ms));
  disk.close();
  CHECK(disk.contents().wait_closed(content, 1ms));
}

TEST_CASE("protection ends when the content is forgotten") {
  swarm::DiskContents contents;
  contents.protect(content);
  CHECK(contents.is_protected(content));
  contents.forget(content);
  CHECK_FALSE(contents.is_protected(content));
}
