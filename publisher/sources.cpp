#include "publisher/sources.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "manifest/envelope.hpp"
#include "manifest/release.hpp"

namespace shoal::publisher {
namespace {

// An envelope in JSON twice (base64, then as a string), and up to 20 bytes a file for the times.
constexpr ByteCount record_limit = 2 * manifest::release_limit + 4 * MiB;

std::vector<std::int64_t> read_times(JsonReader& reader) {
  std::vector<std::int64_t> times;
  for (const Json& time : reader.array("mtimes_ns")) {
    if (time.is_number_integer()) times.push_back(time.get<std::int64_t>());
    else reader.note("mtimes_ns: not a whole number");
  }
  return times;
}

Result<Source> decode(const std::string& text) {
  SHOAL_TRY(Json json, parse_json(text, record_limit));
  JsonReader reader(json, "source");
  Source source;
  source.model = reader.as<ModelName>("model", ModelName::parse);
  source.root = reader.string("root");
  source.envelope = reader.string("envelope");
  if (reader.ok()) source.mtimes_ns = read_times(reader);
  SHOAL_CHECK(reader.finish_lenient());
  return source;
}

// ---- fingerprints: a line that names the format, then 16 bytes each, little-endian ----

constexpr std::string_view fingerprints_title = "shoal piece fingerprints 1\n";
constexpr ByteCount fingerprints_limit = 64 * MiB;

std::string encode(const std::vector<store::Fingerprint>& fingerprints) {
  std::string text(fingerprints_title);
  for (const auto& fingerprint : fingerprints) {
    append_little_endian(text, fingerprint.low);
    append_little_endian(text, fingerprint.high);
  }
  return text;
}

/// None where the file is missing or damaged: they spare work and are needed for nothing.
std::vector<store::Fingerprint> read_fingerprints(const fs::path& path) {
  std::vector<store::Fingerprint> fingerprints;
  auto text = read_file(path, fingerprints_limit);
  if (!text.ok() || text.value().compare(0, fingerprints_title.size(), fingerprints_title) != 0) return fingerprints;
  std::string_view rest = std::string_view(text.value()).substr(fingerprints_title.size());
  for (; rest.size() >= 16; rest.remove_prefix(16))
    fingerprints.push_back({from_little_endian<std::uint64_t>(rest), from_little_endian<std::uint64_t>(rest.substr(8))});
  return fingerprints;
}

}  // namespace

Status Sources::save(const ReleaseId& id, const Source& source) const {
  Json json{{"model", source.model.str()}, {"root", source.root.string()}, {"envelope", source.envelope}, {"mtimes_ns", source.mtimes_ns}};
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  SHOAL_CHECK(make_directories(directory_, 0700));
  SHOAL_CHECK(write_file_durably(file(id, ".torrent"), source.metainfo));
  SHOAL_CHECK(write_file_durably(file(id, ".pieces"), encode(source.fingerprints)));
  return write_file_durably(file(id, ".json"), text);
}

Result<Source> Sources::load(const ReleaseId& id) const {
  fs::path record = file(id, ".json");
  SHOAL_TRY(std::string text, read_file(record, record_limit));
  SHOAL_TRY(Source source, decode(text).within(record.string()));
  SHOAL_TRY(source.metainfo, read_file(file(id, ".torrent"), manifest::metainfo_limit));
  source.fingerprints = read_fingerprints(file(id, ".pieces"));
  return source;
}

Status Sources::remove(const ReleaseId& id) const {
  // The record first: what is left without it is not looked at.
  for (const char* extension : {".json", ".torrent", ".pieces"}) SHOAL_CHECK(remove_tree(file(id, extension)));
  return {};
}

std::optional<std::int64_t> Sources::listing_stamp() const {
  struct stat found {};
  if (::stat(directory_.c_str(), &found) != 0) return std::nullopt;
  return found.st_mtim.tv_sec * std::int64_t{1'000'000'000} + found.st_mtim.tv_nsec;
}

Result<std::vector<ReleaseId>> Sources::list() const {
  std::vector<ReleaseId> ids;
  std::error_code error;
  fs::directory_iterator entry(directory_, error);
  if (error == std::errc::no_such_file_or_directory) return ids;
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() != ".json") continue;
    auto id = ReleaseId::from_hex(entry->path().stem().string());
    if (id.ok()) ids.push_back(id.value());
  }
  if (error) return fail_errno(directory_.string(), error.value());
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace shoal::publisher
