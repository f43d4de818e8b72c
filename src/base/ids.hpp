// Names and digests as types, so that a version cannot be passed where a channel is meant.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/encoding.hpp"
#include "base/result.hpp"

namespace shoal {

/// A string that is known to be valid for its kind. Made by the parse functions below.
template <class Tag>
class Name {
 public:
  Name() = default;
  static Result<Name> parse(std::string_view text);
  /// For text that this program wrote itself (a database row, a literal in a test). Not checked.
  static Name trusted(std::string text) { return Name(std::move(text)); }

  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const Name&) const = default;

 private:
  explicit Name(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// `org/name`; each part 1 to 96 characters of [A-Za-z0-9._-], not starting with '.' or '-'.
using ModelName = Name<struct ModelNameTag>;
/// 1 to 96 characters of [A-Za-z0-9._+-], not starting with '.' or '-'.
using VersionName = Name<struct VersionNameTag>;
/// 1 to 64 characters of [a-z0-9._-], not starting with '.' or '-'.
using ChannelName = Name<struct ChannelNameTag>;
/// The SPIFFE trust domain of the fleet: 1 to 63 characters of [a-z0-9.-], starting and ending with a letter or digit.
using FleetName = Name<struct FleetNameTag>;
/// Who a certificate names: exactly 12 characters of [a-z2-7] (base32), chosen by the tracker. As a BitTorrent peer id it
/// is "-SH0100-" followed by these 12 characters.
using NodeId = Name<struct NodeIdTag>;

template <>
Result<ModelName> ModelName::parse(std::string_view);
template <>
Result<VersionName> VersionName::parse(std::string_view);
template <>
Result<ChannelName> ChannelName::parse(std::string_view);
template <>
Result<FleetName> FleetName::parse(std::string_view);
template <>
Result<NodeId> NodeId::parse(std::string_view);

/// One version of a model, written `org/name@version`. It never changes.
struct VersionRef {
  ModelName model;
  VersionName version;
  std::string str() const { return model.str() + "@" + version.str(); }
  static Result<VersionRef> parse(std::string_view text);
  auto operator<=>(const VersionRef&) const = default;
};

/// A channel of a model, written `org/name:channel`. A publisher moves it from version to version.
struct ChannelRef {
  ModelName model;
  ChannelName channel;
  std::string str() const { return model.str() + ":" + channel.str(); }
  static Result<ChannelRef> parse(std::string_view text);
  auto operator<=>(const ChannelRef&) const = default;
};

/// A digest of N bytes.
template <std::size_t N, class Tag>
struct Digest {
  std::array<std::uint8_t, N> bytes{};

  static constexpr std::size_t size() { return N; }
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), N}; }
  std::string raw() const { return std::string(view()); }
  std::string hex() const { return to_hex(view()); }
  /// The first eight bytes as a number, big-endian: the same on every machine.
  std::uint64_t leading() const {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < sizeof number; ++i) number = number << 8 | bytes[i];
    return number;
  }
  auto operator<=>(const Digest&) const = default;

  /// From exactly N raw bytes.
  static Result<Digest> from_raw(std::string_view raw) {
    if (raw.size() != N) return fail("a digest of " + std::to_string(N) + " bytes cannot have " + std::to_string(raw.size()));
    Digest digest;
    for (std::size_t i = 0; i < N; ++i) digest.bytes[i] = static_cast<std::uint8_t>(raw[i]);
    return digest;
  }
  /// From exactly 2N lower-case hexadecimal digits.
  static Result<Digest> from_hex(std::string_view text) {
    for (char c : text)
      if (c >= 'A' && c <= 'F') return fail("a digest must be lower-case hexadecimal");
    SHOAL_TRY(std::string raw, shoal::from_hex(text));
    return from_raw(raw);
  }
};

using Sha1 = Digest<20, struct Sha1Tag>;
using Sha256 = Digest<32, struct Sha256Tag>;
/// BitTorrent v1 info-hash (BEP 3): SHA-1 of the bencoded info dictionary.
using InfoHash = Digest<20, struct InfoHashTag>;
/// SHA-256 of the payload of a release's envelope.
using ReleaseId = Digest<32, struct ReleaseIdTag>;

/// "-SH0100-" + id: the BitTorrent peer id of a machine of the fleet (20 bytes).
std::string peer_id_of(const NodeId& id);
/// The machine that a peer id names; an error where the peer id is not one of Shoal's.
Result<NodeId> node_of_peer_id(std::string_view peer_id);

}  // namespace shoal

template <class Tag>
struct std::hash<shoal::Name<Tag>> {
  std::size_t operator()(const shoal::Name<Tag>& name) const { return std::hash<std::string>{}(name.str()); }
};
template <std::size_t N, class Tag>
struct std::hash<shoal::Digest<N, Tag>> {
  std::size_t operator()(const shoal::Digest<N, Tag>& digest) const { return std::hash<std::string_view>{}(digest.view()); }
};
