#include "publisher/sequence_record.hpp"

#include "base/json.hpp"

namespace shoal::publisher {
namespace {

constexpr ByteCount record_limit = 4 * KiB;

Result<SequenceRecord::Entry> decode(const std::string& text) {
  SHOAL_TRY(Json json, parse_json(text, record_limit));
  JsonReader reader(json, "signed sequence");
  SequenceRecord::Entry entry{{reader.number("epoch"), reader.number("sequence")}};
  if (reader.has("release")) entry.release = reader.as<ReleaseId>("release", ReleaseId::from_hex);
  SHOAL_CHECK(reader.finish_lenient());
  return entry;
}

}  // namespace

Result<SequenceRecord::Entry> SequenceRecord::newest(const ModelName& model, const ChannelName& channel) const {
  fs::path path = file(model, channel);
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return Entry{};
  SHOAL_TRY(std::string text, read_file(path, record_limit));
  return decode(text).within(path.string() + " is damaged (remove it and give --sequence N, above what the nodes have seen)");
}

Result<manifest::SeenSequence> SequenceRecord::highest(const ModelName& model, const ChannelName& channel) const {
  SHOAL_TRY(Entry entry, newest(model, channel));
  return entry.at;
}

Status SequenceRecord::note(const ModelName& model, const ChannelName& channel, const Entry& entry) const {
  SHOAL_TRY(manifest::SeenSequence before, highest(model, channel));
  if (entry.at <= before) return {};
  fs::path path = file(model, channel);
  SHOAL_CHECK(make_directories(path.parent_path()));
  Json json{{"epoch", entry.at.epoch}, {"sequence", entry.at.sequence}};
  if (entry.release) json["release"] = entry.release->hex();
  return write_file_durably(path, json.dump() + "\n");
}

}  // namespace shoal::publisher
