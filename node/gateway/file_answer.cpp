#include "node/gateway/file_answer.hpp"

#include <array>
#include <ctime>

namespace shoal::gateway {
namespace {

/// A date is as good as a tag here: the files of a release never change.
bool still_current(const std::string& if_range, const std::string& tag, const std::string& date) {
  return if_range.empty() || if_range == tag || if_range == date;
}

FileAnswer ranged(const http::Request& request, const manifest::FileEntry& file, FileAnswer answer, const std::string& date) {
  answer.bytes = {0, file.size};
  if (!still_current(header_of(request, "if-range"), entity_tag(file), date)) return answer;
  const RangeVerdict range = read_range_header(header_of(request, "range"), file.size);
  if (range.kind == RangeVerdict::Kind::whole) return answer;
  if (range.kind == RangeVerdict::Kind::unsatisfiable) {
    answer.status = 416;
    answer.bytes = {};
    answer.fields.emplace_back("Content-Range", unsatisfied_range(file.size));
    return answer;
  }
  answer.status = 206;
  answer.bytes = range.part;
  answer.fields.emplace_back("Content-Range", content_range(range.part, file.size));
  return answer;
}

}  // namespace

std::string header_of(const http::Request& request, const std::string& name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? std::string() : found->second;
}

std::string entity_tag(const manifest::FileEntry& file) { return '"' + file.sha256.hex() + '"'; }

std::string http_date(WallTime time) {
  static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = time.time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 40> rest{};
  const auto length = std::strftime(rest.data(), rest.size(), " %Y %H:%M:%S GMT", &parts);
  const std::string day = (parts.tm_mday < 10 ? "0" : "") + std::to_string(parts.tm_mday);
  return std::string(days.at(static_cast<std::size_t>(parts.tm_wday))) + ", " + day + " " +
         months.at(static_cast<std::size_t>(parts.tm_mon)) + std::string(rest.data(), length);
}

FileAnswer answer_for(const http::Request& request, const manifest::FileEntry& file, WallTime modified) {
  const std::string tag = entity_tag(file), date = http_date(modified);
  FileAnswer answer;
  answer.fields = {{"ETag", tag}, {"Accept-Ranges", "bytes"}, {"Last-Modified", date}};
  const std::string if_match = header_of(request, "if-match"), if_none_match = header_of(request, "if-none-match");
  if (!if_match.empty() && !lists_tag(if_match, tag, false)) answer.status = 412;
  else if (!if_none_match.empty() && lists_tag(if_none_match, tag, true)) answer.status = 304;
  if (answer.status != 200) return answer;
  return ranged(request, file, std::move(answer), date);
}

}  // namespace shoal::gateway
