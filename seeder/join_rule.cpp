#include "seeder/join_rule.hpp"

#include "base/encoding.hpp"

namespace shoal::seeder {
namespace {

Error bad_rule(const std::string& text, const std::string& why) {
  return fail(ErrorCode::usage, "--join '" + printable(text, 300) + "' " + why + ": write DIR=org/name@version");
}

}  // namespace

const std::vector<ConfigField>& JoinRule::fields() {
  static const std::vector<ConfigField> fields{{.name = "directory", .required = true}, {.name = "release", .required = true}};
  return fields;
}

Result<JoinRule> JoinRule::parse(const std::string& text) {
  if (is_table(text)) {
    SHOAL_TRY(ConfigTable table, table_of(text, fields()).within("--join"));
    return of(table.at("directory").front(), table.at("release").front());
  }
  const std::size_t equals = text.rfind('=');
  const std::size_t at = text.rfind('@');
  if (equals == std::string::npos || equals == 0) return bad_rule(text, "names no directory");
  if (at == std::string::npos || at < equals) return bad_rule(text, "names no version");
  return of(text.substr(0, equals), text.substr(equals + 1));
}

Result<JoinRule> JoinRule::of(const std::string& directory, const std::string& release) {
  if (directory.empty()) return fail(ErrorCode::usage, "--join: the directory is empty");
  JoinRule rule;
  rule.directory = fs::absolute(directory).lexically_normal();
  if (!rule.directory.has_filename()) rule.directory = rule.directory.parent_path();
  SHOAL_TRY(VersionRef reference, VersionRef::parse(release).within("--join"));
  rule.model = std::move(reference.model);
  rule.version = std::move(reference.version);
  return rule;
}

}  // namespace shoal::seeder
