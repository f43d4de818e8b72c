// Opens a content: its files, its journal, and the older contents that may have pieces in common. Internal to the store.
#pragma once

#include "store/syncer.hpp"

namespace shoal::store {

/// A content that nobody else sees yet, and the state with which it begins.
struct OpenedContent {
  ContentPtr content;
  ContentState state;
};

/// Any thread; blocks.
class ContentOpener {
 public:
  ContentOpener(FileLayer& layer, OpenFiles& open_files, Contents& contents, Syncer& syncer)
      : layer_(layer), open_files_(open_files), contents_(contents), syncer_(syncer) {}

  /// Errors as for PieceStore::add. `spec` has one digest for each piece.
  Result<OpenedContent> open(ContentId id, NewContent spec);

 private:
  Status open_files(StoredContent& content, ContentState& state);
  void read_journal(StoredContent& content, const std::vector<bool>& existed, ContentState& state);
  void open_older(StoredContent& content);
  void connect(ContentFiles& files, Lane& lane);

  FileLayer& layer_;
  OpenFiles& open_files_;
  Contents& contents_;
  Syncer& syncer_;
};

}  // namespace shoal::store
