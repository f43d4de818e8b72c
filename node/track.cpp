#include "node/track.hpp"

#include "base/json.hpp"

namespace shoal::node {
namespace {

constexpr ByteCount track_limit = 64 * KiB;

Json id_json(const std::optional<ReleaseId>& id) { return id ? Json(id->hex()) : Json(); }

std::optional<ReleaseId> id_from(const Json& json, const char* key) {
  auto it = json.find(key);
  if (it == json.end() || !it->is_string()) return std::nullopt;
  auto id = ReleaseId::from_hex(it->get<std::string>());
  return id.ok() ? std::optional(*id) : std::nullopt;
}

Json sequence_json(const std::optional<manifest::SeenSequence>& at) {
  return at ? Json{{"epoch", at->epoch}, {"sequence", at->sequence}} : Json();
}

/// None in tracks of earlier versions.
std::optional<manifest::SeenSequence> sequence_from(const Json& json, const char* key) {
  auto it = json.find(key);
  if (it == json.end() || !it->is_object()) return std::nullopt;
  JsonReader reader(*it, key);
  const manifest::SeenSequence at{reader.number("epoch"), reader.number("sequence")};
  return reader.ok() ? std::optional(at) : std::nullopt;
}

Json to_json(const Track& track) {
  return {{"phase", std::string(name(track.phase))},
          {"wanted", id_json(track.wanted)},
          {"active", id_json(track.active)},
          {"previous", id_json(track.previous)},
          {"wanted_version", track.wanted_version},
          {"active_version", track.active_version},
          {"reason", track.reason},
          {"failure", track.failure},
          {"note", track.note},
          {"failures", track.failures},
          {"retry_at", format_time(track.retry_at)},
          {"pointer_expires", track.pointer_expires ? Json(format_time(*track.pointer_expires)) : Json()},
          {"halted", track.halted},
          {"pointer", sequence_json(track.pointer)},
          {"tried", sequence_json(track.tried)}};
}

Result<Track> from_json(const Json& json, const std::string& what) {
  JsonReader reader(json, what);
  Track track;
  auto phase = phase_from(reader.string("phase"));
  track.wanted_version = reader.string("wanted_version");
  track.active_version = reader.string("active_version");
  track.reason = reader.string("reason");
  if (reader.has("failure")) track.failure = reader.string("failure");
  if (reader.has("note")) track.note = reader.string("note");
  track.failures = static_cast<std::uint32_t>(reader.number("failures"));
  track.retry_at = reader.as<WallTime>("retry_at", parse_time);
  track.halted = reader.boolean("halted");
  SHOAL_CHECK(reader.finish_lenient());
  if (!phase) return fail(what + ": its phase is not known to this version of shoal");
  track.phase = *phase;
  track.wanted = id_from(json, "wanted");
  track.active = id_from(json, "active");
  track.previous = id_from(json, "previous");
  track.pointer = sequence_from(json, "pointer");
  track.tried = sequence_from(json, "tried");
  if (json.contains("pointer_expires") && json["pointer_expires"].is_string()) {
    SHOAL_TRY(track.pointer_expires, parse_time(json["pointer_expires"].get<std::string>()));
  }
  return track;
}

Result<Track> read(const fs::path& file) {
  SHOAL_TRY(std::string text, read_file(file, track_limit));
  SHOAL_TRY(Json json, parse_json(text, track_limit).within(file.string()));
  return from_json(json, file.string());
}

}  // namespace

bool Track::take(Step step) {
  auto after = next(phase, step);
  if (after) phase = *after;
  return after.has_value();
}

fs::path TrackStore::file(const ChannelKey& key) const { return root_ / key.model.str() / (key.channel.str() + ".json"); }

Status TrackStore::save(const ChannelKey& key, const Track& track) const {
  SHOAL_CHECK(make_directories(file(key).parent_path()));
  return write_file_durably(file(key), to_json(track).dump() + "\n");
}

Result<Track> TrackStore::load(const ChannelKey& key) const {
  auto track = read(file(key));
  if (!track && track.error().code == ErrorCode::not_found) return Track();
  return track;
}

std::map<ChannelKey, Track> TrackStore::all() const {
  std::map<ChannelKey, Track> tracks;
  std::error_code error;
  for (fs::recursive_directory_iterator it(root_, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() != ".json") continue;
    auto model = ModelName::parse(it->path().parent_path().lexically_relative(root_).string());
    auto channel = ChannelName::parse(it->path().stem().string());
    auto track = read(it->path());
    if (model && channel && track) tracks.emplace(ChannelKey{*model, *channel}, std::move(track).value());
  }
  return tracks;
}

Status TrackStore::forget(const ChannelKey& key) const {
  std::error_code error;
  fs::remove(file(key), error);
  if (error) return fail_errno(file(key).string(), error.value());
  return {};
}

}  // namespace shoal::node
