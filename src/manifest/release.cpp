#include "manifest/release.hpp"

#include <algorithm>
#include <bit>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "crypto/digest.hpp"
#include "manifest/document.hpp"
#include "manifest/envelope.hpp"
#include "manifest/mirrors.hpp"
#include "manifest/model_signing.hpp"

namespace shoal::manifest {
namespace {

constexpr std::size_t label_count_limit = 64;
constexpr std::size_t label_key_limit = 128;
constexpr std::size_t label_value_limit = 4096;
constexpr std::size_t dtype_count_limit = 64;
constexpr std::size_t dtype_name_limit = 32;
constexpr std::size_t signature_limit = 72;  // bytes of an ECDSA P-256 signature in DER

Error refuse(std::string why) { return fail("release: " + std::move(why)); }

OrderedJson to_json(const FileEntry& file) { return {{"path", file.path}, {"size", file.size}, {"sha256", file.sha256.hex()}}; }

OrderedJson to_json(const SwarmInfo& swarm) {
  OrderedJson json{{"info_hash", swarm.info_hash.hex()},
                   {"piece_length", swarm.piece_length},
                   {"metainfo_sha256", swarm.metainfo_sha256.hex()},
                   {"metainfo_size", swarm.metainfo_size}};
  if (swarm.packing != 1) json["packing"] = swarm.packing;
  return json;
}

OrderedJson to_json(const FormatSummary& format) {
  OrderedJson dtypes = OrderedJson::object();
  for (const auto& [dtype, bytes] : format.bytes_per_dtype) dtypes[dtype] = bytes;
  return {{"kind", format.kind}, {"tensors", format.tensors}, {"parameters", format.parameters}, {"bytes_per_dtype", dtypes}};
}

OrderedJson to_json(const ModelSignature& signature) {
  return {{"hint", signature.hint.hex()}, {"signature", to_base64(signature.signature)}, {"sha256", signature.sha256.hex()}};
}

Result<FileEntry> file_from(const Json& json) {
  JsonReader reader(json, "release: file");
  FileEntry file;
  file.path = reader.string("path");
  file.size = reader.number("size");
  file.sha256 = reader.as<Sha256>("sha256", Sha256::from_hex);
  SHOAL_CHECK(reader.finish());
  return file;
}

Result<std::vector<FileEntry>> files_from(const Json& array) {
  if (array.size() > file_count_limit) return refuse("more than " + std::to_string(file_count_limit) + " files");
  std::vector<FileEntry> files;
  files.reserve(array.size());
  for (const Json& item : array) {
    SHOAL_TRY(FileEntry file, file_from(item));
    files.push_back(std::move(file));
  }
  return files;
}

Result<SwarmInfo> swarm_from(const Json& json) {
  JsonReader reader(json, "release: swarm");
  SwarmInfo swarm;
  swarm.info_hash = reader.as<InfoHash>("info_hash", InfoHash::from_hex);
  std::uint64_t piece_length = reader.number("piece_length");
  swarm.metainfo_sha256 = reader.as<Sha256>("metainfo_sha256", Sha256::from_hex);
  swarm.metainfo_size = reader.number("metainfo_size");
  const bool names_packing = reader.has("packing");
  const std::uint64_t packing = names_packing ? reader.number("packing") : 1;
  SHOAL_CHECK(reader.finish());
  if (names_packing && (packing < 2 || packing > newest_packing))
    return refuse("swarm: packing " + std::to_string(packing) + " is not one that this version reads: upgrade this machine");
  swarm.packing = static_cast<std::uint32_t>(packing);
  if (piece_length > largest_piece) return refuse("piece_length is above 16 MiB");
  swarm.piece_length = static_cast<std::uint32_t>(piece_length);
  return swarm;
}

Result<ModelSignature> model_signature_from(const Json& json) {
  JsonReader reader(json, "release: model_signature");
  ModelSignature signature;
  signature.hint = reader.as<Sha256>("hint", Sha256::from_hex);
  signature.signature = reader.as<std::string>("signature", from_base64);
  signature.sha256 = reader.as<Sha256>("sha256", Sha256::from_hex);
  SHOAL_CHECK(reader.finish());
  return signature;
}

Result<FormatSummary> format_from(const Json& json) {
  JsonReader reader(json, "release: format");
  FormatSummary format;
  format.kind = reader.string("kind");
  format.tensors = reader.number("tensors");
  format.parameters = reader.number("parameters");
  const Json& dtypes = reader.object("bytes_per_dtype");
  SHOAL_CHECK(reader.finish());
  for (const auto& [dtype, bytes] : dtypes.items()) {
    if (!bytes.is_number_unsigned()) return refuse("bytes_per_dtype has a value that is not a whole number");
    format.bytes_per_dtype[dtype] = bytes.get<std::uint64_t>();
  }
  return format;
}

Result<std::map<std::string, std::string>> labels_from(const Json& json) {
  std::map<std::string, std::string> labels;
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) return refuse("label '" + printable(key) + "' is not a string");
    labels[key] = value.get<std::string>();
  }
  return labels;
}

