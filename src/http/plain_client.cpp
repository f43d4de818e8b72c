#include "http/plain_client.hpp"

#include <exception>
#include <vector>

#include "base/encoding.hpp"
#include "http/request_message.hpp"

namespace shoal::http {
namespace {

using Steady = std::chrono::steady_clock;

/// The addresses of a host of this machine; none for any other.
std::vector<net::ip::address> loopback(const std::string& host) {
  if (host == "localhost") return {net::ip::address_v4::loopback(), net::ip::address_v6::loopback()};
  ErrorStatus not_numeric;
  auto address = net::ip::make_address(host, not_numeric);
  if (not_numeric || !address.is_loopback()) return {};
  return {address};
}

Error bad_url(std::string_view text, const std::string& why) {
  return fail(ErrorCode::usage, "'" + printable(text, 200) + "' " + why + ": write a URL such as http://127.0.0.1:8000");
}

/// One call on one connection. Lives until its io_context has nothing left to do.
class PlainCall {
 public:
  PlainCall(const HostPort& server, const ClientRequest& request, const std::stop_token& stop)
      : server_(server), request_(request), stop_(stop), deadline_(Steady::now() + request.timeout) {}

  Result<Response> run();

 private:
  Result<Response> try_address(const net::ip::address& address);
  net::awaitable<ErrorStatus> converse(tcp::endpoint to);
  Error failure(const ErrorStatus& error) const;

  const HostPort& server_;
  const ClientRequest& request_;
  const std::stop_token& stop_;
  const Steady::time_point deadline_;
  net::io_context io_{1};
  beast::tcp_stream stream_{io_};
  ResponseParser parser_;
  bool connected_ = false;
};

Result<Response> PlainCall::run() {
  const auto addresses = loopback(server_.host);
  if (addresses.empty()) return fail(ErrorCode::usage, server_.str() + " is not an address of this machine");
  parser_.body_limit(request_.body_limit);
  parser_.skip(request_.method == "HEAD");
  Result<Response> result = fail("");
  for (const auto& address : addresses) {
    result = try_address(address);
    if (result.ok() || connected_ || stop_.stop_requested()) break;
  }
  return result;
}

Result<Response> PlainCall::try_address(const net::ip::address& address) {
  ErrorStatus result;
  io_.restart();
  stream_.expires_at(deadline_);
  net::co_spawn(io_, converse(tcp::endpoint(address, server_.port)), [&result](std::exception_ptr problem, ErrorStatus error) {
    if (problem) std::rethrow_exception(problem);
    result = error;
  });
  std::stop_callback cut(stop_, [this] { net::post(io_, [this] { stream_.close(); }); });
  io_.run();
  if (result) return failure(result);
  return response_of(parser_);
}

net::awaitable<ErrorStatus> PlainCall::converse(tcp::endpoint to) {
  ErrorStatus error, unsent;
  co_await stream_.async_connect(to, net::redirect_error(net::use_awaitable, error));
  if (error) co_return error;
  connected_ = true;
  RequestMessage message = message_of(request_, server_);
  message.keep_alive(false);
  co_await wire::async_write(stream_, message, net::redirect_error(net::use_awaitable, unsent));
  if (unsent == beast::error::timeout) co_return unsent;
  // Even after a write that failed: the server may have said why before it closed.
  beast::flat_buffer buffer;
  co_await wire::async_read(stream_, buffer, parser_, net::redirect_error(net::use_awaitable, error));
  stream_.close();
  co_return error&& unsent ? unsent : error;
}

Error PlainCall::failure(const ErrorStatus& error) const {
  const std::string who = "http://" + server_.str() + printable(request_.target, 200);
  if (stop_.stop_requested()) return fail(ErrorCode::interrupted, "interrupted while waiting for " + who);
  if (error == beast::error::timeout) return fail(who + " did not answer within " + format_duration(request_.timeout));
  if (error == wire::error::body_limit) return fail(who + " answered with more than " + format_bytes(request_.body_limit));
  if (error == wire::error::end_of_stream || error == wire::error::partial_message || error == net::error::connection_reset ||
      error == net::error::broken_pipe)
    return fail(who + " closed the connection without an answer");
  return fail(who + ": " + error.message());
}

}  // namespace

Result<PlainUrl> parse_plain_url(std::string_view text) {
  constexpr std::string_view scheme = "http://";
  if (text.starts_with("https://")) return bad_url(text, "asks for TLS, and a server on this machine is asked without it");
  if (!text.starts_with(scheme)) return bad_url(text, "does not start with http://");
  if (has_control_or_space(text) || text.find_first_of("#@") != std::string_view::npos)
    return bad_url(text, "has a space, a user or a fragment");
  std::string_view rest = text.substr(scheme.size());
  const auto slash = std::min(rest.find_first_of("/?"), rest.size());
  std::string authority(rest.substr(0, slash));
  std::string target(rest.substr(slash));
  if (target.starts_with('?')) target.insert(0, "/");
  const bool has_port = authority.rfind(':') != std::string::npos && !authority.ends_with(']');
  auto server = parse_host_port(has_port ? authority : authority + ":80");
  if (!server || server->port == 0) return bad_url(text, "has no host and port");
  if (loopback(server->host).empty()) return bad_url(text, "is not on this machine, and without TLS no other can be trusted");
  return PlainUrl{std::move(server).value(), std::move(target)};
}

Result<Response> send_plain(const HostPort& server, const ClientRequest& request, const std::stop_token& stop) {
  if (has_control_or_space(request.target)) return fail(ErrorCode::usage, "a request's target has a space or a control character");
  if (stop.stop_requested()) return fail(ErrorCode::interrupted, "interrupted before a request to " + server.str());
  return PlainCall(server, request, stop).run();
}

}  // namespace shoal::http
