#include "metrics/page.hpp"

#include "doctest/doctest.h"

using namespace shoal::metrics;
using namespace std::chrono_literals;

TEST_CASE("a page has a help, a type and a line for each sample") {
  Page page;
  page.counter("a_total", "All of it.", {{{{"direction", "sent"}, {"peer", "node"}}, 3}, {{{"direction", "received"}}, 1e15}});
  page.gauge("b", "Half.", 0.5);
  CHECK(page.text() ==
        "# HELP a_total All of it.\n# TYPE a_total counter\na_total{direction=\"sent\",peer=\"node\"} 3\na_total{direction=\"received\"} "
        "1e+15\n"
        "# HELP b Half.\n# TYPE b gauge\nb 0.5\n");
}

TEST_CASE("label values cannot end their quotes or their line") {
  Page page;
  page.gauge("a", "A.", {{{{"version", "1\"\n\\x"}}, 1}});
  CHECK(page.text().find("a{version=\"1\\\"\\n\\\\x\"} 1\n") != std::string::npos);
}

TEST_CASE("buckets of a histogram hold all that is below them, bounds included") {
  Histogram histogram({0.001, 0.01});
  for (auto time : {500us, 1000us, 1001us}) histogram.observe(time);
  histogram.observe(2s);
  const auto reading = histogram.read();
  CHECK(reading.counts == std::vector<std::uint64_t>{2, 3, 4});
  CHECK(reading.sum == doctest::Approx(2.002501));
  Page page;
  page.histogram("h_seconds", "Times.", reading);
  CHECK(page.text() ==
        "# HELP h_seconds Times.\n# TYPE h_seconds histogram\nh_seconds_bucket{le=\"0.001\"} 2\nh_seconds_bucket{le=\"0.01\"} 3\n"
        "h_seconds_bucket{le=\"+Inf\"} 4\nh_seconds_sum 2.002501\nh_seconds_count 4\n");
}
