// BEP 10's handshake as libtorrent hands it on, and the messages behind it: the first byte says which.
#include "fuzz/fuzz.hpp"
#include "swarm/grant_messages.hpp"

using namespace shoal;

namespace {

void handshake(std::string_view body) {
  lt::error_code error;
  const lt::bdecode_node node = lt::bdecode({body.data(), static_cast<std::ptrdiff_t>(body.size())}, error);
  if (error) return;  // libtorrent hands on none of these
  const auto hello = swarm::read_grant_hello(node);
  if (!hello) return;
  SHOAL_FUZZ_REQUIRE(hello->site.size() <= swarm::longest_site);
}

void show(std::string_view body) {
  const auto pieces = swarm::read_show(body);
  SHOAL_FUZZ_REQUIRE(pieces.size() <= swarm::most_shown);
  SHOAL_FUZZ_REQUIRE(body.size() > swarm::most_shown * swarm::index_size || pieces.size() == body.size() / swarm::index_size);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  if (text.empty()) return 0;
  if (text.front() == 'h') handshake(text.substr(1));
  else show(text.substr(1));
  return 0;
}
