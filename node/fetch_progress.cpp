#include "node/fetch_progress.hpp"

#include "base/encoding.hpp"
#include "base/wording.hpp"
#include "node/shelf.hpp"
#include "node/stall_view.hpp"

namespace shoal::node {
namespace {

void show(Node& node, const manifest::VerifiedRelease& release, cli::Output& out) {
  const InfoHash& content = release->swarm.info_hash;
  auto progress = node.swarm().progress(content);
  if (!progress) return;
  cli::Moment moment = moment_of(title(*release), *progress, node.watch(content, *progress, std::chrono::steady_clock::now()));
  std::string problem = node.swarm().announce_problem(content);
  if (!problem.empty()) moment.detail += "; " + problem;
  out.progress(moment);
}

/// Prints the begin and the end of a stall once each, beside the progress.
void tell_stall(const fanout::Stall& stall, const manifest::VerifiedRelease& release, StallNews& news, cli::Output& out) {
  auto told = news.next(stall);
  if (!told) return;
  told->line["what"] = title(*release);
  out.result(told->line, "");  // with --json; for people there is the message
  out.message(title(*release) + " " + told->text);
}

void say_mirror_failed(const swarm::MirrorFailed& mirror, cli::Output& out) {
  out.result({{"type", "mirror_failed"}, {"mirror", mirror.url}, {"reason", mirror.error.message}, {"message", mirror.error.message}}, "");
  out.message(mirror.error.message);
}

std::string what_follows(const swarm::PeerLied& lied) {
  if (lied.banned.count() == 0) return "; nobody else has what it has, so each of its pieces is checked and fetched again";
  return " and is banned from " + std::string(lied.everywhere ? "all contents" : "this content") + " for " + format_duration(lied.banned) +
         "; others are asked for its pieces";
}

/// The tracker answers the announces of a withdrawn release with that reason: the fetch ends then.
Status check_not_withdrawn(Node& node, const InfoHash& content) {
  std::string problem = node.swarm().announce_problem(content);
  if (problem.find(registry::withdrawn_words) == std::string::npos) return {};
  return fail(ErrorCode::not_found, std::move(problem));
}

}  // namespace

Status await_completion(Node& node, const manifest::VerifiedRelease& release, cli::Output& out, const std::stop_token& stop,
                        const Look& look) {
  const InfoHash& content = release->swarm.info_hash;
  StallNews stalls;
  while (!stop.stop_requested()) {
    auto event = node.inbox(content).wait(std::chrono::milliseconds(200), stop);
    show(node, release, out);
    if (auto progress = node.swarm().progress(content)) tell_stall(progress->stall, release, stalls, out);
    SHOAL_CHECK(check_not_withdrawn(node, content));
    if (look) SHOAL_CHECK(look(event && std::holds_alternative<swarm::Decidable>(*event)));
    if (!event) continue;
    if (auto* failed = std::get_if<swarm::Failed>(&*event); failed != nullptr) return failed->error;
    if (std::holds_alternative<swarm::Completed>(*event)) {
      tell_stall({}, release, stalls, out);
      return {};
    }
    if (auto* lied = std::get_if<swarm::PeerLied>(&*event))
      out.message("peer " + lied->peer.str() + " sent wrong bytes" + what_follows(*lied));
    if (auto* mirror = std::get_if<swarm::MirrorFailed>(&*event)) say_mirror_failed(*mirror, out);
  }
  return fail(ErrorCode::interrupted, "interrupted: what was fetched is kept, and the same command goes on from there");
}

cli::Moment moment_of(const std::string& what, const swarm::Progress& progress, const TransferFacts& facts) {
  cli::Moment moment{(progress.checking ? "checking " : "fetching ") + what, progress.done, progress.size, progress.download_rate, "", {}};
  moment.detail = counted(progress.peers, "peer") + ", " + transfer_text(facts, progress);
  if (progress.from_mirrors > 0) moment.detail += ", " + format_bytes(progress.from_mirrors) + " from mirrors";
  moment.extra = {{"from_source", progress.from_source},
                  {"from_peers", progress.from_peers},
                  {"from_mirrors", progress.from_mirrors},
                  {"peers", progress.peers},
                  {"banned", progress.banned},
                  {"sent", progress.sent},
                  {"reused", progress.reused},
                  {"stall", stall_json(progress.stall)}};
  moment.waiting = stall_text(progress.stall);
  if (!progress.checking) moment.moved = progress.from_source + progress.from_peers + progress.from_mirrors;
  moment.extra.update(transfer_json(facts));
  return moment;
}

}  // namespace shoal::node