Result<std::vector<std::string>> mirrors_from(const Json& array) {
  std::vector<std::string> mirrors;
  for (const Json& item : array) {
    if (!item.is_string()) return refuse("a mirror is not a string");
    mirrors.push_back(item.get<std::string>());
  }
  if (mirrors.empty()) return refuse("mirrors is there and empty");
  return mirrors;
}

Status check_files(const std::vector<FileEntry>& files) {
  if (files.empty()) return refuse("it has no files");
  if (files.size() > file_count_limit) return refuse("more than " + std::to_string(file_count_limit) + " files");
  std::vector<std::string> paths;
  ByteCount total = 0;
  for (const FileEntry& file : files) {
    // Both are at most 2^53, so that the sum cannot wrap before it is looked at.
    if (file.size > number_limit || (total += file.size) > number_limit) return refuse("the sizes of its files are beyond 2^53 bytes");
    if (!paths.empty() && paths.back() >= file.path) return refuse("its files are not in bytewise order, or one is there twice");
    paths.push_back(file.path);
  }
  return check_paths(paths).within("release");
}

Status check_swarm(const SwarmInfo& swarm) {
  if (!std::has_single_bit(swarm.piece_length) || swarm.piece_length < smallest_piece || swarm.piece_length > largest_piece)
    return refuse("piece_length is not a power of two from 16 KiB to 16 MiB");
  if (swarm.packing < 1 || swarm.packing > newest_packing) return refuse("packing is neither 1 nor 2");
  if (swarm.metainfo_size > metainfo_limit) return refuse("metainfo_size is above " + format_bytes(metainfo_limit));
  return {};
}

Status check_format(const FormatSummary& format) {
  if (format.kind != "safetensors" && format.kind != "gguf" && format.kind != "other")
    return refuse("format kind '" + printable(format.kind) + "' is not safetensors, gguf or other");
  if (format.tensors > number_limit || format.parameters > number_limit) return refuse("format counts are beyond 2^53");
  if (format.bytes_per_dtype.size() > dtype_count_limit) return refuse("more than 64 dtypes");
  for (const auto& [dtype, bytes] : format.bytes_per_dtype) {
    SHOAL_CHECK(check_text("release: dtype", dtype, 1, dtype_name_limit));
    if (bytes > number_limit) return refuse("bytes_per_dtype is beyond 2^53");
  }
  return {};
}

Status check_labels(const std::map<std::string, std::string>& labels) {
  if (labels.size() > label_count_limit) return refuse("more than 64 labels");
  for (const auto& [key, value] : labels) {
    SHOAL_CHECK(check_text("release: label name", key, 1, label_key_limit));
    SHOAL_CHECK(check_text("release: label", value, 0, label_value_limit));
  }
  return {};
}

