// What lies below a watched root now, from names and metadata alone. Nothing is written, no content is read.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "crypto/digest.hpp"
#include "publisher/survey.hpp"
#include "seeder/watch_rule.hpp"

namespace shoal::seeder {

/// One directory that fits the pattern.
struct SeenDirectory {
  fs::path path;
  VersionRef reference;
  Sha256 print;  // changes with every name, size and time of a file in it
  std::size_t files = 0;
  std::int64_t newest_ns = 0;  // the latest time of a file, by the clock of the file server: for the order of versions only
  bool marked = false;         // has the marker of the rule
  std::string problem;         // why it cannot be published as it is
};

struct Scan {
  std::vector<SeenDirectory> directories;
  /// By path: names that break the pattern, links, directories that cannot be read.
  std::vector<std::pair<std::string, std::string>> problems;
};

/// Walks the root. An error means that the root itself cannot be read (gone, ESTALE, EIO). `alive` is called after every directory and
/// every thousand files, so that somebody else can see that the file server still answers.
Result<Scan> scan(const WatchRule& rule, const std::function<void()>& alive);

/// The print of a survey that saw the same files.
Sha256 print_of(const publisher::Survey& survey);

/// That the directory holds safetensors files of their full length, with every shard that an index or a name ("-00001-of-00005") tells
/// of. Reads headers only. Code `partial` while something is missing still.
Status check_safetensors(const fs::path& directory);

}  // namespace shoal::seeder
