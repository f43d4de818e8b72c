#include "swarm/mirror_fetcher.hpp"

#include <libtorrent/peer_info.hpp>

#include <algorithm>
#include <atomic>
#include <iterator>

#include "base/log.hpp"
#include "base/shutdown.hpp"
#include "crypto/digest.hpp"
#include "manifest/mirrors.hpp"
#include "swarm/deciding_pieces.hpp"

namespace shoal::swarm {
namespace {

constexpr std::chrono::milliseconds look_interval{500};
// For a request: a while, and the time that the bytes take at 128 KiB a second.
constexpr std::chrono::milliseconds least_timeout{30'000};
constexpr ByteCount slowest_rate = 128 * KiB;
// What was handed over and is not verified yet: so that a slow disk does not fill the memory.
constexpr std::size_t pending_limit = 4;
constexpr std::chrono::seconds pending_time{60};

std::chrono::milliseconds timeout_for(ByteCount bytes) { return least_timeout + std::chrono::milliseconds(bytes * 1000 / slowest_rate); }

}  // namespace

struct MirrorFetcher::Mirror {
  std::string url;
  manifest::MirrorUrl where;
  std::unique_ptr<http::Client> client;
  unsigned failures = 0;  // in a row
  SteadyTime not_before{};
  bool dropped = false;
  std::string told;
};

struct MirrorFetcher::Task {
  std::shared_ptr<HostedContent> hosted;
  metainfo::CheckedMetainfo metainfo;
  std::vector<std::uint32_t> deciding = deciding_pieces(metainfo.layout());
  MirrorPolicy policy;
  std::vector<Mirror> mirrors;
  std::map<std::uint32_t, SteadyTime> pending;  // pieces with the engine, and until when they are waited for
  std::stop_source stop = {};
  std::atomic<bool> hastened = false;

