#include "manifest/withdrawal.hpp"

#include "manifest/document.hpp"
#include "manifest/envelope.hpp"

namespace shoal::manifest {
namespace {

constexpr std::size_t reason_limit = 500;

}  // namespace

Status check(const Withdrawal& withdrawal) {
  SHOAL_CHECK(check_name("withdrawal: model", withdrawal.model));
  SHOAL_CHECK(check_name("withdrawal: version", withdrawal.version));
  return check_text("withdrawal: reason", withdrawal.reason, 1, reason_limit);
}

std::string encode(const Withdrawal& withdrawal) {
  OrderedJson json;
  json["schema"] = document_schema;
  json["model"] = withdrawal.model.str();
  json["version"] = withdrawal.version.str();
  json["release"] = withdrawal.release.hex();
  json["reason"] = withdrawal.reason;
  json["issued"] = format_time(withdrawal.issued);
  return json.dump();
}

Result<Withdrawal> decode_withdrawal(std::string_view payload) {
  SHOAL_TRY(Json json, parse_json(payload, withdrawal_limit).within("withdrawal"));
  JsonReader reader(json, "withdrawal");
  SHOAL_CHECK(check_schema(reader));
  Withdrawal withdrawal;
  withdrawal.model = reader.as<ModelName>("model", ModelName::parse);
  withdrawal.version = reader.as<VersionName>("version", VersionName::parse);
  withdrawal.release = reader.as<ReleaseId>("release", ReleaseId::from_hex);
  withdrawal.reason = reader.string("reason");
  withdrawal.issued = reader.as<WallTime>("issued", parse_time);
  SHOAL_CHECK(reader.finish());
  SHOAL_CHECK(check(withdrawal));
  return withdrawal;
}

}  // namespace shoal::manifest
