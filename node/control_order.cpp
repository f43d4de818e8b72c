#include "node/control_order.hpp"

#include <algorithm>

namespace shoal::node {
namespace {

constexpr std::uint64_t longest = 365 * 24 * 3600;

}  // namespace

Result<ControlOrder> read_order(const Json& request) {
  JsonReader reader(request, "a request on the control socket");
  ControlOrder order;
  if (reader.has("command")) order.command = reader.string("command");
  if (reader.has("reference")) order.reference = reader.string("reference");
  if (reader.has("allow_code_formats")) order.allow_code_formats = reader.boolean("allow_code_formats");
  if (reader.has("release")) order.release = reader.as<ReleaseId>("release", ReleaseId::from_hex);
  if (reader.has("reason")) order.reason = reader.string("reason");
  if (reader.has("until")) order.until = reader.as<WallTime>("until", parse_time);
  if (reader.has("dry_run")) order.dry_run = reader.boolean("dry_run");
  if (reader.has("upload")) order.upload = reader.number("upload");
  if (reader.has("download")) order.download = reader.number("download");
  if (reader.has("seconds")) order.lasts = std::chrono::seconds(std::min(reader.number("seconds"), longest));
  Status read = reader.finish_lenient();
  if (!read.ok()) return fail(ErrorCode::usage, read.error().message);
  return order;
}

}  // namespace shoal::node
