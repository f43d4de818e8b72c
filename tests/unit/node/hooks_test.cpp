#include "node/hooks.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <thread>

#include "base/json.hpp"
#include "http/server.hpp"
#include "support/must.hpp"

using namespace shoal;
using namespace shoal::node;
using namespace std::chrono_literals;
using test::must;

namespace {

HookContext context() {
  HookContext made;
  made.model = ModelName::trusted("acme/llama");
  made.channel = ChannelName::trusted("main");
  made.version = VersionName::trusted("1.2");
  made.release.bytes.fill(0xab);
  made.path = "/srv/models/acme/llama/main";
  made.release_path = "/srv/releases/abab";
  return made;
}

Status run(const std::string& hook, std::chrono::milliseconds timeout = 60s, const std::stop_token& stop = {}) {
  return run_hook(must(parse_hook(hook)), context(), {timeout}, stop);
}

/// Waits for a condition that nobody signals.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 2);
  }
  return true;
}

/// A program of the test's in a directory of its own.
struct Script {
  explicit Script(const std::string& text) {
    std::ofstream(path()) << "#!/bin/sh\n" << text;
    fs::permissions(path(), fs::perms::owner_all);
  }
  std::string path() const { return (directory.path() / "script").string(); }
  fs::path file(const char* name) const { return directory.path() / name; }
  std::string content(const char* name) const { return read_file(file(name), MiB).value_or("(no file)"); }
  TempDirectory directory;
};

/// An inference server that notes what it is asked, and answers what the test says.
class Inference {
 public:
  using Answer = std::function<http::Response(const http::Request&)>;

  explicit Inference(Answer answer = [](const http::Request&) { return http::Response{}; }) {
    server_ = must(http::Server::start(
        {{"127.0.0.1", 0}, nullptr, {}, 1}, clock_, [this, answer](const http::Request& request, const http::Reply& reply) {
          const std::string target = request.query.empty() ? request.path : request.path + "?" + request.query;
          calls_.lock()->push_back(request.method + " " + target + (request.body.empty() ? "" : " " + request.body));
          reply(answer(request));
        }));
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }
  std::vector<std::string> calls() { return *calls_.lock(); }

 private:
  SystemClock clock_;
  Guarded<std::vector<std::string>> calls_;
  std::unique_ptr<http::Server> server_;
};

using Calls = std::vector<std::string>;

}  // namespace

TEST_CASE("every kind of hook is parsed, and said back as it was written") {
  for (const char* text :
       {"exec:/usr/local/bin/reload --flag", "shell:echo $SHOAL_HOOK_MODEL | cat", "http://127.0.0.1:9000/switched",
        "systemd:vllm@7.service", "triton:http://127.0.0.1:8000", "triton:http://127.0.0.1:8000/llama", "sglang:http://127.0.0.1:30000",
        "vllm:http://localhost:8000/", "llama.cpp:http://127.0.0.1:8080", "llama.cpp:http://127.0.0.1:8080+systemd:llama.service",
        "llama.cpp:http://[::1]:8080+exec:docker restart llama"}) {
    CAPTURE(text);
    auto hook = parse_hook(text);
    REQUIRE(hook.ok());
    CHECK(text_of(*hook) == text);
  }
}

TEST_CASE("what is no hook is refused with the way to write it") {
  for (const char* text :
       {"", "exec", "exec:", "exec:   ", "shell:", "/usr/bin/true", "https://127.0.0.1:9000/x", "http://192.0.2.7:9000/x",
        "systemd:", "systemd:--now", "systemd:a b.service", "triton:127.0.0.1:8000", "triton:http://127.0.0.1:8000/a/b",
        "triton:http://127.0.0.1:8000/a?b", "sglang:https://127.0.0.1:30000", "vllm:http://127.0.0.1:8000/v1",
        "llama.cpp:http://127.0.0.1:8080+http://127.0.0.1:1/", "llama.cpp:http://127.0.0.1:8080+", "tgi:http://127.0.0.1:8000"}) {
    CAPTURE(text);
    auto hook = parse_hook(text);
    REQUIRE_FALSE(hook.ok());
    CHECK(hook.error().code == ErrorCode::usage);
  }
}

