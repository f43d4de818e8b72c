#include "node/follow_rule.hpp"

#include "node/hooks.hpp"

namespace shoal::node {

const std::vector<ConfigField>& follow_fields() {
  static const std::vector<ConfigField> fields{{.name = "channel", .required = true}, {.name = "hook", .is_list = true}};
  return fields;
}

Result<Subscription> parse_follow(const std::string& text) {
  if (!is_table(text)) {
    SHOAL_TRY(ChannelKey key, parse_channel_key(text));
    return Subscription{std::move(key), {}};
  }
  SHOAL_TRY(ConfigTable table, table_of(text, follow_fields()));
  SHOAL_TRY(ChannelKey key, parse_channel_key(table.at("channel").front()));
  for (const std::string& hook : table["hook"]) SHOAL_CHECK(parse_hook(hook));
  return Subscription{std::move(key), table["hook"]};
}

}  // namespace shoal::node
