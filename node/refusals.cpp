#include "node/refusals.hpp"

#include <algorithm>
#include <vector>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "manifest/code_formats.hpp"

namespace shoal::node {
namespace {

constexpr ByteCount file_limit = 16 * KiB;
constexpr std::size_t reason_limit = 4000;

struct Refusal {
  bool node_allows = false;
  std::uint64_t rules = 0;
  std::string reason;
};

Result<Refusal> read(const fs::path& file) {
  SHOAL_TRY(std::string text, read_file(file, file_limit));
  SHOAL_TRY(Json json, parse_json(text, file_limit));
  JsonReader reader(json, file.string());
  Refusal refusal{reader.boolean("node_allows"), reader.number("rules"), reader.string("reason")};
  SHOAL_CHECK(reader.finish_lenient());
  return refusal;
}

bool holds(const Refusal& refusal, bool node_allows) {
  return refusal.node_allows == node_allows && refusal.rules == manifest::format_rules;
}

}  // namespace

/// A file that cannot be read costs another fetch, no more.
std::optional<std::string> Refusals::reason(const ReleaseId& release, bool node_allows) const {
  auto refusal = read(file(release));
  return refusal.ok() && holds(*refusal, node_allows) ? std::optional(refusal->reason) : std::nullopt;
}

bool Refusals::is_void(const ReleaseId& release, bool node_allows) const {
  auto refusal = read(file(release));
  return refusal.ok() && !holds(*refusal, node_allows);
}

Status Refusals::note(const ReleaseId& release, bool node_allows, const std::string& why) const {
  SHOAL_CHECK(make_directories(root_));
  const Json json{{"node_allows", node_allows}, {"rules", manifest::format_rules}, {"reason", printable(why, reason_limit)}};
  SHOAL_CHECK(write_file_durably(file(release), json.dump() + "\n"));
  drop_the_oldest();
  return {};
}

void Refusals::drop_the_oldest() const {
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  std::error_code error;
  for (fs::directory_iterator it(root_, error), end; !error && it != end; it.increment(error))
    files.emplace_back(fs::last_write_time(it->path(), error), it->path());
  std::sort(files.begin(), files.end());
  for (std::size_t i = 0; i + most < files.size(); ++i) fs::remove(files[i].second, error);
}

}  // namespace shoal::node
