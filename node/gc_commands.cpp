#include "node/gc_commands.hpp"

#include <algorithm>

#include "base/directory_lock.hpp"
#include "base/units.hpp"
#include "cli/state_option.hpp"
#include "node/control_answers.hpp"
#include "node/huggingface_cache.hpp"
#include "node/subscriptions.hpp"
#include "node/track.hpp"

namespace shoal::node {
namespace {

using cli::Invocation;
using cli::state_option;

constexpr std::chrono::seconds patience{30};

// --- gc

/// Where no node runs, the command does what the node would do.
Result<GcReport> collect_alone(const Invocation& call, const fs::path& state, bool dry_run) {
  SHOAL_TRY(auto lock, DirectoryLock::acquire(state));
  Shelf shelf(state);
  if (!dry_run) SHOAL_CHECK(clean_trash(shelf));
  RetentionPolicy policy;
  SHOAL_TRY(policy.quota, parse_bytes(call.get("--quota")).within("--quota"));
  Collector::Owner owner = owner_by_tracks(TrackStore(state).all());
  if (const fs::path cache = call.get("--hf-cache"); !cache.empty())
    owner.hide = [cache, state](const ModelName& model, const ReleaseId& id) -> Status {
      SHOAL_TRY(auto shown, HuggingFaceCache::open(cache, state / "releases"));
      return shown.remove(model, id);
    };
  return Collector(shelf, policy, std::move(owner)).collect(dry_run, 0, SystemClock().now());
}

std::string text_of(const Json& report) {
  std::string text = (report["dry_run"].get<bool>() ? "would free " : "freed ") + format_bytes(report["bytes_freed"].get<ByteCount>());
  for (const Json& each : report["removed"])
    text += "\n  " + each.value("title", "") + "  " + format_bytes(each["bytes"].get<ByteCount>()) + "  " +
            each.value("release", "").substr(0, 12);
  for (const Json& id : report.value("unfinished", Json::array()))
    text += "\n  unfinished fetch of release " + id.get<std::string>().substr(0, 12);
  return text;
}

Status run_gc(Invocation& call) {
  const fs::path state = call.get("--state");
  const bool dry_run = call.on("--dry-run");
  SHOAL_TRY(auto asked, ask_node(state, {{"command", "gc"}, {"dry_run", dry_run}}, patience));
  if (!asked) {
    SHOAL_TRY(const GcReport report, collect_alone(call, state, dry_run));
    asked = to_json(report);
  }
  call.out.result(*asked, text_of(*asked));
  return {};
}

cli::Command gc_command() {
  return {"gc",
          "delete releases that nothing refers to",
          "Active, previous, pinned and leased releases stay, and whatever is being fetched, switched to or read by a peer. What was "
          "pulled stays\n"
          "until 'shoal remove'. Unfinished fetches that no followed channel wants are deleted as well.\n"
          "A running node does this by itself after each switch; within a quota only when space is wanted.\n\n"
          "  shoal gc --dry-run",
          {},
          {state_option,
           {.name = "--dry-run", .help = "only say what would go"},
           {.name = "--quota",
            .value = "SIZE",
            .help = "where no node runs: delete only what exceeds this",
            .fallback = "0",
            .config_key = "quota"},
           {.name = "--hf-cache",
            .value = "DIR",
            .help = "where no node runs: the Hugging Face cache that shows releases, too",
            .config_key = "hf_cache"}},
          run_gc,
          cli::topic_space,
          {"clean", "prune", "cleanup", "purge"},
          {ErrorCode::no_space}};
}

// --- remove

/// By the file that `shoal follow` writes, and by the node that runs here, whose configuration may follow more. Where none runs, by what
/// the last one noted: `shoal unfollow` strikes that out.
Result<bool> is_followed(const fs::path& state, const ChannelKey& key) {
  SHOAL_TRY(auto noted, SubscriptionFile(state).load());
  if (std::any_of(noted.begin(), noted.end(), [&](const Subscription& each) { return each.key == key; })) return true;
  SHOAL_TRY(auto running, ask_node(state, {{"command", "status"}}, patience));
  if (!running) {
    const auto tracks = TrackStore(state).all();
    const auto noted_last = tracks.find(key);
    return noted_last != tracks.end() && noted_last->second.active.has_value();
  }
  const Json channels = running->value("subscriptions", Json::array());
  return std::any_of(channels.begin(), channels.end(), [&](const Json& each) {
    return each.value("model", "") == key.model.str() && each.value("channel", "") == key.channel.str();
  });
}

Status refuse_followed(const fs::path& state, const Reference& reference) {
  if (reference.version) return {};
  SHOAL_TRY(bool followed, is_followed(state, {reference.model, reference.channel}));
  if (!followed) return {};
  return fail(ErrorCode::usage, reference.str() + " is followed here: 'shoal unfollow " + reference.str() +
                                    " --remove' gives it up. Where the node's configuration follows it, take it out there first");
}

Status run_remove(Invocation& call) {
  SHOAL_TRY(Reference reference, parse_reference(call.get("REF")));
  Shelf shelf(call.get("--state"));
  SHOAL_CHECK(refuse_followed(shelf.state(), reference));
  auto id = shelf.linked(reference);
  if (!id.ok()) return fail(ErrorCode::not_found, reference.str() + " is not on this machine: 'shoal status' shows what is");
  SHOAL_CHECK(shelf.unlink(reference));
  call.out.result({{"type", "removed"}, {"model", reference.model.str()}, {"release", id->hex()}, {"path", shelf.link(reference).string()}},
                  shelf.link(reference).string() + " is gone; its files go with the next 'shoal gc', unless something else refers to them");
  return {};
}

cli::Command remove_command() {
  return {"remove",
          "give up what 'shoal pull' fetched",
          "Takes the link below models/ away. The files go with the next gc, if no other channel or version, pin or lease refers to them.\n"
          "Who has them open keeps them.\n\n"
          "  shoal remove acme/llama@1.0 && shoal gc",
          {{.name = "REF", .help = "org/name (its channel main), org/name@version or org/name:channel", .names = "reference"}},
          {state_option},
          run_remove,
          cli::topic_space,
          {"rm", "delete", "uninstall", "del"},
          {ErrorCode::not_found}};
}

}  // namespace

std::vector<cli::Command> gc_commands() { return {gc_command(), remove_command()}; }

}  // namespace shoal::node
