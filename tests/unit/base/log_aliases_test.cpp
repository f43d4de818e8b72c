#include "base/log_aliases.hpp"

#include "doctest/doctest.h"

using namespace shoal;

TEST_CASE("an event that was renamed leads to its former name and keys") {
  const log::Alias* alias = log::alias_of("link_down");
  REQUIRE(alias != nullptr);
  CHECK(alias->old_event == "link.down");
  CHECK(alias->old_key("reason") == "why");
  CHECK(alias->old_key("machine") == "peer");
  CHECK(alias->old_key("info_hash") == "content");
  CHECK(alias->old_key("milliseconds") == "milliseconds");
}

TEST_CASE("an event may have former keys and the same name") {
  REQUIRE(log::alias_of("journal_refused") != nullptr);
  CHECK(log::alias_of("journal_refused")->old_event.empty());
  CHECK(log::alias_of("journal_refused")->old_key("reason") == "why");
}

TEST_CASE("an event that kept its name has no alias") {
  CHECK(log::alias_of("channel_moved") == nullptr);
  CHECK(log::alias_of("") == nullptr);
  CHECK(log::alias_of("zzz") == nullptr);
}

TEST_CASE("every alias is found: the table is sorted") {
  for (const char* event : {"announce_failed", "bad_piece_received", "watch_record_unreadable", "track_unreadable", "machine_revoked"})
    CHECK_MESSAGE(log::alias_of(event) != nullptr, event);
}
