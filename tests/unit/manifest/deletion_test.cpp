// The publishers' word that a channel is not there any more.
#include "manifest/deletion.hpp"

#include "doctest/doctest.h"
#include "support/golden.hpp"
#include "unit/manifest/samples.hpp"

using namespace shoal;
using namespace shoal::test;
using manifest::Deletion;

namespace {

Deletion good_deletion() { return {model("acme/tern"), channel("beta"), 3, 8, "the trial is over", *parse_time("2026-02-03T04:05:06Z")}; }

}  // namespace

TEST_CASE("a deletion is written as the golden file and read back whole") {
  std::string text = encode(good_deletion());
  CHECK(text + "\n" == golden("manifest/deletion.json", text + "\n"));
  CHECK(manifest::decode_deletion(text).value() == good_deletion());
  Deletion without = good_deletion();
  without.reason.clear();
  CHECK(manifest::decode_deletion(encode(without)).value() == without);
}

TEST_CASE("deletions of a wrong form are refused") {
  using Edit = std::function<void(Deletion&)>;
  for (const Edit& edit :
       std::vector<Edit>{[](auto& made) { made.reason = "a\nb"; }, [](auto& made) { made.reason = std::string(501, 'x'); },
                         [](auto& made) { made.epoch = 0; }, [](auto& made) { made.sequence = 0; },
                         [](auto& made) { made.sequence = manifest::number_limit + 1; }}) {
    Deletion bad = good_deletion();
    edit(bad);
    CHECK_FALSE(check(bad).ok());
    CHECK_FALSE(manifest::decode_deletion(encode(bad)).ok());
  }
  std::string more = encode(good_deletion());
  more.insert(more.size() - 1, R"(,"more":1)");
  CHECK_FALSE(manifest::decode_deletion(more).ok());
  CHECK_FALSE(manifest::decode_deletion("{}").ok());
}
