#include "top/layout.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "base/wording.hpp"
#include "top/columns.hpp"

namespace shoal::top {
namespace {

using overview::Doing;
using overview::MachineView;
using overview::ReleaseView;

constexpr std::size_t narrow = 80;
constexpr std::size_t most_releases = 6;
constexpr std::size_t airy = 16;  // lines, from which an empty one divides releases from machines
constexpr std::size_t least_name = 12, least_release = 18;
constexpr std::size_t longest_name = 200;

struct Row {
  const MachineView* machine;
  Doing doing;
  std::optional<unsigned> done;
  std::string name;
};

Tone tone_of(Doing doing) {
  switch (doing) {
    case Doing::revoked:
    case Doing::failed: return Tone::bad;
    case Doing::stalled:
    case Doing::silent: return Tone::warn;
    case Doing::fetching: return Tone::busy;
    case Doing::active:
    case Doing::complete: return Tone::good;
    default: return Tone::plain;
  }
}

/// "40s", "5m", "3h", "12d".
std::string age(std::chrono::seconds time) {
  const auto count = std::max<std::int64_t>(time.count(), 0);
  if (count < 100) return std::to_string(count) + "s";
  if (count < 100 * 60) return std::to_string(count / 60) + "m";
  if (count < 48 * 3600) return std::to_string(count / 3600) + "h";
  return std::to_string(count / (24 * 3600)) + "d";
}

std::string rate_text(ByteCount rate) { return rate > 0 ? format_bytes(rate) + "/s" : ""; }

std::string copies_text(const ReleaseView& release) {
  if (release.facts.size == 0) return "";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", release.copies());
  return text;
}

bool comes_first(const Row& a, const Row& b, Sort sort) {
  const auto done = [](const Row& row) { return row.done ? static_cast<int>(*row.done) : 101; };
  if (sort == Sort::state && a.doing != b.doing) return a.doing < b.doing;
  if (sort == Sort::progress && done(a) != done(b)) return done(a) < done(b);
  if (sort == Sort::rate && a.machine->rate() != b.machine->rate()) return a.machine->rate() > b.machine->rate();
  return std::pair(a.name, a.machine->row.id) < std::pair(b.name, b.machine->row.id);
}

std::vector<Row> rows_of(const Picture& picture, Sort sort) {
  std::vector<Row> rows;
  for (const auto& [id, machine] : picture.machines)
    rows.push_back({&machine, overview::doing(machine, picture.at), percent(machine), printable(machine.shown_name(), longest_name)});
  std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return comes_first(a, b, sort); });
  return rows;
}

/// "13 machines: 1 failed, 4 fetching, 8 active".
std::string summary(const std::vector<Row>& rows) {
  std::map<Doing, std::size_t> counts;
  for (const Row& row : rows) ++counts[row.doing];
  std::string text = counted(rows.size(), "machine");
  for (const auto& [doing, count] : counts)
    text += (doing == counts.begin()->first ? ": " : ", ") + std::to_string(count) + " " + std::string(overview::name(doing));
  return text;
}

Line title_line(const Picture& picture, const std::vector<Row>& rows, std::size_t width) {
  ByteCount rate = 0;
  for (const Row& row : rows) rate += row.machine->rate();
  std::string right = rate > 0 ? "  " + rate_text(rate) + " " : "";
  if (right.size() + least_name > width) right.clear();
  return {{fitted(" " + picture.fleet + "  " + summary(rows), width - right.size()) + right, Tone::title}};
}

Columns release_columns(std::size_t width) {
  const std::size_t bar_width = 16 + (width > narrow ? (width - narrow) / 3 : 0);
  return {{{"RELEASE"},
           {"PROGRESS", bar_width, false, 1},
           {"NODES", 9, true, 0},
           {"COPIES", 6, true, 4},
           {"RATE", 9, true, 2},
           {"LEFT", 7, true, 3}},
          width,
          least_release};
}

std::string progress_text(unsigned done, std::size_t width) {
  const std::string number = fitted(std::to_string(done) + "%", 5, true);
  return bar(done, width - number.size()) + number;
}

Line release_line(const Columns& columns, const ReleaseView& release, std::size_t width) {
  const unsigned done = percent(release);
  const bool complete = release.all.complete == release.all.machines;
  const std::string nodes = std::to_string(release.all.complete) + "/" + std::to_string(release.all.machines);
  const std::string left = release.seconds_left ? age(std::chrono::seconds(*release.seconds_left)) : "";
  return columns.row({{release.facts.model.str() + "@" + release.facts.version.str()},
                      {progress_text(done, 16 + (width > narrow ? (width - narrow) / 3 : 0)), complete ? Tone::good : Tone::busy},
                      {nodes, release.all.failed > 0 ? Tone::bad : Tone::plain},
                      {copies_text(release)},
                      {rate_text(release.all.rate)},
                      {left}});
}