TEST_CASE("a command gets the context in its environment, and none of our own variables") {
  Script script("env | grep ^SHOAL_ | LC_ALL=C sort > $(dirname $0)/env\nprintf '%s|' \"$@\" > $(dirname $0)/arguments\n");
  ::setenv("SHOAL_TOKEN", "secret", 1);
  CHECK(run("exec:" + script.path() + " --flag  'quoted").ok());
  ::unsetenv("SHOAL_TOKEN");
  auto facts = [](const std::string& prefix) {
    return prefix + "CHANNEL=main\n" + prefix + "MODEL=acme/llama\n" + prefix + "PATH=/srv/models/acme/llama/main\n" + prefix +
           "PREVIOUS=\n" + prefix + "RELEASE=" + context().release.hex() + "\n" + prefix + "RELEASE_PATH=/srv/releases/abab\n" + prefix +
           "VERSION=1.2\n";
  };
  const std::string text = script.content("env"), ours = facts("SHOAL_HOOK_");
  CHECK(text.find(ours) != std::string::npos);
  // Scripts of the last release read the names without HOOK_.
  for (const char* former : {"SHOAL_MODEL=acme/llama\n", "SHOAL_VERSION=1.2\n", "SHOAL_PATH=/srv/models/acme/llama/main\n"})
    CHECK(text.find(former) != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 14);
  CHECK(script.content("arguments") == "--flag|'quoted|");
}

TEST_CASE("only shell: goes through a shell") {
  TempDirectory directory;
  const std::string file = (directory.path() / "out").string();
  CHECK(run("shell:echo $SHOAL_HOOK_MODEL > " + file).ok());
  CHECK(must(read_file(file, KiB)) == "acme/llama\n");
  CHECK(run("exec:/bin/echo x > " + file).ok());
  CHECK(must(read_file(file, KiB)) == "acme/llama\n");
}

TEST_CASE("the error of a command has the hook once, its exit status and the last line of its output") {
  auto failed = run("shell:i=0; while [ $i -lt 3000 ]; do echo noise $i; i=$((i+1)); done; echo the reason >&2; exit 7");
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().message.starts_with("hook shell:i=0;"));
  CHECK(failed.error().message.ends_with(" failed (exit 7): the reason"));
  CHECK(run("exec:/bin/ls /nowhere").error().message.starts_with("hook exec:/bin/ls /nowhere failed (exit 2): "));
  CHECK(run("shell:kill -9 $$").error().message.find("signal 9") != std::string::npos);
  CHECK(run("exec:/bin/false").error().message == "hook exec:/bin/false failed (exit 1), without output");
  CHECK(run("exec:/nowhere/program").error().message == "hook exec:/nowhere/program cannot be started: No such file or directory");
}

TEST_CASE("control characters in a command's output do not reach the message") {
  auto failed = run("shell:printf 'a\\033[31mb\\000c'; exit 1");
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().message.find('\033') == std::string::npos);
  CHECK(failed.error().message.ends_with("a?[31mb?c"));
}

TEST_CASE("a command that hangs is ended with all that it started, even where SIGTERM is ignored") {
  Script script("trap '' TERM\nsleep 1000 &\necho $! > $(dirname $0)/child\necho stuck here\nwhile true; do wait; done\n");
  auto failed = run("exec:" + script.path(), 300ms);
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().message.find("ran longer than") != std::string::npos);
  CHECK(failed.error().message.ends_with("stuck here"));
  const pid_t child = std::stoi(script.content("child"));
  // Its parent is gone, so whoever adopted it reaps it.
  CHECK(eventually([&] {
    std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
    std::string text(std::istreambuf_iterator<char>(stat), {});
    return text.empty() || text.find(") Z") != std::string::npos;
  }));
}

TEST_CASE("a stop ends the command") {
  Script script("touch $(dirname $0)/started\nexec sleep 1000\n");
  std::stop_source stop;
  std::jthread stopper([&] {
    eventually([&] { return fs::exists(script.file("started")); });
    stop.request_stop();
  });
  Status status = run("exec:" + script.path(), 60s, stop.get_token());
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::interrupted);
}

TEST_CASE("a command that leaves something running in the background is not waited for") {
  Script script("sleep 1000 &\necho $! > $(dirname $0)/child\n");
  CHECK(run("exec:" + script.path(), 20s).ok());
  ::kill(std::stoi(script.content("child")), SIGKILL);
}

TEST_CASE("a command inherits no descriptor and no blocked or ignored signal") {
  UniqueFd leak(::open("/dev/null", O_RDONLY));  // without O_CLOEXEC
  REQUIRE(static_cast<bool>(leak));
  sigset_t set, before;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &set, &before);
  auto* handler = ::signal(SIGPIPE, SIG_IGN);
  Script script(
      "ls /proc/self/fd | tr '\\n' ' ' > $(dirname $0)/fds\ngrep -E 'Sig(Blk|Ign)' /proc/self/status | tr -d '\\t' > $(dirname "
      "$0)/signals\n");
  Status status = run("exec:" + script.path());
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGPIPE, handler);
  CHECK(status.ok());
  CHECK(script.content("fds") == "0 1 2 3 ");  // 3: ls reads the directory
  const std::string signals = script.content("signals");
  CHECK(signals.starts_with("SigBlk:0000000000000000\nSigIgn:"));
  CHECK((std::stoull(signals.substr(signals.rfind(':') + 1), nullptr, 16) & 0x7fffffff) == 0);  // glibc keeps 32 and 33 for itself
}

