// How many connections there may be, in all, from one address and with one certificate.
#pragma once

#include <cstddef>
#include <cstdint>
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
  ConnectionCaps(std::size_t total, std::size_t per_address, std::size_t per_holder = SIZE_MAX)
      : total_(total), per_address_(per_address), per_holder_(per_holder) {}

  /// A place among the connections, given back when it goes. The caps must outlive it.
  class Place {
   public:
    Place(Place&& other) noexcept
        : caps_(std::exchange(other.caps_, nullptr)), key_(std::move(other.key_)), holder_(std::move(other.holder_)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(caps_, other.caps_);
      std::swap(key_, other.key_);
      std::swap(holder_, other.holder_);
      return *this;
    }
    ~Place() {
      if (caps_ != nullptr) caps_->leave(key_, holder_);
    }

   private:
    friend class ConnectionCaps;
    Place(ConnectionCaps& caps, std::string key, std::string holder) : caps_(&caps), key_(std::move(key)), holder_(std::move(holder)) {}
    ConnectionCaps* caps_;
    std::string key_;
    std::string holder_;
  };

  /// Nothing where a cap is reached. `holder` is whom the certificate names; empty where nobody showed one.
  std::optional<Place> enter(const net::ip::address& address, const std::string& holder = "");
  std::size_t open() const;

 private:
  void leave(const std::string& key, const std::string& holder);

  using Counts = std::map<std::string, std::size_t>;
  struct State {
    std::size_t open = 0;
    Counts by_address;
    Counts by_holder;
  };
  static std::size_t count(const Counts& counts, const std::string& key);
  static void take_one(Counts& counts, const std::string& key);
  std::size_t total_;
  std::size_t per_address_;
  std::size_t per_holder_;
  Guarded<State> state_;
};

/// What counts as one address: an IPv4 address, or the 64 bits of an IPv6 network, all of which a single host has.
std::string address_block(const net::ip::address& address);
/// The same for the text of an address; what is none is a block of its own.
std::string address_block(const std::string& address);

/// An IPv4 address that came mapped into IPv6 as itself.
net::ip::address unmapped(const net::ip::address& address);

}  // namespace shoal::http
