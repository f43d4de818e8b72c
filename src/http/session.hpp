// One client of the server: handshake, then read, handler, write, and again.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <set>

#include "http/answer_budget.hpp"
#include "http/connection.hpp"
#include "http/connection_caps.hpp"
#include "http/gate.hpp"
#include "http/request_head.hpp"
#include "http/server.hpp"
#include "http/stranger_pool.hpp"

namespace shoal::http {

class Session;

/// The counters of a server, as its threads write them.
struct ServerTally {
  std::atomic<std::uint64_t> accepted{0}, handshake_failed{0}, refused_certificate{0}, over_cap{0};
};

/// What the sessions of one server share; outlives them.
struct SessionRules {
  const ServerLimits& limits;
  const Clock& clock;
  const Handler& handler;
  FleetName fleet;  // empty on a plain listener
  ServerTally& tally;
  ConnectionCaps& members;  // on a plain listener: everybody
  StrangerPool& handshakes;
  StrangerPool& guests;
  std::shared_ptr<AnswerBudget> budget;
};

/// One thread of the server: an io_context and the sessions on it.
struct Worker {
  std::set<Session*> sessions;  // touched on the worker's thread only; before io, whose end destroys sessions
  bool stopping = false;        // likewise
  net::io_context io{1};
  net::executor_work_guard<net::io_context::executor_type> work{io.get_executor()};
  std::shared_ptr<Gate> gate = std::make_shared<Gate>(io);
  tcp::socket first{io};  // makes the reactor, which takes descriptors, now and not with the first client
};

/// Lives on its worker's thread once `run` was called. Every wait in it ends at its deadline or by `close`.
class Session : public std::enable_shared_from_this<Session> {
 public:
  /// An accepted connection; plain where `tls` is null.
  Session(Worker& worker, const SessionRules& rules, tcp::socket socket, const identity::TlsContext* tls, const net::ip::address& address);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  /// A place for the handshake, or for good on a plain listener; false where there is none. Before `run`, on any thread.
  bool take_place();
  /// The whole life of a session.
  static net::awaitable<void> run(std::shared_ptr<Session> session);
  void close();
  bool is_of(const NodeId& id) const { return peer_ && peer_->identity.id == id; }

 private:
  net::awaitable<void> live();
  net::awaitable<bool> greet();
  bool become_guest();
  void become_member(identity::Certificate peer);
  std::function<void()> displacement();
  bool is_guest() const { return enrolment_; }
  std::chrono::milliseconds within(std::chrono::milliseconds limit) const;
  std::string client() const;
  net::awaitable<bool> serve_one();
  net::awaitable<bool> first_bytes();
  /// The head of a request that may go on; an answer to one that may not; neither where the connection ended.
  struct Head {
    std::optional<Request> request;
    std::optional<Response> answer;
  };
  net::awaitable<Head> read_head(RequestParser& parser);
  net::awaitable<bool> read_body(RequestParser& parser);
  /// An answer and the room that it has; a handler's that had none became a refusal before it came here.
  struct Answered {
    Response response;
    std::optional<AnswerBudget::Hold> hold{};
  };
  net::awaitable<Answered> ask(Request request);
  net::awaitable<bool> respond(Answered answered, const RequestHead& head);
  net::awaitable<bool> refuse(Response response);
  net::awaitable<void> stream(Response response);
  net::awaitable<bool> send_source(Response response, const RequestHead& head);
  net::awaitable<ErrorStatus> send_stretches(BodySource& source);
  std::function<void()> waker();
  net::awaitable<void> await_news();

  std::optional<Response> peer_objection() const;
  std::optional<Response> room_objection(const RequestParser& parser, ByteCount limit);
  std::optional<Response> body_objection(const Request& request, RequestParser& parser);

  Worker& worker_;
  const SessionRules& rules_;
  Connection connection_;
  const net::ip::address remote_;
  const std::string address_;
  std::optional<ConnectionCaps::Place> place_;   // among the members
  std::optional<StrangerPool::Place> stranger_;  // of a handshake, or of a guest
  std::optional<AnswerBudget::Hold> body_room_;  // of a large request that is being read or answered
  std::optional<identity::Certificate> peer_;
  bool enrolment_ = false;
  bool crowded_ = false;  // there was no place for this member
  bool served_before_ = false;
  net::steady_timer answered_;
};

}  // namespace shoal::http
