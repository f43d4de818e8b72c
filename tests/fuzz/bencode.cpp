#include "registry/bencode.hpp"

#include "fuzz/fuzz.hpp"

using namespace shoal;
using registry::Bencode;
using registry::BencodeView;

namespace {

Bencode written(const BencodeView& view) {
  if (view.integer() != nullptr) return Bencode(*view.integer());
  if (view.string() != nullptr) return Bencode(*view.string());
  if (view.list() != nullptr) {
    Bencode::List list;
    for (const BencodeView& item : *view.list()) list.push_back(written(item));
    return Bencode(std::move(list));
  }
  Bencode::Dictionary dictionary;
  for (const auto& [key, value] : *view.dictionary()) dictionary.emplace(key, written(value));
  return Bencode(std::move(dictionary));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text(data, size);
  Result<BencodeView> view = registry::parse_bencode(text, {64 * KiB, 8, 1000});
  // The form is canonical: what was accepted has no other spelling.
  if (view.ok()) SHOAL_FUZZ_REQUIRE(written(*view).encode() == text);
  return 0;
}
