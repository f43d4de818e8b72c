#include "registry/machine_name.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::registry;

TEST_CASE("a machine's name has no spaces, nothing unprintable and at most 64 characters; a site may have spaces") {
  for (const char* good : {"", "gpu-4", "edge_7.rack2", "a"}) CHECK(check_machine_name(good, "--name").ok());
  CHECK(check_machine_name(std::string(64, 'n'), "--name").ok());
  for (const std::string& bad :
       {std::string("gpu 4"), std::string(65, 'n'), std::string("a\nb"), std::string("a\0b", 3), std::string("\xc3\xa4")}) {
    auto refused = check_machine_name(bad, "--name");
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::usage);
    CHECK(refused.error().message.starts_with("--name must be"));
  }
  CHECK(check_site("Berlin hall 2", "--site").ok());
  CHECK_FALSE(check_site("a\tb", "--site").ok());
}

TEST_CASE("the name that a host gives a machine is one that a machine may have") {
  CHECK(name_from_host("gpu4") == "gpu4");
  CHECK(name_from_host("gpu4.rack2.example") == "gpu4");
  CHECK(name_from_host("gpu 4\xc3\xa4") == "gpu4");
  CHECK(name_from_host(std::string(300, 'x')) == std::string(64, 'x'));
  CHECK(name_from_host("").empty());
  CHECK(name_from_host(".local").empty());
}
