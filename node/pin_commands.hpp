// The commands pin and unpin. They need neither the tracker nor a certificate: what stays on this disk is this machine's business.
#pragma once

#include <string_view>
#include <vector>

#include "cli/command.hpp"
#include "node/pins.hpp"
#include "node/shelf.hpp"

namespace shoal::node {

std::vector<cli::Command> pin_commands();

/// The release on this disk that a reference, or a release's id in hexadecimal, means. Signatures are not checked: nothing is opened
/// or served because of the answer. Code `not_found` where it was never fetched.
Result<ReleaseId> find_on_disk(const Shelf& shelf, std::string_view text);

Json pin_json(const Shelf& shelf, const Pin& pin, const char* type);
/// "acme/llama@1.2 until it is unpinned: audit".
std::string pin_text(const Shelf& shelf, const Pin& pin);

}  // namespace shoal::node
