#include "seeder/watch_records.hpp"

#include <array>

#include "base/json.hpp"
#include "crypto/digest.hpp"

namespace shoal::seeder {
namespace {

constexpr ByteCount record_limit = 64 * KiB;
constexpr std::array<const char*, 3> phases{"begun", "published", "withdrawn"};

Result<WatchRecord::Phase> parse_phase(std::string_view text) {
  for (std::size_t i = 0; i < phases.size(); ++i)
    if (text == phases[i]) return static_cast<WatchRecord::Phase>(i);
  return fail("'" + printable(text) + "' is no phase");
}

Result<WatchRecord> decode(const std::string& text) {
  SHOAL_TRY(Json json, parse_json(text, record_limit));
  JsonReader reader(json, "watch record");
  WatchRecord record;
  record.directory = reader.string("directory");
  record.phase = reader.as<WatchRecord::Phase>("phase", parse_phase);
  record.print = reader.as<Sha256>("print", Sha256::from_hex);
  record.revision = static_cast<unsigned>(reader.number("revision"));
  if (reader.has("release")) record.release = reader.as<ReleaseId>("release", ReleaseId::from_hex);
  SHOAL_CHECK(reader.finish_lenient());
  return record;
}

}  // namespace

fs::path WatchRecords::file(const fs::path& directory) const { return directory_ / (crypto::sha256(directory.string()).hex() + ".json"); }

Status WatchRecords::save(const WatchRecord& record) const {
  Json json{{"directory", record.directory.string()},
            {"phase", phases[static_cast<std::size_t>(record.phase)]},
            {"print", record.print.hex()},
            {"revision", record.revision}};
  if (record.release) json["release"] = record.release->hex();
  SHOAL_CHECK(make_directories(directory_, 0700));
  return write_file_durably(file(record.directory), json.dump(-1, ' ', false, Json::error_handler_t::replace), Access::owner);
}

Result<std::optional<WatchRecord>> WatchRecords::load(const fs::path& directory) const {
  const fs::path path = file(directory);
  auto text = read_file(path, record_limit);
  if (!text.ok() && text.error().code == ErrorCode::not_found) return std::optional<WatchRecord>();
  if (!text.ok()) return std::move(text).error();
  SHOAL_TRY(WatchRecord record, decode(text.value()).within(path.string()));
  if (record.directory != directory) return fail(path.string() + " is of another directory");
  return std::optional<WatchRecord>(std::move(record));
}

}  // namespace shoal::seeder
