// A file system in memory that fails on request and forgets in a crash what was not synced. Link shoal_store.
#pragma once

#include <cerrno>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/guarded.hpp"
#include "store/file_layer.hpp"

namespace shoal::test {

enum class Op { open, read, write, sync, reserve, clone, rename };

/// What a test may answer to a call: an errno, or zero to let it pass.
using Fault = std::function<int(Op, const std::string& path, ByteCount offset)>;

/// Thread-safe. Paths are absolute; directories exist when asked for. What is below one directory of the root is one device.
class FakeFiles final : public store::FileLayer {
 public:
  Result<std::unique_ptr<store::Directory>> open_directory(const fs::path& path) override;

  void set_fault(Fault fault) { *fault_.lock() = std::move(fault); }
  /// Bytes that all files together may have; a write or reservation beyond is ENOSPC.
  void set_capacity(ByteCount bytes) { state_.lock()->capacity = bytes; }
  /// Cloning works.
  void allow_clones() { state_.lock()->clones = true; }

  void put(const fs::path& path, std::string content);
  std::string get(const fs::path& path) const;
  bool exists(const fs::path& path) const;
  void flip(const fs::path& path, ByteCount offset);
  void cut(const fs::path& path, ByteCount size);
  /// All files as they are now, synced or not.
  std::unique_ptr<FakeFiles> copy() const;
  /// What a power failure leaves: of each write that was not synced, as the generator decides, all, nothing, or some of its sectors.
  void crash(std::mt19937_64& random);

  struct Counts {
    std::size_t reads = 0, writes = 0, syncs = 0, clones = 0;
    ByteCount bytes_read = 0;
  };
  Counts counts() const {
    return state_.with([](const State& s) { return s.counts; });
  }

 private:
  friend class FakeFile;
  friend class FakeDirectory;
  struct Node {
    std::string now;
    std::string durable;
    std::vector<std::pair<ByteCount, std::string>> unsynced;  // writes since the last sync
    ino_t inode = 0;
    std::int64_t changed = 0;
  };
  using NodePtr = std::shared_ptr<Node>;
  struct State {
    std::map<std::string, NodePtr> names;
    ino_t next_inode = 1;
    std::int64_t time = 1;
    ByteCount capacity = ~ByteCount{0};
    bool clones = false;
    Counts counts;
  };
  int fault(Op op, const std::string& path, ByteCount offset) const;
  static ByteCount used(const State& state);

  Guarded<State> state_;
  Guarded<Fault> fault_;
};

}  // namespace shoal::test
