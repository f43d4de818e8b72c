// The response that carries a file's bytes, for both dialects.
#pragma once

#include "node/gateway/file_answer.hpp"
#include "node/gateway/library.hpp"

namespace shoal::gateway {

/// With the fields of the answer; without those of a dialect. A HEAD opens nothing and so begins no fetch.
Answer<http::Response> file_response(Library& library, const http::Request& request, const SharedRelease& release, std::size_t file,
                                     const FileAnswer& answer);

/// The length of a body that is not sent.
class LengthAlone final : public http::BodySource {
 public:
  explicit LengthAlone(ByteCount size) : size_(size) {}
  ByteCount size() const override { return size_; }
  Result<Stretch> at(ByteCount) override { return fail("an answer to HEAD has no body"); }
  void on_news(std::function<void()>) override {}

 private:
  const ByteCount size_;
};

}  // namespace shoal::gateway
