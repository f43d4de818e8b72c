// A request in the dialect of the Hugging Face Hub: path and query, parsed. Pure.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "http/message.hpp"
#include "node/gateway/library.hpp"

namespace shoal::gateway {

/// GET /api/models/{model}[/revision/{revision}]
struct AskInfo {
  ModelName model;
  std::string revision;
  bool blobs = false;  // with the digests of all files
};
/// GET /api/models/{model}/tree/{revision}[/{directory}]
struct AskTree {
  ModelName model;
  std::string revision;
  std::string directory;  // empty: the top
  bool recursive = false;
  bool expand = false;
  std::size_t limit = 0;
  std::string after;  // a path; empty: from the beginning
};
/// POST /api/models/{model}/paths-info/{revision}
struct AskPaths {
  ModelName model;
  std::string revision;
  std::vector<std::string> paths;
  bool expand = false;
};
/// GET /api/models/{model}/refs
struct AskRefs {
  ModelName model;
};
/// HEAD and GET /{model}/resolve/{revision}/{path}
struct AskFile {
  ModelName model;
  std::string revision;
  std::string path;
};
/// GET /v2/{model}/manifests/{tag}: older llama.cpp asks which GGUF file `-hf model:tag` means.
struct AskManifest {
  ModelName model;
  std::string tag;
};
/// Answered at once.
struct HubRefusal {
  int status = 404;
  std::string code;  // X-Error-Code; empty: none
  std::string message;
  std::string allow = {};
};
using HubAsked = std::variant<AskInfo, AskTree, AskPaths, AskRefs, AskFile, AskManifest, HubRefusal>;

/// The entries of a page of a tree where the client names no limit, and the most that it may name. llama.cpp reads one page only.
inline constexpr std::size_t tree_page = 10'000;
inline constexpr std::size_t most_paths = 10'000;
/// Of a request's body: the paths of AskPaths.
inline constexpr ByteCount body_limit = 4 * MiB;

/// Whether the path is one of the Hub's: below /api/ or /v2/, or with `resolve` as its third part.
bool is_for_hub(const http::Request& request);
HubAsked read_hub_request(const http::Request& request);

}  // namespace shoal::gateway
