// Finds pieces that are there already: in the file from an earlier run, or in an older content. Internal to the store.
#pragma once

#include "store/store_state.hpp"
#include "store/store_tally.hpp"

namespace shoal::store {

/// Runs on the workers of a content's lane.
class Explorer {
 public:
  Explorer(Contents& contents, StoreTally& tally) : contents_(contents), tally_(tally) {}

  /// Whether exploring may find the piece.
  static bool may_find(const StoreState& state, const StoredContent& content, std::uint32_t piece);
  /// Looks for the piece, copies it where it is elsewhere, and calls back. Ends the job that its caller has started.
  void explore(const ContentPtr& content, std::uint32_t piece, const VerdictCallback& callback);

 private:
  static bool may_be_in_older(const StoredContent& content, std::uint32_t piece);
  static bool is_stored(StoredContent& content, std::uint32_t piece);
  bool fetch_from_older(StoredContent& content, std::uint32_t piece);
  static Result<bool> copy_checked(StoredContent& content, std::uint32_t piece, OlderFiles& older, std::uint32_t old_piece);
  static Result<bool> clone_checked(StoredContent& content, std::uint32_t piece, const FilePart& to, OlderFiles& older,
                                    const FilePart& from);
  static Result<bool> put_together(StoredContent& content, std::uint32_t piece);
  static Result<bool> is_right_on_disk(StoredContent& content, std::uint32_t piece);
  void note_found(StoredContent& content, std::uint32_t piece, bool from_older);

  Contents& contents_;
  StoreTally& tally_;
};

/// Of the bytes in the files, read in steps without memory of the budget.
Result<Sha256> stored_digest(StoredContent& content, std::uint32_t piece);

}  // namespace shoal::store
