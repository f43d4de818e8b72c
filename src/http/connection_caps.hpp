// How many connections there may be, in all and from one address.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/asio.hpp"
#include "base/guarded.hpp"

namespace shoal::http {

/// Thread-safe. An IPv6 network of 64 bits counts as one address: a single host has all of it.
class ConnectionCaps {
 public:
  ConnectionCaps(std::size_t total, std::size_t per_address) : total_(total), per_address_(per_address) {}

  /// A place among the connections, given back when it goes. The caps must outlive it.
  class Place {
   public:
    Place(Place&& other) noexcept : caps_(std::exchange(other.caps_, nullptr)), key_(std::move(other.key_)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (caps_ != nullptr) caps_->leave(key_);
    }

   private:
    friend class ConnectionCaps;
    Place(ConnectionCaps& caps, std::string key) : caps_(&caps), key_(std::move(key)) {}
    ConnectionCaps* caps_;
    std::string key_;
  };

  /// Nothing where a cap is reached.
  std::optional<Place> enter(const net::ip::address& address);
  std::size_t open() const;

 private:
  void leave(const std::string& key);

  struct State {
    std::size_t open = 0;
    std::map<std::string, std::size_t> by_address;
  };
  std::size_t total_;
  std::size_t per_address_;
  Guarded<State> state_;
};

/// An IPv4 address that came mapped into IPv6 as itself.
net::ip::address unmapped(const net::ip::address& address);

}  // namespace shoal::http
