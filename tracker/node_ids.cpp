#include "tracker/node_ids.hpp"

#include "crypto/digest.hpp"

namespace shoal::tracker {

NodeId make_node_id() {
  static constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  std::string text = crypto::random_bytes(12);
  for (char& c : text) c = alphabet[static_cast<unsigned char>(c) % alphabet.size()];
  return NodeId::trusted(std::move(text));
}

}  // namespace shoal::tracker
