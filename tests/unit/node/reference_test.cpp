#include "node/reference.hpp"

#include <doctest/doctest.h>

using shoal::node::parse_reference;

TEST_CASE("a bare model means its channel main") {
  auto reference = parse_reference("acme/llama");
  REQUIRE(reference.ok());
  CHECK(reference->model.str() == "acme/llama");
  CHECK(reference->channel.str() == "main");
  CHECK(reference->str() == "acme/llama:main");
}

TEST_CASE("an at sign asks for a version, a colon for a channel") {
  auto version = parse_reference("acme/llama@1.2+cu");
  REQUIRE(version.ok());
  CHECK(version->version->str() == "1.2+cu");
  auto channel = parse_reference("acme/llama:stable");
  REQUIRE(channel.ok());
  CHECK(channel->channel.str() == "stable");
  CHECK_FALSE(channel->version.has_value());
}

TEST_CASE("what is not a reference is refused as wrong usage") {
  for (const char* text : {"", "llama", "/llama", "acme/", "acme/llama@", "acme/llama:", "acme/llama:Stable", "acme/../x", "a/b/c",
                           "acme/llama@1@2", "acme/llama@1:2", "acme/ll ama", "acme/\nllama"}) {
    CAPTURE(text);
    auto reference = parse_reference(text);
    REQUIRE_FALSE(reference.ok());
    CHECK(reference.error().code == shoal::ErrorCode::usage);
  }
}
