#include "machines.hpp"

#include "base/encoding.hpp"

namespace shoal::test {
namespace {

std::map<std::string, std::string> parameters_of(const std::string& target) {
  std::map<std::string, std::string> parameters;
  std::size_t at = target.find('?') + 1;
  while (at < target.size()) {
    auto end = std::min(target.find('&', at), target.size());
    auto equals = target.find('=', at);
    parameters[target.substr(at, equals - at)] = must(percent_decode(target.substr(equals + 1, end - equals - 1)));
    at = end + 1;
  }
  return parameters;
}

std::string bencoded(const std::string& text) { return std::to_string(text.size()) + ":" + text; }

}  // namespace

http::Response FakeTracker::answer(const std::string& target) {
  auto q = parameters_of(target);
  const auto left = static_cast<ByteCount>(std::stoull(q["left"]));
  std::string list;
  state_.with([&](State& state) {
    state.log.push_back({q["peer_id"], q["event"], left, std::stoull(q["downloaded"]), std::stoull(q["uploaded"])});
    auto& swarm = state.peers[q["info_hash"]];
    if (q["event"] == "stopped") {
      swarm.erase(q["peer_id"]);
      return;
    }
    swarm[q["peer_id"]] = {static_cast<std::uint16_t>(std::stoi(q["port"])), left};
    for (const auto& [id, peer] : swarm)
      if (id != q["peer_id"] && (left > 0 || peer.second > 0))
        list += "d2:ip9:127.0.0.17:peer id20:" + id + "4:porti" + std::to_string(peer.first) + "ee";
  });
  return {200, "text/plain", "d8:intervali60e" + bencoded("peers") + "l" + list + "ee"};
}

void FakeTracker::add(const InfoHash& content, const NodeId& id, std::uint16_t port) {
  state_.lock()->peers[content.raw()][peer_id_of(id)] = {port, 0};
}

bool FakeTracker::saw(const NodeId& node, const std::string& event) const {
  for (const auto& announced : log())
    if (announced.peer_id == peer_id_of(node) && announced.event == event) return true;
  return false;
}

Result<http::Response> FakeTrackerClient::send(http::ClientRequest request, const std::stop_token& stop) {
  if (tracker_.is_silent()) {
    must(eventually([&] { return stop.stop_requested(); }), "a request that nobody answers is stopped");
    return fail(ErrorCode::interrupted, "tracker: interrupted");
  }
  if (tracker_.is_down()) return fail(ErrorCode::unreachable, "tracker: connection refused");
  return tracker_.answer(request.target);
}

Machine::Machine(FakeTracker& tracker, const TestFleet& fleet, identity::Role role, unsigned number, swarm::SwarmOptions options)
    : id_(node_id(number)), credentials_(fleet.credentials(role, id_)) {
  mesh::MeshOptions mesh_options;
  mesh_options.listen = {"127.0.0.1", 0};
  mesh_ = must(mesh::Mesh::start(mesh_options, credentials_, policy_, clock_));
  auto client = std::make_unique<registry::Client>(std::make_unique<FakeTrackerClient>(tracker), client_stop_.get_token());
  options.client_stop = client_stop_;
  swarm_ = must(swarm::Swarm::start(options, id_, *mesh_, std::move(client), clock_,
                                    [this](const swarm::Event& event) { events_.lock()->push_back(event); }));
}

void put_checkpoint(const fs::path& root, int shards, std::size_t shard) {
  for (int i = 0; i < shards; ++i)
    put_file(root / ("model-" + std::to_string(i) + ".safetensors"), noise(shard, static_cast<std::uint64_t>(i) + 1));
  put_file(root / "config.json", R"({"layers": 2})");
  put_file(root / "tokenizer" / "merges.txt", noise(777, 99));
  put_file(root / "tokenizer" / "empty.txt", "");
  put_file(root / "zz-last-is-empty", "");
}

std::map<std::string, Sha256> digests_below(const fs::path& root) {
  std::map<std::string, Sha256> digests;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (entry.is_regular_file()) digests[fs::relative(entry.path(), root).string()] = crypto::sha256(must(read_file(entry.path(), GiB)));
  return digests;
}

std::size_t descriptors_below(const fs::path& root) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const fs::path target = fs::read_symlink(entry.path(), error);
    if (!error && target.string().starts_with(root.string() + "/")) ++count;
  }
  return count;
}

}  // namespace shoal::test
