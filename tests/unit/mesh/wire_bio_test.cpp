#include "mesh/wire_bio.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <sys/socket.h>

#include <array>
#include <string>

#include "base/files.hpp"

namespace shoal::mesh {
namespace {

constexpr int record = 16 * 1024;

struct Wire {
  Wire() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    near = UniqueFd(ends[0]);
    far = UniqueFd(ends[1]);
    bio = make_wire_bio(near.get(), &data);
    REQUIRE(bio != nullptr);
  }
  ~Wire() { BIO_free(bio); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  int write(const std::string& bytes, bool more_follows) {
    data->more_follows = more_follows;
    return BIO_write(bio, bytes.data(), static_cast<int>(bytes.size()));
  }
  std::string arrived() {
    std::string bytes(1024 * 1024, '\0');
    const ssize_t got = ::recv(far.get(), bytes.data(), bytes.size(), 0);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }

  UniqueFd near, far;
  BIO* bio = nullptr;
  WireBio* data = nullptr;
};

std::string filled(int number) { return std::string(record, static_cast<char>('a' + number % 26)); }

TEST_CASE("records that others follow leave together with the last of them") {
  Wire wire;
  std::string all;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(wire.write(filled(i), true) == record);
    all += filled(i);
  }
  CHECK(wire.arrived().empty());
  REQUIRE(wire.write(filled(3), false) == record);
  CHECK(wire.arrived() == all + filled(3));
  CHECK(wire.data->gathered.capacity() < record);  // a flowing link keeps no memory
}

TEST_CASE("a wire that takes no more delays records, within a bound, and neither loses nor repeats a byte") {
  Wire wire;
  const int small = 8 * 1024;
  REQUIRE(::setsockopt(wire.near.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
  std::string sent, arrived;
  for (int i = 0; i < 40; ++i) {
    const std::string bytes = filled(i);
    sent += bytes;
    // As OpenSSL does: the rest of a record is tried again, the next one waits.
    for (std::size_t gone = 0; gone < bytes.size();) {
      const int took = wire.write(bytes.substr(gone), i % 7 != 6 && i != 39);
      CHECK(wire.data->gathered.size() < 5 * record);
      if (took > 0) {
        gone += static_cast<std::size_t>(took);
        continue;
      }
      REQUIRE(BIO_should_retry(wire.bio));
      const std::string some = wire.arrived();
      REQUIRE_FALSE(some.empty());
      arrived += some;
    }
  }
  for (std::string some = wire.arrived(); !some.empty(); some = wire.arrived()) arrived += some;
  CHECK(arrived == sent);
}

TEST_CASE("a wire that is gone is an error, not a reason to wait") {
  Wire wire;
  wire.far = UniqueFd();
  CHECK(wire.write(filled(0), false) < 0);
  CHECK_FALSE(BIO_should_retry(wire.bio));
}

}  // namespace
}  // namespace shoal::mesh
