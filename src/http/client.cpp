#include "http/client.hpp"

#include <openssl/ssl.h>
#include <poll.h>

#include <exception>
#include <functional>
#include <optional>

#include "http/connection.hpp"
#include "http/request_message.hpp"
#include "http/resolve.hpp"
#include "http/tls_refusal.hpp"

namespace shoal::http {
namespace {

using Steady = std::chrono::steady_clock;

/// How the server is recognised, and what is shown to it.
struct Trust {
  std::function<Result<identity::TlsContext>()> context;
  std::function<std::uint64_t()> generation;  // a connection of an older one is not used again
  std::function<Status(const SSL*)> check;    // of the server's certificate, after the handshake
  std::string called = "tracker";             // in messages
  std::function<Status(SSL*)> prepare = {};   // before the handshake
};

/// One `send`, over as many attempts as it takes.
struct Call {
  ClientRequest request;
  Steady::time_point deadline;
  const std::stop_token& stop;
  bool stale = false;  // the last attempt found that the server had closed the connection before
};

bool is_end_of_connection(const ErrorStatus& error) {
  return error == net::error::eof || error == wire::error::end_of_stream || error == net::ssl::error::stream_truncated ||
         error == net::error::connection_reset || error == net::error::broken_pipe || error == net::error::connection_aborted;
}

class BeastClient final : public Client {
 public:
  BeastClient(HostPort server, Trust trust) : server_(std::move(server)), trust_(std::move(trust)) {}
  Result<Response> send(ClientRequest request, const std::stop_token& stop) override;
  bool over_loopback() const override { return over_loopback_; }

 private:
  bool usable() const;
  Status connect(Call& call);
  Status dial(Call& call, const identity::TlsContext& context, const tcp::endpoint& endpoint, Steady::time_point until);
  Status greet(Call& call);
  Result<Response> attempt(Call& call);
  Result<Response> exchange(Call& call);
  Result<Response> receive(Call& call, ErrorStatus write_error);
  ErrorStatus wait(net::awaitable<ErrorStatus> work, const std::stop_token& stop);
  Error failure(const Call& call, const ErrorStatus& error) const;
  std::string who() const { return trust_.called + " " + server_.str(); }

