#include "node/arrival.hpp"

#include <fcntl.h>

#include <array>
#include <span>

#include "base/log.hpp"
#include "base/read_range.hpp"
#include "base/shutdown.hpp"
#include "crypto/digest.hpp"

namespace shoal::node {
namespace {

constexpr std::chrono::milliseconds look_period{50};
constexpr std::size_t read_size = 256 * 1024;

Status hash_part(const fs::path& path, const store::FilePart& part, crypto::Sha256Hasher& hasher) {
  SHOAL_TRY(const UniqueFd file, open_file(path, O_RDONLY));
  std::vector<char> buffer(read_size);
  for (ByteCount done = 0; done < part.length;) {
    const auto wanted = std::min<ByteCount>(buffer.size(), part.length - done);
    SHOAL_TRY(const std::size_t got, read_at(file, part.offset + done, std::span(buffer.data(), wanted)));
    if (got != wanted) return fail(path.string() + " is too short");
    hasher.update({buffer.data(), got});
    done += got;
  }
  return {};
}

}  // namespace

/// Reads as far as the release has come.
class ArrivingBody final : public http::BodySource {
 public:
  ArrivingBody(std::shared_ptr<Arrival> arrival, std::uint32_t file, gateway::Span bytes)
      : arrival_(std::move(arrival)), file_(file), bytes_(bytes) {}
  ~ArrivingBody() override {
    if (reader_) arrival_->leave(*reader_);
  }

  ByteCount size() const override { return bytes_.length; }
  void on_news(std::function<void()> wake) override { reader_ = arrival_->enter(std::move(wake)); }

  Result<Stretch> at(ByteCount position) override {
    const ByteCount offset = bytes_.first + position;
    SHOAL_TRY(const Arrival::Readable readable, arrival_->look(file_, offset));
    if (readable.length == 0) return Stretch{};
    SHOAL_CHECK(open(readable.whole));
    return Stretch{fd_.get(), offset, std::min(readable.length, bytes_.length - position)};
  }

 private:
  Status open(bool whole) {
    if (fd_ && whole == opened_whole_) return {};
    const fs::path below = whole ? arrival_->shelf_.release(arrival_->release_->id()) : arrival_->shelf_.incoming(arrival_->release_->id());
    SHOAL_TRY(fd_, open_file(below / (*arrival_->release_)->files[file_].path, O_RDONLY));
    opened_whole_ = whole;
    return {};
  }

