#include <algorithm>

#include "crypto/digest.hpp"
#include "manifest/document.hpp"
#include "manifest/envelope.hpp"
#include "manifest/release.hpp"

namespace shoal::manifest {
namespace {

constexpr std::size_t reason_limit = 1024;
constexpr std::size_t salt_limit = 128;
constexpr std::uint64_t rollout_buckets = 10'000;

Error refuse(std::string why) { return fail("channel pointer: " + std::move(why)); }

Status check_rollout(const Rollout& rollout) {
  if (rollout.percent > 100) return refuse("rollout: percent is above 100");
  if (rollout.halt_percent > 100) return refuse("rollout: halt_percent is above 100");
  return check_text("channel pointer: rollout: salt", rollout.salt, 0, salt_limit);
}

OrderedJson to_json(const Rollout& rollout) {
  OrderedJson json;
  json["percent"] = rollout.percent;
  json["salt"] = rollout.salt;
  if (rollout.otherwise) json["otherwise"] = rollout.otherwise->hex();
  if (rollout.halt_percent != 0) json["halt_percent"] = rollout.halt_percent;
  return json;
}

std::uint32_t percent_from(JsonReader& reader, const char* key) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(reader.number(key), UINT32_MAX));
}

Result<Rollout> rollout_from(const Json& json) {
  JsonReader reader(json, "channel pointer: rollout");
  Rollout rollout;
  rollout.percent = percent_from(reader, "percent");
  rollout.salt = reader.string("salt");
  if (reader.has("otherwise")) rollout.otherwise = reader.as<ReleaseId>("otherwise", ReleaseId::from_hex);
  if (reader.has("halt_percent")) rollout.halt_percent = percent_from(reader, "halt_percent");
  SHOAL_CHECK(reader.finish());
  return rollout;
}

}  // namespace

bool is_chosen(const Rollout& rollout, const NodeId& node) {
  const std::uint64_t number = crypto::sha256(rollout.salt + '\0' + node.str()).leading();
  return number % rollout_buckets < std::uint64_t{rollout.percent} * (rollout_buckets / 100);
}

Status check(const ChannelPointer& pointer) {
  SHOAL_CHECK(check_name("channel pointer: model", pointer.model));
  SHOAL_CHECK(check_name("channel pointer: channel", pointer.channel));
  if (pointer.epoch == 0 || pointer.epoch > number_limit) return refuse("epoch is not from 1 to 2^53 - 1");
  if (pointer.sequence == 0 || pointer.sequence > number_limit) return refuse("sequence is not from 1 to 2^53 - 1");
  if (pointer.expires <= pointer.issued) return refuse("it expires before it is issued");
  if (pointer.rollback_of == pointer.release) return refuse("it rolls back to the release that it leaves");
  if (pointer.rollout) SHOAL_CHECK(check_rollout(*pointer.rollout));
  return check_text("channel pointer: reason", pointer.reason, 0, reason_limit);
}

std::string encode(const ChannelPointer& pointer) {
  OrderedJson json;
  json["schema"] = document_schema;
  json["model"] = pointer.model.str();
  json["channel"] = pointer.channel.str();
  json["epoch"] = pointer.epoch;
  json["sequence"] = pointer.sequence;
  json["release"] = pointer.release.hex();
  json["issued"] = format_time(pointer.issued);
  json["expires"] = format_time(pointer.expires);
  if (pointer.rollback_of) json["rollback_of"] = pointer.rollback_of->hex();
  if (!pointer.reason.empty()) json["reason"] = pointer.reason;
  if (pointer.rollout) json["rollout"] = to_json(*pointer.rollout);
  return json.dump();
}

Result<ChannelPointer> decode_channel_pointer(std::string_view payload) {
  SHOAL_TRY(Json json, parse_json(payload, channel_limit).within("channel pointer"));
  JsonReader reader(json, "channel pointer");
  SHOAL_CHECK(check_schema(reader));
  ChannelPointer pointer;
  pointer.model = reader.as<ModelName>("model", ModelName::parse);
  pointer.channel = reader.as<ChannelName>("channel", ChannelName::parse);
  pointer.epoch = reader.number("epoch");
  pointer.sequence = reader.number("sequence");
  pointer.release = reader.as<ReleaseId>("release", ReleaseId::from_hex);
  pointer.issued = reader.as<WallTime>("issued", parse_time);
  pointer.expires = reader.as<WallTime>("expires", parse_time);
  if (reader.has("rollback_of")) pointer.rollback_of = reader.as<ReleaseId>("rollback_of", ReleaseId::from_hex);
  if (reader.has("reason")) pointer.reason = reader.string("reason");
  const Json* rollout = reader.has("rollout") ? &reader.object("rollout") : nullptr;
  SHOAL_CHECK(reader.finish());
  if (rollout != nullptr) {
    SHOAL_TRY(pointer.rollout, rollout_from(*rollout));
  }
  SHOAL_CHECK(check(pointer));
  return pointer;
}

}  // namespace shoal::manifest
