#include "base/units.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace std::chrono_literals;

TEST_CASE("sizes are read in both families of units") {
  CHECK(parse_bytes("0").value() == 0);
  CHECK(parse_bytes("100").value() == 100);
  CHECK(parse_bytes("4GiB").value() == 4 * GiB);
  CHECK(parse_bytes("512 MB").value() == 512'000'000);
  CHECK(parse_bytes("1.5KiB").value() == 1536);
  CHECK(parse_bytes("2TiB").value() == 2048 * GiB);
}

TEST_CASE("what is not a size is refused") {
  for (const char* bad : {"", " ", "GiB", "-1", "+1", "nan", "inf", "infGB", "1XB", "1 GiB x", "1e30", "99999999TiB", "0x10"}) {
    CHECK_MESSAGE(!parse_bytes(bad).ok(), bad);
    if (!parse_bytes(bad).ok()) CHECK(parse_bytes(bad).error().code == ErrorCode::usage);
  }
}

TEST_CASE("a rate is a size a second, with or without saying so") {
  CHECK(parse_rate("20MB/s").value() == 20'000'000);
  CHECK(parse_rate("20MB").value() == 20'000'000);
  CHECK_FALSE(parse_rate("20MB/m").ok());
  CHECK_FALSE(parse_rate("/s").ok());
}

TEST_CASE("a unit that people mistake is answered with the right one") {
  CHECK(parse_bytes("20Mb").error().message.find("write MB for megabytes") != std::string::npos);
  CHECK(parse_bytes("20G").error().message.find("the units are kB, MB, GB") != std::string::npos);
  CHECK(parse_bytes("20MB/s").error().message.find("leave out /s") != std::string::npos);
}

TEST_CASE("sizes are shown with three digits") {
  CHECK(format_bytes(0) == "0 B");
  CHECK(format_bytes(999) == "999 B");
  CHECK(format_bytes(1000) == "1.00 kB");
  CHECK(format_bytes(1'240'000'000) == "1.24 GB");
  CHECK(format_bytes(12'400'000'000) == "12.4 GB");
  CHECK(format_bytes(124'000'000'000) == "124 GB");
  CHECK(format_bytes(999'900) == "1.00 MB");
  CHECK(format_bytes(UINT64_MAX).ends_with(" PB"));
}

TEST_CASE("durations need a unit") {
  CHECK(parse_duration("250ms").value() == 250ms);
  CHECK(parse_duration("30s").value() == 30s);
  CHECK(parse_duration("1.5h").value() == 90min);
  CHECK(parse_duration("7d").value() == 168h);
  CHECK(parse_duration("2w").value() == 336h);
  CHECK(parse_duration("1y").value() == 24h * 365);
  CHECK(parse_duration("2hours").value() == 2h);
  CHECK(parse_duration("10 minutes").value() == 10min);
  for (const char* bad : {"", "30", "-1s", "nans", "inf", "1fortnight", "1h30m", "99999999d", "1 s m", "1 "})
    CHECK_MESSAGE(!parse_duration(bad).ok(), bad);
}

TEST_CASE("durations are shown with two units") {
  CHECK(format_duration(4200ms) == "4.2s");
  CHECK(format_duration(200s) == "3m20s");
  CHECK(format_duration(3720s) == "1h02m");
}

TEST_CASE("addresses are read with names, IPv4 and bracketed IPv6") {
  CHECK(parse_host_port("127.0.0.1:7000").value() == HostPort{"127.0.0.1", 7000});
  CHECK(parse_host_port("[::1]:7000").value() == HostPort{"::1", 7000});
  CHECK(parse_host_port("tracker.example:65535")->str() == "tracker.example:65535");
  CHECK(HostPort{"::1", 80}.str() == "[::1]:80");
  for (const char* bad : {"", ":", ":80", "host", "host:", "host:65536", "host:-1", "host:8x", "::1:80", "[]:80", "host: 80"})
    CHECK_MESSAGE(!parse_host_port(bad).ok(), bad);
}

TEST_CASE("a URL without a port gets the default port, if there is one") {
  CHECK(parse_https_url("https://tracker.example", 7443).value() == HostPort{"tracker.example", 7443});
  CHECK(parse_https_url("https://[::1]/", 7443).value() == HostPort{"::1", 7443});
  CHECK(parse_https_url("https://tracker.example:8443", 7443).value() == HostPort{"tracker.example", 8443});
  for (const char* bad : {"https://", "https://a/x", "https://::1", "https://a:"}) CHECK_MESSAGE(!parse_https_url(bad, 7443).ok(), bad);
  CHECK(parse_https_url("https://a").error().message.find("the port is missing") != std::string::npos);
}

TEST_CASE("a tracker's address is an https URL with a port and no path") {
  CHECK(parse_https_url("https://tracker.example:7443").value() == HostPort{"tracker.example", 7443});
  CHECK(parse_https_url("https://[::1]:7443/")->host == "::1");
  for (const char* bad : {"", "http://a:1", "https://a", "https://a:0", "https://a:1/x", "https://:1"})
    CHECK_MESSAGE(!parse_https_url(bad).ok(), bad);
}
