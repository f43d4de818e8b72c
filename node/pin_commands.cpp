#include "node/pin_commands.hpp"

#include "cli/state_option.hpp"
#include "node/control.hpp"

namespace shoal::node {
namespace {

using cli::Invocation;
using cli::state_option;

constexpr std::chrono::seconds patience{30};

Status list_pins(Invocation& call, const Shelf& shelf) {
  SHOAL_TRY(auto pins, Pins(shelf.state()).all(SystemClock().now()));
  if (pins.empty()) call.out.message("nothing is pinned on this machine");
  for (const Pin& pin : pins) call.out.result(pin_json(shelf, pin, "pin"), pin_text(shelf, pin));
  return {};
}

/// When a lease that begins now ends; nothing for a pin without an end.
Result<std::optional<WallTime>> end_of_lease(const Invocation& call, WallTime now) {
  if (call.get("--for").empty()) return std::optional<WallTime>{};
  SHOAL_TRY(auto duration, call.duration("--for"));
  if (duration < std::chrono::seconds(1)) return fail(ErrorCode::usage, "--for must be a second or longer, such as 2h");
  return std::optional(now + std::chrono::floor<std::chrono::seconds>(duration));
}

/// By the node that runs here, if any, between two of its collections. One of another version may not know the command.
Result<std::optional<Json>> by_node(const Shelf& shelf, const Json& request) {
  auto answer = ask_node(shelf.state(), request, patience);
  if (!answer && answer.error().code == ErrorCode::usage) return std::optional<Json>();
  return answer;
}

Status keep_pin(const Shelf& shelf, const Pin& pin) {
  Json request{{"command", "pin"}, {"release", pin.release.hex()}, {"reason", pin.reason}};
  if (pin.until) request["until"] = format_time(*pin.until);
  SHOAL_TRY(const auto done, by_node(shelf, request));
  return done ? Status() : Pins(shelf.state()).pin(pin.release, pin.reason, pin.until, pin.since);
}

Result<bool> drop_pin(const Shelf& shelf, const ReleaseId& id) {
  SHOAL_TRY(const auto done, by_node(shelf, {{"command", "unpin"}, {"release", id.hex()}}));
  if (done) return done->value("was_pinned", false);
  return Pins(shelf.state()).unpin(id, SystemClock().now());
}

Status run_pin(Invocation& call) {
  Shelf shelf(call.get("--state"));
  if (call.on("--list")) return list_pins(call, shelf);
  if (call.get("REF").empty()) return fail(ErrorCode::usage, "which release? Name it, such as acme/llama@1.2, or ask for --list");
  SHOAL_TRY(ReleaseId id, find_on_disk(shelf, call.get("REF")));
  if (!shelf.holds(id))
    return fail(ErrorCode::not_found, title_on_disk(shelf, id) + " is not whole below " + shelf.state().string() + ": fetch it first");
  const WallTime now = SystemClock().now();
  SHOAL_TRY(auto until, end_of_lease(call, now));
  const Pin pin{id, call.get("--reason"), now, until};
  SHOAL_CHECK(keep_pin(shelf, pin));
  call.out.result(pin_json(shelf, pin, "pinned"), "pinned " + pin_text(shelf, pin));
  return {};
}

Status run_unpin(Invocation& call) {
  Shelf shelf(call.get("--state"));
  SHOAL_TRY(ReleaseId id, find_on_disk(shelf, call.get("REF")));
  SHOAL_TRY(const bool was_pinned, drop_pin(shelf, id));
  const std::string name = title_on_disk(shelf, id);
  if (!was_pinned) return fail(ErrorCode::not_found, name + " is not pinned: 'shoal pin --list' shows what is");
  call.out.result({{"type", "unpinned"}, {"release", id.hex()}}, "unpinned " + name + "; it may be removed when space is wanted");
  return {};
}

constexpr const char* reference_help = "org/name, org/name@version, org/name:channel, or a release's id";

cli::Command pin_command() {
  return {"pin",
          "keep a release on this machine, whatever retention says",
          "A pin is of the release, not of the channel: what org/name:channel points at now stays when the channel moves on.\n"
          "With --for it is a lease, which ends by itself. A second pin replaces the first. Needs no tracker, and works beside a\n"
          "running node.\n\n"
          "  shoal pin acme/llama@1.2 --reason 'audit until June'\n"
          "  shoal pin acme/llama --for 2h\n"
          "  shoal pin --list",
          {{.name = "REF", .help = reference_help, .required = false, .names = "release"}},
          {state_option,
           {.name = "--for", .value = "TIME", .help = "only so long, such as 2h or 7d; without it until 'shoal unpin'"},
           {.name = "--reason", .value = "TEXT", .help = "shown to whoever looks why it is still here"},
           {.name = "--list", .help = "show what is pinned"}},
          run_pin,
          cli::topic_space,
          {"keep", "lease", "hold"},
          {ErrorCode::not_found, ErrorCode::no_space}};
}

}  // namespace

Json pin_json(const Shelf& shelf, const Pin& pin, const char* type) {
  Json json{{"type", type}, {"release", pin.release.hex()}, {"reason", pin.reason}, {"since", format_time(pin.since)}};
  if (pin.until) json["until"] = format_time(*pin.until);
  if (auto release = stated_on_disk(shelf, pin.release); release.ok()) {
    json["model"] = release->model.str();
    json["version"] = release->version.str();
  }
  return json;
}

std::string pin_text(const Shelf& shelf, const Pin& pin) {
  std::string text = title_on_disk(shelf, pin.release) + (pin.until ? " until " + format_time(*pin.until) : " until it is unpinned");
  return pin.reason.empty() ? text : text + ": " + pin.reason;
}

Result<ReleaseId> find_on_disk(const Shelf& shelf, std::string_view text) {
  SHOAL_TRY(auto known, shelf.manifests());
  auto by_id = ReleaseId::from_hex(text);
  for (const ReleaseId& id : known)
    if (by_id.ok() && id == *by_id) return id;
  if (by_id.ok()) return fail(ErrorCode::not_found, "release " + by_id->hex() + " is not on this machine");
  SHOAL_TRY(Reference wanted, parse_reference(text));
  if (auto linked = shelf.linked(wanted); linked.ok() || !wanted.version) return linked;
  for (const ReleaseId& id : known) {
    auto release = stated_on_disk(shelf, id);
    if (release.ok() && release->model == wanted.model && release->version == *wanted.version) return id;
  }
  return fail(ErrorCode::not_found, wanted.str() + " is not on this machine: fetch it with 'shoal pull " + wanted.str() + "'");
}

std::vector<cli::Command> pin_commands() {
  return {pin_command(),
          {"unpin",
           "let retention have a release again",
           "The release stays until space is wanted.\n\n  shoal unpin acme/llama@1.2",
           {{.name = "REF", .help = reference_help, .names = "pin"}},
           {state_option},
           run_unpin,
           cli::topic_space,
           {},
           {ErrorCode::not_found, ErrorCode::no_space}}};
}

}  // namespace shoal::node
