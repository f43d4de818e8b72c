#include "manifest/deletion.hpp"

#include "manifest/document.hpp"
#include "manifest/envelope.hpp"

namespace shoal::manifest {
namespace {

constexpr std::size_t deletion_reason_limit = 500;

}  // namespace

Status check(const Deletion& deletion) {
  SHOAL_CHECK(check_name("deletion: model", deletion.model));
  SHOAL_CHECK(check_name("deletion: channel", deletion.channel));
  if (deletion.epoch == 0 || deletion.epoch > number_limit) return fail("deletion: epoch is not from 1 to 2^53 - 1");
  if (deletion.sequence == 0 || deletion.sequence > number_limit) return fail("deletion: sequence is not from 1 to 2^53 - 1");
  return check_text("deletion: reason", deletion.reason, 0, deletion_reason_limit);
}

std::string encode(const Deletion& deletion) {
  OrderedJson json;
  json["schema"] = document_schema;
  json["model"] = deletion.model.str();
  json["channel"] = deletion.channel.str();
  json["epoch"] = deletion.epoch;
  json["sequence"] = deletion.sequence;
  if (!deletion.reason.empty()) json["reason"] = deletion.reason;
  json["issued"] = format_time(deletion.issued);
  return json.dump();
}

Result<Deletion> decode_deletion(std::string_view payload) {
  SHOAL_TRY(Json json, parse_json(payload, deletion_limit).within("deletion"));
  JsonReader reader(json, "deletion");
  SHOAL_CHECK(check_schema(reader));
  Deletion deletion;
  deletion.model = reader.as<ModelName>("model", ModelName::parse);
  deletion.channel = reader.as<ChannelName>("channel", ChannelName::parse);
  deletion.epoch = reader.number("epoch");
  deletion.sequence = reader.number("sequence");
  if (reader.has("reason")) deletion.reason = reader.string("reason");
  deletion.issued = reader.as<WallTime>("issued", parse_time);
  SHOAL_CHECK(reader.finish());
  SHOAL_CHECK(check(deletion));
  return deletion;
}

}  // namespace shoal::manifest
