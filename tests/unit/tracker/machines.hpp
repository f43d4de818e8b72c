// A tracker's database with machines that enrolled.
#pragma once

#include "base/files.hpp"
#include "support/test_fleet.hpp"
#include "tracker/admission_records.hpp"

namespace shoal::tracker::testing {

struct Machines {
  TempDirectory directory;
  WallTime now{std::chrono::seconds(1'700'000'000)};
  Database database{test::must(Database::open(directory.path() / "tracker.db"))};

  /// Its certificate is valid for a day from now.
  void add(unsigned number, const std::string& name) {
    test::must(database.write([&](Session& session) {
      return insert_machine(session, {test::node_id(number), identity::Role::node, name, "", now + std::chrono::hours(24)}, {}, now);
    }));
  }
};

}  // namespace shoal::tracker::testing
