#include "tracker/page/details.hpp"

#include "manifest/envelope.hpp"

namespace shoal::page {
namespace {

constexpr std::size_t most_files = 200;

Json files_of(const manifest::Release& release) {
  Json files = Json::array();
  for (const auto& file : release.files) {
    if (files.size() >= most_files) break;
    files.push_back({{"path", file.path}, {"size", file.size}});
  }
  return files;
}

Json json_of(const manifest::Release& release) {
  Json types = Json::object();
  for (const auto& [type, bytes] : release.format.bytes_per_dtype) types[type] = bytes;
  Json json{{"kind", release.format.kind},
            {"tensors", release.format.tensors},
            {"parameters", release.format.parameters},
            {"types", types},
            {"files", files_of(release)},
            {"file_count", release.files.size()},
            {"piece", release.swarm.piece_length},
            {"labels", release.labels},
            {"mirrors", release.mirrors.size()},
            {"allows_code", release.allows_code},
            {"model_signature", release.model_signature.has_value()}};
  if (release.parent) json["parent"] = release.parent->hex();
  return json;
}

/// The words of a pointer; the tracker verified it when it came.
Json row_of(const registry::HistoryRow& row) {
  Json json{{"version", row.version}, {"who", row.name.empty() ? row.who.str() : row.name}, {"at", row.at.time_since_epoch().count()}};
  auto envelope = manifest::SignedEnvelope::decode(row.envelope, manifest::channel_limit);
  auto pointer = envelope.ok() ? manifest::decode_channel_pointer(envelope->payload) : Result<manifest::ChannelPointer>(envelope.error());
  if (!pointer.ok()) return json;
  json["reason"] = printable(pointer->reason, 300);
  json["sequence"] = pointer->sequence;
  json["percent"] = pointer->rollout ? pointer->rollout->percent : 100;
  json["rollback"] = pointer->rollback_of.has_value();
  return json;
}

}  // namespace

Result<Json> release_details(const std::string& text, const manifest::Verifier& verifier) {
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(text, manifest::release_limit));
  SHOAL_TRY(auto unverified, manifest::decode_release(envelope.payload));
  Json json = json_of(unverified);
  json["verified"] = verifier.release(envelope, unverified.model).ok();
  json["signers"] = Json::array();
  for (const auto& signature : envelope.signatures) json["signers"].push_back(signature.key.hex());
  return json;
}

Json history_details(const std::vector<registry::HistoryRow>& rows) {
  Json json = Json::array();
  for (const auto& row : rows) json.push_back(row_of(row));
  return json;
}

}  // namespace shoal::page
