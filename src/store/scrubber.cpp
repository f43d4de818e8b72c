#include "store/scrubber.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "store/explorer.hpp"

namespace shoal::store {
namespace {

constexpr std::chrono::milliseconds nothing_there{1000};

Result<Sha256> fresh_digest(StoredContent& content, std::uint32_t piece) {
  content.files->drop_cache(content.parts(piece));
  return stored_digest(content, piece);
}

}  // namespace

Scrubber::Scrubber(Contents& contents, ByteCount rate, std::chrono::milliseconds pause) : contents_(contents), rate_(rate), pause_(pause) {
  if (rate > 0) thread_ = std::thread([this] { run(); });
}

void Scrubber::end() {
  *ending_.lock() = true;
  ended_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Scrubber::run() {
  Place place;
  bool walked = false;
  while (true) {
    const ContentPtr content = next(place);
    std::chrono::nanoseconds pause = walked ? pause_ : std::min(pause_, nothing_there);
    if (content) pause = scrub_time(content->bytes_in(place.piece), rate_);
    if (content) scrub(content, place.piece++);
    walked = content != nullptr;
    auto ending = ending_.lock();
    if (ended_.wait_for(ending.lock(), pause, [&] { return *ending; })) return;
  }
}

std::chrono::nanoseconds scrub_time(ByteCount bytes, ByteCount rate) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(bytes) / static_cast<double>(rate) * 1e9));
}

/// The next piece that is there and durable, which is kept open for `scrub`; nothing at the end of a round.
ContentPtr Scrubber::next(Place& place) {
  auto state = contents_.lock();
  for (auto it = state->contents.lower_bound(place.content); it != state->contents.end(); ++it) {
    const ContentState& content = state->of(*it->second);
    if (it->first != place.content) place = {it->first, 0};
    for (; !content.stopping && place.piece < content.have.size(); ++place.piece) {
      if (!content.have[place.piece] || content.written.contains(place.piece) || content.syncing.contains(place.piece)) continue;
      state->start_job(*it->second);
      return it->second;
    }
  }
  place = {};
  return nullptr;
}

/// Reads from the disk itself, without memory of the budget. A read that fails now may succeed soon; bytes that are wrong twice are wrong.
void Scrubber::scrub(const ContentPtr& content, std::uint32_t piece) {
  Result<Sha256> digest = fresh_digest(*content, piece);
  if (digest.ok() && digest.value() != content->spec.pieces[piece]) digest = fresh_digest(*content, piece);
  if (!digest.ok()) {
    log::warn("scrub_cannot_read", {{"file", content->name(content->parts(piece).front().file)}, {"reason", digest.error().message}});
  } else if (digest.value() != content->spec.pieces[piece]) {
    contents_.lose(content, {piece}, wrong_bytes(*content, piece));
  }
  contents_.end_job(*content);
}

}  // namespace shoal::store
