// What runs when a channel's link has moved: a command, a request, or what an inference server needs to load the new files.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/files.hpp"
#include "base/ids.hpp"

namespace shoal::node {

/// What has just become active.
struct HookContext {
  ModelName model;
  ChannelName channel;
  VersionName version;
  ReleaseId release;
  fs::path path;          // the stable link, models/<org>/<name>/<channel>
  fs::path release_path;  // what it points at now
  std::optional<ReleaseId> previous;
};

struct Hook {
  enum class Kind { exec, http, systemd, triton, sglang, vllm, llama_cpp, shell };
  Kind kind = Kind::exec;
  std::string target;  // what stood after the kind's name; for http the whole URL
};

/// One of (docs/inference.md, "Hooks"):
///   exec:/usr/local/bin/reload --flag    split at spaces, no shell           shell:TEXT    /bin/sh -c TEXT
///   http://127.0.0.1:9000/switched       POST of the context as JSON         systemd:UNIT  systemctl reload-or-restart UNIT
///   triton:http://127.0.0.1:8000[/NAME]  sglang:http://127.0.0.1:30000       vllm:http://127.0.0.1:8000
///   llama.cpp:http://127.0.0.1:8080[+systemd:UNIT | +exec:... | +shell:...]
/// URLs are plain http on a loopback address. Code `usage`, with what to write instead.
Result<Hook> parse_hook(std::string_view text);
/// The text that `parse_hook` reads.
std::string text_of(const Hook& hook);

struct HookOptions {
  std::chrono::milliseconds timeout{60000};  // for all of it, health checks included
};

/// Blocks until the hook has succeeded, failed or run out of time. Commands get SHOAL_HOOK_MODEL, SHOAL_HOOK_CHANNEL,
/// SHOAL_HOOK_VERSION, SHOAL_HOOK_RELEASE, SHOAL_HOOK_PATH, SHOAL_HOOK_RELEASE_PATH and SHOAL_HOOK_PREVIOUS ("" where there is none), and
/// for one release the same names without HOOK_. Any thread. Errors name the hook once: `failed` with the last line of the
/// command's output or what the server said, `interrupted`.
Status run_hook(const Hook& hook, const HookContext& context, const HookOptions& options, const std::stop_token& stop);

}  // namespace shoal::node
