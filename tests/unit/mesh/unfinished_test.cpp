#include "mesh/unfinished.hpp"

#include <vector>

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::mesh;

namespace {

const auto crowd = net::ip::make_address("10.0.0.1");
const auto lone = net::ip::make_address("10.0.0.2");
const auto other = net::ip::make_address("10.0.0.3");

/// Adds connections by number and notes which were dropped.
struct Book {
  Unfinished unfinished;
  std::vector<int> dropped;
  std::vector<Unfinished::Ticket> tickets;

  Book(std::size_t cap, std::size_t cap_of_address) : unfinished(cap, cap_of_address) {}
  void add(const net::ip::address& from) {
    int number = static_cast<int>(tickets.size());
    tickets.push_back(unfinished.add(from, [this, number] { dropped.push_back(number); }));
  }
};

}  // namespace

TEST_CASE("at the cap, the oldest silent connection of the most crowded address makes room") {
  Book book(4, 4);
  book.add(lone);
  book.add(crowd);
  book.add(crowd);
  book.add(crowd);
  CHECK(book.dropped.empty());
  book.add(other);
  CHECK(book.dropped == std::vector<int>{1});
  CHECK(book.unfinished.size() == 4);
}

TEST_CASE("who has greeted is dropped after those who are silent, and who is known last") {
  Book book(3, 3);
  book.add(crowd);
  book.add(crowd);
  book.add(lone);
  book.unfinished.advance(book.tickets[0], Stage::known);
  book.unfinished.advance(book.tickets[1], Stage::greeted);
  book.add(other);
  CHECK(book.dropped == std::vector<int>{2});
  book.unfinished.advance(book.tickets[3], Stage::known);
  book.add(other);
  CHECK(book.dropped == std::vector<int>{2, 1});
}

TEST_CASE("a stage never goes back") {
  Book book(2, 2);
  book.add(crowd);
  book.add(crowd);
  book.unfinished.advance(book.tickets[0], Stage::known);
  book.unfinished.advance(book.tickets[0], Stage::silent);
  book.add(lone);
  CHECK(book.dropped == std::vector<int>{1});
}

TEST_CASE("an address that holds its share displaces its own, not others") {
  Book book(8, 2);
  book.add(lone);
  book.add(crowd);
  book.add(crowd);
  book.add(crowd);
  CHECK(book.dropped == std::vector<int>{1});
}

TEST_CASE("addresses of one IPv6 network count as one") {
  Book book(8, 2);
  book.add(net::ip::make_address("2001:db8::1"));
  book.add(net::ip::make_address("2001:db8::2"));
  book.add(net::ip::make_address("2001:db8::3"));
  book.add(net::ip::make_address("2001:db8:1::3"));
  CHECK(book.dropped == std::vector<int>{0});
}

TEST_CASE("a finished connection gives its place back and is dropped no more") {
  Book book(2, 2);
  book.add(crowd);
  book.unfinished.remove(book.tickets[0]);
  book.add(crowd);
  book.add(crowd);
  CHECK(book.dropped.empty());
  CHECK(book.unfinished.drop_one());
  CHECK(book.unfinished.drop_one());
  CHECK_FALSE(book.unfinished.drop_one());
  CHECK(book.dropped == std::vector<int>{1, 2});
}
