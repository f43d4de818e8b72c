#include "cli/progress.hpp"

#include <algorithm>
#include <vector>

namespace shoal::cli {
namespace {

constexpr std::size_t widest_bar = 24, narrowest_bar = 8;  // between the brackets
constexpr std::size_t shortest_name = 8;
constexpr std::size_t shortest_reason = 24;
constexpr std::string_view ellipsis = "...";

std::uint64_t percent(const Moment& moment) {
  if (moment.total == 0) return 0;
  return static_cast<std::uint64_t>(100.0 * static_cast<double>(std::min(moment.done, moment.total)) / static_cast<double>(moment.total));
}

std::string drawn_bar(const Moment& moment, std::size_t width) {
  const std::size_t filled = percent(moment) * width / 100;
  std::string bar(filled, '=');
  if (filled < width) bar += '>';
  bar.resize(width, ' ');
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

/// Whole, or its beginning and "..." in `width` columns.
std::string shortened(const std::string& text, std::size_t width) {
  if (columns(text) <= width) return text;
  return width <= ellipsis.size() ? cut(text, width) : cut(text, width - ellipsis.size()) + std::string(ellipsis);
}

std::string joined(const std::vector<std::string>& parts) {
  std::string line;
  for (const std::string& part : parts)
    if (!part.empty()) line += (line.empty() ? "" : "  ") + part;
  return line;
}

std::string percent_text(const Moment& moment) { return moment.total > 0 ? std::to_string(percent(moment)) + "%" : ""; }

std::string amount_text(const Moment& moment) {
  return format_bytes(moment.done) + (moment.total > 0 ? " of " + format_bytes(moment.total) : "");
}

std::string rate_text(const Moment& moment) { return moment.rate > 0 ? format_bytes(moment.rate) + "/s" : ""; }

/// In whole seconds, "35s left"; nothing in the last second.
std::string left_text(const Moment& moment) {
  const std::int64_t left = seconds_left(moment);
  if (left <= 0) return "";
  return (left < 60 ? std::to_string(left) + "s" : format_duration(std::chrono::seconds(left))) + " left";
}

/// The numbers in the widest form that fits: at first the total goes, then the amount, the time left, the rate. With a reason for which
/// nothing moves, that takes the place of rate and time left, and is shortened before anything goes.
std::string numbers(const Moment& moment, std::size_t width) {
  const std::string share = percent_text(moment), amount = amount_text(moment), done = format_bytes(moment.done);
  if (!moment.waiting.empty()) {
    const std::string reason = printable(moment.waiting);
    const std::string all = joined({share, amount, reason});
    if (columns(all) <= width) return all;
    const std::size_t room = width - std::min(width, share.empty() ? 0 : columns(share) + 2);
    return room < shortest_reason ? shortened(share, width) : joined({share, shortened(reason, room)});
  }
  const std::string rate = rate_text(moment), left = left_text(moment);
  for (const std::string& form : {joined({share, amount, rate, left}), joined({share, done, rate, left}), joined({share, rate, left}),
                                  joined({share, rate}), share.empty() ? done : share})
    if (columns(form) <= width) return form;
  return "";
}

/// Columns that are left beside `taken`, and the two that separate.
std::size_t room_beside(std::size_t taken, std::size_t width) { return width > taken + 2 ? width - taken - 2 : 0; }

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
  const std::string facts = numbers(moment, width);
  const std::size_t room = facts.empty() ? width : room_beside(columns(facts), width);
  const std::string name = room < shortest_name ? "" : shortened(printable(moment.what), room);
  std::size_t rest = name.empty() ? 0 : room_beside(columns(name), room);
  std::string bar;
  if (moment.total > 0 && rest >= narrowest_bar + 2) bar = drawn_bar(moment, std::min(widest_bar, rest - 2));
  rest = room_beside(columns(bar), rest);
  const bool has_room = bar.size() == widest_bar + 2 && !moment.detail.empty() && columns(printable(moment.detail)) <= rest;
  if (color && !bar.empty()) bar = "\x1b[32m" + bar + "\x1b[0m";
  return joined({name, bar, facts, has_room && moment.waiting.empty() ? printable(moment.detail) : ""});
}

std::string progress_line(const Moment& moment) {
  std::string facts = joined({percent_text(moment), amount_text(moment)});
  if (!moment.waiting.empty()) return joined({printable(moment.what), facts, printable(moment.waiting)});
  return joined({printable(moment.what), facts, rate_text(moment), left_text(moment), printable(moment.detail)});
}

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
