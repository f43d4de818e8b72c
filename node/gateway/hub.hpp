// Answers requests in the dialect of the Hugging Face Hub.
#pragma once

#include "http/message.hpp"
#include "node/gateway/library.hpp"

namespace shoal::gateway {

/// May block as the library's calls do. Errors carry X-Error-Code and X-Error-Message, by which the Hub's clients tell what is missing.
http::Response answer_hub(Library& library, const http::Request& request);

}  // namespace shoal::gateway
