// Why a link ended, as its own side knows it.
#pragma once

#include <string_view>

namespace shoal::mesh {

enum class LinkEnd : unsigned char {
  alive,           // it has not
  engine_closed,   // this side's engine closed its connection
  peer_closed,     // the peer ended the TLS stream
  broken,          // the connection failed: reset, or a TLS error
  idle,            // no byte passed in either direction for too long
  half_closed,     // one side had ended its stream, and the other sent nothing more
  not_allowed,     // the peer's certificate expired, it was revoked, or the policy refuses it
  not_served,      // this machine left the swarm
  replaced,        // the peer made a new link, or a second one appeared
  cut,             // the caller cut the machine off
  renewed,         // nothing arrived: it ends so that it is made anew
  no_descriptors,  // the worker cannot watch its sockets
};

inline std::string_view text_of(LinkEnd end) {
  switch (end) {
    case LinkEnd::alive: return "alive";
    case LinkEnd::engine_closed: return "this side's engine closed it";
    case LinkEnd::peer_closed: return "the peer closed it";
    case LinkEnd::broken: return "the connection broke";
    case LinkEnd::idle: return "idle";
    case LinkEnd::half_closed: return "one side had closed it and the other said nothing more";
    case LinkEnd::not_allowed: return "the peer may not link any more: expired, revoked or refused";
    case LinkEnd::not_served: return "this machine left the swarm";
    case LinkEnd::replaced: return "replaced by a newer link";
    case LinkEnd::cut: return "this machine cut the peer off";
    case LinkEnd::renewed: return "nothing arrived: it is made anew";
    case LinkEnd::no_descriptors: return "out of descriptors";
  }
  return "unknown";
}

}  // namespace shoal::mesh
