// Configuration files: TOML, every key known, unknown ones rejected with a suggestion. Only config.cpp includes toml++.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace shoal {

/// A member of a table in a list of tables.
struct ConfigField {
  std::string name;
  bool required = false;
  bool is_list = false;  // an array of strings
};

/// A key that a file may have.
struct ConfigKey {
  std::string name;                      // dotted: "mesh.listen"
  std::vector<ConfigField> fields = {};  // not empty: a list of tables, [[name]], with these members
  bool is_list = false;                  // takes an array
};

/// One table of a list of tables: each member with its values as text.
using ConfigTable = std::map<std::string, std::vector<std::string>>;

/// The values of a key, as text: one for a scalar, one for each element of an array, one (`as_text`) for each table. Durations and sizes
/// are strings with units in the file.
struct ConfigValue {
  std::vector<std::string> texts;
  std::vector<unsigned> lines;  // of each text
  unsigned line = 0;            // of the key
  bool is_array = false;        // [...] in the file
};
using ConfigValues = std::map<std::string, ConfigValue>;

struct ConfigMistake {
  unsigned line = 0;
  std::string message;
};

/// A file as far as it can be understood, and all its mistakes in the order of their lines.
struct ConfigReading {
  ConfigValues values;
  std::vector<ConfigMistake> mistakes;
};

/// Fails only if the file cannot be read. A mistake is bad TOML, a key that is not in `known`, a value that is not a string, a whole
/// number, a boolean or an array of strings, or a table without a required member.
Result<ConfigReading> examine_config(const std::filesystem::path& path, const std::vector<ConfigKey>& known);

/// The same for who needs a file without mistakes: fails with `usage`, file:line and the first of them.
Result<ConfigValues> read_config(const std::filesystem::path& path, const std::vector<ConfigKey>& known);

/// A table as one text, a JSON object: {"path":"/mnt/runs/{version}","model":"acme/llama"}. A flag or a variable may say the same.
std::string as_text(const ConfigTable& table);
/// Whether a value is a table and not a form that people type.
bool is_table(std::string_view text);
/// Fails with `usage` for bad JSON and members that are not in `fields`, or that lack.
Result<ConfigTable> table_of(std::string_view text, const std::vector<ConfigField>& fields);

/// The known word nearest to a misspelt one, or nothing when none is near: one letter in words of up to five, two in longer ones.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace shoal
