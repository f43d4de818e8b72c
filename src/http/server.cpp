#include "http/server.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "http/listener.hpp"
#include "http/session.hpp"

namespace shoal::http {
namespace {

// While the process is out of descriptors, accepting again at once would fail at once.
constexpr std::chrono::milliseconds accept_pause{100};
// While every handshake is young, the kernel's queue keeps those who come.
constexpr std::chrono::milliseconds room_pause{20};
// What the kernel keeps of an answer that is not read, beside what is on the line.
constexpr int unsent_bytes = 256 * 1024;
constexpr std::chrono::seconds between_warnings{60};

bool out_of_resources(const ErrorStatus& error) {
  using boost::system::errc::errc_t;
  return error == errc_t::too_many_files_open || error == errc_t::too_many_files_open_in_system || error == errc_t::no_buffer_space ||
         error == errc_t::not_enough_memory;
}

void note_exception(std::exception_ptr problem, const char* event) {
  if (!problem) return;
  try {
    std::rethrow_exception(problem);
  } catch (const std::exception& error) {
    log::error(event, {{"reason", error.what()}});
  }
}

/// A thread of the server. An exception here is a bug in one connection, which must not end the others.
void run(net::io_context& io) {
  for (bool done = false; !done;) {
    try {
      io.run();
      done = true;
    } catch (...) {
      note_exception(std::current_exception(), "http_thread_failed");
    }
  }
}

class BeastServer final : public Server {
 public:
  BeastServer(ServerOptions options, const Clock& clock, Handler handler, FleetName fleet)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        handshakes_(options_.limits.handshakes, options_.limits.handshake_grace),
        guests_(options_.limits.guests, std::chrono::milliseconds(0)),
        caps_(options_.limits.connections, options_.limits.connections_per_address, options_.limits.connections_per_certificate),
        rules_{options_.limits,  clock,   handler_,
               std::move(fleet), tally_,  caps_,
               handshakes_,      guests_, AnswerBudget::make(options_.limits.budget)} {
    for (unsigned i = 0; i < std::max(1U, options_.threads); ++i) workers_.push_back(std::make_unique<Worker>());
  }
  ~BeastServer() override;

  Status open(const tcp::endpoint& endpoint);
  std::uint16_t port() const override { return port_; }
  void cut(const NodeId& id) override;
  ServerCounters counters() const override {
    return {tally_.accepted,
            tally_.handshake_failed,
            tally_.refused_certificate,
            tally_.over_cap,
            handshakes_.displaced() + guests_.displaced(),
            rules_.budget->refused(),
            caps_.open(),
            rules_.budget->in_flight()};
  }

 private:
  static net::awaitable<void> accept_all(BeastServer* self);
  net::awaitable<ErrorStatus> accept_one();
  void take(Worker& worker, tcp::socket socket);
  bool has_room() const { return options_.tls == nullptr || handshakes_.has_room(rules_.clock.steady_now()); }
  net::awaitable<void> rest(std::chrono::milliseconds time);
  net::awaitable<void> pause(ErrorStatus error);
  Worker& next_worker() { return *workers_[next_++ % workers_.size()]; }
  void stop(Worker& worker);

  ServerOptions options_;
  Handler handler_;
  ServerTally tally_;
  StrangerPool handshakes_;
  StrangerPool guests_;
  ConnectionCaps caps_;
  SessionRules rules_;
  std::vector<std::unique_ptr<Worker>> workers_;
  // On the first worker's thread:
  std::optional<tcp::acceptor> acceptor_;
  std::optional<net::steady_timer> pause_;
  std::chrono::steady_clock::time_point warned_{};
  std::size_t next_ = 0;

