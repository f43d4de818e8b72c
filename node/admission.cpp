#include "node/admission.hpp"

#include <fcntl.h>

#include <algorithm>

#include "base/read_range.hpp"
#include "manifest/code_formats.hpp"
#include "manifest/model_signing.hpp"
#include "node/shelf.hpp"

namespace shoal::node {
namespace {

/// Names the first file, how many there are, and what is missing of the two consents.
Status verdict(const manifest::VerifiedRelease& release, const std::vector<std::string>& found, bool node_allows) {
  if (found.empty() || (release->allows_code && node_allows)) return {};
  std::string text = title(*release) + " is refused: " + found.front();
  if (found.size() > 1) text += " (and " + std::to_string(found.size() - 1) + " more files)";
  text += "; what loads it may execute code that came with it";
  std::string needed = release->allows_code ? "" : "the publisher must publish it with --allow-code-formats";
  if (!node_allows)
    needed += std::string(needed.empty() ? "" : ", and ") +
              "this machine must allow it with --allow-code-formats (allow_code_formats in its configuration)";
  return fail(ErrorCode::verification, text + ": " + needed + "; safetensors, GGUF and the other formats of docs/formats.md need neither");
}

}  // namespace

Result<std::string> read_range(const fs::path& path, ByteCount offset, ByteCount length) {
  SHOAL_TRY(UniqueFd fd, open_file(path, O_RDONLY | O_NOFOLLOW));
  return shoal::read_range(fd, path, offset, length);
}

Result<std::vector<std::string>> files_that_execute_code(const fs::path& root, const manifest::Release& release) {
  return manifest::code_files_by_content(
      release.files, [&](const std::string& path, ByteCount offset, ByteCount length) { return read_range(root / path, offset, length); });
}

Status admit_formats(const manifest::VerifiedRelease& release, bool node_allows) {
  if (release->model_signature) SHOAL_CHECK(manifest::model_signature_bundle(*release));
  return verdict(release, manifest::code_files_by_name(release->files), node_allows);
}

Status admit_findings(const manifest::VerifiedRelease& release, const std::vector<std::string>& found, bool node_allows) {
  return verdict(release, found, node_allows);
}

Status admit_content(const manifest::VerifiedRelease& release, const fs::path& root, bool node_allows) {
  if (release->allows_code && node_allows) return {};
  SHOAL_TRY(auto found, files_that_execute_code(root, *release));
  return verdict(release, found, node_allows);
}

namespace {

bool is_listed(const manifest::Release& release, const std::string& path) {
  return std::any_of(release.files.begin(), release.files.end(), [&](const auto& file) { return file.path == path; });
}

/// What `write_file_durably` had not renamed yet when an earlier run was killed would become visible with the release.
Status remove_unfinished(const manifest::Release& release, const fs::path& root) {
  const std::string start = "." + std::string(manifest::model_signature_name) + ".tmp.";
  std::vector<fs::path> unfinished;
  std::error_code error;
  for (fs::directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with(start) && !is_listed(release, name)) unfinished.push_back(it->path());
  }
  if (error) return fail_errno(root.string(), error.value());
  for (const fs::path& path : unfinished) SHOAL_CHECK(remove_tree(path));
  return {};
}

}  // namespace

Status write_model_signature(const manifest::VerifiedRelease& release, const fs::path& root) {
  if (!release->model_signature) return {};
  SHOAL_CHECK(remove_unfinished(*release, root));
  SHOAL_TRY(std::string bundle, manifest::model_signature_bundle(*release));
  return write_file_durably(root / manifest::model_signature_name, bundle);
}

}  // namespace shoal::node