Status check_model_signature(const Release& release) {
  if (!release.model_signature) return {};
  if (release.model_signature->signature.empty() || release.model_signature->signature.size() > signature_limit)
    return refuse("the signature in model_signature is not an ECDSA P-256 signature");
  if (has_own_model_signature(release)) return refuse("it has a file model.sig and a model_signature");
  return {};
}

}  // namespace

ByteCount Release::total_size() const {
  ByteCount total = 0;
  for (const FileEntry& file : files) total += file.size;
  return total;
}

Status check(const Release& release) {
  SHOAL_CHECK(check_name("release: model", release.model));
  SHOAL_CHECK(check_name("release: version", release.version));
  SHOAL_CHECK(check_files(release.files));
  SHOAL_CHECK(check_format(release.format));
  SHOAL_CHECK(check_labels(release.labels));
  SHOAL_CHECK(check_model_signature(release));
  SHOAL_CHECK(check_mirrors(release.mirrors).within("release"));
  return check_swarm(release.swarm);
}

std::string encode(const Release& release) {
  OrderedJson files = OrderedJson::array();
  for (const FileEntry& file : release.files) files.push_back(to_json(file));
  OrderedJson json;
  json["schema"] = document_schema;
  json["model"] = release.model.str();
  json["version"] = release.version.str();
  json["created"] = format_time(release.created);
  json["files"] = std::move(files);
  json["total_size"] = release.total_size();
  if (release.parent) json["parent"] = release.parent->hex();
  json["format"] = to_json(release.format);
  json["labels"] = OrderedJson(release.labels);
  json["swarm"] = to_json(release.swarm);
  // Left out where they say nothing, so that releases of before keep their ids.
  if (release.allows_code) json["allows_code"] = true;
  if (release.model_signature) json["model_signature"] = to_json(*release.model_signature);
  if (!release.mirrors.empty()) json["mirrors"] = release.mirrors;
  return json.dump();
}

Result<Release> decode_release(std::string_view payload) {
  SHOAL_TRY(Json json, parse_json(payload, release_limit).within("release"));
  JsonReader reader(json, "release");
  SHOAL_CHECK(check_schema(reader));
  Release release;
  release.model = reader.as<ModelName>("model", ModelName::parse);
  release.version = reader.as<VersionName>("version", VersionName::parse);
  release.created = reader.as<WallTime>("created", parse_time);
  const Json& files = reader.array("files");
  std::uint64_t total_size = reader.number("total_size");
  if (reader.has("parent")) release.parent = reader.as<ReleaseId>("parent", ReleaseId::from_hex);
  const Json& format = reader.object("format");
  const Json& labels = reader.object("labels");
  const Json& swarm = reader.object("swarm");
  if (reader.has("allows_code")) release.allows_code = reader.boolean("allows_code");
  const Json* signature = reader.has("model_signature") ? &reader.object("model_signature") : nullptr;
  const Json* mirrors = reader.has("mirrors") ? &reader.array("mirrors") : nullptr;
  SHOAL_CHECK(reader.finish());
  SHOAL_TRY(release.files, files_from(files));
  SHOAL_TRY(release.format, format_from(format));
  SHOAL_TRY(release.labels, labels_from(labels));
  SHOAL_TRY(release.swarm, swarm_from(swarm));
  if (signature != nullptr) {
    SHOAL_TRY(release.model_signature, model_signature_from(*signature));
  }
  if (mirrors != nullptr) {
    SHOAL_TRY(release.mirrors, mirrors_from(*mirrors));
  }
  SHOAL_CHECK(check(release));
  if (total_size != release.total_size()) return refuse("total_size is not the sum of the sizes");
  return release;
}

ReleaseId release_id(std::string_view payload) { return ReleaseId{crypto::sha256(payload).bytes}; }

}  // namespace shoal::manifest