  HostPort server_;
  Trust trust_;
  net::io_context io_{1};
  std::unique_ptr<Connection> connection_;
  bool over_loopback_ = false;
  std::uint64_t generation_ = 0;  // of the credentials that connection_ was made with
};

Result<Response> BeastClient::send(ClientRequest request, const std::stop_token& stop) {
  if (has_control_or_space(request.target)) return fail(ErrorCode::usage, "a request's target has a space or a control character");
  Call call{std::move(request), Steady::now(), stop};
  call.deadline += call.request.timeout;
  bool reused = usable();
  Result<Response> result = attempt(call);
  // The server may have closed the connection just when we wrote on it (RFC 9112, 9.3.1).
  if (!result.ok() && reused && call.stale) result = attempt(call);
  return result;
}

Result<Response> BeastClient::attempt(Call& call) {
  call.stale = false;
  if (call.stop.stop_requested()) return failure(call, {});
  if (!usable()) {
    Status connected = connect(call);
    if (!connected.ok()) connection_.reset();
    SHOAL_CHECK(std::move(connected));
  }
  Result<Response> result = exchange(call);
  if (!result.ok()) connection_.reset();
  return result;
}

/// Anything that waits on an idle connection is its end.
bool BeastClient::usable() const {
  if (!connection_ || !connection_->socket().is_open() || generation_ != trust_.generation()) return false;
  pollfd idle{connection_->socket().native_handle(), POLLIN, 0};
  return ::poll(&idle, 1, 0) == 0;
}

Status BeastClient::connect(Call& call) {
  auto endpoints = resolve(server_, call.deadline, call.stop);
  if (!endpoints.ok()) return std::move(endpoints).error().within(who());
  generation_ = trust_.generation();  // before the context: newer credentials are then seen, at worst once more
  SHOAL_TRY(identity::TlsContext context, trust_.context());
  Status last = fail(ErrorCode::unreachable, who() + " cannot be reached: it has no address");
  for (std::size_t left = endpoints->size(); const tcp::endpoint& endpoint : *endpoints) {
    // An address that swallows packets leaves time for the next one.
    auto share = (call.deadline - Steady::now()) / static_cast<long>(left--);
    last = dial(call, context, endpoint, Steady::now() + share);
    over_loopback_ = endpoint.address().is_loopback();
    if (last.ok()) return greet(call);
    if (call.stop.stop_requested()) break;
  }
  return last;
}

Status BeastClient::dial(Call& call, const identity::TlsContext& context, const tcp::endpoint& endpoint, Steady::time_point until) {
  connection_ = std::make_unique<Connection>(io_, context);
  connection_->expires_at(until);
  ErrorStatus error = wait(connection_->connect(endpoint), call.stop);
  if (error) return failure(call, error);
  return {};
}

Status BeastClient::greet(Call& call) {
  if (trust_.prepare) SHOAL_CHECK(trust_.prepare(connection_->ssl()));
  connection_->expires_at(call.deadline);
  ErrorStatus error = wait(connection_->handshake(net::ssl::stream_base::client), call.stop);
  if (error) return failure(call, error);
  return trust_.check(connection_->ssl()).within(who() + " is not to be trusted");
}

Result<Response> BeastClient::exchange(Call& call) {
  connection_->expires_at(call.deadline);
  auto message = message_of(call.request, server_);
  ErrorStatus error = wait(connection_->write(message), call.stop);
  if (error == beast::error::timeout || call.stop.stop_requested()) return failure(call, error);
  // Even after a write that failed: the server may have said why before it closed.
  return receive(call, error);
}

Result<Response> BeastClient::receive(Call& call, ErrorStatus write_error) {
  ResponseParser parser;
  parser.body_limit(call.request.body_limit);
  parser.skip(call.request.method == "HEAD");
  ErrorStatus error = wait(connection_->read_header(parser), call.stop);
  if (!error && !parser.is_done()) error = wait(connection_->read_rest(parser), call.stop);
  if (!error) {
    if (write_error || !parser.keep_alive()) connection_.reset();
    return response_of(parser);
  }
  if (write_error && !refused_certificate(error)) error = write_error;
  call.stale = !parser.got_some() && is_end_of_connection(error);
  return failure(call, error);
}

/// Runs the work to its end; a stop closes the connection, which ends it.
ErrorStatus BeastClient::wait(net::awaitable<ErrorStatus> work, const std::stop_token& stop) {
  ErrorStatus result;
  io_.restart();
  net::co_spawn(io_, std::move(work), [&result](std::exception_ptr problem, ErrorStatus error) {
    if (problem) std::rethrow_exception(problem);
    result = error;
  });
  // A stop that comes late must not close the connection of a later call.
  auto waiting = std::make_shared<bool>(true);
  std::stop_callback cut(stop, [this, waiting] {
    net::post(io_, [this, waiting] {
      if (*waiting) connection_->close();
    });
  });
  io_.run();
  *waiting = false;
  return result;
}

Error BeastClient::failure(const Call& call, const ErrorStatus& error) const {
  if (call.stop.stop_requested()) return fail(ErrorCode::interrupted, "interrupted while talking to " + who());
  if (auto why = refused_certificate(error))
    return fail(ErrorCode::not_enrolled, who() + " refused this machine's certificate: " + *why + "; enrol with 'shoal join'");
  if (error == beast::error::timeout)
    return fail(ErrorCode::unreachable, who() + " cannot be reached: no answer within " + format_duration(call.request.timeout));
  if (error == wire::error::body_limit)
    return fail(who() + " sent more than the " + format_bytes(call.request.body_limit) + " that " + call.request.target.substr(0, 100) +
                " may have");
  if (error == wire::error::partial_message || is_end_of_connection(error))
    return fail(ErrorCode::unreachable, who() + " cannot be reached: it closed the connection without an answer");
  if (error.category() == wire::make_error_code(wire::error::bad_target).category())
    return fail(who() + " does not speak HTTP as expected: " + error.message());
  return fail(ErrorCode::unreachable, who() + " cannot be reached: " + describe(error, connection_ ? connection_->ssl() : nullptr));
}

Status must_be_tracker(const identity::Certificate& certificate) {
  if (certificate.identity.role == identity::Role::tracker) return {};
  return fail(ErrorCode::unreachable, "its certificate is that of a " + std::string(identity::name(certificate.identity.role)));
}

/// Any failure to recognise the server counts as not having reached the tracker.
Error not_the_tracker(Error error) { return fail(ErrorCode::unreachable, std::move(error.message)); }

}  // namespace

std::unique_ptr<Client> Client::to_tracker(HostPort tracker, identity::ClientTlsSource& tls, const Clock& clock) {
  auto check = [&tls, &clock](const SSL* ssl) -> Status {
    auto server = identity::peer_certificate(ssl, tls.credentials().current()->self.identity.fleet, clock.now());
    if (!server.ok()) return not_the_tracker(std::move(server).error());
    return must_be_tracker(*server);
  };
  return std::make_unique<BeastClient>(
      std::move(tracker), Trust{[&tls] { return tls.current(); }, [&tls] { return tls.credentials().generation(); }, std::move(check)});
}

std::unique_ptr<Client> Client::to_web(HostPort server, identity::TlsContext context) {
  auto name = [host = server.host](SSL* ssl) { return identity::expect_host(ssl, host); };
  auto fixed = [context = std::move(context)]() -> Result<identity::TlsContext> { return context; };
  // The handshake has verified chain and name.
  auto check = [](const SSL*) -> Status { return {}; };
  return std::make_unique<BeastClient>(
      std::move(server), Trust{std::move(fixed), [] { return std::uint64_t{0}; }, std::move(check), "server", std::move(name)});
}

std::unique_ptr<Client> Client::pinned(HostPort tracker, identity::TlsContext context, const Clock& clock) {
  auto check = [&clock](const SSL* ssl) -> Status {
    // The context has held the chain against the pin; the fleet's name is learnt from the certificate itself.
    auto server = identity::inspect(SSL_get0_peer_certificate(ssl));
    if (!server.ok()) return not_the_tracker(std::move(server).error());
    auto valid = identity::peer_certificate(ssl, server->identity.fleet, clock.now());
    if (!valid.ok()) return not_the_tracker(std::move(valid).error());
    return must_be_tracker(*server);
  };
  auto fixed = [context = std::move(context)]() -> Result<identity::TlsContext> { return context; };
  return std::make_unique<BeastClient>(std::move(tracker), Trust{std::move(fixed), [] { return std::uint64_t{0}; }, std::move(check)});
}

}  // namespace shoal::http
