// The cap on connections that have not yet shown what they are. Pure; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "base/asio.hpp"

namespace shoal::mesh {

/// How far a connection came; what came further is dropped later.
enum class Stage { silent, greeted, known };

/// When it is full, a newcomer displaces another connection instead of being refused, so that silent connections cannot lock out
/// those that go on at once. The one to go: of the lowest stage there is, from the address with the most of them, the oldest.
/// An address that holds its share already displaces its own.
class Unfinished {
 public:
  using Ticket = std::uint64_t;
  Unfinished(std::size_t cap, std::size_t cap_of_address);

  /// `drop` is called when the connection must go; it may be called from within `add`, and its ticket is void then.
  Ticket add(const net::ip::address& from, std::function<void()> drop);
  void advance(Ticket ticket, Stage stage);
  void remove(Ticket ticket);
  /// Makes room of one, if there is anything: for when descriptors run out.
  bool drop_one();
  std::size_t size() const { return waiting_.size(); }

 private:
  struct Waiting {
    std::string from;
    Stage stage = Stage::silent;
    std::function<void()> drop;
  };
  /// The ticket to drop, among all or of one address; 0 for none.
  Ticket victim(const std::string* only_from) const;
  void drop(Ticket ticket);
  std::size_t count(const std::string& from) const;

  const std::size_t cap_, cap_of_address_;
  Ticket last_ = 0;
  std::map<Ticket, Waiting> waiting_;  // in order of arrival
};

}  // namespace shoal::mesh
