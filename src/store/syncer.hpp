// Makes pieces durable: the data first, then the journal; and decides what is lost when a sync fails. Internal to the store.
#pragma once

#include "store/store_state.hpp"

namespace shoal::store {

/// Owns the lanes' syncing threads, one for each file system in use.
class Syncer {
 public:
  Syncer(OpenFiles& open_files, Contents& contents, const StoreOptions& options);

  /// Makes the lane with its threads where there is none yet.
  Lane& lane_for(std::uint64_t device);
  void flush(ContentId id, std::function<void(Status)> callback);
  /// Ends the workers of all lanes, then closes what is left. Contents are being stopped by then.
  void end();

 private:
  void run(Lane& lane);
  bool wait_for_work(Lane& lane);
  void close_idle_files(Lane& lane);
  Status sync(const ContentPtr& content);
  Status sync_files(const ContentPtr& content, std::set<std::uint32_t>& pieces);
  Status sync_file(const ContentPtr& content, DirtyFile& dirty, std::set<std::uint32_t>& pieces);
  Status sync_again(const ContentPtr& content, std::uint32_t file, File& open, std::set<std::uint32_t>& pieces);
  Status write_journal(StoredContent& content, const std::set<std::uint32_t>& pieces, const std::vector<std::uint32_t>& forgotten);
  void close_if_durable(StoredContent& content);
  void finish(const ContentPtr& content);

  OpenFiles& open_files_;
  Contents& contents_;
  const StoreOptions options_;
};

}  // namespace shoal::store
