#include "swarm/disk_back_end.hpp"

#include <libtorrent/disk_buffer_holder.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/mmap_disk_io.hpp>
#include <libtorrent/storage_defs.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace shoal::swarm {
namespace {

using Files = lt::aux::vector<std::string, lt::file_index_t>;
using Priorities = lt::aux::vector<lt::download_priority_t, lt::file_index_t>;

lt::storage_error refused() {
  lt::storage_error error;
  error.ec = lt::error_code(boost::system::errc::read_only_file_system, boost::system::generic_category());
  error.operation = lt::operation_t::file_write;
  return error;
}

/// Hands everything to the back-end within, but for contents that are protected: their files are taken as they are (stock checking
/// creates empty files, and falls back to downloading over files that it does not like), and every change to them is refused.
/// Lives on libtorrent's network thread.
class GuardedDisk final : public lt::disk_interface {
 public:
  GuardedDisk(std::unique_ptr<lt::disk_interface> within, lt::io_context& io, DiskContents& contents)
      : within_(std::move(within)), io_(io), contents_(contents) {}

  lt::storage_holder new_torrent(const lt::storage_params& params, const std::shared_ptr<void>& torrent) override {
    const InfoHash content = from_engine(params.info_hash);
    lt::storage_holder holder = within_->new_torrent(params, torrent);
    const lt::storage_index_t index = holder;
    contents_.opened(content);
    storages_.insert_or_assign(index, Storage{std::move(holder), content, contents_.is_protected(content)});
    return {index, *this};
  }

  void remove_torrent(lt::storage_index_t storage) override {
    auto node = storages_.extract(storage);
    if (node.empty()) return;
    const InfoHash content = node.mapped().content;
    node.mapped().holder.reset();
    contents_.closed(content);
  }

  void async_read(lt::storage_index_t storage, const lt::peer_request& request,
                  std::function<void(lt::disk_buffer_holder, const lt::storage_error&)> handler, lt::disk_job_flags_t flags) override {
    within_->async_read(storage, request, std::move(handler), flags);
  }

  bool async_write(lt::storage_index_t storage, const lt::peer_request& request, const char* buffer,
                   std::shared_ptr<lt::disk_observer> observer, std::function<void(const lt::storage_error&)> handler,
                   lt::disk_job_flags_t flags) override {
    if (!is_protected(storage)) return within_->async_write(storage, request, buffer, std::move(observer), std::move(handler), flags);
    post([handler = std::move(handler)] { handler(refused()); });
    return false;
  }

  void async_hash(lt::storage_index_t storage, lt::piece_index_t piece, lt::span<lt::sha256_hash> v2, lt::disk_job_flags_t flags,
                  std::function<void(lt::piece_index_t, const lt::sha1_hash&, const lt::storage_error&)> handler) override {
    within_->async_hash(storage, piece, v2, flags, std::move(handler));
  }

  void async_hash2(lt::storage_index_t storage, lt::piece_index_t piece, int offset, lt::disk_job_flags_t flags,
                   std::function<void(lt::piece_index_t, const lt::sha256_hash&, const lt::storage_error&)> handler) override {
    within_->async_hash2(storage, piece, offset, flags, std::move(handler));
  }

  void async_move_storage(lt::storage_index_t storage, std::string path, lt::move_flags_t flags,
                          std::function<void(lt::status_t, const std::string&, const lt::storage_error&)> handler) override {
    if (!is_protected(storage)) return within_->async_move_storage(storage, std::move(path), flags, std::move(handler));
    post([handler = std::move(handler), path] { handler(lt::status_t::fatal_disk_error, path, refused()); });
  }

  void async_release_files(lt::storage_index_t storage, std::function<void()> handler) override {
    within_->async_release_files(storage, std::move(handler));
  }

