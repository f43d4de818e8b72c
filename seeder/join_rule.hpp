// What `shoal seed --join` asks for. Pure.
#pragma once

#include <string>

#include "base/config.hpp"
#include "base/files.hpp"
#include "base/ids.hpp"

namespace shoal::seeder {

struct JoinRule {
  fs::path directory;  // absolute
  ModelName model;
  VersionName version;
  std::string title() const { return VersionRef{model, version}.str(); }
  bool operator==(const JoinRule&) const = default;
  /// "/mnt/nas2/llama=acme/llama@1.0"; code `usage` for what it cannot be.
  static Result<JoinRule> parse(const std::string& text);
  /// The members of a [[join]] table of the configuration file, which `parse` reads as well.
  static const std::vector<ConfigField>& fields();

 private:
  static Result<JoinRule> of(const std::string& directory, const std::string& release);
};

}  // namespace shoal::seeder
