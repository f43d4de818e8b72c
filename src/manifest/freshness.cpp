#include "manifest/freshness.hpp"

#include <algorithm>
#include <bit>
#include <tuple>

#include "crypto/digest.hpp"
#include "manifest/document.hpp"
#include "manifest/envelope.hpp"

namespace shoal::manifest {
namespace {

// A statement that lived longer would let who holds an old one, or the key for a day, freeze the fleet for as long.
constexpr std::chrono::days longest_life{7};

Error refuse(std::string why) { return fail("freshness statement: " + std::move(why)); }

auto key_of(const ChannelState& state) { return std::tie(state.model, state.channel); }

Status check_shard(const Shard& shard) {
  if (!std::has_single_bit(shard.count) || shard.count > 1u << place_bits)
    return refuse("the count of its shard is no power of two up to 4096");
  if (shard.index >= shard.count) return refuse("the index of its shard is not below the count");
  return {};
}

Status check_state(const ChannelState& state) {
  SHOAL_CHECK(check_name("freshness statement: model", state.model));
  SHOAL_CHECK(check_name("freshness statement: channel", state.channel));
  std::string what = state.ref().str();
  if (state.epoch == 0 || state.epoch > number_limit) return refuse("the epoch of " + what + " is not from 1 to 2^53 - 1");
  if (state.sequence == 0 || state.sequence > number_limit) return refuse("the sequence of " + what + " is not from 1 to 2^53 - 1");
  return {};
}

OrderedJson to_json(const ChannelState& state) {
  OrderedJson json;
  json["model"] = state.model.str();
  json["channel"] = state.channel.str();
  json["epoch"] = state.epoch;
  json["sequence"] = state.sequence;
  json["pointer"] = state.pointer.hex();
  if (state.halted) json["halted"] = true;
  return json;
}

OrderedJson to_json(const Shard& shard) {
  OrderedJson json;
  json["index"] = shard.index;
  json["count"] = shard.count;
  return json;
}

/// A shard is named only where there are several: a number that does not fit becomes one that check() refuses.
Result<Shard> shard_from(const Json& json) {
  JsonReader reader(json, "freshness statement: shard");
  Shard shard;
  shard.index = static_cast<std::uint32_t>(std::min<std::uint64_t>(reader.number("index"), UINT32_MAX));
  shard.count = static_cast<std::uint32_t>(std::min<std::uint64_t>(reader.number("count"), UINT32_MAX));
  SHOAL_CHECK(reader.finish());
  if (shard.count < 2) return refuse("the count of its shard is below two");
  return shard;
}

Result<ChannelState> state_from(const Json& json) {
  JsonReader reader(json, "freshness statement: channels");
  ChannelState state;
  state.model = reader.as<ModelName>("model", ModelName::parse);
  state.channel = reader.as<ChannelName>("channel", ChannelName::parse);
  state.epoch = reader.number("epoch");
  state.sequence = reader.number("sequence");
  state.pointer = reader.as<Sha256>("pointer", Sha256::from_hex);
  if (reader.has("halted")) state.halted = reader.boolean("halted");
  SHOAL_CHECK(reader.finish());
  return state;
}

}  // namespace

ChannelPlace place_of(const ModelName& model, const ChannelName& channel) {
  return static_cast<ChannelPlace>(crypto::sha256(ChannelRef{model, channel}.str()).leading() >> (64 - place_bits));
}

Shard shard_of(ChannelPlace place, std::uint32_t count) { return {place * count >> place_bits, count}; }

bool Shard::overlaps(const Shard& other) const { return holds(other.first_place()) || other.holds(first_place()); }

const ChannelState* Freshness::find(const ModelName& model, const ChannelName& channel) const {
  auto wanted = std::tie(model, channel);
  auto found = std::lower_bound(channels.begin(), channels.end(), wanted,
                                [](const ChannelState& state, const auto& key) { return key_of(state) < key; });
  return found != channels.end() && key_of(*found) == wanted ? &*found : nullptr;
}

Status check(const Freshness& freshness) {
  SHOAL_CHECK(check_name("freshness statement: fleet", freshness.fleet));
  if (freshness.serial == 0 || freshness.serial > number_limit) return refuse("serial is not from 1 to 2^53 - 1");
  if (freshness.trust_root == 0 || freshness.trust_root > number_limit) return refuse("trust_root is not from 1 to 2^53 - 1");
  if (freshness.expires <= freshness.issued) return refuse("it expires before it is issued");
  if (freshness.expires - freshness.issued > longest_life) return refuse("it lives longer than seven days");
  SHOAL_CHECK(check_shard(freshness.shard));
  for (std::size_t i = 0; i < freshness.channels.size(); ++i) {
    const ChannelState& state = freshness.channels[i];
    SHOAL_CHECK(check_state(state));
    if (freshness.shard.count > 1 && !freshness.speaks_of(state.model, state.channel))
      return refuse("it lists " + state.ref().str() + ", which is of another shard");
    if (i > 0 && key_of(freshness.channels[i - 1]) >= key_of(freshness.channels[i]))
      return refuse("its channels are not sorted, or one is there twice: " + freshness.channels[i].model.str() + ":" +
                    freshness.channels[i].channel.str());
  }
  return {};
}

std::string encode(const Freshness& freshness) {
  OrderedJson channels = OrderedJson::array();
  for (const ChannelState& state : freshness.channels) channels.push_back(to_json(state));
  OrderedJson json;
  json["schema"] = document_schema;
  json["fleet"] = freshness.fleet.str();
  json["serial"] = freshness.serial;
  json["trust_root"] = freshness.trust_root;
  json["issued"] = format_time(freshness.issued);
  json["expires"] = format_time(freshness.expires);
  if (freshness.shard.count > 1) json["shard"] = to_json(freshness.shard);
  json["channels"] = std::move(channels);
  return json.dump();
}

Result<Freshness> decode_freshness(std::string_view payload) {
  SHOAL_TRY(Json json, parse_json(payload, freshness_limit).within("freshness statement"));
  JsonReader reader(json, "freshness statement");
  SHOAL_CHECK(check_schema(reader));
  Freshness freshness;
  freshness.fleet = reader.as<FleetName>("fleet", FleetName::parse);
  freshness.serial = reader.number("serial");
  freshness.trust_root = reader.number("trust_root");
  freshness.issued = reader.as<WallTime>("issued", parse_time);
  freshness.expires = reader.as<WallTime>("expires", parse_time);
  const Json* shard = reader.has("shard") ? &reader.object("shard") : nullptr;
  const Json& channels = reader.array("channels");
  SHOAL_CHECK(reader.finish());
  if (shard != nullptr) {
    SHOAL_TRY(freshness.shard, shard_from(*shard));
  }
  for (const Json& item : channels) {
    SHOAL_TRY(ChannelState state, state_from(item));
    freshness.channels.push_back(std::move(state));
  }
  SHOAL_CHECK(check(freshness));
  return freshness;
}

}  // namespace shoal::manifest
