// HTTP requests and responses as values; no Beast in sight.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/body_source.hpp"
#include "http/feed.hpp"
#include "identity/certificate.hpp"

namespace shoal::http {

/// In the error of a path that no route has: an older server says so of what a newer client asks.
inline constexpr std::string_view no_such_path = "there is nothing of this name";

struct Request {
  std::string method;                          // "GET", "POST", ...
  std::string path;                            // as sent, before '?'
  std::string query;                           // as sent, after '?', not decoded
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::optional<identity::Certificate> peer;  // verified by the handshake; none on the enrolment ALPN and on plain listeners
  bool enrolment = false;                     // the handshake chose alpn_enrol
  std::string remote_address;                 // textual IP, IPv4-mapped IPv6 as IPv4
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string allow{};  // of a 405: the methods that would do (RFC 9110, 15.5.6)
  /// Instead of `body`: one that lies in memory once however many answers send it.
  std::shared_ptr<const std::string> shared{};
  std::chrono::seconds retry_after{0};  // of a 503: when to ask again (RFC 9110, 10.2.3); 0: nothing is said
  /// More header fields, such as Set-Cookie. Names and values are the handler's own, never a client's.
  std::vector<std::pair<std::string, std::string>> fields{};
  /// Instead of `body`: portions until the feed ends. The connection ends with it.
  std::shared_ptr<Feed> feed{};
  /// Instead of `body`: bytes of files, with their length. HEAD is answered with the length alone.
  std::shared_ptr<BodySource> source{};
  // Of what a client received.
  std::string content_range{};
  std::string location{};
};

/// Answers a request once, from any thread; copies share the one answer. Dropped unanswered, the client gets 500.
class Reply {
 public:
  using Send = std::function<void(Response)>;
  explicit Reply(Send send);
  void operator()(Response response) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Called on a server thread; must not block for long; may keep `reply` and answer later (long-poll).
using Handler = std::function<void(Request request, Reply reply)>;

}  // namespace shoal::http
