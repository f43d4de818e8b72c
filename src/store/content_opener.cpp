#include "store/content_opener.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "store/source_file.hpp"

namespace shoal::store {
namespace {

/// By file. Neighbouring pieces make one gap.
std::vector<std::vector<Gap>> gaps_of(const StoredContent& content, const std::vector<bool>& have) {
  std::vector<std::vector<Gap>> gaps(content.spec.layout.files().size());
  for (std::uint32_t i = 0; i < have.size(); ++i) {
    if (have[i]) continue;
    for (const FilePart& part : content.parts(i)) {
      auto& of_file = gaps[part.file];
      if (!of_file.empty() && of_file.back().offset + of_file.back().length == part.offset) of_file.back().length += part.length;
      else of_file.push_back({part.offset, part.length});
    }
  }
  return gaps;
}

bool is_same(const FileMark& then, const FileMark& now) {
  return then.size == now.size && then.inode == now.inode && (then.mtime_ns == 0 || then.mtime_ns == now.mtime_ns);
}

/// Files that can be taken from an older content as a whole: all of them lie in one piece or two.
bool is_short(const Layout& layout, std::uint32_t file) {
  const ByteCount size = layout.files()[file].size;
  return size > 0 && size < layout.piece_length();
}

/// The digests by which older contents may know pieces and files of a new one.
struct Wanted {
  explicit Wanted(const NewContent& spec) : pieces(spec.pieces.begin(), spec.pieces.end()) {
    for (std::uint32_t i = 0; i < spec.files.size(); ++i)
      if (is_short(spec.layout, i)) files.insert(spec.files[i]);
  }
  const std::set<Sha256> pieces;
  std::set<Sha256> files;
};

bool has_any(const std::vector<Sha256>& digests, const std::set<Sha256>& wanted) {
  return std::any_of(digests.begin(), digests.end(), [&](const Sha256& digest) { return wanted.contains(digest); });
}

/// A machine may have thousands of releases, and most have nothing in common.
void drop_strangers(NewContent& spec) {
  const Wanted wanted(spec);
  std::erase_if(spec.older, [&](const OlderContent& older) {
    return older.pieces.size() != older.layout.piece_count() ||
           !(has_any(older.pieces, wanted.pieces) || has_any(older.files, wanted.files));
  });
}

}  // namespace

Result<OpenedContent> ContentOpener::open(ContentId id, NewContent spec) {
  drop_strangers(spec);
  OpenedContent opened{std::make_shared<StoredContent>(id, std::move(spec)), {}};
  StoredContent& content = *opened.content;
  opened.state = ContentState(content.spec);
  SHOAL_CHECK(open_files(content, opened.state).within(shown(content.spec.root)));
  ContentFacts& facts = opened.state.facts;
  const auto& have = opened.state.have;
  facts.have = facts.durable = static_cast<std::uint32_t>(std::count(have.begin(), have.end(), true));
  opened.state.was_whole = facts.have == have.size();
  return opened;
}

Status ContentOpener::open_files(StoredContent& content, ContentState& state) {
  const NewContent& spec = content.spec;
  const OpenMode mode = content.read_only() ? OpenMode::read : OpenMode::update;
  content.files = std::make_unique<ContentFiles>(layer_, open_files_, ContentPlace{spec.root, spec.moves_to}, spec.layout, mode);
  SHOAL_TRY(auto root, content.files->find());
  content.lane = &syncer_.lane_for(root->id().device);
  connect(*content.files, *content.lane);
  if (content.read_only() || spec.complete) {
    state.have.assign(state.have.size(), true);
    return {};
  }
  SHOAL_TRY(const auto existed, content.files->existing());
  read_journal(content, existed, state);
  SHOAL_CHECK(content.files->prepare(gaps_of(content, state.have)));
  open_older(content);
  if (spec.journal.empty()) return {};
  const JournalIdentity identity{spec.identity, spec.layout.piece_count()};
  SHOAL_TRY(content.journal_, Journal::create(layer_, spec.journal, identity, {state.have, content.files->marks(false)}));
  return {};
}

/// Lets the workers of a lane close the files, when its syncing thread says so.
void ContentOpener::connect(ContentFiles& files, Lane& lane) {
  files.set_owner(
      lane.device, [&lane](OpenFiles::Job job) { lane.queue.push(std::move(job)); },
      [this, &lane] {
        contents_.with([&](StoreState& state) {
          if (!std::exchange(state.of(lane).has_open_files, true)) lane.sync_wanted.notify_one();
        });
      });
}

/// Takes from the journal what it knows of files that are still the same; what else is there is to be explored.
void ContentOpener::read_journal(StoredContent& content, const std::vector<bool>& existed, ContentState& state) {
  const auto& layout = content.spec.layout;
  std::optional<JournalState> remembered;
  if (!content.spec.journal.empty()) {
    auto loaded = Journal::load(layer_, content.spec.journal, {content.spec.identity, layout.piece_count()});
    if (loaded.ok()) remembered = std::move(loaded).value();
    else if (loaded.error().code != ErrorCode::not_found) log::warn("journal_refused", {{"reason", loaded.error().message}});
  }
  std::vector<FileMark> now;
  if (remembered) now = content.files->marks(true);
  std::vector<bool> same(layout.files().size());
  for (std::uint32_t file = 0; file < same.size(); ++file)
    same[file] = remembered && existed[file] && file < remembered->files.size() && is_same(remembered->files[file], now[file]);
  for (std::uint32_t piece = 0; piece < layout.piece_count(); ++piece) {
    const auto parts = layout.parts(piece);
    const auto all = [&](const std::vector<bool>& are) {
      return std::all_of(parts.begin(), parts.end(), [&](const FilePart& part) { return are[part.file]; });
    };
    const bool unchanged = all(same);
    state.have[piece] = unchanged && remembered->have[piece];
    state.unexplored[piece] = !unchanged && all(existed);
  }
}

/// Opened only while something is copied from them: they may be many, and some may go.
void ContentOpener::open_older(StoredContent& content) {
  const Wanted wanted(content.spec);
  for (const auto& old : content.spec.older) {
    auto files = std::make_unique<ContentFiles>(layer_, open_files_, ContentPlace{old.root, {}}, old.layout, OpenMode::read);
    connect(*files, *content.lane);
    auto older = std::make_unique<OlderFiles>(OlderFiles{old, std::move(files)});
    for (std::uint32_t i = 0; i < old.pieces.size(); ++i)
      if (wanted.pieces.contains(old.pieces[i])) content.older_pieces.emplace(old.pieces[i], std::pair(older.get(), i));
    for (std::uint32_t i = 0; i < old.files.size(); ++i)
      if (wanted.files.contains(old.files[i])) content.older_files.emplace(old.files[i], std::pair(older.get(), i));
    content.older.push_back(std::move(older));
  }
}

Status remember(FileLayer& files, const NewContent& content, const std::vector<bool>& have) {
  OpenFiles open(1);
  ContentFiles stored(files, open, {content.root, content.moves_to}, content.layout, OpenMode::read);
  SHOAL_CHECK(stored.find());
  const JournalIdentity identity{content.identity, content.layout.piece_count()};
  SHOAL_CHECK(Journal::create(files, content.journal, identity, {have, stored.marks(true)}));
  return {};
}

}  // namespace shoal::store
