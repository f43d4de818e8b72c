#include "node/reference.hpp"

namespace shoal::node {

std::string Reference::str() const { return version ? VersionRef{model, *version}.str() : ChannelRef{model, channel}.str(); }

Result<Reference> parse_reference(std::string_view text) {
  auto mark = text.find_first_of("@:");
  SHOAL_TRY(ModelName model, ModelName::parse(text.substr(0, mark)));
  Reference reference{model, std::nullopt, ChannelName::trusted(std::string(default_channel))};
  if (mark == std::string_view::npos) return reference;
  std::string_view rest = text.substr(mark + 1);
  if (text[mark] == '@') {
    SHOAL_TRY(reference.version, VersionName::parse(rest));
  } else {
    SHOAL_TRY(reference.channel, ChannelName::parse(rest));
  }
  return reference;
}

}  // namespace shoal::node