  Task(std::shared_ptr<HostedContent> h, metainfo::CheckedMetainfo m, MirrorPolicy p)
      : hosted(std::move(h)), metainfo(std::move(m)), policy(p) {}
};

MirrorFetcher::MirrorFetcher(const mesh::Mesh& mesh, const Clock& clock, MirrorOptions options, std::shared_ptr<PayloadCounts> totals,
                             std::function<void(const Event&)> events)
    : mesh_(mesh),
      clock_(clock),
      options_(std::move(options)),
      totals_(std::move(totals)),
      events_(std::move(events)),
      random_(std::random_device()()) {}

MirrorFetcher::~MirrorFetcher() {
  tasks_.with([](Tasks& tasks) {
    for (auto& [id, task] : tasks) task->stop.request_stop();
  });
  thread_.lock()->request_stop();
  std::jthread last = std::move(*thread_.lock());
}

void MirrorFetcher::add(const std::shared_ptr<HostedContent>& hosted, const Content& content) {
  if (options_.after.count() == 0) return;
  auto task = std::make_shared<Task>(hosted, content.metainfo, MirrorPolicy(options_.after, clock_.steady_now()));
  for (const std::string& url : content.mirrors)
    if (auto where = manifest::parse_mirror(url); where.ok())
      task->mirrors.push_back({url, std::move(where).value(), nullptr, 0, {}, false, {}});
  tasks_.lock()->insert_or_assign(hosted->id(), std::move(task));
  auto thread = thread_.lock();
  if (!thread->joinable()) *thread = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void MirrorFetcher::remove(const InfoHash& content) {
  auto tasks = tasks_.lock();
  auto node = tasks->extract(content);
  if (!node.empty()) node.mapped()->stop.request_stop();
}

void MirrorFetcher::hasten(const InfoHash& content) {
  auto tasks = tasks_.lock();
  if (auto found = tasks->find(content); found != tasks->end()) found->second->hastened = true;
}

void MirrorFetcher::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    bool worked = false;
    for (const auto& [id, task] : tasks_.with([](const Tasks& tasks) { return tasks; })) {
      if (stop.stop_requested()) return;
      try {
        worked = turn(*task) || worked;
      } catch (const std::exception& problem) {  // the engine throws where the content has gone meanwhile
        log::debug("mirror_turn_failed", {{"info_hash", id.hex()}, {"reason", problem.what()}});
      }
    }
    if (!worked && !sleep_for(look_interval, stop)) return;
  }
}

/// Whether a mirror was asked for a piece.
bool MirrorFetcher::turn(Task& task) {
  auto sight = look(task);
  if (!sight) return false;
  std::erase_if(task.pending, [&](const auto& item) { return sight->have.at(item.first) || item.second <= sight->now; });
  if (task.hastened.exchange(false)) {
    task.policy.hasten(sight->now);
    for (Mirror& mirror : task.mirrors) mirror.not_before = std::min(mirror.not_before, sight->now);
  }
  auto pieces = task.policy.wanted(*sight);
  std::erase_if(pieces, [&](std::uint32_t piece) { return task.pending.contains(piece); });
  keep_deciding(task, pieces);
  Mirror* mirror = choose(task);
  if (pieces.empty() || mirror == nullptr || task.pending.size() >= pending_limit) return false;
  const std::uint32_t piece = pieces[std::uniform_int_distribution<std::size_t>(0, pieces.size() - 1)(random_)];
  auto bytes = fetch(task, *mirror, piece);
  if (task.stop.stop_requested()) return false;
  if (bytes.ok()) {
    mirror->failures = 0;
    mirror->told.clear();
    hand_over(task, piece, std::move(bytes).value());
  } else {
    failed(task, *mirror, bytes.error());
  }
  return true;
}

/// Those that show what the files are come first.
void MirrorFetcher::keep_deciding(const Task& task, std::vector<std::uint32_t>& pieces) {
  std::vector<std::uint32_t> deciding;
  std::set_intersection(pieces.begin(), pieces.end(), task.deciding.begin(), task.deciding.end(), std::back_inserter(deciding));
  if (!deciding.empty()) pieces = std::move(deciding);
}

/// None while there is nothing to ask for: complete, or not begun.
std::optional<MirrorSight> MirrorFetcher::look(const Task& task) const {
  const Progress progress = task.hosted->progress();
  const lt::torrent_handle handle = task.hosted->handle();
  if (progress.complete || task.stop.stop_requested()) return std::nullopt;
  const lt::torrent_status status = handle.status(lt::torrent_handle::query_pieces);
  if (status.state != lt::torrent_status::downloading) return std::nullopt;
  MirrorSight sight;
  sight.now = clock_.steady_now();
  sight.partly_hidden = options_.sites;
  sight.received = progress.from_source + progress.from_peers;
  for (std::uint32_t i = 0; i < task.metainfo.layout().piece_count(); ++i)
    sight.have.push_back(static_cast<int>(i) < status.pieces.size() && status.pieces.get_bit(lt::piece_index_t(static_cast<int>(i))));
  handle.piece_availability(sight.availability);
  std::vector<lt::peer_info> peers;
  handle.get_peer_info(peers);
  sight.source_connected = std::any_of(peers.begin(), peers.end(), [this](const auto& peer) { return is_source(peer); });
  return sight;
}

bool MirrorFetcher::is_source(const lt::peer_info& peer) const {
  if (peer.flags & (lt::peer_info::connecting | lt::peer_info::handshake)) return false;
  const auto whom = mesh_.whom(from_engine(peer.ip));
  return whom && whom->role == identity::Role::seeder;
}

MirrorFetcher::Mirror* MirrorFetcher::choose(Task& task) const {
  const SteadyTime now = clock_.steady_now();
  auto usable = std::find_if(task.mirrors.begin(), task.mirrors.end(),
                             [now](const Mirror& mirror) { return !mirror.dropped && mirror.not_before <= now; });
  return usable == task.mirrors.end() ? nullptr : &*usable;
}

Status MirrorFetcher::connect(Mirror& mirror) const {
  if (mirror.client) return {};
  SHOAL_TRY(auto context, identity::web_client_context(options_.ca_file));
  mirror.client = http::Client::to_web(mirror.where.server, std::move(context));
  return {};
}

/// A file after the other, where several share the piece.
Result<std::string> MirrorFetcher::fetch(const Task& task, Mirror& mirror, std::uint32_t piece) {
  SHOAL_CHECK(connect(mirror));
  const auto parts = task.metainfo.layout().parts(piece);
  std::string bytes;
  for (const store::FilePart& part : parts) {
    SHOAL_TRY(std::string some, fetch_part(task, mirror, part));
    bytes += some;
  }
  if (crypto::sha256(bytes) == task.metainfo.piece_sha256().at(piece)) return bytes;
  const std::string first = manifest::target_of(mirror.where, task.metainfo.layout().files().at(parts.front().file).path);
  const std::string more = parts.size() == 1 ? "" : " (or one of " + std::to_string(parts.size() - 1) + " files behind it)";
  return fail(ErrorCode::verification,
              first + more + ": it returned content that does not match the signed hash; it will not be used again");
}

Result<std::string> MirrorFetcher::fetch_part(const Task& task, Mirror& mirror, const store::FilePart& part) {
  const auto& file = task.metainfo.layout().files().at(part.file);
  http::ClientRequest request;
  request.target = manifest::target_of(mirror.where, file.path);
  request.range = range_header(part);
  request.body_limit = std::max<ByteCount>(part.length, 64 * KiB);  // the words of a refusal, too
  request.timeout = timeout_for(part.length);
  const std::string target = request.target;
  SHOAL_TRY(auto response, mirror.client->send(std::move(request), task.stop.get_token()));
  SHOAL_TRY(std::string bytes, bytes_from(std::move(response), part, file.size).within(target));
  for (auto* counts : {task.hosted->payload().get(), totals_.get()}) counts->from_mirrors += bytes.size();
  return bytes;
}

void MirrorFetcher::failed(const Task& task, Mirror& mirror, const Error& error) {
  mirror.dropped = error.code == ErrorCode::verification;
  mirror.not_before = clock_.steady_now() + mirror_pause(++mirror.failures);
  if (std::exchange(mirror.told, error.message) == error.message) return;
  Error told = fail(error.code, "mirror " + mirror.url + ": " + error.message);
  log::warn("mirror_failed",
            {{"info_hash", task.hosted->id().hex()}, {"reason", told.message}, {"dropped", mirror.dropped ? "yes" : "no"}});
  events_(MirrorFailed{task.hosted->id(), mirror.url, std::move(told)});
}

/// The padding behind a file's last bytes belongs to the piece as the engine knows it.
void MirrorFetcher::hand_over(Task& task, std::uint32_t piece, std::string bytes) {
  const lt::piece_index_t index(static_cast<int>(piece));
  const lt::torrent_handle handle = task.hosted->handle();
  const auto info = handle.torrent_file();
  if (!info) return;
  std::vector<char> data(bytes.begin(), bytes.end());
  data.resize(static_cast<std::size_t>(info->piece_size(index)), '\0');
  handle.add_piece(index, std::move(data));
  task.pending[piece] = clock_.steady_now() + pending_time;
}

}  // namespace shoal::swarm
