// Commands that a running node carries out where it holds the state directory, with its own settings for the network.
#pragma once

#include "cli/command.hpp"
#include "node/huggingface_cache.hpp"
#include "node/reference.hpp"

namespace shoal::node {

/// The same results, progress and errors as without a node; false where none runs.
Result<bool> pull_through_node(cli::Invocation& call, const Reference& reference);
/// Of the release that is named, or of all.
Result<bool> repair_through_node(cli::Invocation& call);
/// Shows a release under its model's name in a Hugging Face cache.
Status put_into(HuggingFaceCache& cache, const Reference& reference, const manifest::VerifiedRelease& release, const fs::path& files,
                cli::Output& out);
/// The cache that --hf-cache names, if any; refused before the first byte where it cannot be used.
Result<std::optional<HuggingFaceCache>> cache_of(const cli::Invocation& call, const fs::path& state, const ModelName& model);

}  // namespace shoal::node
