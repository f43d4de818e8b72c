// A request as Beast writes it. For the two clients.
#pragma once

#include <algorithm>
#include <string>

#include "http/beast.hpp"
#include "http/client.hpp"

namespace shoal::http {

/// The body stays where it is: it may have many MiB.
using RequestMessage = wire::request<wire::span_body<const char>>;

/// Refers to the request, which must outlive it.
inline RequestMessage message_of(const ClientRequest& request, const HostPort& server) {
  RequestMessage message;
  message.version(11);
  message.method_string(request.method);
  message.target(request.target);
  message.set(wire::field::host, server.str());
  if (!request.range.empty()) {
    message.set(wire::field::range, request.range);
    message.set(wire::field::accept_encoding, "identity");
  }
  bool carries = !request.body.empty() || request.method == "POST" || request.method == "PUT";
  if (!carries) return message;
  message.set(wire::field::content_type, request.content_type);
  message.body() = {request.body.data(), request.body.size()};
  message.content_length(request.body.size());
  return message;
}

/// Retry-After in seconds, a day at most; 0 for a date, which no server of ours sends.
inline std::chrono::seconds seconds_of(const std::string& text) {
  bool digits = !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string::npos;
  return std::chrono::seconds(digits ? std::min(std::stoul(text), 86400UL) : 0);
}

using ResponseParser = wire::response_parser<wire::string_body>;

/// The parser is empty afterwards.
inline Response response_of(ResponseParser& parser) {
  Response response;
  response.status = static_cast<int>(parser.get().result_int());
  auto type = parser.get()[wire::field::content_type];
  response.content_type = std::string(type.data(), type.size());
  auto text = [&parser](wire::field name) {
    auto value = parser.get()[name];
    return std::string(value.data(), value.size());
  };
  response.content_range = text(wire::field::content_range);
  response.location = text(wire::field::location);
  response.retry_after = seconds_of(text(wire::field::retry_after));
  response.body = std::move(parser.get().body());
  return response;
}

inline bool has_control_or_space(std::string_view text) {
  for (char c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return true;
  return false;
}

}  // namespace shoal::http
