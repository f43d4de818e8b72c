#include "swarm/prompt_dialing.hpp"

#include <libtorrent/torrent_flags.hpp>

namespace shoal::swarm {
namespace {

/// Called on the network thread alone, where calls on the handle are carried out before they return.
class PromptDialing final : public lt::torrent_plugin {
 public:
  explicit PromptDialing(lt::torrent_handle torrent) : torrent_(std::move(torrent)) {}

  void on_add_peer(const lt::tcp::endpoint&, lt::peer_source_flags_t, lt::add_peer_flags_t) override {
    // A torrent that an error has paused stays so.
    if (pretending_ || (torrent_.flags() & lt::torrent_flags::paused)) return;
    pretending_ = true;
    torrent_.pause();
    torrent_.resume();
    pretending_ = false;
  }

  bool on_pause() override { return pretending_; }

 private:
  lt::torrent_handle torrent_;
  bool pretending_ = false;
};

}  // namespace

std::shared_ptr<lt::torrent_plugin> prompt_dialing(const lt::torrent_handle& torrent) { return std::make_shared<PromptDialing>(torrent); }

}  // namespace shoal::swarm
