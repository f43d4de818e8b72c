// Numbers as Prometheus reads them (text format 0.0.4). Pure.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/histogram.hpp"

namespace shoal::metrics {

/// One value of a metric, told from the others by its labels.
struct Sample {
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
};

/// A page under construction. Names, helps and label names are our own constants; label values are escaped. What goes on a page is read by
/// everybody who reaches the listener: no names of models or machines, no addresses, no paths, no secrets.
class Page {
 public:
  void counter(std::string_view name, std::string_view help, const std::vector<Sample>& samples) { metric(name, help, "counter", samples); }
  void counter(std::string_view name, std::string_view help, double value) { counter(name, help, {{{}, value}}); }
  void gauge(std::string_view name, std::string_view help, const std::vector<Sample>& samples) { metric(name, help, "gauge", samples); }
  void gauge(std::string_view name, std::string_view help, double value) { gauge(name, help, {{{}, value}}); }
  void histogram(std::string_view name, std::string_view help, const Histogram::Reading& reading);

  const std::string& text() const { return text_; }

 private:
  void head(std::string_view name, std::string_view help, std::string_view type);
  void metric(std::string_view name, std::string_view help, std::string_view type, const std::vector<Sample>& samples);
  void line(std::string_view name, const Sample& sample);

  std::string text_;
};

}  // namespace shoal::metrics
