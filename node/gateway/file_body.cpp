#include "node/gateway/file_body.hpp"

namespace shoal::gateway {

Answer<http::Response> file_response(Library& library, const http::Request& request, const SharedRelease& release, std::size_t file,
                                     const FileAnswer& answer) {
  http::Response response;
  response.status = answer.status;
  response.fields = answer.fields;
  response.content_type = "application/octet-stream";
  if (!answer.has_bytes()) return response;
  if (request.method == "HEAD" || answer.bytes.length == 0) {
    response.source = std::make_shared<LengthAlone>(answer.bytes.length);
    return response;
  }
  auto body = library.open(release, file, answer.bytes);
  if (!body) return body.refusal;
  response.source = std::move(*body);
  return response;
}

}  // namespace shoal::gateway
