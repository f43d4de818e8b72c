// A small command table, argv as a list, and what a program wrote.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "cli/parse.hpp"
#include "cli/run.hpp"

namespace shoal::cli::test {

inline std::vector<Command> sample(std::function<Status(Invocation&)> work = [](Invocation&) { return Status{}; }) {
  Command create{
      .path = "token create",
      .summary = "print one join token",
      .details = "Example:\n  shoal token create --state /var/lib/shoal",
      .positionals = {},
      .options = {{.name = "--state", .value = "DIR", .help = "where the tracker lives", .required = true, .config_key = "state"}},
      .run = work,
      .topic = "Tracker"};
  Command pull{
      .path = "pull",
      .summary = "fetch a checkpoint",
      .details = "",
      .positionals = {{.name = "REF", .help = "org/name"}, {.name = "EXTRA", .help = "optional", .required = false}},
      .options = {{.name = "--state", .value = "DIR", .help = "state", .required = true, .config_key = "state"},
                  {.name = "--seed-for", .value = "TIME", .help = "serve on", .fallback = "10m", .config_key = "fetch.seed_for"},
                  {.name = "--exclude", .value = "GLOB", .help = "leave out", .repeatable = true, .config_key = "exclude"},
                  {.name = "--when", .value = "RULE", .help = "days", .repeatable = true, .config_key = "when", .has_commas = true},
                  {.name = "--key", .value = "FILE", .help = "keys", .repeatable = true, .config_key = "key", .has_commas = true},
                  {.name = "--rule",
                   .value = "RULE",
                   .help = "rules",
                   .repeatable = true,
                   .config_key = "rule",
                   .has_commas = true,
                   .fields = {{.name = "path", .required = true}, {.name = "on"}}},
                  {.name = "--dry", .value = "", .help = "only look", .config_key = "dry"},
                  {.name = "--rare", .value = "yes|no", .help = "seldom", .words = {"yes", "no"}, .rare = true}},
      .run = work,
      .topic = "Node",
      .also = {"download"},
      .failures = {ErrorCode::no_space}};
  Command publish{.path = "publish",
                  .summary = "register a checkpoint",
                  .details = "",
                  .positionals = {{.name = "MODEL:CHANNEL", .help = "such as a/b:main"}},
                  .options = {{.name = "--version", .value = "V", .help = "name of this version", .required = true, .flag_only = true},
                              {.name = "--channel", .value = "C", .help = "channel", .fallback = "main", .flag_only = true}},
                  .run = work,
                  .topic = "Seeder"};
  return {create, pull, publish};
}

inline Result<Parsed> parse_words(const std::vector<Command>& commands, std::vector<const char*> words) {
  words.insert(words.begin(), "shoal");
  return parse(static_cast<int>(words.size()), words.data(), commands);
}

/// Sets a variable while it lives.
class Variable {
 public:
  Variable(std::string name, const char* value) : name_(std::move(name)) { ::setenv(name_.c_str(), value, 1); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { ::unsetenv(name_.c_str()); }

 private:
  std::string name_;
};

/// A temporary FILE that can be read back.
class Sink {
 public:
  Sink() : file_(std::tmpfile()) {}
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  ~Sink() { std::fclose(file_); }
  std::FILE* file() const { return file_; }
  std::string text() const {
    std::string out;
    std::rewind(file_);
    for (int c = std::fgetc(file_); c != EOF; c = std::fgetc(file_)) out += static_cast<char>(c);
    return out;
  }

 private:
  std::FILE* file_;
};

/// Points a descriptor of the process at a Sink while it lives.
class Redirected {
 public:
  Redirected(int fd, const Sink& sink) : fd_(fd), saved_(::dup(fd)) {
    std::fflush(nullptr);
    ::dup2(::fileno(sink.file()), fd);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;
  ~Redirected() {
    std::fflush(nullptr);
    ::dup2(saved_, fd_);
    ::close(saved_);
  }

 private:
  int fd_;
  int saved_;
};

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

inline Outcome run_words(const std::vector<Command>& commands, std::vector<const char*> words) {
  words.insert(words.begin(), "shoal");
  Sink out, err;
  Outcome outcome;
  {
    Redirected stdout_to(STDOUT_FILENO, out), stderr_to(STDERR_FILENO, err);
    outcome.code = run(static_cast<int>(words.size()), words.data(), "1.2.3", commands);
  }
  outcome.out = out.text();
  outcome.err = err.text();
  return outcome;
}

}  // namespace shoal::cli::test
