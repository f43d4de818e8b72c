"""Which sources are compiled as one (cmake/unity_groups.py)."""
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cmake"))
from unity_groups import groups, own_names  # noqa: E402

OWN = """namespace shoal {
namespace {
constexpr std::size_t limit = 5;
struct Pair {
  int inner = 0;
};
using Table = std::map<int, Pair>;
namespace fs = std::filesystem;
Result<std::map<int, Pair>> decode(const std::string& text) {
  int local = 0;
  return local;
}
}  // namespace

Status shared(int number) { return number; }
}  // namespace shoal
"""


class UnityGroups(unittest.TestCase):
    def test_names_in_anonymous_namespaces_are_a_sources_own(self):
        self.assertEqual(own_names(OWN), {"limit", "Pair", "Table", "decode"})

    def test_sources_with_a_name_in_common_are_never_in_one_group(self):
        with tempfile.TemporaryDirectory() as folder:
            texts = {"a.cpp": OWN, "b.cpp": "int b;\n", "c.cpp": OWN, "d.cpp": "static int limit = 0;\n"}
            for name, text in texts.items():
                pathlib.Path(folder, name).write_text(text, encoding="utf-8")
            made = groups([os.path.join(folder, name) for name in texts], 8)
            self.assertEqual([[os.path.basename(file) for file in group] for group in made], [["a.cpp", "b.cpp"], ["c.cpp"], ["d.cpp"]])
            self.assertEqual(len(groups([os.path.join(folder, name) for name in ("b.cpp", "d.cpp")], 1)), 2, "the size is kept")


if __name__ == "__main__":
    unittest.main()
