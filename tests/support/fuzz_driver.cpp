// Runs a fuzz target without libFuzzer: every file of a corpus, then mutations of them that are the same on every machine.
//   fuzz_NAME [--iterations N] [--seed N] CORPUS_DIRECTORY|FILE...
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

constexpr std::size_t longest_mutant = 64 * 1024;

// The input at work, where a signal handler can reach it.
const std::string* current_input = nullptr;
std::string crash_path, crash_note;

void save_input() {
  if (current_input == nullptr) return;
  int fd = ::open(crash_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return;
  bool written = ::write(fd, current_input->data(), current_input->size()) == static_cast<ssize_t>(current_input->size());
  ::close(fd);
  // Nothing that allocates: this runs in a signal handler.
  if (written) written = ::write(STDERR_FILENO, crash_note.data(), crash_note.size()) > 0;
  current_input = nullptr;
}

void on_signal(int number) {
  save_input();
  ::signal(number, SIG_DFL);
  ::raise(number);
}

void save_when_failing(const char* program) {
  crash_path = (std::filesystem::current_path() / std::filesystem::path(program).filename()).string() + ".crash";
  crash_note = "the input that failed is in " + crash_path + "\n";
  for (int number : {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGBUS}) ::signal(number, on_signal);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(save_input);
}

void run(const std::string& input) {
  // A copy of exactly this size, so that a sanitizer sees a read past its end.
  std::vector<std::uint8_t> bytes(input.begin(), input.end());
  bytes.shrink_to_fit();
  current_input = &input;
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  current_input = nullptr;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> load(const std::vector<std::string>& places) {
  std::vector<std::filesystem::path> paths;
  for (const std::string& place : places) {
    if (!std::filesystem::is_directory(place)) paths.emplace_back(place);
    else
      for (const auto& entry : std::filesystem::directory_iterator(place)) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());  // the order of a directory is not the same everywhere
  std::vector<std::string> inputs;
  for (const auto& path : paths) inputs.push_back(read(path));
  return inputs;
}

/// Changes inputs a little. std::mt19937_64 is the same everywhere; the standard's distributions are not, so none is used.
class Mutator {
 public:
  Mutator(const std::vector<std::string>& corpus, std::uint64_t seed) : corpus_(corpus), random_(seed) {}

  std::string next() {
    std::string input = corpus_[below(corpus_.size())];
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) change(input);
    if (input.size() > longest_mutant) input.resize(longest_mutant);
    return input;
  }

 private:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % std::max<std::size_t>(bound, 1)); }

  void change(std::string& input) {
    std::size_t at = below(input.size() + 1);
    std::size_t length = std::min(below(16) + 1, input.size() - at);
    switch (below(9)) {
      case 0: return flip(input);
      case 1: input.erase(at, length); return;
      case 2: input.insert(at, input.substr(at, length)); return;
      case 3: input.insert(at, 1 + below(3), static_cast<char>(random_())); return;
      case 4: input.insert(at, token()); return;
      case 5: input.replace(at, length, token()); return;
      case 6: input.resize(at); return;
      case 7: return splice(input, at);
      default: return number(input, at);
    }
  }

  void flip(std::string& input) {
    if (input.empty()) return;
    char& byte = input[below(input.size())];
    byte = static_cast<char>(byte ^ (1 << below(8)));
  }

  void splice(std::string& input, std::size_t at) {
    const std::string& other = corpus_[below(corpus_.size())];
    input = input.substr(0, at) + other.substr(below(other.size() + 1));
  }

  /// A little-endian number at the edge of its type, over what is there.
  void number(std::string& input, std::size_t at) {
    static constexpr std::array<std::uint64_t, 8> edges{0, 1, 0x7f, 0xffff, 0x7fffffff, 0xffffffff, 0x7fffffffffffffff, UINT64_MAX};
    std::uint64_t value = edges[below(edges.size())];
    for (std::size_t i = at; i < std::min(input.size(), at + (std::size_t{1} << below(4))); ++i, value >>= 8)
      input[i] = static_cast<char>(value);
  }

  /// What parsers of text stumble over.
  std::string token() {
    static const std::vector<std::string> tokens{"{",
                                                 "}",
                                                 "[",
                                                 "]",
                                                 "\"",
                                                 ":",
                                                 ",",
                                                 "0",
                                                 "-1",
                                                 "1e9",
                                                 "18446744073709551615",
                                                 "9007199254740992",
                                                 "null",
                                                 "true",
                                                 "\\u0000",
                                                 "\\ud800",
                                                 "..",
                                                 "/",
                                                 "//",
                                                 ".",
                                                 "\\",
                                                 std::string(1, '\0'),
                                                 "\xff",
                                                 "\xc0\xaf",
                                                 "\xed\xa0\x80",
                                                 "%",
                                                 "%00",
                                                 "%2",
                                                 "&",
                                                 "=",
                                                 "i-0e",
                                                 "d",
                                                 "l",
                                                 "e",
                                                 "99999999999:",
                                                 "0:",
                                                 std::string(40, '['),
                                                 std::string(300, 'a'),
                                                 "\"a\":1,\"a\":1,"};
    return tokens[below(tokens.size())];
  }

  const std::vector<std::string>& corpus_;
  std::mt19937_64 random_;
};

struct Options {
  std::uint64_t iterations = 0;
  std::uint64_t seed = 1;
  std::vector<std::string> places;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    bool has_value = i + 1 < argc;
    if (argument == "--iterations" && has_value) options.iterations = std::strtoull(argv[++i], nullptr, 10);
    else if (argument == "--seed" && has_value) options.seed = std::strtoull(argv[++i], nullptr, 10);
    else options.places.push_back(argument);
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  Options options = parse(argc, argv);
  std::vector<std::string> corpus = load(options.places);
  if (corpus.empty()) {
    std::cerr << argv[0] << ": no inputs: name a corpus directory or files\n";
    return 2;
  }
  save_when_failing(argv[0]);
  run("");
  for (const std::string& input : corpus) run(input);
  Mutator mutator(corpus, options.seed);
  for (std::uint64_t i = 0; i < options.iterations; ++i) run(mutator.next());
  std::cout << corpus.size() << " files and " << options.iterations << " mutations of them ran through\n";
  return 0;
}
