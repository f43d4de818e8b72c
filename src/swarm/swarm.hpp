// The BitTorrent engine as the roles see it: add content, watch it, remove it. libtorrent is not visible here.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <variant>

#include "fanout/stall.hpp"
#include "mesh/mesh.hpp"
#include "registry/client.hpp"
#include "store/piece_store.hpp"
#include "swarm/metainfo.hpp"

namespace shoal::swarm {

struct SwarmOptions {
  /// Fewer where the limit of open files is low (session_settings.hpp).
  int connections = 1000;
  /// Bytes per second over all torrents; 0 is unlimited.
  ByteCount upload_limit = 0, download_limit = 0;
  /// What unfinished pieces, the cache and blocks on their way to peers may take together.
  ByteCount memory_budget = 192 * MiB;
  /// Bytes per second that are read and hashed again in the background to find decay; 0: none.
  ByteCount scrub_rate = 0;
  /// Whether a source rations what it has (directed seeding); without it, it is an ordinary seed.
  bool directed = true;
  /// Whether this machine takes part in directed seeding at all. Off, it is to all others a BitTorrent client like any; for tests.
  bool speaks_grants = true;
  /// Where this machine stands; empty where nobody knows. What comes from other sites is shared out among those of one site.
  std::string site = {};
  /// The source of the client's stop token: lets the destructor end a request that the tracker does not answer. Without it, the
  /// destructor waits for the client's own time-out in that case.
  /// A piece that no source or peer had for so long is asked of the release's HTTPS mirrors; 0: never.
  std::chrono::milliseconds mirror_after{0};
  /// Whose certificates are good for mirrors (PEM); empty: those that this system trusts.
  std::string mirror_ca = {};
  std::stop_source client_stop{std::nostopstate};
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
  CheckedMetainfo metainfo;
  fs::path root;
};

struct Content {
  CheckedMetainfo metainfo;
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

/// Notes in the content's journal that these pieces (one bit for each) were verified where they are. The content must not be in a swarm.
Status remember(const Content& content, const std::vector<bool>& have);

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
  ByteCount from_source = 0, from_nodes = 0, from_mirrors = 0;
  ByteCount to_sources = 0, to_nodes = 0;
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
/// A fetch that cannot go on for now: it goes on by itself when the reason is over, so Completed may still follow. Or complete content
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

/// Owns the libtorrent session, a thread for its events and one for announces. All calls are thread-safe; none blocks on the
/// network, but for the destructor, which announces `stopped` (two seconds at most).
class Swarm {
 public:
  /// `events` is called on the threads of the swarm, most often its event thread, and must return at once. `client` is used by the announce
  /// thread alone. `self` is the machine's own id; announces use peer_id_of(self) and the mesh's port.
  static Result<std::unique_ptr<Swarm>> start(SwarmOptions options, NodeId self, mesh::Mesh& mesh, std::unique_ptr<registry::Client> client,
                                              const Clock& clock, std::function<void(const Event&)> events);
  virtual ~Swarm() = default;

  /// Content that is there already (same info-hash) is an error of code `conflict`; a source with a file that is missing or of
  /// another size is `verification`. Looks at every file's size; a fetch also makes directories and empty files.
  virtual Status add(Content content) = 0;
  /// Forgets the content and announces `stopped`; files stay. Returns when the engine has closed them.
  virtual void remove(const InfoHash& content) = 0;
  virtual std::optional<Progress> progress(const InfoHash& content) const = 0;
  /// The formats are judged: everything may be fetched (Content::deciding_first).
  virtual void open_gate(const InfoHash& content) = 0;
  /// To be called several times a second until then: what waits at the gate does not wait long for deciding pieces that do not come.
  virtual void look_at_gate(const InfoHash& content) = 0;
  /// Which pieces are verified and written, one bit for each; none where the content is not here. Waits for the engine.
  virtual std::vector<bool> pieces(const InfoHash& content) const = 0;
  virtual Totals totals() const = 0;
  /// Bytes per second over all contents; 0 is unlimited. Running transfers follow within a second.
  virtual void set_limits(ByteCount upload, ByteCount download) = 0;
  /// The last announce: empty after a success, else why the tracker could not be asked.
  virtual std::string announce_problem(const InfoHash& content) const = 0;
};

}  // namespace shoal::swarm
