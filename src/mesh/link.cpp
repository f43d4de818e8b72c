#include "mesh/link.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include "mesh/sockets.hpp"

namespace shoal::mesh {
namespace {

/// What one direction of one link moves before it is another link's turn.
constexpr std::size_t turn_limit = 256 * 1024;
/// ... and how many TLS records it reads: a peer that puts single bytes into records takes no more time than others.
constexpr unsigned most_records = 128;
/// How long `have` messages are kept back, and from how many bytes on they are not (docs/fan-out.md).
constexpr std::chrono::milliseconds keep_for{40};
constexpr std::size_t most_kept = 8 * 9;
/// The same towards a seeder, which wants no piece: what forty nodes tell it would fill a slow uplink with acknowledgements.
constexpr std::chrono::milliseconds keep_for_seeder{300};
constexpr std::size_t most_kept_for_seeder = 32 * 9;

bool is_only_full(int error) { return error == EAGAIN; }

template <class Call>
ssize_t uninterrupted(Call call) {
  ssize_t result;
  do result = call();
  while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace

void Link::Leftover::keep(std::string_view rest) {
  bytes.assign(rest);
  gone = 0;
}

void Link::Leftover::take(std::size_t count) {
  gone += count;
  if (!empty()) return;
  std::string().swap(bytes);  // gives the memory back
  gone = 0;
}

Link::Link(LinkParts parts, std::shared_ptr<Traffic> traffic)
    : key_(std::move(parts.key)),
      endpoint_(parts.endpoint),
      peer_(std::move(parts.peer)),
      dialled_(parts.dialled),
      since_(std::chrono::steady_clock::now()),
      traffic_(std::move(traffic)),
      wire_(std::move(parts.wire)),
      engine_(std::move(parts.engine)),
      tls_(std::move(parts.tls)),
      last_moved_(since_) {
  tune_wire(wire_.get());
  tune_engine(engine_.get());
  tls_.widen();
  tls_.limit_handshake_messages();
  // The first 48 bytes of an accepted link and the first answer to a dialled one count like all others.
  traffic_->received.fetch_add(parts.to_engine.size(), std::memory_order_relaxed);
  traffic_->sent.fetch_add(parts.sent_before, std::memory_order_relaxed);
  up_.keep(std::string_view(parts.said).substr(parts.sent_before));
  (void)gathering_.leaving(parts.said);
  gathering_.clear();
  down_.keep(parts.to_engine);
}

void Link::note_end(LinkEnd why) {
  LinkEnd alive = LinkEnd::alive;
  end_.compare_exchange_strong(alive, why, std::memory_order_relaxed);
}

bool Link::cut(LinkEnd why) {
  if (cut_.exchange(true)) return false;
  note_end(why);
  discard_on_close(wire_.get());
  ::shutdown(wire_.get(), SHUT_RDWR);
  ::shutdown(engine_.get(), SHUT_RDWR);
  return true;
}

Link::Turn Link::turn(std::span<char> buffer, std::chrono::steady_clock::time_point now) {
  if (cut_.load(std::memory_order_relaxed)) return Turn::ended;
  moved_ = 0;
  now_ = now;
  if (now >= kept_until_) let_go();
  records_ = 0;
  bool more_down = pump_down(buffer);
  bool more_up = pump_up(buffer);
  if (moved_ > 0) last_moved_ = now;
  if (up_done_ && down_done_) return Turn::ended;
  return more_down || more_up ? Turn::again : Turn::wait;
}

void Link::wire_ready(std::uint32_t events) {
  bool dead = (events & (EPOLLHUP | EPOLLERR)) != 0;
  bool readable = dead || (events & (EPOLLIN | EPOLLRDHUP)) != 0;
  bool writable = dead || (events & EPOLLOUT) != 0;
  for (Blocked* direction : {&wire_read_, &wire_write_}) {
    if (readable && *direction == Blocked::until_readable) *direction = Blocked::no;
    if (writable && *direction == Blocked::until_writable) *direction = Blocked::no;
  }
}

void Link::engine_ready(std::uint32_t events) {
  bool dead = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if (dead || (events & EPOLLRDHUP) != 0) engine_hung_up_ = true;
  if (engine_hung_up_ || (events & EPOLLIN) != 0) engine_read_blocked_ = false;
  if (dead || (events & EPOLLOUT) != 0) engine_write_blocked_ = false;
}

Link::Blocked Link::blocked_by(Io state) { return state == Io::want_read ? Blocked::until_readable : Blocked::until_writable; }

// ---- down: wire to engine; true when there is more to do right away ----

bool Link::pump_down(std::span<char> buffer) {
  std::size_t moved = 0;
  while (!down_done_) {
    if (!down_.empty()) down_.take(write_engine(down_.rest()));
    if (down_done_ || !down_.empty()) return false;
    if (wire_ended_) {
      end_down();
      return false;
    }
    if (moved >= turn_limit || records_ >= most_records) return true;
    std::size_t got = read_wire(buffer);
    if (got == 0 && !wire_ended_) return false;
    moved += got;
    std::string_view bytes(buffer.data(), got);
    std::size_t gone = write_engine(bytes);
    if (gone < got) down_.keep(bytes.substr(gone));
  }
  return false;
}

/// Fills the buffer with as many records as are there: fewer and larger sends to the engine.
std::size_t Link::read_wire(std::span<char> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size() && wire_read_ == Blocked::no && !wire_ended_ && records_ < most_records) {
    ++records_;
    Transfer got = tls_.read(buffer.data() + filled, buffer.size() - filled);
    if (got.state == Io::done) filled += got.bytes;
    else if (got.state == Io::closed) end_wire(LinkEnd::peer_closed);
    else if (got.state == Io::failed) wire_failed();
    else wire_read_ = blocked_by(got.state);
  }
  if (wire_read_ == Blocked::until_readable) sleep_until_record();
  traffic_->received.fetch_add(filled, std::memory_order_relaxed);
  moved_ += filled;
  return filled;
}

/// Segments of a record that is not whole yet would each wake this thread for nothing.
void Link::sleep_until_record() {
  const std::size_t missing = tls_.missing();
  if (missing == wakes_from_) return;
  wake_from(wire_.get(), missing);
  wakes_from_ = missing;
}

/// How many bytes the engine's socket took. When the engine is gone, the direction is done.
std::size_t Link::write_engine(std::string_view bytes) {
  if (engine_write_blocked_ || bytes.empty()) return 0;
  ssize_t sent = uninterrupted([&] { return ::send(engine_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); });
  if (sent >= 0) {
    moved_ += static_cast<std::size_t>(sent);
    // After a short write the kernel wakes us when there is room again, as after EAGAIN.
    return static_cast<std::size_t>(sent);
  }
  if (is_only_full(errno)) {
    engine_write_blocked_ = true;
  } else {
    note_end(LinkEnd::engine_closed);
    down_done_ = true;
    engine_hung_up_ = true;
    engine_read_blocked_ = false;
  }
  return 0;
}

void Link::end_down() {
  ::shutdown(engine_.get(), SHUT_WR);
  down_done_ = true;
}

// ---- up: engine to wire; true when there is more to do right away ----

bool Link::pump_up(std::span<char> buffer) {
  std::size_t moved = 0;
  while (!up_done_) {
    if (!up_.empty()) up_.take(write_wire(up_.rest()));
    if (up_done_ || !up_.empty()) return false;
    if (engine_ended_ && let_go()) continue;
    if (engine_ended_) {
      end_up();
      return false;
    }
    if (moved >= turn_limit) return true;
    const std::size_t kept = kept_.copy(buffer.data(), kept_.size());
    std::size_t got = read_engine(buffer.subspan(kept));
    if (got == 0 && !engine_ended_) return false;
    moved += got;
    if (got > 0) send_up({buffer.data(), kept + got}, got);
  }
  return false;
}

/// `bytes` are what was kept back and, behind it, the news.
void Link::send_up(std::string_view bytes, std::size_t news) {
  std::size_t leaving = gathering_.leaving(bytes.substr(bytes.size() - news));
  const bool to_seeder = peer_.identity.role == identity::Role::seeder;
  if (gathering_.kept() >= (to_seeder ? most_kept_for_seeder : most_kept)) {
    leaving = bytes.size();
    gathering_.clear();
  }
  const std::size_t gone = write_wire(bytes.substr(0, leaving));
  if (gone < leaving) up_.keep(bytes.substr(gone, leaving - gone));
  if (leaving > 0 || kept_.empty()) kept_until_ = now_ + (to_seeder ? keep_for_seeder : keep_for);
  kept_.assign(bytes.substr(leaving));
}

/// False where nothing was kept back.
bool Link::let_go() {
  if (kept_.empty() || !up_.empty()) return false;
  up_.keep(kept_);
  kept_.clear();
  gathering_.clear();
  return true;
}

std::optional<std::chrono::steady_clock::time_point> Link::wants_turn_at() const {
  // What is kept back behind bytes that the wire does not take leaves when it takes them.
  return kept_.empty() || !up_.empty() ? std::nullopt : std::optional(kept_until_);
}

std::size_t Link::read_engine(std::span<char> buffer) {
  if (engine_read_blocked_ || engine_ended_) return 0;
  ssize_t got = uninterrupted([&] { return ::recv(engine_.get(), buffer.data(), buffer.size(), 0); });
  if (got > 0) {
    moved_ += static_cast<std::size_t>(got);
    // A short read emptied the socket: new bytes will raise a new edge, so the call that would say EAGAIN is saved.
    engine_read_blocked_ = static_cast<std::size_t>(got) < buffer.size() && !engine_hung_up_;
    return static_cast<std::size_t>(got);
  }
  if (got < 0 && is_only_full(errno)) {
    engine_read_blocked_ = true;
  } else {
    engine_ended_ = true;
    note_end(LinkEnd::engine_closed);
  }
  return 0;
}

/// How many bytes TLS took: one record per call.
std::size_t Link::write_wire(std::string_view bytes) {
  std::size_t gone = 0;
  while (gone < bytes.size() && wire_write_ == Blocked::no && !up_done_) {
    Transfer sent = tls_.write(bytes.data() + gone, bytes.size() - gone);
    if (sent.state == Io::done) gone += sent.bytes;
    else if (sent.state == Io::want_read || sent.state == Io::want_write) wire_write_ = blocked_by(sent.state);
    else wire_failed();
  }
  traffic_->sent.fetch_add(gone, std::memory_order_relaxed);
  moved_ += gone;
  return gone;
}

void Link::end_up() {
  if (wire_write_ != Blocked::no) return;
  Io told = tls_.end_writing();
  if (told == Io::want_write || told == Io::want_read) {
    wire_write_ = blocked_by(told);
    return;
  }
  ::shutdown(wire_.get(), SHUT_WR);
  up_done_ = true;
}

/// What came in before is still delivered; nothing can go out.
void Link::wire_failed() {
  end_wire(LinkEnd::broken);
  up_done_ = true;
}

void Link::end_wire(LinkEnd why) {
  wire_ended_ = true;
  note_end(why);
}

void Link::farewell() {
  if (!cut_.load(std::memory_order_relaxed) && up_.empty()) (void)tls_.end_writing();
  ::shutdown(wire_.get(), SHUT_RDWR);
  ::shutdown(engine_.get(), SHUT_RDWR);
}

}  // namespace shoal::mesh
