// Routes of what a fleet lives with: freshness, reports of nodes, trust roots, histories, withdrawals.
#include "base/log.hpp"
#include "registry/freshness_query.hpp"
#include "tracker/endpoints_common.hpp"

namespace shoal::tracker {
namespace {

// Of a list that is asked for in pages; what clients read is four times as much.
constexpr ByteCount page_bytes = 4 * MiB;
constexpr std::string_view after_parameter = "after=";

/// Decimal digits and nothing else; at most 2^53.
Result<std::uint64_t> number_of(const std::string& text, const std::string& what) {
  bool digits = !text.empty() && text.size() <= 16 && text.find_first_not_of("0123456789") == std::string::npos;
  if (digits) return std::stoull(text);
  return fail(ErrorCode::usage, what + " is a whole number, not '" + printable(text) + "'");
}

/// A parameter of the query; none where it is not given.
std::optional<std::string> parameter(const std::string& query, const std::string& name) {
  for (std::size_t from = 0; from <= query.size();) {
    std::size_t end = std::min(query.find('&', from), query.size());
    std::string pair = query.substr(from, end - from);
    if (pair.starts_with(name + "=")) return pair.substr(name.size() + 1);
    from = end + 1;
  }
  return std::nullopt;
}

Result<std::uint64_t> parameter(const std::string& query, const std::string& name, std::uint64_t fallback) {
  auto text = parameter(query, name);
  return text ? number_of(*text, name) : Result<std::uint64_t>(fallback);
}

struct FreshnessQuestion {
  FreshnessDesk::Places places;
  std::uint64_t after = 0;
  std::chrono::seconds patience;
};

Result<FreshnessQuestion> freshness_question(const std::string& query) {
  const auto longest = static_cast<std::uint64_t>(registry::longest_patience.count());
  FreshnessQuestion question;
  SHOAL_TRY(question.after, parameter(query, "after", 0));
  SHOAL_TRY(std::uint64_t wait, parameter(query, "wait", longest));
  question.patience = std::chrono::seconds(std::min(wait, longest));
  if (auto places = parameter(query, "places")) {
    SHOAL_TRY(question.places, registry::decode_places(*places));
  }
  return question;
}

/// Not through `disk`: whoever waits holds no thread.
void wait_for_freshness(const Parts& parts, const Request& request, const Reply& reply) {
  auto question = freshness_question(request.query);
  if (!question.ok()) return reply(refused(question.error()));
  parts.freshness.ask(std::move(question->places), question->after, question->patience,
                      [reply](const Result<std::string>& envelope) { reply(envelope.ok() ? json(*envelope) : refused(envelope.error())); });
}

Result<Response> take_report(const Parts& parts, const Request& request, const PathArguments&) {
  SHOAL_TRY(registry::NodeReport report, sent(registry::decode_node_report(request.body)));
  SHOAL_CHECK(parts.reports.put(request.peer->identity.id, report, parts.clock.now()));
  std::vector<ChannelStanding> halted = parts.reports.to_halt(report, parts.freshness, parts.clock.now());
  for (const ChannelStanding& channel : halted) SHOAL_CHECK(parts.catalog.halt(channel));
  if (!halted.empty()) say_changed(parts);
  return json(encode(registry::ReportReply{report_again(parts.reports.fetching())}));
}

/// In pages; all at once to clients of earlier versions, which ask without a parameter.
Result<Response> show_nodes(const Parts& parts, const Request& request, const PathArguments&) {
  SHOAL_TRY(auto machines, parts.admission.machines());
  if (request.query.empty()) return json(encode(registry::NodePage{parts.reports.rows(machines)}));
  NodeId after;
  if (request.query.starts_with(after_parameter)) {
    SHOAL_TRY(after, NodeId::parse(request.query.substr(after_parameter.size())).within("after"));
  }
  SHOAL_TRY(auto page, parts.reports.page(machines, after, page_bytes));
  return json(encode(page));
}

Result<Response> show_history(const Parts& parts, const Request&, const PathArguments& arguments) {
  SHOAL_TRY(ModelName model, model_of(arguments));
  SHOAL_TRY(ChannelName channel, ChannelName::parse(arguments.at(2)));
  SHOAL_TRY(auto rows, parts.catalog.history(model, channel));
  return json(encode(rows));
}

Result<Response> show_trust_root(const Parts& parts, const Request&, const PathArguments& arguments) {
  SHOAL_TRY(std::uint64_t version, number_of(arguments.at(0), "a version of the trust root"));
  SHOAL_TRY(std::string envelope, parts.roots.find(version));
  return json(std::move(envelope));
}

Result<Response> set_trust_root(const Parts& parts, const Request& request, const PathArguments& arguments) {
  SHOAL_TRY(std::uint64_t version, number_of(arguments.at(0), "a version of the trust root"));
  SHOAL_CHECK(parts.roots.add(version, request.body, request.peer->identity.id));
  say_changed(parts);
  return json("{}");
}

Result<Response> withdraw(const Parts& parts, const Request& request, const PathArguments& arguments) {
  SHOAL_TRY(ModelName model, model_of(arguments));
  SHOAL_TRY(VersionName version, VersionName::parse(arguments.at(2)));
  SHOAL_CHECK(parts.catalog.withdraw(model, version, request.body, request.peer->identity.id));
  return json("{}");
}

Result<Response> delete_channel(const Parts& parts, const Request& request, const PathArguments& arguments) {
  SHOAL_TRY(ModelName model, model_of(arguments));
  SHOAL_TRY(ChannelName channel, ChannelName::parse(arguments.at(2)));
  SHOAL_CHECK(parts.catalog.delete_channel(model, channel, request.body, request.peer->identity.id));
  say_changed(parts);
  return json("{}");
}

Result<Response> show_deletion(const Parts& parts, const Request&, const PathArguments& arguments) {
  SHOAL_TRY(ModelName model, model_of(arguments));
  SHOAL_TRY(ChannelName channel, ChannelName::parse(arguments.at(2)));
  SHOAL_TRY(std::string envelope, parts.catalog.deletion(model, channel));
  return json(std::move(envelope));
}

}  // namespace

void say_changed(const Parts& parts) {
  // What was changed stays changed; the sweeper tries again until the statement says so.
  if (Status status = parts.freshness.refresh(); !status.ok()) log::warn("freshness_not_refreshed", {{"reason", status.error().message}});
}

std::vector<http::Route> fleet_routes(const Parts& parts) {
  auto disk = [&](auto handler) {
    return on_disk(parts,
                   [parts, handler](const Request& request, const PathArguments& arguments) { return handler(parts, request, arguments); });
  };
  const std::string model = "/v1/models/{org}/{name}";
  return {
      {"GET", "/v1/freshness", reading,
       [parts](const Request& request, const PathArguments&, const Reply& reply) { wait_for_freshness(parts, request, reply); }},
      {"PUT", "/v1/nodes/self", announcing, disk(take_report)},
      {"GET", "/v1/nodes", reading, disk(show_nodes)},
      {"GET", model + "/channels/{channel}/history", reading, disk(show_history)},
      {"GET", "/v1/trust-roots/{version}", reading, disk(show_trust_root)},
      {"PUT", "/v1/trust-roots/{version}", publishing, disk(set_trust_root)},
      {"DELETE", model + "/versions/{version}", publishing, disk(withdraw)},
      {"DELETE", model + "/channels/{channel}", publishing, disk(delete_channel)},
      {"GET", model + "/channels/{channel}/deletion", reading, disk(show_deletion)},
  };
}

}  // namespace shoal::tracker