TEST_CASE("an http hook posts the context, and anything but success is a failure with what was said") {
  Inference server([](const http::Request& request) {
    return request.path == "/good" ? http::Response{204, "", ""} : http::Response{500, "text/plain", "no\nmemory"};
  });
  CHECK(run(server.url() + "/good?x=1").ok());
  REQUIRE(server.calls().size() == 1);
  const std::string call = server.calls()[0];
  REQUIRE(call.starts_with("POST /good?x=1 "));
  const Json body = must(parse_json(call.substr(15), MiB));
  CHECK(body == Json{{"model", "acme/llama"},
                     {"channel", "main"},
                     {"version", "1.2"},
                     {"release", context().release.hex()},
                     {"path", "/srv/models/acme/llama/main"},
                     {"release_path", "/srv/releases/abab"},
                     {"previous", nullptr}});
  auto failed = run(server.url() + "/bad");
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().message.find("status 500: no?memory") != std::string::npos);
}

TEST_CASE("Triton loads the model by the name that the hook gives, else by the model's own") {
  Inference server;
  CHECK(run("triton:" + server.url()).ok());
  CHECK(run("triton:" + server.url() + "/llama_7b").ok());
  CHECK(server.calls() == Calls{"POST /v2/repository/models/llama/load {}", "GET /v2/health/ready",
                                "POST /v2/repository/models/llama_7b/load {}", "GET /v2/health/ready"});
}

TEST_CASE("SGLang is given the path, and success counts only where it says so") {
  for (const char* answer : {R"({"success": true, "message": "ok"})", R"({"success": false, "message": "shape mismatch"})",
                             R"({"success": "true"})", "[]", "done"}) {
    CAPTURE(answer);
    Inference server([&](const http::Request&) { return http::Response{200, "application/json", answer}; });
    Status status = run("sglang:" + server.url());
    CHECK(status.ok() == std::string(answer).starts_with(R"({"success": true)"));
    CHECK(server.calls()[0] == R"(POST /update_weights_from_disk {"model_path":"/srv/models/acme/llama/main"})");
    if (!status.ok()) CHECK(server.calls().size() == 1);
  }
}

TEST_CASE("vLLM sleeps, reads its weights again and wakes, in this order") {
  Inference server;
  CHECK(run("vllm:" + server.url()).ok());
  CHECK(server.calls() == Calls{"POST /sleep?level=2", "POST /wake_up?tags=weights", R"(POST /collective_rpc {"method":"reload_weights"})",
                                "POST /wake_up?tags=kv_cache", "GET /health"});
}

TEST_CASE("a step that fails is the last one") {
  Inference server([](const http::Request& request) {
    return http::Response{request.path == "/collective_rpc" ? 404 : 200, "", "no such thing"};
  });
  auto failed = run("vllm:" + server.url());
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().message.find("/collective_rpc: status 404: no such thing") != std::string::npos);
  CHECK(server.calls().size() == 3);
}

TEST_CASE("a server that loads is asked again until it is healthy") {
  std::atomic<int> left{3};
  Inference server([&](const http::Request&) { return http::Response{left-- > 0 ? 503 : 200, "", "loading"}; });
  CHECK(run("llama.cpp:" + server.url()).ok());
  CHECK(server.calls().size() == 4);
}

TEST_CASE("a server that never becomes healthy fails the hook with what it said last") {
  Inference server([&](const http::Request&) { return http::Response{503, "", "loading"}; });
  auto failed = run("llama.cpp:" + server.url(), 1500ms);
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().message.find("503") != std::string::npos);
}

TEST_CASE("llama.cpp is restarted before it is asked, and not asked where that fails") {
  Inference server;
  Script script("touch $(dirname $0)/restarted\n");
  CHECK(run("llama.cpp:" + server.url() + "+exec:" + script.path()).ok());
  CHECK(fs::exists(script.file("restarted")));
  CHECK(server.calls() == Calls{"GET /health"});
  CHECK_FALSE(run("llama.cpp:" + server.url() + "+exec:/bin/false").ok());
  CHECK(server.calls().size() == 1);
}

TEST_CASE("a unit is reloaded or restarted with systemctl from the PATH") {
  Script script("");
  std::ofstream(script.file("systemctl")) << "#!/bin/sh\necho \"$@\" > $(dirname $0)/called\n";
  fs::permissions(script.file("systemctl"), fs::perms::owner_all);
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", (script.directory.path().string() + ":" + path).c_str(), 1);
  Status status = run("systemd:vllm.service");
  ::setenv("PATH", path.c_str(), 1);
  CHECK(status.ok());
  CHECK(script.content("called") == "reload-or-restart vllm.service\n");
}
