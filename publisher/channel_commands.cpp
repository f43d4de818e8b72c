// `shoal channel set`, `resume`, `rollback`, `delete` and `history`.
#include <algorithm>
#include <map>

#include "base/wording.hpp"
#include "publisher/channel_mover.hpp"
#include "publisher/command_parts.hpp"
#include "publisher/rollout_reach.hpp"

namespace shoal::publisher {
namespace {

using cli::Invocation;

/// A channel that is about to be moved, and the keys for it.
struct Switchboard {
  ChannelRef reference;
  Desk desk;
  Signer signer;

  static Result<Switchboard> open(Invocation& call) {
    SHOAL_TRY(auto reference, channel_argument(call.get("REF")));
    SHOAL_TRY(Desk desk, Desk::open(call));
    SHOAL_CHECK(require_publisher(*desk.session));
    SHOAL_TRY(Signer signer, load_signer(call, desk.session->state()));
    SHOAL_CHECK(signer.check_authorised(*desk.session->verifier(), reference.model, desk.clock->now()));
    return Switchboard{std::move(reference), std::move(desk), std::move(signer)};
  }
  ChannelMover mover() const { return ChannelMover(*desk.session, *desk.tracker, signer); }
};

Json channel_line(const ChannelRef& reference, const manifest::VerifiedRelease& release, const Move& move, const ChannelMover::Moved& moved,
                  const Followers& followers) {
  Json line{{"type", "channel"},
            {"model", reference.model.str()},
            {"channel", reference.channel.str()},
            {"version", release->version.str()},
            {"release", release.id().hex()},
            {"sequence", moved.sequence},
            {"moved", moved.outcome == ChannelMover::Outcome::moved}};
  line["percent"] = move.rollout ? move.rollout->percent : 100;
  line["followers"] = followers.size();
  line["chosen"] = chosen_now(move.rollout, followers);
  if (move.rollout && move.rollout->halt_percent != 0) line["halt_percent"] = move.rollout->halt_percent;
  if (move.rollback_of) line["rollback_of"] = move.rollback_of->hex();
  if (!move.reason.empty()) line["reason"] = move.reason;
  return line;
}

constexpr std::size_t most_named = 6;  // nodes in one line

/// "for 10 % of the nodes; chosen now: 1 of 4 (gpu1)".
std::string share_text(const std::optional<manifest::Rollout>& rollout, const Followers& followers) {
  if (!rollout || rollout->percent == 100) return " for all nodes (" + std::to_string(followers.size()) + " now)";
  const auto chosen = chosen_now(rollout, followers);
  std::string text = " for " + std::to_string(rollout->percent) + " % of the nodes; chosen now: " + std::to_string(chosen.size()) + " of " +
                     std::to_string(followers.size());
  return chosen.empty() ? text : text + " (" + listed(chosen, most_named) + ")";
}

std::string halt_text(const std::optional<manifest::Rollout>& rollout) {
  if (!rollout || rollout->halt_percent == 0) return "";
  return ". It will halt if more than " + std::to_string(rollout->halt_percent) + " % of the nodes that try fail";
}

/// The nodes that follow the channel, for people; nobody where the tracker does not list them.
Followers followers_now(const Desk& desk, const ChannelRef& reference) {
  auto nodes = desk.tracker->nodes();
  return nodes.ok() ? followers_of(*nodes, reference.model, reference.channel) : Followers{};
}

Result<RolloutWish> wish_of(const Invocation& call) {
  RolloutWish wish;
  SHOAL_TRY(auto percent, number_option(call, "--percent", 0, 100));
  SHOAL_TRY(auto halt, number_option(call, "--halt", 0, 99));
  if (percent) wish.percent = static_cast<std::uint32_t>(*percent);
  if (halt) wish.halt_percent = static_cast<std::uint32_t>(*halt);
  wish.salt = call.get("--salt");
  if (call.get("--nodes").empty()) return wish;
  if (percent) return fail(ErrorCode::usage, "give --percent or --nodes, not both");
  wish.percent = 0;  // until the nodes are known
  return wish;
}

/// Fits the rollout to the nodes that there are: a share reaches somebody, and --nodes N reaches N. The nodes of a version that is being
/// rolled out already, or of a salt that was given, stay the first.
Result<std::optional<manifest::Rollout>> fitted(const Invocation& call, std::optional<manifest::Rollout> rollout, const ReleaseId& release,
                                                const std::optional<manifest::ChannelPointer>& current, const Followers& followers) {
  SHOAL_TRY(auto count, number_option(call, "--nodes", 1, manifest::number_limit));
  const bool begun = current && current->release == release && current->rollout && !chosen_now(current->rollout, followers).empty();
  const bool keep_salt = begun || !call.get("--salt").empty();
  if (!rollout || (!count && keep_salt)) return rollout;
  if (!count) return std::optional(reach_somebody(*rollout, followers));
  SHOAL_TRY(manifest::Rollout exact, reach_count(*rollout, static_cast<std::size_t>(*count), followers, keep_salt));
  return std::optional(std::move(exact));
}

/// "1.1", or "acme/llama@1.1" of the same model.
Result<VersionName> version_of(const ModelName& model, const std::string& text) {
  if (text.find('@') == std::string::npos) return VersionName::parse(text).within("VERSION");
  SHOAL_TRY(VersionRef named, VersionRef::parse(text).within("VERSION"));
  if (named.model == model) return named.version;
  return fail(ErrorCode::usage, "VERSION: " + text + " is no version of " + model.str());
}

Status run_set(Invocation& call) {
  SHOAL_TRY(ChannelRef target, channel_argument(call.get("REF")));
  SHOAL_TRY(VersionName version, version_of(target.model, call.get("VERSION")));
  SHOAL_TRY(RolloutWish wish, wish_of(call));
  SHOAL_TRY(auto sequence, number_option(call, "--sequence", 1, manifest::number_limit));
  SHOAL_TRY(Switchboard board, Switchboard::open(call));
  SHOAL_TRY(auto release, verified_release(board.desk, board.reference.model, version));
  SHOAL_TRY(auto current, board.mover().in_force(board.reference.model, board.reference.channel));
  const Followers followers = followers_now(board.desk, board.reference);
  SHOAL_TRY(auto rollout, fitted(call, rollout_for(wish, release.id(), current), release.id(), current, followers));
  Move move{release.id(), std::move(rollout), {}, "", sequence.value_or(0)};
  SHOAL_TRY(auto moved, board.mover().move(board.reference.model, board.reference.channel, move));
  bool fresh = moved.outcome == ChannelMover::Outcome::moved;
  call.out.result(channel_line(board.reference, release, move, moved, followers),
                  board.reference.str() + (fresh ? " now points at " : " already points at ") + version.str() +
                      share_text(move.rollout, followers) + halt_text(move.rollout));
  return {};
}

Status run_resume(Invocation& call) {
  SHOAL_TRY(Switchboard board, Switchboard::open(call));
  ChannelMover mover = board.mover();
  SHOAL_TRY(auto current, mover.in_force(board.reference.model, board.reference.channel));
  if (!current) return fail(ErrorCode::not_found, board.reference.str() + " points at nothing yet: use 'shoal channel set'");
  SHOAL_TRY(const bool halted, mover.is_halted(*current));
  if (!halted) return fail(ErrorCode::usage, board.reference.str() + " is not halted: there is nothing to resume");
  SHOAL_TRY(auto release, verified_release(board.desk, board.reference.model, current->release));
  Move move{current->release, current->rollout, current->rollback_of, current->reason};
  SHOAL_TRY(auto moved, mover.move(board.reference.model, board.reference.channel, move));
  const Followers followers = followers_now(board.desk, board.reference);
  call.out.result(
      channel_line(board.reference, release, move, moved, followers),
      board.reference.str() + " goes on to " + release->version.str() + share_text(move.rollout, followers) + halt_text(move.rollout));
  return {};
}

Status run_delete(Invocation& call) {
  SHOAL_TRY(Switchboard board, Switchboard::open(call));
  const std::string reason = call.get("--reason");
  SHOAL_TRY(const std::uint64_t sequence, board.mover().remove(board.reference.model, board.reference.channel, reason));
  call.out.result({{"type", "channel_deleted"},
                   {"model", board.reference.model.str()},
                   {"channel", board.reference.channel.str()},
                   {"sequence", sequence},
                   {"reason", reason}},
                  board.reference.str() + " is deleted (sequence " + std::to_string(sequence) + "); nodes keep what they run");
  return {};
}

/// A row of the history whose pointer is signed by publishers of today.
struct VerifiedRow {
  manifest::ChannelPointer pointer;
  registry::HistoryRow row;
};

/// Rows of an epoch that is over, or by keys that may no longer sign, do not verify; the reason stands in their place.
struct HistoryEntry {
  std::optional<VerifiedRow> verified;
  registry::HistoryRow row;
  std::string problem;
};

Result<VerifiedRow> verify_row(const Desk& desk, const ChannelRef& reference, const registry::HistoryRow& row) {
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(row.envelope, manifest::channel_limit));
  // The time is left out of it: a history is made of what has expired.
  SHOAL_TRY(auto pointer, desk.session->verifier()->channel(envelope, reference.model, reference.channel, {}, WallTime{}));
  return VerifiedRow{*pointer, row};
}

Result<std::vector<HistoryEntry>> history_of(const Desk& desk, const ChannelRef& reference) {
  SHOAL_TRY(auto rows, desk.tracker->history(reference.model, reference.channel));
  std::vector<HistoryEntry> entries;
  for (registry::HistoryRow& row : rows) {
    auto verified = verify_row(desk, reference, row);
    if (verified.ok()) entries.push_back({std::move(*verified), std::move(row), ""});
    else entries.push_back({std::nullopt, std::move(row), verified.error().message});
  }
  return entries;
}

/// The release that the channel had before the one in force, as far back as one still exists.
Result<manifest::VerifiedRelease> release_before(const Desk& desk, const ChannelRef& reference, const ReleaseId& in_force) {
  SHOAL_TRY(auto entries, history_of(desk, reference));
  for (const HistoryEntry& entry : entries) {
    if (!entry.verified || entry.verified->pointer.release == in_force) continue;
    auto release = verified_release(desk, reference.model, entry.verified->pointer.release);
    if (release.ok() || release.error().code != ErrorCode::not_found) return release;
  }
  return fail(ErrorCode::not_found,
              "the history of " + reference.str() + " has no other release to go back to: name one with --to VERSION");
}

Result<manifest::VerifiedRelease> rollback_target(const Invocation& call, const Switchboard& board, const ReleaseId& in_force) {
  if (call.get("--to").empty()) return release_before(board.desk, board.reference, in_force);
  SHOAL_TRY(VersionName version, version_of(board.reference.model, call.get("--to")));
  return verified_release(board.desk, board.reference.model, version);
}

Status run_rollback(Invocation& call) {
  const std::string reason = call.get("--reason");
  if (reason.empty()) return fail(ErrorCode::usage, "--reason must say why: every node's status shows it");
  SHOAL_TRY(auto sequence, number_option(call, "--sequence", 1, manifest::number_limit));
  SHOAL_TRY(Switchboard board, Switchboard::open(call));
  SHOAL_TRY(auto current, board.mover().in_force(board.reference.model, board.reference.channel));
  if (!current) return fail(ErrorCode::not_found, board.reference.str() + " points at nothing yet: use 'shoal channel set'");
  SHOAL_TRY(auto release, rollback_target(call, board, current->release));
  if (release.id() == current->release)
    return fail(ErrorCode::usage,
                board.reference.str() + " points at " + release->version.str() + " already: name another one with --to VERSION");
  Move move{release.id(), std::nullopt, current->release, reason, sequence.value_or(0)};
  SHOAL_TRY(auto moved, board.mover().move(board.reference.model, board.reference.channel, move));
  const Followers followers = followers_now(board.desk, board.reference);
  call.out.result(
      channel_line(board.reference, release, move, moved, followers),
      board.reference.str() + " goes back to " + release->version.str() + " (sequence " + std::to_string(moved.sequence) + "): " + reason);
  return {};
}

/// Names of machines, where a tracker of an earlier version leaves them out of the history; one without names is still one.
std::map<NodeId, std::string> names_of(const Desk& desk, const std::vector<HistoryEntry>& entries) {
  const bool told = std::any_of(entries.begin(), entries.end(), [](const HistoryEntry& entry) { return !entry.row.name.empty(); });
  if (told) return {};
  std::map<NodeId, std::string> names;
  auto status = desk.tracker->status();
  if (!status.ok()) return names;
  for (const registry::MachineRow& machine : status->machines) names[machine.id] = machine.name;
  return names;
}

Json history_line(const ChannelRef& reference, const HistoryEntry& entry, const std::string& name) {
  Json line{{"type", "history"},
            {"model", reference.model.str()},
            {"channel", reference.channel.str()},
            {"at", format_time(entry.row.at)},
            {"who", entry.row.who.str()},
            {"name", name},
            {"version", entry.row.version},
            {"verified", entry.verified.has_value()}};
  if (!entry.verified) {
    line["reason"] = line["problem"] = entry.problem;
    return line;
  }
  const manifest::ChannelPointer& pointer = entry.verified->pointer;
  line["release"] = pointer.release.hex();
  line["epoch"] = pointer.epoch;
  line["sequence"] = pointer.sequence;
  line["percent"] = pointer.rollout ? pointer.rollout->percent : 100;
  if (pointer.rollback_of) line["rollback_of"] = pointer.rollback_of->hex();
  if (!pointer.reason.empty()) line["reason"] = pointer.reason;
  return line;
}

std::string history_text(const HistoryEntry& entry, const std::string& name) {
  std::string who = !name.empty() ? name : !entry.row.who.empty() ? entry.row.who.str() : "(not noted)";
  std::string text = format_time(entry.row.at) + "  " + who + "  " + entry.row.version;
  if (!entry.verified) return text + "  NOT VERIFIED: " + entry.problem;
  const manifest::ChannelPointer& pointer = entry.verified->pointer;
  text += "  sequence " + std::to_string(pointer.sequence);
  if (pointer.rollout && pointer.rollout->percent < 100) text += "  " + std::to_string(pointer.rollout->percent) + " %";
  if (pointer.rollback_of) text += "  rollback";
  return pointer.reason.empty() ? text : text + ": " + pointer.reason;
}

Status run_history(Invocation& call) {
  SHOAL_TRY(auto reference, channel_argument(call.get("REF")));
  SHOAL_TRY(Desk desk, Desk::open(call));
  SHOAL_TRY(auto entries, history_of(desk, reference));
  auto names = names_of(desk, entries);
  for (const HistoryEntry& entry : entries) {
    auto name = names.find(entry.row.who);
    std::string shown = name == names.end() ? entry.row.name : name->second;
    call.out.result(history_line(reference, entry, shown), history_text(entry, shown));
  }
  return {};
}

const cli::Positional channel_argument_row{.name = "REF", .help = "org/name (its channel main) or org/name:channel", .names = "channel"};

const cli::Option sequence_option{
    .name = "--sequence",
    .value = "N",
    .help = "sign at least this sequence: for a publisher that lost its state after the tracker was restored from a backup",
    .rare = true};

cli::Command set_command() {
  return {
      "channel set",
      "point a channel at a version that is registered already",
      "Signs a pointer one sequence above any that is known; nodes that follow the channel switch to it.\n\n"
      "With --percent or --nodes only a part of the nodes switches; the command names those that are chosen now. The choice follows from\n"
      "node ids and a salt, and stays the same while the share of one version grows. The other nodes keep what they have. With --halt the\n"
      "tracker halts the rollout when too many of the nodes that tried report a failure: nodes that have not switched wait for 'shoal\n"
      "channel resume'. Setting the version again without --percent moves all nodes.\n\n"
      "  shoal channel set acme/llama:main 1.1 --percent 10 --halt 20 --key ~/fleet-keys/publisher.key\n"
      "  shoal channel set acme/llama:main 1.1 --key ~/fleet-keys/publisher.key",
      {channel_argument_row, {"VERSION", "a registered version of the model, such as 1.1", true}},
      {state_option,
       key_option,
       {.name = "--percent", .value = "N", .help = "percentage of nodes, 0-100; at least one node unless it is 0; default 100"},
       {.name = "--nodes", .value = "N", .help = "number of nodes among those that follow the channel now, in place of --percent"},
       {.name = "--halt",
        .value = "PERCENT",
        .help = "halt when more than this percentage of the nodes that tried fail, 1-99; 0 never halts"},
       {.name = "--salt",
        .value = "TEXT",
        .help = "selects which nodes go first; default: the release id, unchanged while the version is",
        .rare = true},
       sequence_option},
      run_set,
      cli::topic_publish,
      {"channel move", "channel create", "channel add", "channel update", "promote", "deploy", "rollout"},
      cli::member_failures({ErrorCode::not_found})};
}

cli::Command rollback_command() {
  return {
      "channel rollback",
      "point a channel back at an earlier version",
      "Signs a new pointer, one sequence above, that records the version it leaves and the reason. Without --to it goes to the release\n"
      "that the channel had before. Nodes that still hold that release switch at once.\n\n"
      "  shoal channel rollback acme/llama:main --reason \"answers in the wrong language\" --key ~/fleet-keys/publisher.key",
      {channel_argument_row},
      {state_option,
       key_option,
       {.name = "--to", .value = "VERSION", .help = "the version to go back to; default: the previous one"},
       {.name = "--reason", .value = "TEXT", .help = "why; signed, and shown on every node", .required = true},
       sequence_option},
      run_rollback,
      cli::topic_publish,
      {"rollback", "rollout undo", "channel revert", "revert"},
      cli::member_failures({ErrorCode::not_found})};
}

cli::Command resume_command() {
  return {
      "channel resume",
      "resume a rollout that the tracker has halted",
      "Signs the same pointer again, one sequence above: waiting nodes switch, and nodes that failed retry at once. Only failures under\n"
      "the new pointer count, so earlier reports do not halt it again.\n\n"
      "  shoal channel resume acme/llama:main --key ~/fleet-keys/publisher.key",
      {channel_argument_row},
      {state_option, key_option},
      run_resume,
      cli::topic_publish,
      {"channel continue", "resume", "rollout resume"},
      cli::member_failures({ErrorCode::not_found})};
}

cli::Command delete_command() {
  return {
      "channel delete",
      "delete a channel",
      "Signs a deletion one sequence above any that is known, so that no earlier pointer brings the channel back. Nodes that follow it\n"
      "keep what they run and report that it was deleted. It counts in no quota. 'shoal channel set' creates it again.\n\n"
      "  shoal channel delete acme/llama:test-7 --reason \"the trial has ended\" --key ~/fleet-keys/publisher.key",
      {channel_argument_row},
      {state_option,
       key_option,
       {.name = "--reason", .value = "TEXT", .help = "why; signed, and shown on every node that follows the channel"}},
      run_delete,
      cli::topic_publish,
      {"channel remove", "channel rm"},
      cli::member_failures({ErrorCode::not_found})};
}

cli::Command history_command() {
  return {"channel history",
          "show where a channel has pointed, who moved it, when and why",
          "Newest first. Each row is verified against the trust root; a row that does not verify (replaced keys, an earlier epoch) says\n"
          "so.\n\n"
          "  shoal channel history acme/llama:main",
          {channel_argument_row},
          {state_option},
          run_history,
          cli::topic_look,
          {"history", "channel log", "rollout history"},
          cli::member_failures({ErrorCode::not_found})};
}

}  // namespace

std::vector<cli::Command> channel_commands() {
  return {set_command(), resume_command(), rollback_command(), delete_command(), history_command()};
}

}  // namespace shoal::publisher
