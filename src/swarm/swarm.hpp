// The BitTorrent engine as the roles see it: add content, watch it, remove it. libtorrent is not visible here.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "mesh/mesh.hpp"
#include "registry/client.hpp"
#include "swarm/content.hpp"

namespace shoal::swarm {

/// Notes in the content's journal that these pieces (one bit for each) were verified where they are. The content must not be in a swarm.
Status remember(const Content& content, const std::vector<bool>& have);

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
  /// Somebody waits for these pieces: they are fetched before others. Nothing where the content is not here.
  virtual void hurry(const InfoHash& content, const std::vector<std::uint32_t>& pieces) = 0;
  /// Which pieces are verified and written, one bit for each; none where the content is not here. Waits for the engine.
  virtual std::vector<bool> pieces(const InfoHash& content) const = 0;
  virtual Totals totals() const = 0;
  /// Bytes per second over all contents; 0 is unlimited. Running transfers follow within a second.
  virtual void set_limits(ByteCount upload, ByteCount download) = 0;
  /// The last announce: empty after a success, else why the tracker could not be asked.
  virtual std::string announce_problem(const InfoHash& content) const = 0;
};

}  // namespace shoal::swarm