  const std::shared_ptr<Arrival> arrival_;
  const std::uint32_t file_;
  const gateway::Span bytes_;
  std::optional<Arrival::Reader> reader_;
  UniqueFd fd_;
  bool opened_whole_ = false;
};

Arrival::Arrival(std::shared_ptr<const manifest::VerifiedRelease> release, Shelf shelf, Means means)
    : release_(std::move(release)), shelf_(std::move(shelf)), means_(std::move(means)) {}

Arrival::~Arrival() {
  fetch_.request_stop();
  watch_.request_stop();
}

void Arrival::begin() {
  watch_ = std::jthread([this](const std::stop_token& stop) { run_watch(stop); });
  fetch_ = std::jthread([this](const std::stop_token& stop) { run_fetch(stop); });
}

std::shared_ptr<http::BodySource> Arrival::body(std::uint32_t file, gateway::Span bytes) {
  return std::make_shared<ArrivingBody>(shared_from_this(), file, bytes);
}

bool Arrival::ended() const {
  return state_.with([](const State& state) { return state.phase != Phase::coming; });
}

std::optional<Error> Arrival::failure() const {
  return state_.with([](const State& state) { return state.phase == Phase::failed ? std::optional(state.failure) : std::nullopt; });
}

// ---- readers ----

Arrival::Reader Arrival::enter(std::function<void()> wake) {
  return state_.with([&](State& state) {
    state.readers.emplace(state.next_reader, std::move(wake));
    return state.next_reader++;
  });
}

void Arrival::leave(Reader reader) {
  state_.with([&](State& state) { state.readers.erase(reader); });
}

void Arrival::wake_all() {
  const auto readers = state_.with([](const State& state) { return state.readers; });
  for (const auto& [reader, wake] : readers) wake();
}

Result<Arrival::Readable> Arrival::look(std::uint32_t file, ByteCount offset) {
  std::optional<std::uint32_t> to_prove;
  std::vector<std::uint32_t> to_hurry;
  auto seen = state_.with([&](State& state) -> Result<Readable> {
    if (state.phase == Phase::failed) return state.failure;
    if (state.phase == Phase::whole) return Readable{(*release_)->files[file].size - offset, true};
    if (!state.pieces || !state.in_swarm) return Readable{};
    to_hurry = state.pieces->to_hurry(file, offset);
    const std::uint32_t piece = state.pieces->piece_at(file, offset);
    if (!state.pieces->has(piece)) return Readable{};
    if (!state.pieces->is_proved(piece)) to_prove = piece;
    return Readable{state.pieces->rest_of_piece(file, offset), false};
  });
  if (!to_hurry.empty()) means_.hurry(to_hurry);
  if (!seen.ok() || !to_prove) return seen;
  SHOAL_TRY(const bool right, prove(*to_prove));
  return right ? seen : Readable{};
}

/// A piece that was right when it arrived may have lain on a disk since, even across a restart. It is compared again before it is sent.
Result<bool> Arrival::prove(std::uint32_t piece) const {
  const auto metainfo = state_.with([](const State& state) { return state.metainfo; });
  crypto::Sha256Hasher hasher;
  for (const auto& part : metainfo->layout().parts(piece)) {
    const fs::path path = shelf_.incoming(release_->id()) / metainfo->layout().files()[part.file].path;
    if (!hash_part(path, part, hasher).ok()) return false;  // it has just got its final name, or is fetched again
  }
  if (hasher.finish() != metainfo->piece_sha256()[piece]) return false;
  state_.with([&](State& state) { state.pieces->set_proved(piece); });
  return true;
}

// ---- the two threads ----

void Arrival::run_fetch(const std::stop_token& stop) {
  const Status outcome = means_.fetch(stop);
  state_.with([&](State& state) {
    state.phase = outcome.ok() ? Phase::whole : Phase::failed;
    if (!outcome.ok()) state.failure = outcome.error();
  });
  if (!outcome.ok()) log::warn("gateway_fetch_failed", {{"release", release_->id().hex()}, {"reason", outcome.error().message}});
  wake_all();
}

/// Ends by itself after the fetch: the two threads do not reach for each other, because this object may be going.
void Arrival::run_watch(const std::stop_token& stop) {
  do watch_once();
  while (sleep_for(look_period, stop) && !ended());
}

/// The metainfo is kept on the disk before the first byte of content.
void Arrival::load_metainfo() {
  auto bytes = shelf_.metainfo(release_->id());
  if (!bytes.ok()) return;
  auto checked = metainfo::CheckedMetainfo::check(*release_, std::move(*bytes));
  if (!checked.ok()) return;
  auto metainfo = std::make_shared<const metainfo::CheckedMetainfo>(std::move(*checked));
  state_.with([&](State& state) {
    state.pieces.emplace(metainfo->layout());
    state.metainfo = std::move(metainfo);
  });
}

void Arrival::watch_once() {
  const auto [loaded, idle] = state_.with([](const State& state) { return std::pair(state.metainfo != nullptr, state.readers.empty()); });
  if (idle) return;
  if (!loaded) load_metainfo();
  const std::vector<bool> have = means_.pieces();
  std::vector<std::uint32_t> first;
  const bool news = state_.with([&](State& state) {
    if (!state.pieces) return false;
    const bool came = have.size() == state.pieces->layout().piece_count(), is_new = came && !state.in_swarm;
    if (is_new) state.pieces->forget_hurried();
    if (is_new) first = pieces_read_first(state.pieces->layout());
    state.pieces->note_hurried(first);
    state.in_swarm = came;
    return state.pieces->set_have(have) || is_new;
  });
  if (!first.empty()) means_.hurry(first);
  if (news) wake_all();
}

}  // namespace shoal::node
