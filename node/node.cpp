#include "node/node.hpp"

namespace shoal::node {
namespace {

constexpr std::size_t inbox_size = 100;

const InfoHash& content_of(const swarm::Event& event) {
  return std::visit([](const auto& what) -> const InfoHash& { return what.content; }, event);
}

}  // namespace

Result<swarm::Content> shelved(const member::MemberSession& session, const Shelf& shelf, const ReleaseId& id) {
  SHOAL_TRY(auto release, shelf.verified(*session.verifier(), id));
  SHOAL_TRY(std::string bytes, shelf.metainfo(id));
  SHOAL_TRY(auto metainfo, metainfo::CheckedMetainfo::check(release, std::move(bytes)));
  return swarm::Content{std::move(metainfo), shelf.release(id), swarm::Mode::keep};
}

void Inbox::push(swarm::Event event) {
  {
    std::lock_guard lock(mutex_);
    if (events_.size() == inbox_size) events_.pop_front();
    events_.push_back(std::move(event));
  }
  arrived_.notify_one();
}

std::optional<swarm::Event> Inbox::wait(std::chrono::milliseconds timeout, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!arrived_.wait_for(lock, stop, timeout, [&] { return !events_.empty(); })) return std::nullopt;
  swarm::Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

Result<std::unique_ptr<Node>> Node::start(member::MemberSession& session, const NodeOptions& node_options) {
  std::unique_ptr<Node> node(new Node);
  mesh::MeshOptions mesh_options;
  mesh_options.listen = node_options.listen;
  mesh_options.any_port_if_taken = node_options.any_port_if_taken;
  SHOAL_TRY(node->mesh_, mesh::Mesh::start(mesh_options, session.credentials(), node->policy_, session.clock()));
  swarm::SwarmOptions options;
  options.upload_limit = node_options.upload_limit;
  options.download_limit = node_options.download_limit;
  options.scrub_rate = node_options.scrub_rate;
  options.mirror_after = node_options.mirror_after;
  options.mirror_ca = node_options.mirror_ca;
  options.site = session.site();
  options.advertise = node_options.advertise;
  options.stall = node_options.stall;
  options.client_stop = node->stop_;
  auto on_event = [node = node.get()](const swarm::Event& event) { node->inbox(content_of(event)).push(event); };
  SHOAL_TRY(node->swarm_, swarm::Swarm::start(options, session.self().id, *node->mesh_, session.client(node->stop_.get_token()),
                                              session.clock(), on_event));
  node->contents_ = std::make_unique<Contents>(
      *node->swarm_, [&session, shelf = Shelf(session.state())](const ReleaseId& id) { return shelved(session, shelf, id); });
  session.keep_renewed();
  return node;
}

Inbox& Node::inbox(const InfoHash& content) {
  auto inboxes = inboxes_.lock();
  auto& inbox = (*inboxes)[content];
  if (!inbox) inbox = std::make_unique<Inbox>();
  return *inbox;
}

TransferFacts Node::watch(const InfoHash& content, const swarm::Progress& progress, SteadyTime now) {
  const auto links = mesh_->links();
  return watched_.with([&](std::map<InfoHash, Watched>& all) {
    Watched& watched = all[content];
    watched.last = watched.view.see(content, progress, links, now);
    if (progress.complete) all.erase(content);
    return progress.complete ? TransferFacts{} : watched.last;
  });
}

TransferFacts Node::transfer(const InfoHash& content) const {
  return watched_.with([&](const std::map<InfoHash, Watched>& all) {
    auto found = all.find(content);
    return found == all.end() ? TransferFacts{} : found->second.last;
  });
}

Node::~Node() {
  contents_.reset();
  swarm_.reset();  // announces "stopped" with a client that must still be able to speak
  stop_.request_stop();
  mesh_.reset();
}

}  // namespace shoal::node
