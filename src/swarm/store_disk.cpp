#include "swarm/store_disk.hpp"

#include <libtorrent/disk_buffer_holder.hpp>
#include <libtorrent/disk_observer.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/storage_defs.hpp>

#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "swarm/block_digests.hpp"
#include "swarm/mailbox.hpp"

namespace shoal::swarm {
namespace {

using Priorities = lt::aux::vector<lt::download_priority_t, lt::file_index_t>;
using Errc = boost::system::errc::errc_t;
using HashHandler = std::function<void(lt::piece_index_t, const lt::sha1_hash&, const lt::storage_error&)>;

lt::error_code code(Errc value) { return {value, boost::system::generic_category()}; }

lt::error_code code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::interrupted: return boost::asio::error::operation_aborted;  // libtorrent keeps quiet about it
    case ErrorCode::no_space: return code(boost::system::errc::no_space_on_device);
    // Wrong or gone: the store tells of it on its own account.
    case ErrorCode::verification:
    case ErrorCode::not_found: return lt::errors::failed_hash_check;
    default: return code(boost::system::errc::io_error);
  }
}

lt::storage_error refused(lt::operation_t operation) {
  lt::storage_error error;
  error.ec = code(boost::system::errc::operation_not_supported);
  error.operation = operation;
  return error;
}

/// A peer that asks for single bytes all over would hold a chunk of the store's memory for each.
lt::storage_error odd_request() {
  lt::storage_error error;
  error.ec = lt::errors::failed_hash_check;
  error.operation = lt::operation_t::file_read;
  return error;
}

/// What BitTorrent clients ask for: 16 KiB at a multiple of that, or what the piece has left.
bool is_block(const lt::torrent_info& torrent, const lt::peer_request& request) {
  const int left = torrent.piece_size(request.piece) - request.start;
  return request.start % lt::default_block_size == 0 && request.length == std::min(lt::default_block_size, left);
}

std::uint32_t number(lt::piece_index_t piece) { return static_cast<std::uint32_t>(static_cast<int>(piece)); }

/// A handler on its way through the store. It keeps torrents and connections of libtorrent alive, so it must end on the network thread:
/// whatever copies the store makes, the handler itself leaves with the letter.
template <class Handler>
std::shared_ptr<Handler> sealed(Handler handler) {
  return std::make_shared<Handler>(std::move(handler));
}

/// Lives on libtorrent's network thread, but for the callbacks that it gives to the store: they only write letters.
class StoreDisk final : public lt::disk_interface, public lt::buffer_allocator_interface {
 public:
  StoreDisk(store::PieceStore& store, DiskContents& contents, lt::io_context& io)
      : store_(store), contents_(contents), mailbox_(std::make_shared<Mailbox>(io)) {
    // The store may outlive us: whoever is told then finds nobody.
    store_.on_drained([mailbox = mailbox_, held = std::weak_ptr(held_)] {
      mailbox->post([held] {
        if (auto writes = held.lock()) writes->release();
      });
    });
  }
  ~StoreDisk() { mailbox_->close(); }

  lt::storage_holder new_torrent(const lt::storage_params& params, const std::shared_ptr<void>&) override {
    auto content = contents_.find(from_engine(params.info_hash));
    if (!content) throw std::logic_error("a torrent that the store does not know");
    const lt::storage_index_t index(next_storage_++);
    torrents_.emplace(index, Torrent{from_engine(params.info_hash), std::move(*content)});
    return {index, *this};
  }

  void remove_torrent(lt::storage_index_t storage) override {
    auto node = torrents_.extract(storage);
    if (node.empty()) return;
    store_.stop(node.mapped().content.id, [&contents = contents_, id = node.mapped().info_hash] { contents.closed(id); });
  }

  void async_read(lt::storage_index_t storage, const lt::peer_request& request,
                  std::function<void(lt::disk_buffer_holder, const lt::storage_error&)> handler, lt::disk_job_flags_t flags) override {
    const Torrent& torrent = torrents_.at(storage);
    const std::uint32_t piece = number(request.piece);
    if (!is_block(*torrent.content.torrent, request)) return mailbox_->post([handler = std::move(handler)] { handler({}, odd_request()); });
    const auto offset = static_cast<std::uint32_t>(request.start), length = static_cast<std::uint32_t>(request.length);
    // Most blocks are in memory, and an answer on the spot costs nothing. Who asks for a copy does not expect one before we return.
    const bool may_answer_now = !(flags & lt::disk_interface::force_copy);
    if (may_answer_now) {
      if (auto block = store_.cached(torrent.content.id, piece, offset, length)) return handler(hand_out(std::move(*block)), {});
    }
    mailbox_->expect();
    store_.read(
        torrent.content.id, piece, offset, length,
        [this, mailbox = mailbox_, seal = sealed(std::move(handler)), where = place(torrent, request.piece)](Result<store::Block> block) {
          mailbox->answer([this, handler = std::move(*seal), where, block = std::move(block)]() mutable {
            if (block.ok()) return handler(hand_out(std::move(*block)), {});
            handler({}, error_at(where, lt::operation_t::file_read, block.error()));
          });
        });
  }