  void async_check_files(lt::storage_index_t storage, const lt::add_torrent_params* resume, Files links,
                         std::function<void(lt::status_t, const lt::storage_error&)> handler) override {
    if (!is_protected(storage)) return within_->async_check_files(storage, resume, std::move(links), std::move(handler));
    post([handler = std::move(handler)] { handler(lt::status_t::no_error, lt::storage_error()); });
  }

  void async_stop_torrent(lt::storage_index_t storage, std::function<void()> handler) override {
    within_->async_stop_torrent(storage, std::move(handler));
  }

  void async_rename_file(lt::storage_index_t storage, lt::file_index_t file, std::string name,
                         std::function<void(const std::string&, lt::file_index_t, const lt::storage_error&)> handler) override {
    if (!is_protected(storage)) return within_->async_rename_file(storage, file, std::move(name), std::move(handler));
    post([handler = std::move(handler), name, file] { handler(name, file, refused()); });
  }

  void async_delete_files(lt::storage_index_t storage, lt::remove_flags_t options,
                          std::function<void(const lt::storage_error&)> handler) override {
    if (!is_protected(storage)) return within_->async_delete_files(storage, options, std::move(handler));
    post([handler = std::move(handler)] { handler(refused()); });
  }

  void async_set_file_priority(lt::storage_index_t storage, Priorities priorities,
                               std::function<void(const lt::storage_error&, Priorities)> handler) override {
    if (!is_protected(storage)) return within_->async_set_file_priority(storage, std::move(priorities), std::move(handler));
    post([handler = std::move(handler), priorities] { handler(refused(), priorities); });
  }

  void async_clear_piece(lt::storage_index_t storage, lt::piece_index_t piece, std::function<void(lt::piece_index_t)> handler) override {
    within_->async_clear_piece(storage, piece, std::move(handler));
  }

  void update_stats_counters(lt::counters& counters) const override { within_->update_stats_counters(counters); }
  std::vector<lt::open_file_state> get_status(lt::storage_index_t storage) const override { return within_->get_status(storage); }
  void abort(bool wait) override { within_->abort(wait); }
  void submit_jobs() override { within_->submit_jobs(); }
  void settings_updated() override { within_->settings_updated(); }

 private:
  struct Storage {
    lt::storage_holder holder;
    InfoHash content;
    bool is_protected = false;
  };

  bool is_protected(lt::storage_index_t storage) const {
    auto it = storages_.find(storage);
    return it != storages_.end() && it->second.is_protected;
  }

  template <class Work>
  void post(Work work) {
    boost::asio::post(io_, std::move(work));
  }

  // The holders go before the back-end that they point to.
  std::unique_ptr<lt::disk_interface> within_;
  lt::io_context& io_;
  DiskContents& contents_;
  std::map<lt::storage_index_t, Storage> storages_;
};

}  // namespace

void DiskContents::protect(const InfoHash& content) { state_.lock()->protected_contents.insert(content); }

void DiskContents::opened(const InfoHash& content) { state_.lock()->open.insert(content); }

void DiskContents::closed(const InfoHash& content) {
  state_.lock()->open.erase(content);
  changed_.notify_all();
}

bool DiskContents::is_protected(const InfoHash& content) const {
  return state_.with([&](const State& state) { return state.protected_contents.contains(content); });
}

bool DiskContents::wait_closed(const InfoHash& content, std::chrono::milliseconds timeout) {
  auto state = state_.lock();
  return changed_.wait_for(state.lock(), timeout, [&] { return !state->open.contains(content); });
}

void DiskContents::forget(const InfoHash& content) { state_.lock()->protected_contents.erase(content); }

lt::disk_io_constructor_type disk_back_end(DiskContents& contents) {
  return [&contents](lt::io_context& io, const lt::settings_interface& settings, lt::counters& counters) {
    return std::make_unique<GuardedDisk>(lt::mmap_disk_io_constructor(io, settings, counters), io, contents);
  };
}

}  // namespace shoal::swarm
