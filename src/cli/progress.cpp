#include "cli/progress.hpp"

#include <algorithm>
#include <vector>

namespace shoal::cli {
namespace {

constexpr unsigned bar_width = 24;
constexpr std::size_t shortest_name = 12;
constexpr std::size_t shortest_reason = 24;

std::uint64_t percent(const Moment& moment) {
  if (moment.total == 0) return 0;
  return static_cast<std::uint64_t>(100.0 * static_cast<double>(std::min(moment.done, moment.total)) / static_cast<double>(moment.total));
}

std::string drawn_bar(const Moment& moment) {
  std::size_t filled = percent(moment) * bar_width / 100;
  std::string bar(filled, '=');
  if (filled < bar_width) bar += '>';
  bar.resize(bar_width, ' ');
  return "[" + bar + "]";
}

/// Columns, counting each code point as one.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// The first `width` code points.
std::string cut(std::string text, std::size_t width) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] & 0xC0) != 0x80 && seen++ == width) return text.substr(0, i);
  }
  return text;
}

/// A part of the line; the parts with the highest `rank` go first where the terminal is narrow.
struct Part {
  std::string text;
  int rank;
  std::size_t least = 0;  // it is cut to half of the line, or to this, before it goes; 0: it goes whole
};

std::size_t length(const std::vector<Part>& parts) {
  std::size_t total = 0;
  for (const Part& part : parts) total += (total > 0 ? 2 : 0) + columns(part.text);
  return total;
}

std::vector<Part> parts_of(const Moment& moment, bool with_bar) {
  std::vector<Part> parts{{printable(moment.what), 0}};
  if (with_bar && moment.total > 0) parts.push_back({drawn_bar(moment), 3});
  if (moment.total > 0) parts.push_back({std::to_string(percent(moment)) + "%", 1});
  std::string of_total = moment.total > 0 ? " of " + format_bytes(moment.total) : "";
  parts.push_back({format_bytes(moment.done) + of_total, 4});
  if (!moment.waiting.empty()) {
    parts.push_back({printable(moment.waiting), 2, shortest_reason});
    return parts;
  }
  if (moment.rate > 0) parts.push_back({format_bytes(moment.rate) + "/s", 2});
  if (std::int64_t left = seconds_left(moment); left > 0) parts.push_back({format_duration(std::chrono::seconds(left)) + " left", 5});
  if (!moment.detail.empty()) parts.push_back({printable(moment.detail), 6});
  return parts;
}

std::string joined(const std::vector<Part>& parts) {
  std::string line;
  for (const Part& part : parts) line += (line.empty() ? "" : "  ") + part.text;
  return line;
}

/// Drops parts, then shortens the name, until the line fits.
void fit(std::vector<Part>& parts, std::size_t width) {
  auto by_rank = [](const Part& a, const Part& b) { return a.rank < b.rank; };
  while (parts.size() > 1 && length(parts) > width) {
    std::size_t name = columns(parts.front().text), over = length(parts) - width;
    const auto last = std::max_element(parts.begin(), parts.end(), by_rank);
    const std::size_t long_enough = std::max(last->least, width / 2), now = columns(last->text);
    if (last->least > 0 && now > long_enough) last->text = cut(last->text, std::max(long_enough, now - std::min(over, now)));
    else if (parts.size() <= 3 && name >= over + shortest_name) break;
    else parts.erase(last);
  }
  if (length(parts) <= width) return;
  std::size_t rest = length(parts) - columns(parts.front().text);
  parts.front().text = cut(parts.front().text, width > rest ? width - rest : 0);
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return out;
}

std::int64_t seconds_left(const Moment& moment) {
  if (moment.rate == 0 || moment.total == 0 || moment.done > moment.total) return -1;
  return static_cast<std::int64_t>((moment.total - moment.done + moment.rate - 1) / moment.rate);
}

std::string progress_bar(const Moment& moment, unsigned width, bool color) {
  std::vector<Part> parts = parts_of(moment, true);
  fit(parts, width);
  for (Part& part : parts) {
    if (color && part.rank == 3) part.text = "\x1b[32m" + part.text + "\x1b[0m";
  }
  return joined(parts);
}

std::string progress_line(const Moment& moment) { return joined(parts_of(moment, false)); }

Json progress_json(const Moment& moment) {
  Json line = moment.extra.is_object() ? moment.extra : Json::object();
  line["type"] = "progress";
  line["what"] = moment.what;
  line["done"] = moment.done;
  line["total"] = moment.total;
  line["rate"] = moment.rate;
  if (std::int64_t left = seconds_left(moment); left >= 0) line["seconds_left"] = left;
  return line;
}

}  // namespace shoal::cli
