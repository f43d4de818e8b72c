#include "node/through_node.hpp"

#include "base/directory_lock.hpp"
#include "cli/relay.hpp"
#include "member/member_session.hpp"
#include "node/control.hpp"
#include "node/shelf.hpp"

namespace shoal::node {
namespace {

using cli::Invocation;

constexpr std::chrono::seconds patience{30};

/// The node may not write, or not even see, what lies outside of its state directory.
Status refuse_outside(const Invocation& call, const std::string& option, const std::string& instead) {
  const fs::path state = call.get("--state");
  if (call.get(option).empty()) return {};
  SHOAL_TRY(const auto running, ask_node(state, {{"command", "status"}}, patience));
  if (!running) return {};
  const auto holder = lock_holder(state);
  return fail(ErrorCode::conflict, state.string() + " is in use by " + (holder ? holder->str() : "a running node") +
                                       ", which keeps to that directory (" + option + "): " + instead + ", or stop the node first");
}

/// Prints what the node says. The line that `pull` ends with is kept for after its last step.
class Hearing {
 public:
  explicit Hearing(cli::Output& out) : out_(out) {}
  void operator()(const Json& event) {
    const Json result = cli::result_in(event);
    if (result.is_object() && result.value("type", "") == "complete") complete_ = event;
    else cli::replay(event, out_);
  }
  const Json& complete() const { return complete_; }

 private:
  cli::Output& out_;
  Json complete_;
};

Status show_in_cache(Invocation& call, const Reference& reference, const Json& complete) {
  SystemClock clock;
  SHOAL_TRY(auto session, member::MemberSession::open(call.get("--state"), clock, member::MemberSession::Use::shared));
  SHOAL_TRY(auto cache, cache_of(call, session->state(), reference.model));
  if (!cache) return {};
  const Shelf shelf(session->state());
  SHOAL_TRY(const ReleaseId id, ReleaseId::from_hex(cli::result_in(complete).value("release", "")));
  SHOAL_TRY(const auto release, shelf.verified(*session->verifier(), id));
  return put_into(*cache, reference, release, shelf.release(id), call.out);
}

}  // namespace

Result<bool> pull_through_node(Invocation& call, const Reference& reference) {
  const fs::path state = call.get("--state");
  SHOAL_CHECK(refuse_outside(call, "--to", "pull without it and use the path that is printed"));
  SHOAL_CHECK(cache_of(call, state, reference.model));
  const Json request{{"command", "pull"}, {"reference", reference.str()}, {"allow_code_formats", call.on("--allow-code-formats")}};
  Hearing hearing(call.out);
  const auto heard = [&hearing](const Json& event) { hearing(event); };
  SHOAL_TRY(const bool done, have_node_work(state, request, heard, call.shutdown.token()));
  if (!done) return false;
  SHOAL_CHECK(show_in_cache(call, reference, hearing.complete()));
  cli::replay(hearing.complete(), call.out);
  SHOAL_TRY(const auto seed_for, call.duration("--seed-for"));
  if (seed_for.count() > 0) call.out.message("the running node goes on serving it");
  return true;
}

Result<bool> repair_through_node(Invocation& call) {
  SHOAL_CHECK(refuse_outside(call, "--in", "leave it out to repair what the node itself holds"));
  const Json request{{"command", "repair"}, {"reference", call.get("REF")}};
  const auto heard = [&call](const Json& event) { cli::replay(event, call.out); };
  return have_node_work(call.get("--state"), request, heard, call.shutdown.token());
}

Status put_into(HuggingFaceCache& cache, const Reference& reference, const manifest::VerifiedRelease& release, const fs::path& files,
                cli::Output& out) {
  SHOAL_CHECK(cache.add(release, files));
  SHOAL_CHECK(reference.version ? cache.point(release->model, *reference.version, release.id())
                                : cache.point(release->model, reference.channel, release.id()));
  out.message("with HF_HUB_CACHE=" + cache.root().string() + " and HF_HUB_OFFLINE=1 it is " + release->model.str() + ", revision " +
              (reference.version ? reference.version->str() : reference.channel.str()));
  return {};
}

Result<std::optional<HuggingFaceCache>> cache_of(const Invocation& call, const fs::path& state, const ModelName& model) {
  const std::string directory = call.get("--hf-cache");
  if (directory.empty()) return std::optional<HuggingFaceCache>();
  if (!call.get("--to").empty())
    return fail(ErrorCode::usage, "--hf-cache shares the files below --state, and --to puts them elsewhere: give one of the two");
  SHOAL_CHECK(check_repository_id(model));
  SHOAL_TRY(auto cache, HuggingFaceCache::open(directory, state));
  return std::optional<HuggingFaceCache>(std::move(cache));
}

}  // namespace shoal::node
