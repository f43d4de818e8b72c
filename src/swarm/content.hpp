// The words of the engine: its options, the contents that it is given, and the events and figures that come back. swarm.hpp is the class.
#pragma once

#include <array>
#include <optional>
#include <stop_token>
#include <variant>

#include "fanout/stall.hpp"
#include "metainfo/metainfo.hpp"
#include "store/content_types.hpp"

namespace shoal::swarm {

struct SwarmOptions {
  /// Fewer where the limit of open files is low (session_settings.hpp).
  int connections = 1000;
  /// Bytes per second over all torrents; 0 is unlimited.
  ByteCount upload_limit = 0, download_limit = 0;
  /// Memory for unfinished pieces, the cache and blocks on their way to peers, together.
  ByteCount memory_budget = 192 * MiB;
  /// Served data is re-read in the background at this rate, in bytes per second, to detect bit rot; 0: never.
  ByteCount scrub_rate = 0;
  /// Whether a source rations what it has (directed seeding); without it, it is an ordinary seed.
  bool directed = true;
  /// Whether this machine takes part in directed seeding at all. Off, it is to all others a BitTorrent client like any; for tests.
  bool speaks_grants = true;
  /// The site of this machine; empty: unknown. The nodes of one site share out what crosses to it.
  std::string site = {};
  /// A node fetches a piece from the release's HTTPS mirrors when no source or peer has had it for this long; 0: never.
  std::chrono::milliseconds mirror_after{0};
  /// Certificate authorities for mirrors (PEM); empty: those that this system trusts.
  std::string mirror_ca = {};
  /// The source of the client's stop token: lets the destructor end a request that the tracker does not answer. Without it, the
  /// destructor waits for the client's own time-out in that case.
  std::stop_source client_stop{std::nostopstate};
  /// Where others reach this machine, if not where the tracker sees it; port 0: the port at which it listens.
  std::optional<HostPort> advertise = {};
  /// When a fetch of which nothing arrives waits, and when it is stalled.
  fanout::StallTimes stall = {};
  /// Files and directories that all contents together keep open; `start` sets it by the limit of open files.
  std::size_t open_files = 128;
};

enum class Mode {
  seed,   // all files are there and were verified; nothing is ever written
  keep,   // the same, but what turns out to be damaged is fetched again and written in its place
  fetch,  // files are created below `root`; what the journal knows is kept, and without one what is there is re-hashed
};

/// A release that is on this machine already, and may have pieces in common with another.
struct OlderRelease {
  metainfo::CheckedMetainfo metainfo;
  fs::path root;
};

struct Content {
  metainfo::CheckedMetainfo metainfo;
  fs::path root;  // files are root/<path in the release>
  Mode mode = Mode::fetch;
  /// A file that remembers which pieces were verified, for Mode::fetch: a restart hashes nothing. Its directory must exist. Without a
  /// journal (empty) nothing is remembered.
  fs::path journal = {};
  /// Pieces that these have are copied, or cloned where the file system can, instead of downloaded (Mode::fetch).
  std::vector<OlderRelease> reuse_from = {};
  /// Of all pieces, from when they were hashed, or none (Mode::seed). They spare hashing on every read.
  std::vector<store::Fingerprint> fingerprints = {};
  /// HTTPS addresses of the release where its files also lie (Mode::fetch).
  std::vector<std::string> mirrors = {};
  /// Where `root` will be renamed to while the content is in the swarm; empty: nowhere.
  fs::path moves_to = {};
  /// The deciding pieces (swarm/deciding_pieces.hpp) come first, and not much beside them until open_gate() (Mode::fetch). Decidable tells
  /// that they are there; it does not come for a content that has none.
  bool deciding_first = false;
};

struct Progress {
  ByteCount size = 0;
  ByteCount done = 0;  // verified bytes, without padding
  // Payload as it arrived: what came twice, or was part of a piece that failed its check, counts each time.
  ByteCount from_source = 0;                     // from machines with the role seeder, since the content was added
  ByteCount from_peers = 0;                      // ... with any other role
  ByteCount from_mirrors = 0;                    // from HTTPS mirrors
  ByteCount reused = 0;                          // copied from older releases
  ByteCount sent = 0;                            // payload sent
  ByteCount download_rate = 0, upload_rate = 0;  // bytes per second
  std::uint32_t peers = 0;                       // connected
  std::uint32_t banned = 0;                      // machines that lied and are kept away for now
  bool checking = false;                         // re-hashing what was there
  bool complete = false;
  fanout::Stall stall = {};  // why nothing arrives; no reason while something does
};

/// Over all contents since the engine was started; what was removed still counts.
struct Totals {
  // Payload, as in Progress.
  ByteCount from_source = 0, from_peers = 0, from_mirrors = 0;
  ByteCount to_sources = 0, to_peers = 0;
  store::StoreCounters store;
  std::size_t contents = 0;                                  // now
  std::array<std::size_t, fanout::stall_reasons> stalled{};  // fetches, now, by StallReason
  std::uint64_t lies = 0;                                    // proofs that a machine had sent wrong bytes
  std::size_t banned = 0;                                    // machines, now
};

/// Fetched content is whole, and every byte of it is durable. Seeds do not send it.
struct Completed {
  InfoHash content;
};
/// A fetch that cannot go on for now: it continues by itself once the reason has gone, so Completed may still follow. Or complete content
/// that could not be read several times in a row, which is still tried again. Or a source whose bytes are no longer those that were
/// published (`verification`).
struct Failed {
  InfoHash content;
  Error error;  // no_space, or failed with the path
};
/// A peer that was proved to have sent wrong bytes: a whole piece that did not verify, or a block that differs from the verified one.
struct PeerLied {
  InfoHash content;
  NodeId peer;
  std::chrono::seconds banned{0};  // from now on; zero where nobody else has what it has, so that it stays
  bool everywhere = false;         // from all contents; otherwise from this one
};
/// A mirror that did not give what was asked for. It is tried again later, but for one that gave wrong bytes (`verification`).
struct MirrorFailed {
  InfoHash content;
  std::string url;
  Error error;
};
/// All deciding pieces are verified and written (Content::deciding_first). Told on the engine's network thread, at once.
struct Decidable {
  InfoHash content;
};
using Event = std::variant<Completed, Failed, PeerLied, MirrorFailed, Decidable>;

}  // namespace shoal::swarm
