#include "node/refusals.hpp"

#include <doctest/doctest.h>

#include "support/published.hpp"

using namespace shoal;
using namespace shoal::node;

namespace {

ReleaseId release_of(const std::string& text) { return test::must(ReleaseId::from_raw(crypto::sha256(text).view())); }

}  // namespace

TEST_CASE("a refusal stands for one release and one consent") {
  TempDirectory directory;
  const Refusals refusals(directory.path());
  const ReleaseId one = release_of("one"), other = release_of("other");
  CHECK_FALSE(refusals.reason(one, false));
  REQUIRE(refusals.note(one, false, "because\n").ok());
  CHECK(Refusals(directory.path()).reason(one, false) == "because?");
  CHECK_FALSE(refusals.reason(one, true));
  CHECK_FALSE(refusals.reason(other, false));
  CHECK(refusals.is_void(one, true));
  CHECK_FALSE(refusals.is_void(one, false));
  CHECK_FALSE(refusals.is_void(other, true));
}

TEST_CASE("refusals are bounded, and one that cannot be read is none") {
  TempDirectory directory;
  const Refusals refusals(directory.path());
  for (std::size_t i = 0; i < Refusals::most + 5; ++i) test::put_file(directory.path() / "refused" / (std::to_string(i) + ".json"), "{}");
  REQUIRE(refusals.note(release_of("new"), true, "why").ok());
  CHECK(std::distance(fs::directory_iterator(directory.path() / "refused"), fs::directory_iterator()) == Refusals::most);
  CHECK(refusals.reason(release_of("new"), true) == "why");
  test::put_file(directory.path() / "refused" / (release_of("bad").hex() + ".json"), "{\"node_allows\": 3}");
  CHECK_FALSE(refusals.reason(release_of("bad"), false));
}
