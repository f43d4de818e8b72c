// The release: what one version of one model consists of. docs/formats.md has the JSON.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/units.hpp"

namespace shoal::manifest {

/// Numbers in signed documents stay below 2^53, so that every JSON reader sees the same value.
inline constexpr std::uint64_t number_limit = (std::uint64_t{1} << 53) - 1;
inline constexpr std::size_t file_count_limit = 100'000;
inline constexpr ByteCount metainfo_limit = 128 * MiB;
/// The largest metainfo that a tracker stores; nobody makes a larger one.
inline constexpr ByteCount stored_metainfo_limit = 64 * MiB;
inline constexpr std::uint32_t smallest_piece = 16 * 1024;
inline constexpr std::uint32_t newest_packing = 2;
inline constexpr std::uint32_t largest_piece = 16 * 1024 * 1024;  // a node holds several in memory

/// One file. Paths are relative, '/'-separated UTF-8 and pass check_paths().
struct FileEntry {
  std::string path;
  ByteCount size = 0;
  Sha256 sha256;
  bool operator==(const FileEntry&) const = default;
};

/// How the swarm carries the release.
struct SwarmInfo {
  InfoHash info_hash;
  std::uint32_t piece_length = 0;  // bytes, a power of two from 16 KiB to 16 MiB
  Sha256 metainfo_sha256;
  ByteCount metainfo_size = 0;
  std::uint32_t packing =
      1;  // how files lie in pieces: store::Packing. 1 is not written, so that nodes that know no other read the release
  bool operator==(const SwarmInfo&) const = default;
};

/// What the weights are, read from safetensors or GGUF headers; zeroes where unknown.
struct FormatSummary {
  std::string kind;  // "safetensors", "gguf" or "other"
  std::uint64_t tensors = 0;
  std::uint64_t parameters = 0;
  std::map<std::string, ByteCount> bytes_per_dtype;
  bool operator==(const FormatSummary&) const = default;
};

/// An OpenSSF Model Signing signature over the files: manifest/model_signing.hpp makes `model.sig` of it.
struct ModelSignature {
  Sha256 hint;            // of the public key in PEM form
  std::string signature;  // ECDSA P-256, ASN.1 DER
  Sha256 sha256;          // of model.sig
  bool operator==(const ModelSignature&) const = default;
};

struct Release {
  ModelName model;
  VersionName version;
  WallTime created;
  std::vector<FileEntry> files;  // sorted by path, bytewise
  std::optional<ReleaseId> parent;
  FormatSummary format;
  std::map<std::string, std::string> labels;
  SwarmInfo swarm;
  /// The publisher knows that it has formats that execute code when they are loaded (manifest/code_formats.hpp).
  bool allows_code = false;
  std::optional<ModelSignature> model_signature;
  /// HTTPS addresses where the files also lie, for when nobody in the fleet has a piece (manifest/mirrors.hpp).
  std::vector<std::string> mirrors = {};

  VersionRef ref() const { return {model, version}; }
  ByteCount total_size() const;
  bool operator==(const Release&) const = default;
};

/// Every rule of docs/formats.md for a release: what a publisher asks before it signs, and decode_release after it parsed.
Status check(const Release& release);
/// The payload bytes of a release that passes check().
std::string encode(const Release& release);
/// The id of the release with this payload.
ReleaseId release_id(std::string_view payload);
/// Parses and checks every rule of docs/formats.md: names, paths, sizes that do not overflow, sorted files, at least one.
Result<Release> decode_release(std::string_view payload);

/// Path rules: not empty, at most 4096 bytes and 255 a component, valid UTF-8, no "..", ".", empty component, leading '/',
/// '\\', control characters, no two paths or directories that differ in case alone (ASCII), no path that is also a directory of
/// another. The code of a refusal is `usage`: a publisher names a directory that has such a file.
Status check_paths(const std::vector<std::string>& paths);

/// A release that goes to a part of the fleet first.
struct Rollout {
  std::uint32_t percent = 100;         // of the nodes, 0 to 100
  std::string salt;                    // mixed with a node's id, so that it is not always the same nodes that go first
  std::optional<ReleaseId> otherwise;  // for nodes that are not chosen and have no version of the channel yet
  std::uint32_t halt_percent = 0;      // of the nodes that tried: more failures than this stop the rollout; 0: never
  bool operator==(const Rollout&) const = default;
};

/// Whether this node is among the first. The same node stays chosen while `percent` grows under one salt.
bool is_chosen(const Rollout& rollout, const NodeId& node);

/// A pointer from a channel to a release.
struct ChannelPointer {
  ModelName model;
  ChannelName channel;
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  ReleaseId release;
  WallTime issued;
  WallTime expires;
  std::optional<ReleaseId> rollback_of;
  std::string reason;
  std::optional<Rollout> rollout;  // none: for all nodes

  ChannelRef ref() const { return {model, channel}; }
  bool operator==(const ChannelPointer&) const = default;
};

Status check(const ChannelPointer& pointer);
/// The payload bytes of a pointer that passes check().
std::string encode(const ChannelPointer& pointer);
Result<ChannelPointer> decode_channel_pointer(std::string_view payload);

}  // namespace shoal::manifest
