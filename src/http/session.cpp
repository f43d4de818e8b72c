#include "http/session.hpp"

#include <algorithm>
#include <limits>

#include "base/log.hpp"
#include "http/router.hpp"

namespace shoal::http {
namespace {

constexpr ByteCount default_body_limit = 64 * KiB;
constexpr std::chrono::milliseconds quick_answer{500};  // most answers come sooner

/// Large bodies may take the time that a slow line needs: a second more for each MiB.
std::chrono::milliseconds time_for(std::chrono::milliseconds base, ByteCount bytes) { return base + std::chrono::seconds(bytes / MiB); }

/// Where the answer to one request arrives; touched on the worker's thread only. It may outlive the session, so it has nothing
/// of Asio's in it but a pointer that the session takes back.
struct Answer {
  std::optional<Response> response;
  std::optional<AnswerBudget::Hold> hold;
  net::steady_timer* waiting = nullptr;
};

Response no_room(std::chrono::seconds retry_after) {
  Response busy = error_response(
      503, fail(ErrorCode::unreachable, "too much is being sent already: try again in " + std::to_string(retry_after.count()) + " s"));
  busy.retry_after = retry_after;
  return busy;
}

/// Decided on the handler's thread: an answer for which there is no room must not wait for its turn in memory.
Reply reply_to(const std::shared_ptr<Gate>& gate, const std::shared_ptr<Answer>& answer, const std::shared_ptr<AnswerBudget>& budget,
               const std::string& client) {
  return Reply([gate, answer, budget, client](Response response) {
    auto kind = response.shared ? AnswerBudget::Kind::shared : AnswerBudget::Kind::own;
    auto verdict = budget->enter(client, response.shared ? response.shared->size() : response.body.size(), kind);
    if (!verdict.hold) response = no_room(verdict.retry_after);
    // In a shared pointer, since a posted function may be copied.
    auto hold = std::make_shared<std::optional<AnswerBudget::Hold>>(std::move(verdict.hold));
    gate->post([answer, hold, response = std::move(response)]() mutable {
      answer->response = std::move(response);
      if (*hold) answer->hold.emplace(std::move(**hold));
      if (answer->waiting != nullptr) answer->waiting->cancel();
    });
  });
}

/// Exceptions of a handler are bugs; the client gets 500 from the reply that was dropped.
void call(const Handler& handler, Request request, Reply reply) {
  try {
    handler(std::move(request), std::move(reply));
  } catch (const std::exception& problem) {
    log::error("http_handler_failed", {{"reason", problem.what()}});
  }
}

bool has_no_body(int status) { return status / 100 == 1 || status == 204 || status == 304; }

using ResponseMessage = wire::response<wire::span_body<const char>>;

template <class Message>
void set_fields(Message& message, const Response& response) {
  if (!response.allow.empty()) message.set(wire::field::allow, response.allow);
  if (response.retry_after.count() > 0) message.set(wire::field::retry_after, std::to_string(response.retry_after.count()));
  for (const auto& [name, value] : response.fields) message.set(name, value);
}

/// Refers to the response's body, which must outlive it.
ResponseMessage message_of(const Response& response, unsigned version, bool keep_alive, bool to_head) {
  const std::string& body = response.shared ? *response.shared : response.body;
  ResponseMessage message;
  message.version(version);
  message.result(static_cast<unsigned>(response.status));
  message.keep_alive(keep_alive);
  set_fields(message, response);
  if (has_no_body(response.status)) return message;
  message.set(wire::field::content_type, response.content_type);
  message.content_length(body.size());
  if (!to_head) message.body() = {body.data(), body.size()};
  return message;
}

}  // namespace

Session::Session(Worker& worker, const SessionRules& rules, tcp::socket socket, const identity::TlsContext* tls,
                 const net::ip::address& address)
    : worker_(worker),
      rules_(rules),
      connection_(std::move(socket), tls),
      remote_(address),
      address_(address.to_string()),
      answered_(worker.io) {}

Session::~Session() { worker_.sessions.erase(this); }

/// Ends the session on its own thread, unless it has shown a certificate meanwhile.
std::function<void()> Session::displacement() {
  return [gate = worker_.gate, session = weak_from_this()] {
    gate->post([session] {
      auto live = session.lock();
      if (live && !live->place_) live->close();
    });
  };
}

bool Session::take_place() {
  if (connection_.is_tls()) stranger_ = rules_.handshakes.enter(address_block(remote_), rules_.clock.steady_now(), displacement());
  else place_ = rules_.members.enter(remote_);
  return stranger_ || place_;
}

bool Session::become_guest() {
  enrolment_ = true;
  stranger_ = rules_.guests.enter(address_block(remote_), rules_.clock.steady_now(), displacement());
  return stranger_.has_value();
}

/// Where there is no place for a member, he keeps the one of his handshake until he has been told.
void Session::become_member(identity::Certificate peer) {
  place_ = rules_.members.enter(remote_, peer.identity.id.str());
  peer_ = std::move(peer);
  crowded_ = !place_;
  if (place_) stranger_.reset();
  else ++rules_.tally.over_cap;
}

/// Strangers have less time for everything.
std::chrono::milliseconds Session::within(std::chrono::milliseconds limit) const {
  return is_guest() ? std::min(limit, rules_.limits.guest_step) : limit;
}

/// Whose limits a body counts for.
std::string Session::client() const { return peer_ ? peer_->identity.id.str() : address_block(remote_); }

net::awaitable<void> Session::run(std::shared_ptr<Session> session) {
  if (session->worker_.stopping) co_return;
  session->worker_.sessions.insert(session.get());
  co_await session->live();
}

void Session::close() {
  connection_.close();
  answered_.cancel();
}

net::awaitable<void> Session::live() {
  bool more = co_await greet();
  if (!more) co_return;
  while (more) more = co_await serve_one();
  if (connection_.socket().is_open()) co_await connection_.finish();
}

net::awaitable<bool> Session::greet() {
  if (!connection_.is_tls()) co_return true;
  connection_.expires_after(rules_.limits.handshake);
  ErrorStatus error = co_await connection_.handshake(net::ssl::stream_base::server);
  if (error) {
    ++rules_.tally.handshake_failed;
    log::debug("http_handshake_failed", {{"address", address_}, {"reason", error.message()}});
    co_await connection_.linger();  // so that the alert arrives
    co_return false;
  }
  if (identity::agreed_alpn(connection_.ssl()) == identity::alpn_enrol) co_return become_guest();
  auto peer = identity::peer_certificate(connection_.ssl(), rules_.fleet, rules_.clock.now());
  if (!peer.ok()) {
    ++rules_.tally.refused_certificate;
    log::debug("http_certificate_refused", {{"address", address_}, {"reason", peer.error().message}});
    co_await connection_.finish();
    co_return false;
  }
  become_member(std::move(*peer));
  co_return true;
}

/// Between requests a connection may be idle for long; before the first one it may not.
net::awaitable<bool> Session::first_bytes() {
  if (connection_.buffered() > 0) co_return true;
  connection_.expires_after(served_before_ ? rules_.limits.idle : within(rules_.limits.header_read));
  ErrorStatus error = co_await connection_.read_some();
  co_return !error;
}

net::awaitable<bool> Session::serve_one() {
  bool ready = co_await first_bytes();
  if (!ready || worker_.stopping) co_return false;
  served_before_ = true;
  body_room_.reset();
  RequestParser parser;
  Head head = co_await read_head(parser);
  if (head.answer) co_return co_await refuse(std::move(*head.answer));
  if (!head.request) co_return false;
  bool whole = co_await read_body(parser);
  if (!whole) co_return false;
  if (stranger_) stranger_->set_busy(true);
  head.request->body = std::move(parser.get().body());
  Answered answered = co_await ask(std::move(*head.request));
  if (answered.response.feed) {
    co_await stream(std::move(answered.response));
    co_return false;
  }
  const bool from_files = answered.response.source != nullptr;
  bool more = false;
  if (from_files) more = co_await send_source(std::move(answered.response), parser.get());
  else more = co_await respond(std::move(answered), parser.get());
  if (stranger_) stranger_->set_busy(false);
  co_return more;
}

net::awaitable<Session::Head> Session::read_head(RequestParser& parser) {
  parser.header_limit(static_cast<std::uint32_t>(rules_.limits.header));
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // until the head says which; "none" refuses all in Beast 1.74
  connection_.expires_after(within(rules_.limits.header_read));
  ErrorStatus error = co_await connection_.read_header(parser);
  Head head;
  head.answer = error ? answer_to(error) : objection(parser.get());
  if (error || head.answer) co_return head;
  head.answer = peer_objection();
  if (head.answer) co_return head;
  // Now, so that trailers of a chunked body cannot add to the headers.
  Request request = request_of(parser.get());
  request.peer = peer_;
  request.enrolment = enrolment_;
  request.remote_address = address_;
  head.answer = body_objection(request, parser);
  head.request = std::move(request);
  co_return head;
}

/// A connection may outlive the certificate that opened it; its requests may not.
std::optional<Response> Session::peer_objection() const {
  if (crowded_) {
    Response busy =
        error_response(503, fail(ErrorCode::unreachable, "this machine, its address or the fleet has too many connections open"));
    busy.retry_after = std::chrono::seconds(5);
    return busy;
  }
  if (!peer_ || rules_.clock.now() < peer_->not_after) return std::nullopt;
  return error_response(403, fail(ErrorCode::not_enrolled, "the certificate has expired"));
}

std::optional<Response> Session::body_objection(const Request& request, RequestParser& parser) {
  ByteCount limit = default_body_limit;
  if (rules_.limits.body) limit = rules_.limits.body(request.method, request.path, peer_ ? &*peer_ : nullptr);
  parser.body_limit(limit);
  auto length = parser.content_length();
  if (length && *length > limit) return answer_to(wire::make_error_code(wire::error::body_limit));
  return parser.is_done() ? std::nullopt : room_objection(parser, limit);
}

/// A large body needs room while it is read, too.
std::optional<Response> Session::room_objection(const RequestParser& parser, ByteCount limit) {
  auto length = parser.content_length();
  ByteCount bytes = length ? *length : limit;
  if (bytes <= rules_.limits.budget.small) return std::nullopt;
  auto verdict = rules_.budget->enter(client(), bytes, AnswerBudget::Kind::own);
  if (!verdict.hold) return no_room(verdict.retry_after);
  body_room_.emplace(std::move(*verdict.hold));
  return std::nullopt;
}

net::awaitable<bool> Session::read_body(RequestParser& parser) {
  if (parser.is_done()) co_return true;
  auto length = parser.content_length();
  connection_.expires_after(time_for(within(rules_.limits.body_read), length ? *length : 0));
  ErrorStatus error;
  if (awaits_continue(parser.get()) && connection_.buffered() == 0)
    error = co_await connection_.write_text("HTTP/1.1 100 Continue\r\n\r\n");
  if (!error) error = co_await connection_.read_rest(parser);
  if (!error) co_return true;
  std::optional<Response> answer = answer_to(error);
  if (answer) co_await refuse(std::move(*answer));
  co_return false;
}

/// A long-poll whose client has gone would keep its place among the connections, so after a moment the client is watched.
net::awaitable<Session::Answered> Session::ask(Request request) {
  auto answer = std::make_shared<Answer>();
  auto deadline = std::chrono::steady_clock::now() + (is_guest() ? rules_.limits.guest_handler : rules_.limits.handler);
  answered_.expires_at(std::min(deadline, std::chrono::steady_clock::now() + quick_answer));
  answer->waiting = &answered_;
  call(rules_.handler, std::move(request), reply_to(worker_.gate, answer, rules_.budget, client()));
  ErrorStatus ignored;
  if (!worker_.stopping) co_await answered_.async_wait(net::redirect_error(net::use_awaitable, ignored));
  if (!answer->response && !worker_.stopping && connection_.socket().is_open()) {
    answered_.expires_at(deadline);
    connection_.watch_peer([this] { close(); });
    co_await answered_.async_wait(net::redirect_error(net::use_awaitable, ignored));
    connection_.stop_watching();
  }
  answer->waiting = nullptr;
  if (answer->response) co_return Answered{std::move(*answer->response), std::move(answer->hold)};
  co_return Answered{error_response(503, fail(ErrorCode::unreachable, "the answer took too long"))};
}

/// In portions, each with a deadline: who reads slowly is served, who does not read holds no room for long.
net::awaitable<bool> Session::respond(Answered answered, const RequestHead& head) {
  const Response& response = answered.response;
  const bool keep_alive = head.keep_alive() && !worker_.stopping && !is_guest();
  auto message = message_of(response, head.version(), keep_alive, head.method() == wire::verb::head);
  const auto deadline = std::chrono::steady_clock::now() + time_for(within(rules_.limits.write), message.body().size());
  wire::response_serializer<ResponseMessage::body_type> serializer(message);
  ErrorStatus error;
  while (!error && !serializer.is_done()) {
    connection_.expires_at(std::min(deadline, std::chrono::steady_clock::now() + within(rules_.limits.write_stall)));
    error = co_await connection_.write_portion(serializer);
  }
  co_return !error && keep_alive;
}

/// Writes what the feed brings until it ends or the reader leaves. The body ends with the connection, so it needs no length.
net::awaitable<void> Session::stream(Response response) {
  wire::response<wire::empty_body> message;
  message.version(11);
  message.result(static_cast<unsigned>(response.status));
  message.keep_alive(false);
  message.set(wire::field::content_type, response.content_type);
  set_fields(message, response);
  connection_.expires_after(within(rules_.limits.write));
  ErrorStatus error = co_await connection_.write(message);
  Feed& feed = *response.feed;
  feed.on_news(waker());
  connection_.watch_peer([this] { close(); });
  while (!error && !worker_.stopping && connection_.socket().is_open()) {
    if (auto portion = feed.take()) {
      error = co_await connection_.write_all(**portion, rules_.limits.write_stall);
      continue;
    }
    if (feed.ended()) break;
    co_await await_news();
  }
  connection_.stop_watching();
  feed.end();
}

/// Ends `await_news`, from any thread.
std::function<void()> Session::waker() {
  return [gate = worker_.gate, session = weak_from_this()] {
    gate->post([session] {
      if (auto live = session.lock()) live->answered_.cancel();
    });
  };
}

net::awaitable<void> Session::await_news() {
  answered_.expires_after(rules_.limits.handler);
  ErrorStatus ignored;
  co_await answered_.async_wait(net::redirect_error(net::use_awaitable, ignored));
}

net::awaitable<bool> Session::send_source(Response response, const RequestHead& head) {
  const bool keep_alive = head.keep_alive() && !worker_.stopping && !is_guest();
  wire::response<wire::empty_body> message;
  message.version(head.version());
  message.result(static_cast<unsigned>(response.status));
  message.keep_alive(keep_alive);
  set_fields(message, response);
  message.set(wire::field::content_type, response.content_type);
  message.content_length(response.source->size());
  connection_.expires_after(within(rules_.limits.write));
  ErrorStatus error = co_await connection_.write(message);
  if (!error && head.method() != wire::verb::head) error = co_await send_stretches(*response.source);
  co_return !error && keep_alive;
}

/// A client that leaves while nothing can be sent is noticed; one that reads slowly or not at all holds no memory here.
net::awaitable<ErrorStatus> Session::send_stretches(BodySource& source) {
  source.on_news(waker());
  ErrorStatus error;
  for (ByteCount position = 0; !error && position < source.size();) {
    auto stretch = source.at(position);
    if (!stretch.ok()) {
      log::info("http_body_ended_early", {{"address", address_}, {"reason", stretch.error().message}});
      co_return net::error::eof;
    }
    if (stretch->length > 0) {
      error = co_await connection_.send_file(stretch->fd, stretch->offset, stretch->length, rules_.limits.source_stall);
      position += stretch->length;
      continue;
    }
    connection_.watch_peer([this] { close(); });
    co_await await_news();
    connection_.stop_watching();
    if (worker_.stopping || !connection_.socket().is_open()) error = net::error::operation_aborted;
  }
  co_return error;
}

/// Answers what could not become a request, and ends the connection: where the next request starts is not known.
net::awaitable<bool> Session::refuse(Response response) {
  auto message = message_of(response, 11, false, false);
  connection_.expires_after(within(rules_.limits.write));
  co_await connection_.write(message);
  co_return false;
}

}  // namespace shoal::http
