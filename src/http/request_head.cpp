#include "http/request_head.hpp"

#include <algorithm>

#include "http/router.hpp"

namespace shoal::http {
namespace {

Response bad_request(std::string why) { return error_response(400, fail(ErrorCode::usage, std::move(why))); }

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower;
}

/// How long the body is must have one reading only.
std::optional<Response> length_objection(const RequestHead& head) {
  auto lengths = head.count(wire::field::content_length), codings = head.count(wire::field::transfer_encoding);
  if (lengths > 0 && codings > 0) return bad_request("Content-Length and Transfer-Encoding together");
  if (lengths > 1 || head[wire::field::content_length].find(',') != beast::string_view::npos)
    return bad_request("more than one Content-Length");
  if (codings == 0) return std::nullopt;
  if (codings > 1 || head.version() < 11 || lower_case(view(head[wire::field::transfer_encoding])) != "chunked")
    return bad_request("a Transfer-Encoding other than chunked");
  return std::nullopt;
}

std::optional<Response> host_objection(const RequestHead& head) {
  auto hosts = head.count(wire::field::host);
  if (hosts > 1) return bad_request("more than one Host");
  if (hosts == 0 && head.version() == 11) return bad_request("no Host");
  return std::nullopt;
}

}  // namespace

std::optional<Response> objection(const RequestHead& head) {
  if (auto answer = length_objection(head)) return answer;
  if (auto answer = host_objection(head)) return answer;
  if (!head.target().starts_with('/')) return bad_request("a target that is not a path");
  if (head.version() == 11 && head.count(wire::field::expect) > 0 && !awaits_continue(head))
    return error_response(417, fail(ErrorCode::usage, "an Expect other than 100-continue"));
  return std::nullopt;
}

std::optional<Response> answer_to(const ErrorStatus& parse_error) {
  if (parse_error.category() != wire::make_error_code(wire::error::bad_target).category()) return std::nullopt;
  if (parse_error == wire::error::end_of_stream || parse_error == wire::error::partial_message) return std::nullopt;
  if (parse_error == wire::error::header_limit || parse_error == wire::error::buffer_overflow)
    return error_response(431, fail(ErrorCode::usage, "the header is too large"));
  if (parse_error == wire::error::body_limit) return error_response(413, fail(ErrorCode::usage, "the body is too large"));
  if (parse_error == wire::error::bad_version) return error_response(505, fail(ErrorCode::usage, "HTTP/1.0 and 1.1 only"));
  return bad_request("this is not HTTP: " + parse_error.message());
}

bool awaits_continue(const RequestHead& head) {
  return head.version() == 11 && head.count(wire::field::expect) == 1 && lower_case(view(head[wire::field::expect])) == "100-continue";
}

Request request_of(const RequestHead& head) {
  Request request;
  request.method = std::string(view(head.method_string()));
  std::string_view target = view(head.target());
  auto question = target.find('?');
  request.path = std::string(target.substr(0, question));
  if (question != std::string_view::npos) request.query = std::string(target.substr(question + 1));
  for (const auto& field : head) {
    std::string& value = request.headers[lower_case(view(field.name_string()))];
    value += (value.empty() ? "" : ", ") + std::string(view(field.value()));
  }
  return request;
}

}  // namespace shoal::http
