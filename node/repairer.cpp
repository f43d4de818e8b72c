#include "node/repairer.hpp"

#include <algorithm>
#include <set>

#include "base/wording.hpp"
#include "manifest/model_signing.hpp"
#include "node/admission.hpp"
#include "node/puller.hpp"

namespace shoal::node {
namespace {

std::set<std::string> paths_of(const std::vector<store::FileProblem>& problems) {
  std::set<std::string> paths;
  for (const auto& problem : problems) paths.insert(problem.path);
  return paths;
}

/// model.sig is made from the release: nobody needs to send it.
Status repair_signature(const Examined& damaged) {
  const auto bad = paths_of(damaged.problems);
  if (!damaged.release->model_signature || !bad.contains(std::string(manifest::model_signature_name))) return {};
  return write_model_signature(damaged.release, damaged.root);
}

/// True for the pieces that hold nothing of a file that has a problem.
std::vector<bool> good_pieces(const Examined& damaged) {
  const auto& layout = damaged.metainfo->layout();
  const auto bad = paths_of(damaged.problems);
  std::vector<bool> good(layout.piece_count(), true);
  for (std::uint32_t file = 0; file < layout.files().size(); ++file)
    if (bad.contains(layout.files()[file].path)) std::fill_n(good.begin() + layout.first_piece(file), layout.pieces_of(file), false);
  return good;
}

/// A file with bytes in a piece that is to be written anew.
bool is_written(const store::Layout& layout, std::uint32_t file, const std::vector<bool>& good) {
  const auto first = good.begin() + layout.first_piece(file);
  return std::find(first, first + layout.pieces_of(file), false) != first + layout.pieces_of(file);
}

Status copy(const fs::path& from, const fs::path& to) {
  SHOAL_CHECK(make_directories(to.parent_path()));
  std::error_code error;
  fs::copy_file(from, to, error);
  if (error) return fail_errno("cannot copy " + from.string() + " to " + to.string(), error.value());
  return {};
}

}  // namespace

Status Repairer::repair(const Examined& damaged) {
  SHOAL_CHECK(repair_signature(damaged));
  if (damaged.release->model_signature &&
      paths_of(damaged.problems) == std::set<std::string>{std::string(manifest::model_signature_name)}) {
    report(damaged, {});
    return {};
  }
  if (!damaged.metainfo)
    return fail(ErrorCode::verification, title(*damaged.release) + ": its piece hashes (" + shelf_.state().string() +
                                             "/manifests) are damaged, too: remove " + damaged.root.string() + " and pull it again");
  SHOAL_TRY(Staging staging, Staging::open(staging_for(shelf_, damaged.root, damaged.release.id())));
  SHOAL_CHECK(staging.empty());
  swarm::Content content{*damaged.metainfo, staging.root(), swarm::Mode::fetch, shelf_.journal(damaged.release.id()),
                         older_releases(*session_.verifier(), shelf_)};
  // The damaged release comes last: where another holds a piece that is wrong here, that one is asked.
  std::erase_if(content.reuse_from, [&](const auto& older) { return older.root == damaged.root; });
  content.reuse_from.push_back({*damaged.metainfo, damaged.root});
  SHOAL_CHECK(stage(damaged, content));
  Status done = fetch(damaged, content);
  std::error_code ignored;
  fs::remove(content.journal, ignored);
  staging.discard();
  return done;
}

/// The good files under a second name, and a journal that says so: what the swarm then finds missing are the damaged ones. Good files that
/// share a piece with a damaged one are copied: what is written into that piece must not reach the release before it is checked.
Status Repairer::stage(const Examined& damaged, const swarm::Content& content) {
  SHOAL_CHECK(shelf_.prepare_journal());
  const auto bad = paths_of(damaged.problems);
  const auto good = good_pieces(damaged);
  const auto& layout = content.metainfo.layout();
  for (std::uint32_t file = 0; file < layout.files().size(); ++file) {
    const std::string& path = layout.files()[file].path;
    if (bad.contains(path)) continue;
    const auto bring = is_written(layout, file, good) ? copy : link_or_copy;
    SHOAL_CHECK(bring(damaged.root / path, content.root / path));
  }
  return swarm::remember(content, good);
}

Status Repairer::fetch(const Examined& damaged, const swarm::Content& content) {
  while (node_.inbox(content.metainfo.info_hash()).wait(std::chrono::milliseconds(0), stop_))
    continue;  // events from the time when it was served
  SHOAL_CHECK(node_.contents().fetch(damaged.release.id(), content));
  Status complete = await_completion(node_, damaged.release, out_, stop_);
  out_.progress_done();
  const auto progress = node_.swarm().progress(content.metainfo.info_hash()).value_or(swarm::Progress{});
  node_.contents().forget(damaged.release.id());
  SHOAL_CHECK(std::move(complete));
  SHOAL_CHECK(replace(damaged, content.root));
  report(damaged, progress);
  return {};
}

/// Each file is checked once more against its own signed SHA-256 before it becomes visible.
Status Repairer::replace(const Examined& damaged, const fs::path& staged) {
  const auto bad = paths_of(damaged.problems);
  std::vector<store::LayoutFile> files;
  std::vector<Sha256> hashes;
  for (const auto& file : damaged.release->files) {
    if (!bad.contains(file.path)) continue;
    files.push_back({file.path, file.size});
    hashes.push_back(file.sha256);
  }
  store::HashOptions options;
  options.stop = stop_;
  SHOAL_TRY(auto problems, store::verify_files(staged, store::Layout(files, damaged.release->swarm.piece_length), hashes, options));
  if (!problems.empty())
    return fail(ErrorCode::verification, problems.front().path + " " + problems.front().problem + ", even as it was fetched again");
  for (const auto& file : files) {
    SHOAL_CHECK(make_directories((damaged.root / file.path).parent_path()));
    SHOAL_CHECK(rename_durably(staged / file.path, damaged.root / file.path));
  }
  return {};
}

void Repairer::report(const Examined& damaged, const swarm::Progress& progress) {
  const auto& release = damaged.release;
  const ByteCount fetched = progress.from_source + progress.from_peers;
  out_.result({{"type", "repaired"},
               {"model", release->model.str()},
               {"version", release->version.str()},
               {"release", release.id().hex()},
               {"path", damaged.root.string()},
               {"files", damaged.problems.size()},
               {"bytes_from_source", progress.from_source},
               {"bytes_from_peers", progress.from_peers},
               {"bytes_reused", progress.reused}},
              title(*release) + " repaired: " + counted(damaged.problems.size(), "file") + ", " + format_bytes(fetched) + " fetched, " +
                  format_bytes(progress.reused) + " copied from what was good");
}

}  // namespace shoal::node