std::size_t version_width(std::size_t width) { return 18 + (width > narrow ? (width - narrow) / 2 : 0); }

Columns machine_columns(std::size_t width) {
  return {{{"MACHINE"},
           {"SITE", 8, false, 4},
           {"STATE", 8, false, 0},
           {"VERSION", version_width(width), false, 2},
           {"PROGRESS", 14, false, 1},
           {"RATE", 9, true, 3},
           {"SEEN", 4, true, 5}},
          width,
          least_name};
}

Line machine_line(const Columns& columns, const Row& row, const Picture& picture) {
  const MachineView& machine = *row.machine;
  const Tone tone = tone_of(row.doing);
  return columns.row({{row.name},
                      {printable(machine.row.site, longest_name)},
                      {std::string(overview::name(row.doing)), tone},
                      {printable(versions(machine, picture), longest_name)},
                      {row.done ? progress_text(*row.done, 14) : "", tone},
                      {rate_text(machine.rate())},
                      {machine.seen ? age(picture.at - *machine.seen) : "-"}});
}

Line key_line(const Picture& picture, const Wish& wish, const Page& page, std::size_t width) {
  if (!picture.problem.empty()) return {{fitted(" " + printable(picture.problem, longest_name), width), Tone::bad}};
  const std::string shown = std::to_string(page.shown > 0 ? wish.first + 1 : 0) + "-" + std::to_string(wish.first + page.shown) + " of " +
                            std::to_string(page.machines) + "  " + format_time(picture.at).substr(11) + " ";
  const std::string keys = " q quit  s sort: " + std::string(name(wish.sort)) + "  arrows scroll";
  if (keys.size() + shown.size() > width) return {{fitted(keys, width), Tone::title}};
  return {{fitted(keys, width - shown.size()) + shown, Tone::title}};
}

/// Releases take a quarter of the screen at most.
std::size_t release_lines(std::size_t releases, std::size_t height) {
  return height == 0 ? releases : std::min({releases, most_releases, height / 4});
}

}  // namespace

std::string_view name(Sort sort) {
  switch (sort) {
    case Sort::state: return "state";
    case Sort::name: return "name";
    case Sort::progress: return "progress";
    case Sort::rate: return "rate";
  }
  return "state";
}

Sort after(Sort sort) {
  switch (sort) {
    case Sort::state: return Sort::name;
    case Sort::name: return Sort::progress;
    case Sort::progress: return Sort::rate;
    case Sort::rate: return Sort::state;
  }
  return Sort::state;
}

Page lay_out(const Picture& picture, Wish& wish, Size size) {
  const auto [width, height] = size;
  const std::vector<Row> rows = rows_of(picture, wish.sort);
  Page page;
  page.machines = rows.size();
  page.lines.push_back(title_line(picture, rows, width));
  const auto releases = releases_in_order(picture);
  if (const std::size_t count = release_lines(releases.size(), height); count > 0) {
    const Columns columns = release_columns(width);
    page.lines.push_back(columns.heads());
    for (std::size_t i = 0; i < count; ++i) page.lines.push_back(release_line(columns, *releases[i], width));
  }
  if (page.lines.size() > 1 && (height == 0 || height >= airy)) page.lines.emplace_back();
  const Columns columns = machine_columns(width);
  page.lines.push_back(columns.heads());
  const std::size_t used = page.lines.size() + 1;  // and the line of keys
  const std::size_t room = height == 0 ? rows.size() : height - std::min(height, used);
  wish.first = std::min(wish.first, rows.size() - std::min(rows.size(), room));
  for (std::size_t i = wish.first; i < rows.size() && page.shown < room; ++i, ++page.shown)
    page.lines.push_back(machine_line(columns, rows[i], picture));
  if (height == 0) return page;
  page.lines.resize(height - 1);
  page.lines.push_back(key_line(picture, wish, page, width));
  return page;
}

std::string text_of(const Line& line) {
  std::string text;
  for (const Span& span : line) text += span.text;
  const std::size_t end = text.find_last_not_of(' ');
  return end == std::string::npos ? "" : text.substr(0, end + 1);
}

}  // namespace shoal::top