  bool async_write(lt::storage_index_t storage, const lt::peer_request& request, const char* buffer,
                   std::shared_ptr<lt::disk_observer> observer, std::function<void(const lt::storage_error&)> handler,
                   lt::disk_job_flags_t) override {
    using Taken = store::PieceStore::Taken;
    const DiskContent& content = torrents_.at(storage).content;
    const auto start = static_cast<std::uint32_t>(request.start);
    const Taken taken = store_.write(content.id, number(request.piece), start, {buffer, static_cast<std::size_t>(request.length)});
    // What the store has of a block that it ignored came from somebody else.
    if (content.watch && taken != Taken::no)
      content.watch->taken(number(request.piece), start, observer != nullptr && taken != Taken::ignored);
    if (taken == Taken::pressed) {
      // As long as a peer's write is not over, the peer is not read from.
      held_->handlers.push_back(std::move(handler));
      if (observer) held_->observers.push_back(std::move(observer));
      return true;
    }
    lt::storage_error error;
    if (taken == Taken::no) {
      error.ec = code(boost::system::errc::not_enough_memory);  // costs libtorrent the peer, not the torrent
      error.operation = lt::operation_t::file_write;
    }
    written_.emplace_back(std::move(handler), error);
    return false;
  }

  void async_hash(lt::storage_index_t storage, lt::piece_index_t piece, lt::span<lt::sha256_hash>, lt::disk_job_flags_t,
                  HashHandler handler) override {
    const Torrent& torrent = torrents_.at(storage);
    const DiskContent& content = torrent.content;
    const auto needs = content.watch ? content.watch->check_begins(number(piece)) : PieceWatch::Needs{};
    auto check = std::make_shared<Check>(Check{piece, place(torrent, piece), content, needs, std::move(handler)});
    mailbox_->expect();
    store_.complete(content.id, number(piece), [&store = store_, mailbox = mailbox_, check](const Result<store::Verdict>& verdict) {
      if (!verdict.ok()) return tell_no_verdict(*mailbox, *check, verdict.error());
      const bool is_right = verdict.value() == store::Verdict::verified;
      const auto tell = [mailbox, check, is_right](fanout::BlockDigests digests) {
        tell_verdict(*mailbox, *check, is_right, std::move(digests));
      };
      if (!(is_right ? check->needs.if_verified : check->needs.if_corrupt)) return tell({});
      read_block_digests(store, check->content.id, number(check->piece), check->needs.bytes, tell);
    });
  }

  void async_hash2(lt::storage_index_t, lt::piece_index_t piece, int, lt::disk_job_flags_t,
                   std::function<void(lt::piece_index_t, const lt::sha256_hash&, const lt::storage_error&)> handler) override {
    mailbox_->post([handler = std::move(handler), piece] { handler(piece, {}, refused(lt::operation_t::file_read)); });
  }

  void async_release_files(lt::storage_index_t storage, std::function<void()> handler) override { flush(storage, std::move(handler)); }
  void async_stop_torrent(lt::storage_index_t storage, std::function<void()> handler) override { flush(storage, std::move(handler)); }

  /// The first time libtorrent comes with the pieces that the store has told; later it wants to know all over again, and is answered
  /// from what the store knows.
  void async_check_files(lt::storage_index_t storage, const lt::add_torrent_params* resume, lt::aux::vector<std::string, lt::file_index_t>,
                         std::function<void(lt::status_t, const lt::storage_error&)> handler) override {
    const bool all_told = resume != nullptr && !torrents_.at(storage).content.unexplored;
    const lt::status_t status = all_told ? lt::status_t::no_error : lt::status_t::need_full_check;
    mailbox_->post([handler = std::move(handler), status] { handler(status, {}); });
  }

  void async_clear_piece(lt::storage_index_t storage, lt::piece_index_t piece, std::function<void(lt::piece_index_t)> handler) override {
    const DiskContent& content = torrents_.at(storage).content;
    if (content.watch) content.watch->cleared(number(piece));
    mailbox_->expect();
    store_.clear(content.id, number(piece), [mailbox = mailbox_, seal = sealed(std::move(handler)), piece] {
      mailbox->answer([handler = std::move(*seal), piece] { handler(piece); });
    });
  }

  void async_set_file_priority(lt::storage_index_t, Priorities priorities,
                               std::function<void(const lt::storage_error&, Priorities)> handler) override {
    mailbox_->post([handler = std::move(handler), priorities] { handler({}, priorities); });
  }

