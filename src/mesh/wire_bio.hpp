// Between OpenSSL and a socket: counts how far the record that arrives has got, and lets records that are written leave together.
#pragma once

#include <openssl/types.h>

#include <string>

#include "mesh/record_progress.hpp"

namespace shoal::mesh {

/// The data of the BIO; lives as long as it.
struct WireBio {
  int fd = -1;
  bool more_follows = false;  // the next write is one of several, and may wait for them
  std::string gathered;       // records that wait
  RecordProgress arriving;
};

/// A BIO over a non-blocking socket, which it does not own; `data` is set to its data. nullptr where there is no memory.
BIO* make_wire_bio(int fd, WireBio** data);

}  // namespace shoal::mesh
