#include "node/pins.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "base/json.hpp"

namespace shoal::node {
namespace {

constexpr ByteCount file_limit = 4 * MiB;
constexpr std::size_t reason_limit = 500;

Json to_json(const Pin& pin) {
  Json json{{"release", pin.release.hex()}, {"reason", pin.reason}, {"since", format_time(pin.since)}};
  if (pin.until) json["until"] = format_time(*pin.until);
  return json;
}

Result<Pin> pin_of(const Json& json, const std::string& file) {
  JsonReader reader(json, file);
  Pin pin;
  pin.release = reader.as<ReleaseId>("release", ReleaseId::from_hex);
  pin.reason = reader.string("reason");
  pin.since = reader.as<WallTime>("since", parse_time);
  if (reader.has("until")) pin.until = reader.as<WallTime>("until", parse_time);
  SHOAL_CHECK(reader.finish_lenient());
  return pin;
}

Result<std::vector<Pin>> decode(const std::string& text, const std::string& file) {
  SHOAL_TRY(Json json, parse_json(text, file_limit).within(file));
  JsonReader reader(json, file);
  std::vector<Pin> pins;
  for (const Json& entry : reader.array("pins")) {
    SHOAL_TRY(Pin pin, pin_of(entry, file));
    pins.push_back(std::move(pin));
  }
  SHOAL_CHECK(reader.finish_lenient());
  return pins;
}

void forget(std::vector<Pin>& pins, const ReleaseId& id) {
  std::erase_if(pins, [&](const Pin& pin) { return pin.release == id; });
}

}  // namespace

Result<std::vector<Pin>> Pins::all(WallTime now) const {
  auto text = read_file(file_, file_limit);
  if (!text && text.error().code == ErrorCode::not_found) return std::vector<Pin>{};
  if (!text) return std::move(text).error();
  SHOAL_TRY(std::vector<Pin> pins, decode(*text, file_.string()));
  std::erase_if(pins, [&](const Pin& pin) { return !pin.holds(now); });
  return pins;
}

Status Pins::save(const std::vector<Pin>& pins) const {
  Json list = Json::array();
  for (const Pin& pin : pins) list.push_back(to_json(pin));
  return write_file_durably(file_, Json{{"pins", std::move(list)}}.dump(1) + "\n");
}

Status Pins::pin(const ReleaseId& id, const std::string& reason, std::optional<WallTime> until, WallTime now) {
  if (reason.size() > reason_limit || !is_utf8(reason) || has_control_characters(reason))
    return fail(ErrorCode::usage, "the reason must be printable text of at most " + std::to_string(reason_limit) + " bytes");
  SHOAL_TRY(std::vector<Pin> pins, all(now));
  forget(pins, id);
  pins.push_back({id, reason, now, until});
  return save(pins);
}

Result<bool> Pins::unpin(const ReleaseId& id, WallTime now) {
  SHOAL_TRY(std::vector<Pin> pins, all(now));
  const std::size_t before = pins.size();
  forget(pins, id);
  if (pins.size() == before) return false;
  SHOAL_CHECK(save(pins));
  return true;
}

}  // namespace shoal::node
