#include "mesh/worker.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/log.hpp"
#include "mesh/sockets.hpp"

namespace shoal::mesh {
namespace {

/// Eight full TLS records; fits the second-level cache together with OpenSSL's own buffers.
constexpr std::size_t buffer_size = 128 * 1024;
/// A link of which one side has ended is given this long without a byte.
constexpr std::chrono::milliseconds half_closed_idle{10000};
/// While links are slow, the worker looks at the sockets once a breath: what came in meanwhile is then moved in one go. The first byte
/// after a pause is moved at once.
constexpr std::chrono::microseconds breath{1000};
/// Links are fast, and the worker never pauses, for so long after so much was moved at once. The sockets of a fast link fill up within a
/// breath.
constexpr std::size_t much = 64 * 1024;
constexpr std::chrono::milliseconds fast_for{5};

}  // namespace

Worker::Worker(std::chrono::milliseconds idle, Ended ended)
    : idle_(idle),
      tick_(std::clamp(idle / 4, std::chrono::milliseconds(10), std::chrono::milliseconds(1000))),
      ended_(std::move(ended)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      buffer_(buffer_size) {
  if (!epoll_ || !wake_ || !watch(wake_.get(), nullptr)) throw std::runtime_error("the mesh cannot watch sockets: out of descriptors");
  now_ = std::chrono::steady_clock::now();
  next_tick_ = now_ + tick_;
  thread_ = std::thread([this] { run(); });
}

Worker::~Worker() {
  stopping_ = true;
  wake();
  thread_.join();
}

void Worker::take(std::shared_ptr<Link> link) {
  load_.fetch_add(1, std::memory_order_relaxed);
  new_links_.lock()->push_back(std::move(link));
  wake();
}

void Worker::wake() const {
  std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

void Worker::run() {
  block_sigpipe();
  while (!stopping_.load(std::memory_order_relaxed)) {
    wait();
    give_turns();
    if (now_ >= next_tick_) end_idle_links();
  }
  take_new_links();
  for (auto& [link, seat] : seats_) seat->link->farewell();
  seats_.clear();
}

void Worker::breathe() const {
  if (!ready_.empty() || now_ < fast_until_) return;
  const auto since = std::chrono::steady_clock::now() - now_;
  if (since < breath) std::this_thread::sleep_for(breath - since);
}

void Worker::wait() {
  breathe();
  std::array<epoll_event, 128> events;
  const auto next = timed_.empty() ? next_tick_ : std::min(next_tick_, timed_.front().first);
  auto until_next = std::chrono::duration_cast<std::chrono::milliseconds>(next - now_).count() + 1;
  // Without a link there is nothing to look after.
  const int until_news = seats_.empty() && timed_.empty() ? -1 : static_cast<int>(std::max<long>(until_next, 0));
  int timeout = ready_.empty() ? until_news : 0;
  int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
  now_ = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.ptr == nullptr) {
      take_new_links();
      continue;
    }
    auto& port = *static_cast<Port*>(event.data.ptr);
    ((*port.seat->link).*port.ready)(event.events);
    queue(*port.seat);
  }
  queue_timed();
}

void Worker::queue_timed() {
  for (; !timed_.empty() && timed_.front().first <= now_; timed_.pop_front()) {
    const auto found = seats_.find(timed_.front().second);
    if (found == seats_.end()) continue;
    found->second->timed = false;
    queue(*found->second);
  }
}

void Worker::take_new_links() {
  std::uint64_t count = 0;
  (void)!::read(wake_.get(), &count, sizeof count);
  if (seats_.empty()) next_tick_ = now_ + tick_;
  std::vector<std::shared_ptr<Link>> arrived;
  std::swap(arrived, *new_links_.lock());
  for (auto& link : arrived) {
    auto seat = std::make_unique<Seat>();
    seat->link = std::move(link);
    Seat& placed = *(seats_[seat->link.get()] = std::move(seat));
    if (!watch(placed.link->wire(), &placed.wire) || !watch(placed.link->engine(), &placed.engine))
      placed.link->cut(LinkEnd::no_descriptors);
    queue(placed);
  }
}

bool Worker::watch(int fd, Port* port) {
  epoll_event event{};
  event.events = port == nullptr ? EPOLLIN : EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = port;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return true;
  log::warn("mesh_cannot_watch_socket", {{"reason", fail_errno("epoll_ctl", errno).message}});
  return false;
}

void Worker::queue(Seat& seat) {
  if (std::exchange(seat.queued, true)) return;
  ready_.push_back(&seat);
}

/// One turn each for all that were ready; those with more to do come again after the others.
void Worker::give_turns() {
  std::swap(ready_, turns_);
  moved_ = 0;
  for (Seat* seat : turns_) {
    seat->queued = false;
    const Link::Turn turn = seat->link->turn(buffer_, now_);
    moved_ += seat->link->moved();
    if (turn == Link::Turn::ended) {
      end(*seat);
      continue;
    }
    if (turn == Link::Turn::again) queue(*seat);
    const auto at = seat->link->wants_turn_at();
    if (at && !std::exchange(seat->timed, true)) timed_.emplace_back(*at, seat->link.get());
  }
  turns_.clear();
  if (moved_ >= much) fast_until_ = now_ + fast_for;
}

void Worker::end_idle_links() {
  next_tick_ = now_ + tick_;
  for (auto& [key, seat] : seats_) {
    Link& link = *seat->link;
    auto limit = link.half_closed() ? std::min(idle_, half_closed_idle) : idle_;
    if (now_ - link.last_moved() < limit) continue;
    link.cut(link.half_closed() ? LinkEnd::half_closed : LinkEnd::idle);
    queue(*seat);  // its next turn says that it has ended
  }
}

void Worker::end(Seat& seat) {
  std::shared_ptr<Link> link = seat.link;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, link->wire(), nullptr);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, link->engine(), nullptr);
  seats_.erase(link.get());
  load_.fetch_sub(1, std::memory_order_relaxed);
  link->farewell();
  ended_(link);
}

}  // namespace shoal::mesh
