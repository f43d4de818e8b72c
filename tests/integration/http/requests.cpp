// How requests are read and answered.
#include "doctest/doctest.h"
#include "harness.hpp"

namespace shoal::http::test {
namespace {

TEST_CASE("answers name neither the program nor its libraries") {
  PlainSite site;
  std::string answer = site.exchange(get("/"));
  CHECK(status_in(answer) == 200);
  CHECK(answer.find("Server") == std::string::npos);
  CHECK(answer.find("Beast") == std::string::npos);
}

TEST_CASE("HTTP/1.1 keeps the connection and HTTP/1.0 does not, unless they ask") {
  PlainSite site;
  RawSocket socket(site.server->port());
  for (int i = 0; i < 3; ++i) {
    socket.send(get("/" + std::to_string(i)));
    CHECK(receive_answer(socket).ends_with("GET /" + std::to_string(i) + " "));
  }
  socket.send(get("/last", "Connection: close\r\n"));
  CHECK(status_in(socket.receive_all()) == 200);

  RawSocket old(site.server->port());
  old.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(receive_answer(old).find("keep-alive") != std::string::npos);
  old.send("GET / HTTP/1.0\r\n\r\n");
  CHECK(status_in(old.receive_all()) == 200);
  CHECK_FALSE(old.gave_up());
}

TEST_CASE("requests that are sent ahead are answered one after the other") {
  PlainSite site;
  std::string many;
  for (int i = 0; i < 200; ++i) many += get("/" + std::to_string(i));
  std::string answers = site.exchange(many);
  std::size_t at = 0;
  for (int i = 0; i < 200; ++i) {
    at = answers.find("GET /" + std::to_string(i) + " ", at);
    REQUIRE(at != std::string::npos);
  }
  CHECK(site.seen.requests == 200);
}

TEST_CASE("HEAD gets the header of an answer and no body") {
  PlainSite site;
  std::string answer = site.exchange("HEAD /x HTTP/1.1\r\nHost: t\r\n\r\n");
  CHECK(status_in(answer) == 200);
  CHECK(answer.find("Content-Length: 8\r\n") != std::string::npos);
  CHECK(answer.ends_with("\r\n\r\n"));
}

TEST_CASE("unknown methods are for the handler to judge") {
  PlainSite site;
  CHECK(site.exchange("BREW /pot HTTP/1.1\r\nHost: t\r\n\r\n").ends_with("BREW /pot "));
}

TEST_CASE("bodies arrive whole, by length and in chunks, and trailers are no headers") {
  PlainSite site;
  CHECK(site.exchange("POST /l HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello").ends_with("POST /l hello"));
  CHECK(site.exchange("POST /c HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX-Late: 1\r\n\r\n")
            .ends_with("POST /c hello"));
  CHECK(site.seen.last.lock()->headers.count("x-late") == 0);
}

TEST_CASE("headers are lower case, and those that repeat are joined") {
  PlainSite site;
  site.exchange(get("/", "X-One: a\r\nx-one: b\r\n"));
  CHECK(site.seen.last.lock()->headers.at("x-one") == "a, b");
}

TEST_CASE("requests that two servers could read in two ways are refused") {
  PlainSite site;
  const std::vector<std::string> table = {
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5, 5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: +5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: -5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0x5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: \r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length : 5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: identity\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET http://t/ HTTP/1.1\r\nHost: t\r\n\r\n",
      "GET * HTTP/1.1\r\nHost: t\r\n\r\n",
      "GET /a b HTTP/1.1\r\nHost: t\r\n\r\n",
      std::string("GET /a\0b HTTP/1.1\r\nHost: t\r\n\r\n", 31),
      std::string("GET / HTTP/1.1\r\nHost: t\r\nX: a\0b\r\n\r\n", 36),
      "GET / HTTP/1.1\r\nHost: t\r\nX: a\rb\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: t\r\n: empty\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: t\r\nno colon\r\n\r\n",
      "GET / HTTP/1.1\nHost: t\n\n\r\n\r\n",
      "GET /\r\n\r\n",
      "\r\n\r\n",
      "hello\r\n\r\n",
  };
  for (const std::string& text : table) {
    CAPTURE(text);
    std::string answer = site.exchange(text);
    CHECK((status_in(answer) == 400 || status_in(answer) == 505));
    CHECK(answer.find("\nContent-Length") == answer.rfind("\nContent-Length"));  // nothing after it was read as a request
  }
  CHECK(site.exchange("GET / HTTP/2.0\r\nHost: t\r\n\r\n").starts_with("HTTP/1.1 505"));
  CHECK(site.exchange("GET / HTTP/1.2\r\nHost: t\r\n\r\n").starts_with("HTTP/1.1 505"));
  CHECK(site.seen.requests == 0);
}

TEST_CASE("an answer of many megabytes arrives whole") {
  std::string big(20 * MiB, 'a');
  for (std::size_t i = 0; i < big.size(); i += 4093) big[i] = static_cast<char>('a' + i % 26);
  TlsSite site([&big](const Request&, const Reply& reply) { reply({200, "application/octet-stream", big}); });
  Member node(site.fleet.node(), site.address());
  ClientRequest request;
  request.target = "/";
  request.body_limit = 32 * MiB;
  request.timeout = patience;
  auto response = node.client->send(request, {});
  REQUIRE_MESSAGE(response.ok(), response.error().message);
  CHECK((response->body == big));
}

}  // namespace
}  // namespace shoal::http::test
