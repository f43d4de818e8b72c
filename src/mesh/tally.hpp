// The counters of a mesh, as all its threads write them.
#pragma once

#include <atomic>

#include "mesh/link_types.hpp"

namespace shoal::mesh {

struct Tally {
  std::atomic<std::uint64_t> accepted{0}, dialled{0}, handshake_failed{0}, handshake_timed_out{0}, refused_by_policy{0},
      refused_certificate{0}, refused_stream{0}, over_cap{0}, wrong_peer{0}, socks_refused{0}, cut{0};

  MeshCounters read() const {
    MeshCounters now;
    now.accepted = accepted;
    now.dialled = dialled;
    now.handshake_failed = handshake_failed;
    now.handshake_timed_out = handshake_timed_out;
    now.refused_by_policy = refused_by_policy;
    now.refused_certificate = refused_certificate;
    now.refused_stream = refused_stream;
    now.over_cap = over_cap;
    now.wrong_peer = wrong_peer;
    now.socks_refused = socks_refused;
    now.cut = cut;
    return now;
  }
};

}  // namespace shoal::mesh
