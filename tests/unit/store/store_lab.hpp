// A content, a store over it, and calls that wait for their answers.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "crypto/digest.hpp"
#include "store/piece_store.hpp"
#include "support/fake_files.hpp"
#include "support/must.hpp"
#include "tree.hpp"

namespace shoal::store::testing {

constexpr std::uint32_t block = 16 * KiB;
constexpr std::chrono::seconds patience{30};

/// Known bytes in files whose ends fall inside, on and before piece boundaries.
struct Sample {
  explicit Sample(std::vector<LayoutFile> files, std::uint32_t piece_length = 64 * KiB, unsigned seed = 1, Packing = Packing::aligned);
  Sample();

  Layout layout;
  std::vector<std::string> bytes;  // by file
  std::vector<Sha256> pieces;
  std::string piece(std::uint32_t number) const;  // without padding
  std::vector<Sha256> digests() const;            // of the files
  NewContent spec(const fs::path& root, ContentAccess access) const;
};

template <class T>
T wait_for(std::future<T> answer) {
  if (answer.wait_for(patience) != std::future_status::ready) throw std::runtime_error("no answer in time");
  return answer.get();
}

/// Waits for `condition` without polling the processor to death.
template <class Condition>
bool eventually(Condition condition) {
  std::promise<void> never;
  auto future = never.get_future();
  for (const auto end = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < end;) {
    if (condition()) return true;
    future.wait_for(std::chrono::milliseconds(2));
  }
  return condition();
}

// The store's calls, as if they blocked.
PieceStore::Taken feed(PieceStore& store, ContentId id, const Sample& sample, std::uint32_t piece);
Result<Verdict> complete(PieceStore& store, ContentId id, std::uint32_t piece);
Result<std::string> read(PieceStore& store, ContentId id, std::uint32_t piece, std::uint32_t offset, std::uint32_t length);
Status flush(PieceStore& store, ContentId id);
void stop(PieceStore& store, ContentId id);
void clear(PieceStore& store, ContentId id, std::uint32_t piece);
/// Feeds and completes a piece that must come out right.
void fetch(PieceStore& store, ContentId id, const Sample& sample, std::uint32_t piece);
void fetch_all(PieceStore& store, ContentId id, const Sample& sample);

/// What a content tells on its own account. Thread-safe; shared with the callbacks.
struct Heard {
  Guarded<std::vector<std::uint32_t>> lost;
  Guarded<std::vector<Error>> problems;
  static ContentEvents events(const std::shared_ptr<Heard>& heard);
  std::vector<std::uint32_t> all_lost() {
    return lost.with([](const auto& l) { return l; });
  }
  std::size_t problem_count() {
    return problems.with([](const auto& p) { return p.size(); });
  }
};

inline StoreOptions small_store(ByteCount budget = 4 * MiB) {
  StoreOptions options;
  options.memory_budget = budget;
  options.threads = 3;
  options.sync_interval = std::chrono::milliseconds(5);
  options.retry_pause = std::chrono::milliseconds(1);
  return options;
}

}  // namespace shoal::store::testing
