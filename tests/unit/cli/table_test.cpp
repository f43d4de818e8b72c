#include "cli/table.hpp"

#include "doctest/doctest.h"

using namespace shoal::cli;

TEST_CASE("columns are as wide as their widest cell, and no line ends in spaces") {
  Table table({"MODEL", "SIZE", "ON"});
  table.add({"acme/llama", "2 GB", "gpu1"});
  table.add({"a/b", "14 MB"});
  CHECK(table.text() ==
        "MODEL       SIZE   ON\n"
        "acme/llama  2 GB   gpu1\n"
        "a/b         14 MB");
}

TEST_CASE("a letter of several bytes takes one place") {
  Table table({"A", "B"});
  table.add({"\xc3\xa4\xc3\xb6", "x"});
  table.add({"ab", "y"});
  CHECK(table.text() == "A   B\n\xc3\xa4\xc3\xb6  x\nab  y");
}
