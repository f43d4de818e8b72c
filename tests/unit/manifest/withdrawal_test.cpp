// The publishers' word that a release is not to be used.
#include "manifest/withdrawal.hpp"

#include "doctest/doctest.h"
#include "support/golden.hpp"
#include "unit/manifest/samples.hpp"

using namespace shoal;
using namespace shoal::test;
using manifest::Withdrawal;

namespace {

Withdrawal good_withdrawal() {
  return {ModelName::trusted("acme/tern"), VersionName::trusted("1.2"), *ReleaseId::from_hex(std::string(64, 'a')), "it leaks names",
          *parse_time("2026-02-03T04:05:06Z")};
}

}  // namespace

TEST_CASE("a withdrawal is written as the golden file and read back whole") {
  std::string text = encode(good_withdrawal());
  CHECK(text + "\n" == golden("manifest/withdrawal.json", text + "\n"));
  CHECK(manifest::decode_withdrawal(text).value() == good_withdrawal());
}

TEST_CASE("a withdrawal without a reason, with control characters or with unknown members is none") {
  for (const std::string& reason : {std::string(), std::string("a\nb"), std::string(501, 'x')}) {
    Withdrawal bad = good_withdrawal();
    bad.reason = reason;
    CHECK_FALSE(check(bad).ok());
    CHECK_FALSE(manifest::decode_withdrawal(encode(bad)).ok());
  }
  std::string more = encode(good_withdrawal());
  more.insert(more.size() - 1, R"(,"more":1)");
  CHECK_FALSE(manifest::decode_withdrawal(more).ok());
  CHECK_FALSE(manifest::decode_withdrawal("{}").ok());
}
