#include "seeder/sequence_record.hpp"

#include "base/json.hpp"

namespace shoal::seeder {
namespace {

constexpr ByteCount record_limit = 4 * KiB;

Result<manifest::SeenSequence> decode(const std::string& text) {
  SHOAL_TRY(Json json, parse_json(text, record_limit));
  JsonReader reader(json, "signed sequence");
  manifest::SeenSequence sequence{reader.number("epoch"), reader.number("sequence")};
  SHOAL_CHECK(reader.finish_lenient());
  return sequence;
}

}  // namespace

Result<manifest::SeenSequence> SequenceRecord::highest(const ModelName& model, const ChannelName& channel) const {
  fs::path path = file(model, channel);
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return manifest::SeenSequence{};
  SHOAL_TRY(std::string text, read_file(path, record_limit));
  return decode(text).within(path.string() + " is damaged (remove it and give --sequence N, above what the nodes have seen)");
}

Status SequenceRecord::note(const ModelName& model, const ChannelName& channel, const manifest::SeenSequence& sequence) const {
  SHOAL_TRY(manifest::SeenSequence before, highest(model, channel));
  if (sequence <= before) return {};
  fs::path path = file(model, channel);
  SHOAL_CHECK(make_directories(path.parent_path()));
  return write_file_durably(path, Json{{"epoch", sequence.epoch}, {"sequence", sequence.sequence}}.dump() + "\n");
}

}  // namespace shoal::seeder
