// Whether a release may come to this machine at all: formats that execute code when they are loaded need the consent of both sides, of
// the publisher (`shoal publish --allow-code-formats`, signed in the release) and of the node (`allow_code_formats`).
#pragma once

#include <string>
#include <vector>

#include "base/files.hpp"
#include "manifest/trust.hpp"

namespace shoal::node {

/// Up to `length` bytes of a file; fewer where it ends before.
Result<std::string> read_range(const fs::path& path, ByteCount offset, ByteCount length);

/// "path: why" for each file below `root` whose content shows a format that executes code. Reads the heads of all files.
Result<std::vector<std::string>> files_that_execute_code(const fs::path& root, const manifest::Release& release);

/// By the names of the files, before the first byte; also that the release's model signature is well-formed. Code `verification`:
/// it stays refused until this node's configuration changes, so it is not to be tried again.
Status admit_formats(const manifest::VerifiedRelease& release, bool node_allows);
/// The same of findings of manifest::FormatInspection.
Status admit_findings(const manifest::VerifiedRelease& release, const std::vector<std::string>& found, bool node_allows);
/// By the content of the files below `root`, before any of them is visible. The same code.
Status admit_content(const manifest::VerifiedRelease& release, const fs::path& root, bool node_allows);

/// Writes the release's `model.sig` (docs/formats.md, "Model signature") into `root`, before it becomes visible; nothing where the
/// release has none. Durable with the other files: the caller syncs the tree (make_visible does).
Status write_model_signature(const manifest::VerifiedRelease& release, const fs::path& root);

}  // namespace shoal::node
