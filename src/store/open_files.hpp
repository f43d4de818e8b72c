// The files and directories that all contents of a store hold open together. Internal to the store.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/guarded.hpp"
#include "store/file_layer.hpp"

namespace shoal::store {

/// A file that was written to and not synced since.
struct DirtyFile {
  std::uint32_t file = 0;
  std::shared_ptr<File> open;
  bool failed = false;  // a sync of it failed: what was dirty then may be lost. `open` is empty
};

/// Keeps at most `most` files and directories open; what was used least recently is closed first, after a sync where it is dirty.
/// Thread-safe. No call holds the lock while it waits for a file system.
class OpenFiles {
 public:
  using Job = std::function<void()>;
  /// A content. `post` runs a job on a thread that only this content's file system can hold up.
  struct Owner {
    std::uint64_t id = 0;
    std::uint64_t device = 0;
    std::function<void(Job)> post;
    std::function<void()> opened;  // a file was opened; called without the lock
  };
  using OwnerPtr = std::shared_ptr<const Owner>;

  explicit OpenFiles(std::size_t most) : most_(most) {}

  std::uint64_t next_owner() { return state_.lock()->next_owner++; }

  /// Empty where it is not open. Counts as a use.
  std::shared_ptr<File> find(const Owner& owner, std::uint32_t file);
  std::shared_ptr<Directory> find_root(const Owner& owner);
  /// Returns `opened`, or what another thread opened in the meantime. Closes what is too much.
  std::shared_ptr<File> keep(const OwnerPtr& owner, std::uint32_t file, std::shared_ptr<File> opened);
  std::shared_ptr<Directory> keep_root(const OwnerPtr& owner, std::shared_ptr<Directory> opened);

  /// `open` was written to: nothing closes it before it was synced.
  void set_dirty(const OwnerPtr& owner, std::uint32_t file, const std::shared_ptr<File>& open);
  /// Files to sync. A file may be there twice, if it was opened again in the meantime. Waits for syncs that other threads have
  /// begun: one that fails must not go unnoticed.
  std::vector<DirtyFile> take_dirty(const Owner& owner);
  /// The sync of `file` has to be repeated, and to be taken for one that failed.
  void set_failed(const Owner& owner, std::uint32_t file);
  /// The next user opens it again (ESTALE). Bytes that were written through the old handle are still to be synced.
  void forget(const Owner& owner, std::uint32_t file);

  /// Closes the owner's files that are not dirty, but not its root.
  void close_clean(const Owner& owner);
  /// Closes everything of the owner's, synced or not.
  void close(const Owner& owner);
  /// Closes the device's files that were not used since `before`; true if some are still open. For a thread that only this file system can
  /// hold up.
  bool close_idle(std::uint64_t device, std::chrono::steady_clock::time_point before);

  /// Files and directories that are open now.
  std::size_t count() const;

 private:
  using Key = std::pair<std::uint64_t, std::uint32_t>;  // owner and file
  static constexpr std::uint32_t root = UINT32_MAX;
  struct Entry {
    OwnerPtr owner;
    std::shared_ptr<File> file;
    std::shared_ptr<Directory> directory;  // of a root
    bool dirty = false;
    bool syncing = false;  // a thread syncs it in order to close it
    bool in_order = true;
    std::uint64_t writes = 0;
    std::chrono::steady_clock::time_point used;
    std::list<Key>::iterator place;
  };
  struct State {
    std::map<Key, Entry> entries;
    std::list<Key> order;                               // the first was used last
    std::multimap<std::uint64_t, DirtyFile> left_over;  // by owner: dirty, and no entry any more
    std::uint64_t next_owner = 1;
  };
  /// Handles to close.
  struct Victim {
    Key key;
    Entry entry;
  };

  static void touch(State& state, const Key& key, Entry& entry);
  static Entry& insert(State& state, const OwnerPtr& owner, std::uint32_t file);
  static Victim take_out(State& state, std::map<Key, Entry>::iterator it);
  std::optional<Victim> next_victim(const Owner& owner);
  void trim(const Owner& owner);
  void retire(Victim victim);
  template <class Goes>
  void close_if(const Owner& owner, Goes goes);

  const std::size_t most_;
  Guarded<State> state_;
  std::condition_variable retired_;
};

}  // namespace shoal::store
