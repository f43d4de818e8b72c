// Lets a test that runs as root meet file permissions.
#pragma once

#include <sys/fsuid.h>
#include <unistd.h>

namespace shoal::store::testing {

/// While it lives, this thread and those it starts reach files as the user nobody. No effect for a process that is not root.
class OtherUser {
 public:
  OtherUser() { ::setfsuid(::geteuid() == 0 ? 65534 : ::geteuid()); }
  OtherUser(const OtherUser&) = delete;
  OtherUser& operator=(const OtherUser&) = delete;
  ~OtherUser() { ::setfsuid(::geteuid()); }
};

}  // namespace shoal::store::testing
