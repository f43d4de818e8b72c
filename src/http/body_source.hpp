// A body of a known length that lies in files, some of whose bytes may not have arrived yet.
#pragma once

#include <functional>

#include "base/result.hpp"
#include "base/units.hpp"

namespace shoal::http {

/// Sent by one session, on its thread, without a copy in memory. The session calls `at` again and again until the whole body is sent; an
/// error ends the connection short of its Content-Length, so that the client knows that bytes are missing.
class BodySource {
 public:
  virtual ~BodySource() = default;

  /// Bytes of an open file, valid until the next call.
  struct Stretch {
    int fd = -1;
    ByteCount offset = 0;  // in the file
    ByteCount length = 0;  // 0: nothing can be sent yet; `on_news` tells when to look again
  };

  virtual ByteCount size() const = 0;
  /// The bytes that can be sent from `position` of the body, which is below `size`. Must not block for longer than a read from a local
  /// disk.
  virtual Result<Stretch> at(ByteCount position) = 0;
  /// `wake` is called on any thread after `at` may have more to give, or an error. Not called after this object is gone.
  virtual void on_news(std::function<void()> wake) = 0;
};

}  // namespace shoal::http
