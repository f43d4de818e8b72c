#include "node/file_check.hpp"

#include "node/shelf.hpp"

namespace shoal::node {

Result<std::vector<store::FileProblem>> FileCheck::wrong_pieces(const metainfo::CheckedMetainfo& metainfo, const fs::path& root) const {
  return store::verify_pieces(root, metainfo.layout(), metainfo.piece_sha256(), metainfo.file_sha256(), metainfo.proof(),
                              showing("checking "));
}

Status FileCheck::verify(const metainfo::CheckedMetainfo& metainfo, const fs::path& root) const {
  const store::HashOptions options = showing("verifying ");
  const store::Layout& layout = metainfo.layout();
  return verdict(metainfo.proof()
                     ? store::verify_pieces(root, layout, metainfo.piece_sha256(), metainfo.file_sha256(), metainfo.proof(), options)
                     : store::verify_files(root, layout, metainfo.file_sha256(), options));
}

Status FileCheck::verify_unproved(const metainfo::CheckedMetainfo& metainfo, const fs::path& root) const {
  std::vector<store::LayoutFile> files;
  std::vector<Sha256> digests;
  for (const std::uint32_t file : store::unproved_files(metainfo.layout(), metainfo.proof())) {
    files.push_back(metainfo.layout().files()[file]);
    digests.push_back(metainfo.file_sha256()[file]);
  }
  if (files.empty()) return {};
  const store::Layout layout(std::move(files), metainfo.layout().piece_length());
  return verdict(store::verify_files(root, layout, digests, showing("verifying ")));
}

store::HashOptions FileCheck::showing(const std::string& what) const {
  store::HashOptions options;
  options.stop = stop_;
  options.progress = [this, text = what + title(*release_), size = release_->total_size()](ByteCount done) {
    out_.progress({text, done, size, 0, "", {}});
  };
  return options;
}

Status FileCheck::verdict(Result<std::vector<store::FileProblem>> problems) const {
  out_.progress_done();
  if (!problems) return std::move(problems).error();
  if (problems->empty()) return {};
  const auto& first = problems->front();
  return fail(ErrorCode::verification, title(*release_) + ": " + first.path + " " + first.problem + " (" +
                                           std::to_string(problems->size()) + " of " + std::to_string(release_->files.size()) +
                                           " files); nothing was exposed");
}

}  // namespace shoal::node
