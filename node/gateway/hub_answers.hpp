// The answers of the Hugging Face Hub's API about a release, as JSON. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "node/gateway/hub_request.hpp"

namespace shoal::gateway {

/// Of AskInfo.
Json model_info(const manifest::VerifiedRelease& release, bool blobs);

struct TreePage {
  Json entries = Json::array();
  std::string next;  // the path after which the next page begins; empty: this is the last one
};
/// Nothing where the directory is not in the release.
std::optional<TreePage> tree_page_of(const manifest::VerifiedRelease& release, const AskTree& asked);

/// Of AskPaths; paths that the release does not have are left out.
Json paths_info(const manifest::VerifiedRelease& release, const AskPaths& asked);

/// Of AskRefs: channels are branches, versions are tags.
Json refs(const std::vector<RevisionName>& names);

/// Of AskManifest: the GGUF file that the tag means, such as Q4_K_M; "latest" and "" prefer Q4_K_M, then Q8_0, then the first one, as the
/// Hub does. Nothing where there is none.
std::optional<Json> gguf_manifest(const manifest::VerifiedRelease& release, const std::string& tag);

/// The number of a file in the release.
std::optional<std::size_t> file_number(const manifest::Release& release, const std::string& path);

}  // namespace shoal::gateway
