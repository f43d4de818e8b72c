#include "node/verification.hpp"

#include <algorithm>

#include "crypto/digest.hpp"
#include "manifest/model_signing.hpp"

namespace shoal::node {
namespace {

using member::MemberSession;

Result<std::vector<ReleaseId>> ids_to_verify(const MemberSession& session, const Shelf& shelf, const std::string& reference,
                                             bool elsewhere) {
  if (reference.empty()) return shelf.held();
  SHOAL_TRY(Reference wanted, parse_reference(reference));
  if (auto linked = shelf.linked(wanted); linked.ok() && !elsewhere) return std::vector{*linked};
  SHOAL_TRY(auto known, shelf.manifests());
  for (const ReleaseId& id : known) {
    auto release = shelf.verified(*session.verifier(), id);
    if (!release || (*release)->model != wanted.model) continue;
    if (!wanted.version || (*release)->version == *wanted.version) return std::vector{id};
  }
  return fail(ErrorCode::not_found, wanted.str() + " was never fetched here: fetch it with 'shoal pull " + wanted.str() + "'");
}

store::Layout layout_of(const manifest::Release& release) {
  std::vector<store::LayoutFile> files;
  for (const auto& file : release.files) files.push_back({file.path, file.size});
  return {std::move(files), release.swarm.piece_length};
}

std::optional<metainfo::CheckedMetainfo> kept_metainfo(const Shelf& shelf, const manifest::VerifiedRelease& release) {
  auto bytes = shelf.metainfo(release.id());
  if (!bytes) return std::nullopt;
  auto checked = metainfo::CheckedMetainfo::check(release, std::move(bytes).value());
  if (!checked) return std::nullopt;
  return std::move(checked).value();
}

/// model.sig is no file of the release, but is as much signed as they are: its SHA-256 stands there.
void check_model_signature(const manifest::VerifiedRelease& release, const fs::path& root, std::vector<store::FileProblem>& problems) {
  if (!release->model_signature) return;
  const std::string name(manifest::model_signature_name);
  auto text = read_file(root / name, manifest::release_limit * 2);
  if (text.ok() && crypto::sha256(*text) == release->model_signature->sha256) return;
  const bool missing = !text.ok() && text.error().code == ErrorCode::not_found;
  problems.push_back({name, missing ? "missing" : text.ok() ? "content differs" : "cannot be read: " + text.error().message});
}

Json to_json(const std::vector<store::FileProblem>& problems) {
  Json rows = Json::array();
  for (const auto& problem : problems)
    rows.push_back({{"path", problem.path}, {"reason", problem.problem}, {"problem", problem.problem}, {"pieces", problem.pieces}});
  return rows;
}

/// " (piece 7)", " (3 pieces, the first is 7)".
std::string pieces_text(const std::vector<std::uint32_t>& pieces) {
  if (pieces.empty()) return "";
  const std::string first = std::to_string(pieces.front());
  return pieces.size() == 1 ? " (piece " + first + ")" : " (" + std::to_string(pieces.size()) + " pieces, the first is " + first + ")";
}

void report(const Examined& examined, cli::Output& out) {
  const auto& release = examined.release;
  const bool intact = examined.problems.empty();
  std::string text = title(*release) + (intact ? ": all " + std::to_string(release->files.size()) + " files are as signed" : ": DAMAGED");
  for (const auto& problem : examined.problems) text += "\n  " + problem.path + " " + problem.problem + pieces_text(problem.pieces);
  out.result({{"type", "verified"},
              {"model", release->model.str()},
              {"version", release->version.str()},
              {"release", release.id().hex()},
              {"path", examined.root.string()},
              {"files", release->files.size()},
              {"bytes", release->total_size()},
              {"ok", intact},
              {"problems", to_json(examined.problems)}},
             text);
}

/// Where in the files that differ.
Status name_pieces(const fs::path& root, const metainfo::CheckedMetainfo& metainfo, std::vector<store::FileProblem>& problems,
                   const store::HashOptions& options) {
  SHOAL_TRY(auto pieces,
            store::verify_pieces(root, metainfo.layout(), metainfo.piece_sha256(), metainfo.file_sha256(), metainfo.proof(), options));
  for (auto& problem : problems)
    for (auto& found : pieces)
      if (found.path == problem.path) problem.pieces = std::move(found.pieces);
  return {};
}

/// Files are compared with their own SHA-256, all at once or piece by piece; pieces alone only say where.
Result<std::vector<store::FileProblem>> compare(const Examined& examined, const store::HashOptions& options) {
  const auto& metainfo = examined.metainfo;
  if (metainfo && metainfo->proof())
    return store::verify_pieces(examined.root, metainfo->layout(), metainfo->piece_sha256(), metainfo->file_sha256(), metainfo->proof(),
                                options);
  const auto& release = *examined.release;
  SHOAL_TRY(auto problems, store::verify_files(examined.root, layout_of(release), file_hashes(release), options));
  if (metainfo && !problems.empty()) SHOAL_CHECK(name_pieces(examined.root, *metainfo, problems, options));
  return problems;
}

Result<Examined> examine_one(const Shelf& shelf, const manifest::VerifiedRelease& release, fs::path root, cli::Output& out,
                             const std::stop_token& stop) {
  Examined examined{release, std::move(root), kept_metainfo(shelf, release), {}};
  store::HashOptions options;
  options.stop = stop;
  options.progress = [&](ByteCount done) {
    out.progress({"verifying " + title(*release), done, release->total_size(), 0, "", Json::object()});
  };
  auto problems = compare(examined, options);
  out.progress_done();
  if (!problems) return std::move(problems).error();
  examined.problems = std::move(problems).value();
  check_model_signature(release, examined.root, examined.problems);
  report(examined, out);
  return examined;
}

}  // namespace

Result<std::vector<Examined>> examine(MemberSession& session, const VerifyRequest& request, cli::Output& out, const std::stop_token& stop) {
  if (!request.in.empty() && request.reference.empty())
    return fail(ErrorCode::usage, "--in needs a REF: which release should be in " + request.in + "?");
  Shelf shelf(session.state());
  SHOAL_TRY(auto ids, ids_to_verify(session, shelf, request.reference, !request.in.empty()));
  if (ids.empty()) out.message("no release is on this machine yet: fetch one with 'shoal pull'");
  std::vector<Examined> all;
  for (const ReleaseId& id : ids) {
    SHOAL_TRY(auto release, shelf.verified(*session.verifier(), id));
    fs::path root = request.in.empty() ? shelf.release(id) : fs::absolute(request.in).lexically_normal();
    SHOAL_TRY(auto examined, examine_one(shelf, release, std::move(root), out, stop));
    all.push_back(std::move(examined));
  }
  return all;
}

Status verdict_of(const std::vector<Examined>& all) {
  const auto damaged = std::count_if(all.begin(), all.end(), [](const Examined& one) { return !one.problems.empty(); });
  if (damaged == 0) return {};
  return fail(ErrorCode::verification, std::to_string(damaged) + " of " + std::to_string(all.size()) +
                                           " releases differ from what was signed; 'shoal verify --repair' fetches what is wrong again");
}

}  // namespace shoal::node
