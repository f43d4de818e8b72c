// The way to an io_context for those who may outlive it.
#pragma once

#include "base/asio.hpp"
#include "base/guarded.hpp"

namespace shoal::http {

/// Thread-safe. Work that comes after `shut` is dropped.
class Gate {
 public:
  explicit Gate(net::io_context& io) : io_(&io) {}

  template <class Work>
  void post(Work work) {
    auto io = io_.lock();
    if (*io != nullptr) net::post(**io, std::move(work));
  }
  void shut() { *io_.lock() = nullptr; }

 private:
  Guarded<net::io_context*> io_;
};

}  // namespace shoal::http
