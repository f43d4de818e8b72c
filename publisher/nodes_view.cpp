#include "publisher/nodes_view.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "base/wording.hpp"
#include "cli/table.hpp"
#include "manifest/validity.hpp"
#include "registry/machine_name.hpp"

namespace shoal::publisher {
namespace {

using registry::NodeRow;
using registry::SubscriptionReport;

constexpr std::size_t most_channels = 3;  // in one cell
constexpr std::size_t most_reasons = 20, most_nodes = 5;
constexpr std::size_t why_width = 48;
constexpr std::chrono::minutes silence{3};  // a node reports at least once a minute

struct Named {
  NodeState state;
  std::string_view name;
};
constexpr std::array<Named, 12> names{{{NodeState::revoked, "revoked"},
                                       {NodeState::gone, "gone"},
                                       {NodeState::unseen, "unseen"},
                                       {NodeState::silent, "silent"},
                                       {NodeState::failed, "failed"},
                                       {NodeState::halted, "halted"},
                                       {NodeState::stalled, "stalled"},
                                       {NodeState::waiting, "waiting"},
                                       {NodeState::fetching, "fetching"},
                                       {NodeState::switching, "switching"},
                                       {NodeState::active, "active"},
                                       {NodeState::idle, "idle"}}};

/// "40s", "5m", "3h", "12d".
std::string format_age(std::chrono::seconds age) {
  const auto count = age.count();
  if (count < 100) return std::to_string(count) + "s";
  if (count < 100 * 60) return std::to_string(count / 60) + "m";
  if (count < 48 * 3600) return std::to_string(count / 3600) + "h";
  return std::to_string(count / (24 * 3600)) + "d";
}

std::string or_dash(std::string text) { return text.empty() ? "-" : text; }

std::string version_text(const std::string& version, const std::optional<ReleaseId>& release) {
  return version.empty() && release ? release->hex().substr(0, 12) : version;
}

std::string runs_text(const NodeRow& node) {
  std::vector<std::string> words;
  for (const SubscriptionReport& row : node.report.subscriptions)
    words.push_back(row.ref().str() + " " + or_dash(version_text(row.active_version, row.active)));
  return or_dash(listed(words, most_channels));
}

std::string wants_text(const NodeRow& node) {
  std::vector<std::string> words;
  for (const SubscriptionReport& row : node.report.subscriptions) {
    if (!row.wanted || row.wanted == row.active) continue;
    std::string word = version_text(row.wanted_version, row.wanted);
    if (row.size > 0) word += " (" + std::to_string(row.done * 100 / row.size) + " %)";
    words.push_back(std::move(word));
  }
  return or_dash(listed(words, most_channels));
}

std::string seen_text(const NodeRow& node, WallTime now) {
  if (!node.seen) return "-";
  return format_age(std::max(now - *node.seen, std::chrono::seconds(0))) + " ago";
}

/// Of the machine itself; nothing where its reports count.
std::optional<NodeState> standing(const NodeRow& node, WallTime now) {
  if (node.machine.revoked) return NodeState::revoked;
  if (!node.seen) return node.machine.certificate_until <= now ? NodeState::gone : NodeState::unseen;
  return now - *node.seen > silence ? std::optional(NodeState::silent) : std::nullopt;
}

const SubscriptionReport* worst(const NodeRow& node) {
  const auto& rows = node.report.subscriptions;
  const auto found = std::min_element(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return state_of(a) < state_of(b); });
  return found == rows.end() ? nullptr : &*found;
}

NodeState state_of_node(const NodeRow& node, WallTime now) {
  if (const auto state = standing(node, now)) return *state;
  const SubscriptionReport* row = worst(node);
  return row == nullptr ? NodeState::idle : state_of(*row);
}

std::string pointer_warning(const NodeRow& node, WallTime now) {
  for (const SubscriptionReport& row : node.report.subscriptions)
    if (row.pointer_expires && manifest::ends_soon(*row.pointer_expires, now))
      return "the pointer of " + row.ref().str() + " " + manifest::end_text(*row.pointer_expires, now) + ": 'shoal channel renew " +
             row.ref().str() + "'";
  return "";
}

std::string why_of(const NodeRow& node, WallTime now) {
  const registry::MachineRow& machine = node.machine;
  if (machine.revoked) return "since " + format_time(*machine.revoked);
  if (machine.held_twice) return "two machines hold its key since " + format_time(*machine.held_twice) + ": revoke it and join both again";
  const NodeState state = state_of_node(node, now);
  if (state == NodeState::gone)
    return "its certificate " + manifest::end_text(machine.certificate_until, now) + ": 'shoal nodes remove " +
           registry::name_or_id(machine) + "'";
  if (state == NodeState::unseen) return "no report since the tracker started";
  const SubscriptionReport* row = worst(node);
  if (row != nullptr && !row->reason.empty()) return row->reason;
  return pointer_warning(node, now);
}

bool passes(const NodeLine& line, const NodeFilter& filter) {
  if (filter.site && line.node.machine.site != *filter.site) return false;
  if (filter.state && line.state != *filter.state) return false;
  return !filter.model || !line.node.report.subscriptions.empty();
}

std::string cut(const std::string& text) {
  if (text.size() <= why_width) return text;
  std::size_t end = why_width - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::string table_text(const std::vector<NodeLine>& lines, WallTime now) {
  std::map<std::string, int> uses;
  for (const NodeLine& line : lines) ++uses[line.node.machine.name];
  cli::Table table({"NAME", "ROLE", "SITE", "SEEN", "RUNS", "WANTS", "STATE", "WHY"});
  for (const NodeLine& line : lines) {
    const registry::MachineRow& machine = line.node.machine;
    std::string shown = registry::name_or_id(machine);
    if (!machine.name.empty() && uses[machine.name] > 1) shown += " (" + machine.id.str() + ")";
    table.add({shown, std::string(identity::name(machine.role)), or_dash(machine.site), seen_text(line.node, now), runs_text(line.node),
               wants_text(line.node), std::string(name(line.state)), cut(line.why)});
  }
  return table.text();
}

/// "4 nodes: 3 active, 1 failed".
std::string summary(const std::vector<NodeLine>& lines) {
  std::map<NodeState, std::size_t> counts;
  for (const NodeLine& line : lines) ++counts[line.state];
  std::string text;
  for (auto count = counts.rbegin(); count != counts.rend(); ++count)
    text += (text.empty() ? "" : ", ") + std::to_string(count->second) + " " + std::string(name(count->first));
  return counted(lines.size(), "node") + ": " + text;
}

/// Each once, with the nodes that have it, where the table had to cut it.
std::string reasons(const std::vector<NodeLine>& lines) {
  std::map<std::string, std::vector<std::string>> nodes;
  for (const NodeLine& line : lines)
    if (line.why.size() > why_width) nodes[line.why].push_back(registry::name_or_id(line.node.machine));
  std::string text;
  std::size_t shown = 0;
  for (const auto& [why, whose] : nodes) {
    if (++shown > most_reasons)
      return text + "\n  and " + counted(nodes.size() - most_reasons, "reason") + " more: 'shoal nodes list --json'";
    text += "\n  " + listed(whose, most_nodes) + ": " + why;
  }
  return text;
}

Json to_json(const SubscriptionReport& row, WallTime now) {
  Json shown{{"model", row.model.str()},
             {"channel", row.channel.str()},
             {"phase", row.phase},
             {"active_version", row.active_version},
             {"wanted_version", row.wanted_version},
             {"reason", row.reason},
             {"stall", row.stall},
             {"done_bytes", row.done},
             {"size_bytes", row.size}};
  if (row.active) shown["active"] = row.active->hex();
  if (row.wanted) shown["wanted"] = row.wanted->hex();
  if (row.pointer_expires) {
    shown["pointer_expires"] = format_time(*row.pointer_expires);
    shown["pointer_days_left"] = manifest::days_left(*row.pointer_expires, now);
  }
  return shown;
}

}  // namespace

std::string_view name(NodeState state) {
  return std::find_if(names.begin(), names.end(), [&](const Named& each) { return each.state == state; })->name;
}

std::vector<std::string> node_state_names() {
  std::vector<std::string> known;
  for (const Named& each : names) known.emplace_back(each.name);
  return known;
}

Result<NodeState> parse_node_state(std::string_view text) {
  for (const Named& each : names)
    if (each.name == text) return each.state;
  const auto known = node_state_names();
  return fail(ErrorCode::usage, "a node is never '" + printable(text) + "'; its states are " + listed(known, known.size()));
}

NodeState state_of(const SubscriptionReport& row) {
  if (row.phase == "failed") return NodeState::failed;
  if (!row.stall.empty()) return NodeState::stalled;
  if (row.phase == "activating") return NodeState::switching;
  if (row.phase == "active") return NodeState::active;
  if (row.phase == "idle") return row.active ? NodeState::active : NodeState::idle;
  if (row.phase != "ready") return NodeState::fetching;
  return row.reason.find("halted") != std::string::npos ? NodeState::halted : NodeState::waiting;
}

std::vector<NodeLine> node_lines(std::vector<NodeRow> nodes, const NodeFilter& filter, WallTime now) {
  std::vector<NodeLine> lines;
  for (NodeRow& node : nodes) {
    std::erase_if(node.report.subscriptions, [&](const SubscriptionReport& row) {
      return (filter.model && row.model != *filter.model) || (filter.channel && row.channel != *filter.channel);
    });
    NodeLine line{std::move(node), {}, {}};
    line.state = state_of_node(line.node, now);
    line.why = why_of(line.node, now);
    if (passes(line, filter)) lines.push_back(std::move(line));
  }
  std::stable_sort(lines.begin(), lines.end(), [](const NodeLine& a, const NodeLine& b) {
    return std::pair(a.state, registry::name_or_id(a.node.machine)) < std::pair(b.state, registry::name_or_id(b.node.machine));
  });
  return lines;
}

std::string nodes_text(const std::vector<NodeLine>& lines, WallTime now) {
  if (lines.empty()) return "no node";
  return table_text(lines, now) + "\n\n" + summary(lines) + reasons(lines);
}

Json to_json(const NodeLine& line, WallTime now) {
  const registry::MachineRow& machine = line.node.machine;
  Json json{{"type", "node"},
            {"id", machine.id.str()},
            {"name", machine.name},
            {"site", machine.site},
            {"role", std::string(identity::name(machine.role))},
            {"state", std::string(name(line.state))},
            {"why", line.why},
            {"certificate_until", format_time(machine.certificate_until)},
            {"subscriptions", Json::array()}};
  if (machine.revoked) json["revoked"] = format_time(*machine.revoked);
  if (machine.held_twice) json["held_twice"] = format_time(*machine.held_twice);
  if (!line.node.seen) return json;
  json["seen"] = format_time(*line.node.seen);
  json["seen_seconds_ago"] = std::max<std::int64_t>((now - *line.node.seen).count(), 0);
  json["software"] = line.node.report.software;
  for (const SubscriptionReport& row : line.node.report.subscriptions) json["subscriptions"].push_back(to_json(row, now));
  return json;
}

}  // namespace shoal::publisher
