#include "fanout/dial_rule.hpp"

#include "base/asio.hpp"

namespace shoal::fanout {
namespace {

bool is_link_local(const net::ip::address_v4& address) { return (address.to_uint() & 0xffff0000) == 0xa9fe0000; }

bool may_dial(const net::ip::address_v4& address, bool loopback) {
  if (address.is_loopback()) return loopback;
  // 0.0.0.0/8 is this machine to some kernels; from 224.0.0.0 on there is multicast and what is reserved.
  return (address.to_uint() >> 24) != 0 && address.to_uint() < 0xe0000000 && !is_link_local(address);
}

bool may_dial(const net::ip::address_v6& address, bool loopback) {
  if (address.is_v4_mapped()) return may_dial(net::ip::make_address_v4(net::ip::v4_mapped, address), loopback);
  if (address.is_loopback()) return loopback;
  return !address.is_unspecified() && !address.is_multicast() && !address.is_link_local();
}

}  // namespace

bool may_dial(const std::string& host, bool tracker_on_loopback) {
  ErrorStatus error;
  const auto address = net::ip::make_address(host, error);
  if (error) return false;
  return address.is_v4() ? may_dial(address.to_v4(), tracker_on_loopback) : may_dial(address.to_v6(), tracker_on_loopback);
}

}  // namespace shoal::fanout
