#include "seeder/join_rule.hpp"

#include "base/encoding.hpp"

namespace shoal::seeder {
namespace {

Error bad_rule(const std::string& text, const std::string& why) {
  return fail(ErrorCode::usage, "--join '" + printable(text, 300) + "' " + why + ": write DIR=org/name@version");
}

}  // namespace

Result<JoinRule> JoinRule::parse(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  const std::size_t at = text.rfind('@');
  if (equals == std::string::npos || equals == 0) return bad_rule(text, "names no directory");
  if (at == std::string::npos || at < equals) return bad_rule(text, "names no version");
  JoinRule rule;
  rule.directory = fs::absolute(text.substr(0, equals)).lexically_normal();
  if (!rule.directory.has_filename()) rule.directory = rule.directory.parent_path();
  SHOAL_TRY(rule.model, ModelName::parse(text.substr(equals + 1, at - equals - 1)).within("--join"));
  SHOAL_TRY(rule.version, VersionName::parse(text.substr(at + 1)).within("--join"));
  return rule;
}

}  // namespace shoal::seeder
