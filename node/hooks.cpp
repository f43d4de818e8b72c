#include "node/hooks.hpp"

#include <algorithm>
#include <array>

#include "base/encoding.hpp"
#include "node/inference_hooks.hpp"
#include "node/process.hpp"

namespace shoal::node {
namespace {

using Kind = Hook::Kind;
using Deadline = std::chrono::steady_clock::time_point;

struct Prefix {
  std::string_view text;
  Kind kind;
};
constexpr std::array<Prefix, 7> prefixes{{{"exec:", Kind::exec},
                                          {"shell:", Kind::shell},
                                          {"systemd:", Kind::systemd},
                                          {"triton:", Kind::triton},
                                          {"sglang:", Kind::sglang},
                                          {"vllm:", Kind::vllm},
                                          {"llama.cpp:", Kind::llama_cpp}}};

std::string_view prefix_of(Kind kind) {
  auto found = std::find_if(prefixes.begin(), prefixes.end(), [&](const Prefix& prefix) { return prefix.kind == kind; });
  return found == prefixes.end() ? std::string_view{} : found->text;
}

/// The kind by how the text begins; what is left is the target.
Result<Hook> split_hook(std::string_view text) {
  for (const Prefix& prefix : prefixes)
    if (text.starts_with(prefix.text)) return Hook{prefix.kind, std::string(text.substr(prefix.text.size()))};
  if (text.starts_with("http://") || text.starts_with("https://")) return Hook{Kind::http, std::string(text)};
  return fail(ErrorCode::usage,
              "'" + printable(text, 200) +
                  "' is not a hook: begin it with exec:, shell:, systemd:, http://, triton:, sglang:, vllm: or llama.cpp:");
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> result;
  while (!text.empty()) {
    const auto space = std::min(text.find(' '), text.size());
    if (space > 0) result.emplace_back(text.substr(0, space));
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return result;
}

/// The characters of systemd.unit(5), and no option.
Status check_unit(std::string_view unit) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";
  if (!unit.empty() && unit.front() != '-' && unit.find_first_not_of(allowed) == std::string_view::npos) return {};
  return fail(ErrorCode::usage, "'" + printable(unit, 200) + "' is not the name of a systemd unit such as vllm.service");
}

/// "URL" or "URL+HOOK": a llama.cpp server and what restarts it.
struct Restarted {
  http::PlainUrl url;
  std::optional<Hook> restart;
};

/// The paths below a server are this program's business.
Result<http::PlainUrl> parse_server(std::string_view target) {
  SHOAL_TRY(http::PlainUrl url, http::parse_plain_url(target));
  if (url.target.size() <= 1) return url;
  return fail(ErrorCode::usage, "'" + printable(target, 200) + "' has a path: give the server alone, such as http://127.0.0.1:8000");
}

Result<Restarted> parse_restarted(std::string_view target) {
  const auto plus = target.find('+');
  Restarted result;
  SHOAL_TRY(result.url, parse_server(target.substr(0, plus)));
  if (plus == std::string_view::npos) return result;
  SHOAL_TRY(result.restart, parse_hook(target.substr(plus + 1)));
  const Kind kind = result.restart->kind;
  if (kind == Kind::exec || kind == Kind::shell || kind == Kind::systemd) return result;
  return fail(ErrorCode::usage,
              "what restarts llama.cpp must be systemd:, exec: or shell:, not '" + printable(target.substr(plus + 1), 200) + "'");
}

Status check_server(const Hook& hook) {
  SHOAL_TRY(http::PlainUrl url,
            hook.kind == Kind::vllm || hook.kind == Kind::sglang ? parse_server(hook.target) : http::parse_plain_url(hook.target));
  if (hook.kind != Kind::triton || url.target.find_first_of("/?", 1) == std::string::npos) return {};
  return fail(ErrorCode::usage,
              "'" + printable(hook.target, 200) + "' must end with the model's name in Triton, such as http://127.0.0.1:8000/llama");
}

Status check_target(const Hook& hook) {
  switch (hook.kind) {
    case Kind::exec:
    case Kind::shell:
      if (!words(hook.target).empty() && hook.target.find('\0') == std::string::npos) return {};
      return fail(ErrorCode::usage, std::string(prefix_of(hook.kind)) + " names no command: write exec:/path/to/program --flag");
    case Kind::systemd: return check_unit(hook.target);
    case Kind::llama_cpp: {
      SHOAL_CHECK(parse_restarted(hook.target));
      return {};
    }
    default: return check_server(hook);
  }
}

std::vector<std::pair<std::string, std::string>> variables(const HookContext& context) {
  const std::pair<std::string, std::string> facts[] = {{"MODEL", context.model.str()},
                                                       {"CHANNEL", context.channel.str()},
                                                       {"VERSION", context.version.str()},
                                                       {"RELEASE", context.release.hex()},
                                                       {"PATH", context.path.string()},
                                                       {"RELEASE_PATH", context.release_path.string()},
                                                       {"PREVIOUS", context.previous ? context.previous->hex() : ""}};
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& [name, value] : facts) {
    result.emplace_back("SHOAL_HOOK_" + name, value);
    result.emplace_back("SHOAL_" + name, value);  // the former name, for one release
  }
  return result;
}

std::vector<std::string> command_of(const Hook& hook) {
  if (hook.kind == Kind::shell) return {"/bin/sh", "-c", hook.target};
  if (hook.kind == Kind::systemd) return {"systemctl", "reload-or-restart", hook.target};
  return words(hook.target);
}

Status run_command(const Hook& hook, const HookContext& context, Deadline deadline, const std::stop_token& stop) {
  Status done = run_process({command_of(hook), variables(context), deadline}, stop);
  return done.ok() ? done : Status(fail(done.error().code, "hook " + printable(text_of(hook), 200) + " " + done.error().message));
}

/// It cannot load other weights while it runs: something restarts it, and then it is asked until it is there.
Status restart_llama(const Hook& hook, const HookContext& context, Deadline deadline, const std::stop_token& stop) {
  SHOAL_TRY(Restarted parts, parse_restarted(hook.target));
  if (parts.restart) SHOAL_CHECK(run_command(*parts.restart, context, deadline, stop));
  return LocalServer(parts.url, deadline, stop).await_healthy("/health").within("hook " + printable(text_of(hook), 200));
}

Status ask_server(const Hook& hook, const HookContext& context, Deadline deadline, const std::stop_token& stop) {
  SHOAL_TRY(http::PlainUrl url, http::parse_plain_url(hook.target));
  LocalServer server(std::move(url), deadline, stop);
  if (hook.kind == Kind::triton) return reload_triton(server, context);
  if (hook.kind == Kind::sglang) return reload_sglang(server, context);
  if (hook.kind == Kind::vllm) return reload_vllm(server);
  return notify(server, context);
}

}  // namespace

Result<Hook> parse_hook(std::string_view text) {
  SHOAL_TRY(Hook hook, split_hook(text));
  SHOAL_CHECK(check_target(hook).within("hook '" + printable(text, 200) + "'"));
  return hook;
}

std::string text_of(const Hook& hook) { return std::string(prefix_of(hook.kind)) + hook.target; }

Status run_hook(const Hook& hook, const HookContext& context, const HookOptions& options, const std::stop_token& stop) {
  const Deadline deadline = std::chrono::steady_clock::now() + options.timeout;
  if (hook.kind == Kind::llama_cpp) return restart_llama(hook, context, deadline, stop);
  if (hook.kind == Kind::exec || hook.kind == Kind::shell || hook.kind == Kind::systemd) return run_command(hook, context, deadline, stop);
  return ask_server(hook, context, deadline, stop).within("hook " + printable(text_of(hook), 200));
}

}  // namespace shoal::node
