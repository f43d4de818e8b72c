// The scrub: a slow walk over what is verified, to find decay before somebody needs the piece.
#include <algorithm>

#include "base/log.hpp"
#include "store/piece_store_impl.hpp"

namespace shoal::store {
namespace {

constexpr std::chrono::milliseconds nothing_there{1000};

}  // namespace

void PieceStore::Impl::scrub_loop() {
  ScrubPlace place;
  bool walked = false;
  while (true) {
    const ContentPtr content = next_to_scrub(place);
    std::chrono::nanoseconds pause = walked ? options_.scrub_pause : std::min(options_.scrub_pause, nothing_there);
    if (content) pause = scrub_time(content->bytes_in(place.piece), options_.scrub_rate);
    if (content) scrub(content, place.piece++);
    walked = content != nullptr;
    auto state = state_.lock();
    if (scrub_ended_.wait_for(state.lock(), pause, [&] { return state->scrub_ending; })) return;
  }
}

std::chrono::nanoseconds scrub_time(ByteCount bytes, ByteCount rate) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(bytes) / static_cast<double>(rate) * 1e9));
}

/// The next piece that is there and durable, which is kept open for `scrub`; nothing at the end of a round.
ContentPtr PieceStore::Impl::next_to_scrub(ScrubPlace& place) {
  auto state = state_.lock();
  for (auto it = state->contents.lower_bound(place.content); it != state->contents.end(); ++it) {
    StoredContent& content = *it->second;
    if (it->first != place.content) place = {it->first, 0};
    for (; !content.stopping && place.piece < content.have.size(); ++place.piece) {
      if (!content.have[place.piece] || content.written.contains(place.piece) || content.syncing.contains(place.piece)) continue;
      start_job(content);
      return it->second;
    }
  }
  place = {};
  return nullptr;
}

/// Reads from the disk itself, without memory of the budget. What cannot be read may be readable soon; what is wrong twice is wrong.
void PieceStore::Impl::scrub(const ContentPtr& content, std::uint32_t piece) {
  Result<Sha256> digest = fresh_digest(*content, piece);
  if (digest.ok() && digest.value() != content->news.pieces[piece]) digest = fresh_digest(*content, piece);
  if (!digest.ok()) {
    log::warn("scrub_cannot_read", {{"file", content->name(content->parts(piece).front().file)}, {"why", digest.error().message}});
  } else if (digest.value() != content->news.pieces[piece]) {
    lose(content, {piece}, wrong_bytes(*content, piece));
  }
  end_job(*content);
}

Result<Sha256> PieceStore::Impl::fresh_digest(StoredContent& content, std::uint32_t piece) {
  content.files->drop_cache(content.parts(piece));
  return stored_digest(content, piece);
}

}  // namespace shoal::store