  // Nobody moves, renames or deletes files but their owners.
  void async_move_storage(lt::storage_index_t, std::string path, lt::move_flags_t,
                          std::function<void(lt::status_t, const std::string&, const lt::storage_error&)> handler) override {
    mailbox_->post(
        [handler = std::move(handler), path] { handler(lt::status_t::fatal_disk_error, path, refused(lt::operation_t::file_rename)); });
  }
  void async_rename_file(lt::storage_index_t, lt::file_index_t file, std::string name,
                         std::function<void(const std::string&, lt::file_index_t, const lt::storage_error&)> handler) override {
    mailbox_->post([handler = std::move(handler), name, file] { handler(name, file, refused(lt::operation_t::file_rename)); });
  }
  void async_delete_files(lt::storage_index_t, lt::remove_flags_t, std::function<void(const lt::storage_error&)> handler) override {
    mailbox_->post([handler = std::move(handler)] { handler(refused(lt::operation_t::file_remove)); });
  }

  void update_stats_counters(lt::counters&) const override {}
  std::vector<lt::open_file_state> get_status(lt::storage_index_t) const override { return {}; }
  void settings_updated() override {}

  void abort(bool) override {
    held_->release();
    mailbox_->close();
  }

  /// Called by libtorrent once for all that it asked in one go. Writes are answered here, on the spot: they must not be before
  /// async_write has returned, and need no other thread.
  void submit_jobs() override {
    auto written = std::exchange(written_, {});
    for (auto& [handler, error] : written) handler(error);
  }

  void free_disk_buffer(char* buffer) override { store_.release(buffer); }

 private:
  struct Torrent {
    InfoHash info_hash;
    DiskContent content;
  };

  /// A piece that is being hashed.
  struct Check {
    lt::piece_index_t piece;
    lt::file_index_t file;
    DiskContent content;
    PieceWatch::Needs needs;
    HashHandler handler;
  };

  // On threads of the store.
  static void tell_no_verdict(Mailbox& mailbox, Check& check, const Error& why) {
    mailbox.answer([handler = std::move(check.handler), piece = check.piece, file = check.file, watch = check.content.watch, why] {
      if (watch) watch->cleared(number(piece));
      handler(piece, {}, error_at(file, lt::operation_t::file_write, why));
    });
  }
  static void tell_verdict(Mailbox& mailbox, Check& check, bool is_right, fanout::BlockDigests digests) {
    const lt::sha1_hash sha1 = is_right ? check.content.torrent->hash_for_piece(check.piece) : lt::sha1_hash();
    mailbox.answer([handler = std::move(check.handler), piece = check.piece, watch = check.content.watch, sha1, is_right,
                    digests = std::move(digests)] {
      if (watch) watch->checked(number(piece), is_right, digests);
      handler(piece, sha1, {});
      if (watch) watch->told();
    });
  }

  /// Writes that wait for memory.
  struct HeldWrites {
    std::vector<std::function<void(const lt::storage_error&)>> handlers;
    std::vector<std::weak_ptr<lt::disk_observer>> observers;
    void release() {
      for (auto& handler : std::exchange(handlers, {})) handler({});
      for (auto& waiting : std::exchange(observers, {}))
        if (auto observer = waiting.lock()) observer->on_disk();
    }
  };

  static lt::file_index_t place(const Torrent& torrent, lt::piece_index_t piece) {
    return torrent.content.torrent->files().file_index_at_piece(piece);
  }

  static lt::storage_error error_at(lt::file_index_t file, lt::operation_t operation, const Error& error) {
    lt::storage_error result;
    result.ec = code_of(error);
    result.operation = operation;
    result.file(file);
    return result;
  }

  /// libtorrent sends straight from the store's memory; `free_disk_buffer` ends the block's share in it.
  lt::disk_buffer_holder hand_out(store::Block block) {
    lt::disk_buffer_holder holder(*this, const_cast<char*>(block.data), static_cast<int>(block.length));
    block.chunk.leak();
    return holder;
  }

  void flush(lt::storage_index_t storage, std::function<void()> handler) {
    mailbox_->expect();
    store_.flush(torrents_.at(storage).content.id, [mailbox = mailbox_, seal = sealed(std::move(handler))](const Status&) {
      mailbox->answer([handler = std::move(*seal)] {
        if (handler) handler();
      });
    });
  }

  store::PieceStore& store_;
  DiskContents& contents_;
  std::uint32_t next_storage_ = 0;
  std::map<lt::storage_index_t, Torrent> torrents_;
  std::vector<std::pair<std::function<void(const lt::storage_error&)>, lt::storage_error>> written_;
  const std::shared_ptr<HeldWrites> held_ = std::make_shared<HeldWrites>();
  const std::shared_ptr<Mailbox> mailbox_;
};

}  // namespace

lt::disk_io_constructor_type store_disk(store::PieceStore& store, DiskContents& contents) {
  return [&store, &contents](lt::io_context& io, const lt::settings_interface&, lt::counters&) {
    return std::make_unique<StoreDisk>(store, contents, io);
  };
}

}  // namespace shoal::swarm
