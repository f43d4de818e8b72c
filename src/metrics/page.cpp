#include "metrics/page.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace shoal::metrics {
namespace {

/// The shortest text that reads back as the same number.
std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> text{};
  auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end};
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') out += "\\n";
    else out += c;
  }
  return out;
}

}  // namespace

void Page::head(std::string_view name, std::string_view help, std::string_view type) {
  text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
  text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void Page::line(std::string_view name, const Sample& sample) {
  text_.append(name);
  char before = '{';
  for (const auto& [label, value] : sample.labels) {
    text_ += before;
    text_.append(label).append("=\"").append(escaped(value)).append("\"");
    before = ',';
  }
  if (before == ',') text_ += '}';
  text_.append(" ").append(number(sample.value)).append("\n");
}

void Page::metric(std::string_view name, std::string_view help, std::string_view type, const std::vector<Sample>& samples) {
  head(name, help, type);
  for (const Sample& sample : samples) line(name, sample);
}

void Page::histogram(std::string_view name, std::string_view help, const Histogram::Reading& reading) {
  head(name, help, "histogram");
  const std::string buckets = std::string(name) + "_bucket";
  for (std::size_t i = 0; i < reading.counts.size(); ++i) {
    const std::string bound = i < reading.bounds.size() ? number(reading.bounds[i]) : "+Inf";
    line(buckets, {{{"le", bound}}, static_cast<double>(reading.counts[i])});
  }
  line(std::string(name) + "_sum", {{}, reading.sum});
  line(std::string(name) + "_count", {{}, static_cast<double>(reading.counts.back())});
}

}  // namespace shoal::metrics
