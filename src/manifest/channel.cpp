#include "manifest/document.hpp"
#include "manifest/envelope.hpp"
#include "manifest/release.hpp"

namespace shoal::manifest {
namespace {

constexpr std::size_t reason_limit = 1024;

Error refuse(std::string why) { return fail("channel pointer: " + std::move(why)); }

}  // namespace

Status check(const ChannelPointer& pointer) {
  SHOAL_CHECK(check_name("channel pointer: model", pointer.model));
  SHOAL_CHECK(check_name("channel pointer: channel", pointer.channel));
  if (pointer.epoch == 0 || pointer.epoch > number_limit) return refuse("epoch is not from 1 to 2^53 - 1");
  if (pointer.sequence == 0 || pointer.sequence > number_limit) return refuse("sequence is not from 1 to 2^53 - 1");
  if (pointer.expires <= pointer.issued) return refuse("it expires before it is issued");
  if (pointer.rollback_of == pointer.release) return refuse("it rolls back to the release that it leaves");
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
  SHOAL_CHECK(reader.finish());
  SHOAL_CHECK(check(pointer));
  return pointer;
}

}  // namespace shoal::manifest