  std::uint16_t port_ = 0;
  std::vector<std::thread> threads_;
};

Status BeastServer::open(const tcp::endpoint& endpoint) {
  net::io_context& io = workers_.front()->io;
  SHOAL_TRY(acceptor_, open_listener(io, options_.listen, endpoint));
  pause_.emplace(io);
  port_ = acceptor_->local_endpoint().port();
  net::post(io, [this, &io] {
    net::co_spawn(io, accept_all(this), [](std::exception_ptr problem) { note_exception(problem, "http_accept_failed"); });
  });
  for (auto& worker : workers_) threads_.emplace_back(run, std::ref(worker->io));
  log::info("http_listening", {{"address", HostPort{options_.listen.host, port_}.str()}, {"tls", options_.tls != nullptr ? "yes" : "no"}});
  return {};
}

/// Closing everything ends every wait, so the threads run out of work at once.
BeastServer::~BeastServer() {
  for (auto& worker : workers_) {
    worker->gate->shut();
    net::post(worker->io, [this, &worker = *worker] { stop(worker); });
  }
  for (auto& thread : threads_) thread.join();
}

void BeastServer::stop(Worker& worker) {
  worker.stopping = true;
  worker.work.reset();
  if (&worker == workers_.front().get() && acceptor_) {
    ErrorStatus ignored;
    acceptor_->close(ignored);
    pause_->cancel();
  }
  for (Session* session : worker.sessions) session->close();
}

void BeastServer::cut(const NodeId& id) {
  for (auto& worker : workers_) {
    net::post(worker->io, [&worker = *worker, id] {
      for (Session* session : worker.sessions)
        if (session->is_of(id)) session->close();
    });
  }
}

net::awaitable<void> BeastServer::accept_all(BeastServer* self) {
  while (!self->workers_.front()->stopping) {
    if (!self->has_room()) {
      co_await self->rest(room_pause);
      continue;
    }
    ErrorStatus error;
    try {
      error = co_await self->accept_one();
    } catch (const std::exception&) {  // whatever one client caused, the next one is accepted
      error = net::error::no_memory;
    }
    if (out_of_resources(error)) co_await self->pause(error);
  }
}

net::awaitable<ErrorStatus> BeastServer::accept_one() {
  Worker& worker = next_worker();
  tcp::socket socket(worker.io);
  ErrorStatus error;
  co_await acceptor_->async_accept(socket, net::redirect_error(net::use_awaitable, error));
  if (!error) take(worker, std::move(socket));
  co_return error;
}

net::awaitable<void> BeastServer::pause(ErrorStatus error) {
  auto now = std::chrono::steady_clock::now();
  if (warned_ == decltype(warned_){} || now - warned_ > between_warnings) {
    log::warn("http_accept_paused", {{"reason", error.message()}, {"connections", caps_.open()}});
    warned_ = now;
  }
  co_await rest(accept_pause);
}

net::awaitable<void> BeastServer::rest(std::chrono::milliseconds time) {
  pause_->expires_after(time);
  ErrorStatus ignored;
  co_await pause_->async_wait(net::redirect_error(net::use_awaitable, ignored));
}

void BeastServer::take(Worker& worker, tcp::socket socket) {
  ErrorStatus error;
  auto remote = socket.remote_endpoint(error);
  if (error) return;
  ++tally_.accepted;
  socket.set_option(tcp::no_delay(true), error);
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof unsent_bytes);

  std::optional<identity::TlsContext> tls;
  if (options_.tls != nullptr) {
    auto current = options_.tls->current();
    if (!current.ok()) return log::debug("http_no_tls_context", {{"reason", current.error().message}});
    tls = std::move(*current);
  }
  auto session = std::make_shared<Session>(worker, rules_, std::move(socket), tls ? &*tls : nullptr, unmapped(remote.address()));
  if (!session->take_place()) {
    ++tally_.over_cap;
    return log::debug("http_connection_over_cap", {{"address", remote.address().to_string()}});
  }
  net::post(worker.io, [session = std::move(session), &io = worker.io]() mutable {
    net::co_spawn(io, Session::run(std::move(session)), [](std::exception_ptr problem) { note_exception(problem, "http_session_failed"); });
  });
}

Status check_plain(const ServerOptions& options, const tcp::endpoint& endpoint) {
  const HostPort& listen = options.listen;
  if (endpoint.address().is_loopback() || options.plain_anywhere) return {};
  return fail(ErrorCode::usage, "the plain HTTP listener is for tests and must be on a loopback address, not on " + listen.str());
}

}  // namespace

bool is_loopback(const HostPort& listen) {
  auto endpoint = listening_endpoint(listen);
  return endpoint.ok() && endpoint->address().is_loopback();
}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, const Clock& clock, Handler handler) {
  SHOAL_TRY(tcp::endpoint endpoint, listening_endpoint(options.listen));
  FleetName fleet;
  if (options.tls == nullptr) {
    SHOAL_CHECK(check_plain(options, endpoint));
  } else {
    SHOAL_CHECK(options.tls->current());
    fleet = options.tls->credentials().current()->self.identity.fleet;
  }
  auto server = std::make_unique<BeastServer>(std::move(options), clock, std::move(handler), std::move(fleet));
  SHOAL_CHECK(server->open(endpoint));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace shoal::http
