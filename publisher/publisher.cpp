#include "publisher/publisher.hpp"

#include <fcntl.h>

#include <algorithm>

#include "base/encoding.hpp"
#include "base/read_range.hpp"
#include "crypto/digest.hpp"
#include "manifest/model_signing.hpp"
#include "publisher/channel_mover.hpp"
#include "publisher/hash_memory.hpp"
#include "store/snapshot_link.hpp"
#include "store/source_rules.hpp"

namespace shoal::publisher {
namespace {

std::string title(const PublishRequest& request) { return request.ref().str(); }

Error other_content(const PublishRequest& request, const manifest::VerifiedRelease& known, const std::string& difference) {
  return fail(ErrorCode::conflict, title(request) + " is registered already with other content (release " + known.id().hex().substr(0, 16) +
                                       ", " + difference + "); releases never change: publish under a new version");
}

/// What differs between a release and files of which `same` knows more than path and size.
template <class Entry, class Same>
std::string difference(const std::vector<manifest::FileEntry>& known, const std::vector<Entry>& files, Same same) {
  for (std::size_t i = 0; i < std::max(known.size(), files.size()); ++i) {
    if (i >= known.size()) return "without " + files[i].path;
    if (i >= files.size()) return "with " + known[i].path;
    if (known[i].path != files[i].path) return (known[i].path < files[i].path ? "with " + known[i].path : "without " + files[i].path);
    if (known[i].size != files[i].size || !same(known[i], files[i])) return "another " + known[i].path;
  }
  return "";
}

/// The bytes of the files in a piece.
Result<std::string> read_piece(const fs::path& root, const store::Layout& layout, std::uint32_t piece) {
  std::string bytes;
  for (const store::FilePart& part : layout.parts(piece)) {
    const fs::path path = root / layout.files()[part.file].path;
    SHOAL_TRY(UniqueFd file, open_file(store::target_of_snapshot_link(path).value_or(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    SHOAL_TRY(std::string some, read_range(file, path, part.offset, part.length));
    bytes += some;
  }
  return bytes;
}

std::vector<std::int64_t> mtimes_of(const Survey& survey) {
  std::vector<std::int64_t> times;
  times.reserve(survey.stamps.size());
  for (const auto& stamp : survey.stamps) times.push_back(stamp.mtime_ns);
  return times;
}

std::vector<store::Fingerprint> fingerprints_of(const store::TreeHashes& hashes) {
  std::vector<store::Fingerprint> fingerprints;
  fingerprints.reserve(hashes.pieces.size());
  for (const auto& piece : hashes.pieces) fingerprints.push_back(piece.fingerprint);
  return fingerprints;
}

std::chrono::milliseconds since(SteadyTime start, const Clock& clock) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock.steady_now() - start);
}

/// Zero (unknown) in the first moments, when a rate says nothing.
ByteCount per_second(ByteCount bytes, std::chrono::milliseconds took) {
  if (took < std::chrono::milliseconds(300)) return 0;
  return bytes * 1000 / static_cast<ByteCount>(took.count());
}

}  // namespace

Publisher::Publisher(member::MemberSession& session, registry::Client& tracker, const Signer& signer, cli::Output& out,
                     std::stop_token stop)
    : session_(session), tracker_(tracker), signer_(signer), out_(out), stop_(std::move(stop)) {}

Result<PublishReport> Publisher::publish(const PublishRequest& request) {
  SteadyTime start = session_.clock().steady_now();
  SHOAL_CHECK(signer_.check_authorised(*session_.verifier(), request.model, session_.clock().now()));
  SHOAL_TRY(Survey source, survey(request.source, request.exclude));
  say_left_out(source);
  if (request.accept) SHOAL_CHECK(request.accept(source));
  // Asked before hours of hashing: does the tracker answer, and does it let us in?
  SHOAL_TRY(auto known, registered(request));
  if (known) SHOAL_CHECK(check_known(request, source, *known));
  if (!(known && known->release->allows_code)) SHOAL_CHECK(check_formats(request, source));
  SHOAL_TRY(Prepared prepared, prepare(request, source, known));
  bool already = known.has_value();
  if (known) {
    auto same = [](const auto& a, const auto& b) { return a.sha256 == b.sha256; };
    auto differs = difference(known->release->files, prepared.release.files, same);
    if (!differs.empty()) return other_content(request, known->release, differs);
  } else {
    SHOAL_TRY(known, send(prepared));
  }
  SHOAL_TRY(std::string metainfo, metainfo_of(*known, prepared));
  // A release that was made with other pieces has other fingerprints.
  if (known->release->swarm != prepared.release.swarm) prepared.fingerprints.clear();
  Source remembered{request.model, source.root, known->envelope, std::move(metainfo), std::move(prepared.fingerprints), mtimes_of(source)};
  SHOAL_CHECK(finish(request, *known, remembered));
  if (!request.keep_hashes) HashMemory::forget(session_.state(), source.root);
  const manifest::Release& release = *known->release;
  return PublishReport{known->release.id(),
                       release.swarm.info_hash,
                       release.files.size(),
                       release.total_size(),
                       since(start, session_.clock()),
                       already,
                       release.model_signature.has_value(),
                       std::move(source.code_files),
                       std::move(source.left_out)};
}

void Publisher::say_left_out(const Survey& survey) {
  if (survey.left_out.empty()) return;
  constexpr std::size_t most_named = 8;
  std::string names;
  for (std::size_t i = 0; i < std::min(survey.left_out.size(), most_named); ++i)
    names += (i > 0 ? ", " : "") + printable(survey.left_out[i], 200);
  if (survey.left_out.size() > most_named) names += " and " + std::to_string(survey.left_out.size() - most_named) + " more";
  out_.message("left out, as no content: " + names + " ('!NAME' in " + std::string(store::ignore_file) + " publishes it)");
}

Status Publisher::check_known(const PublishRequest& request, const Survey& survey, const Registered& known) {
  auto differs = difference(known.release->files, survey.files, [](auto&, auto&) { return true; });
  if (!differs.empty()) return other_content(request, known.release, differs);
  if (request.allow_code_formats && !known.release->allows_code)
    return fail(
        ErrorCode::conflict,
        title(request) + " is registered already, without --allow-code-formats; releases never change: publish under a new version");
  if (!request.mirrors.empty() && request.mirrors != known.release->mirrors)
    return fail(ErrorCode::conflict,
                title(request) + " is registered already, with other mirrors; releases never change: publish under a new version");
  return check_samples(request, survey, known);
}

/// A few pieces: files of the same names and sizes are mostly another training's, which differ everywhere. A difference elsewhere is
/// found by hashing it all.
Status Publisher::check_samples(const PublishRequest& request, const Survey& survey, const Registered& known) {
  constexpr std::uint32_t samples = 8;
  SHOAL_TRY(std::string bytes, tracker_.metainfo(known.release.id(), known.release->swarm.metainfo_size));
  SHOAL_TRY(auto metainfo, metainfo::CheckedMetainfo::check(known.release, std::move(bytes)));
  const store::Layout& layout = metainfo.layout();
  const std::uint32_t count = layout.piece_count(), looks = std::min(count, samples);
  for (std::uint32_t i = 0; i < looks; ++i) {
    const std::uint32_t piece = looks < 2 ? 0 : static_cast<std::uint32_t>(std::uint64_t{count - 1} * i / (looks - 1));
    SHOAL_TRY(std::string content, read_piece(survey.root, layout, piece));
    if (crypto::sha256(content) == metainfo.piece_sha256()[piece]) continue;
    return other_content(request, known.release, "another " + layout.files()[layout.parts(piece).front().file].path);
  }
  return {};
}

Result<std::optional<Publisher::Registered>> Publisher::registered(const PublishRequest& request) {
  auto reply = tracker_.release(request.model, request.version);
  if (!reply.ok() && reply.error().message.find(registry::unsigned_words) != std::string::npos) return std::optional<Registered>();
  if (!reply.ok() && reply.error().message.find(registry::withdrawn_words) != std::string::npos)
    return fail(ErrorCode::conflict,
                reply.error().message + " (a version that was withdrawn does not come back: publish under another one)");
  if (!reply.ok() && reply.error().code == ErrorCode::not_found) return std::optional<Registered>();
  if (!reply.ok()) return std::move(reply).error();
  auto context = "the tracker's release " + title(request);
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(reply.value().envelope, manifest::release_limit).within(context));
  SHOAL_TRY(auto release, session_.verifier()->release(envelope, request.model).within(context));
  if (release->version != request.version) return fail(ErrorCode::verification, context + " is of version " + release->version.str());
  return std::optional<Registered>(Registered{std::move(release), std::move(reply).value().envelope});
}

Result<std::optional<ReleaseId>> Publisher::parent_of(const PublishRequest& request) {
  if (request.parent.empty()) return std::optional<ReleaseId>();
  if (auto id = ReleaseId::from_hex(request.parent); id.ok()) return std::optional<ReleaseId>(id.value());
  PublishRequest parent = request;
  SHOAL_TRY(parent.version, VersionName::parse(request.parent).within("--parent"));
  SHOAL_TRY(auto known, registered(parent));
  if (!known) return fail(ErrorCode::not_found, "--parent: there is no " + title(parent));
  return std::optional<ReleaseId>(known->release.id());
}

Result<store::TreeHashes> Publisher::hash(const PublishRequest& request, const Survey& survey, const store::Layout& layout) {
  SteadyTime start = session_.clock().steady_now();
  store::HashOptions options;
  options.stop = stop_;
  if (request.progress) options.progress = request.progress;
  else
    options.progress = [&](ByteCount done) {
      out_.progress({"hashing " + title(request), done, layout.total_size(), per_second(done, since(start, session_.clock()))});
    };
  HashMemory memory(session_.state(), survey.root, layout);
  options.rate = request.rate.get();
  options.known = [&](std::uint32_t file, const store::FileStamp& stamp) { return memory.find(file, stamp); };
  options.learned = [&](std::uint32_t file, const store::FileStamp& stamp, const store::FileHashes& known) {
    memory.add(file, stamp, known);
  };
  auto hashes = store::hash_tree(survey.root, layout, options);
  if (!request.progress) out_.progress_done();
  return hashes;
}

/// Refused here, because the nodes that would refuse it are far away.
Status Publisher::check_formats(const PublishRequest& request, const Survey& survey) {
  if (request.allow_code_formats || survey.code_files.empty()) return {};
  const std::size_t more = survey.code_files.size() - 1;
  return fail(ErrorCode::usage, title(request) + " is not published, because nodes refuse it: " + survey.code_files.front() +
                                    (more > 0 ? " (and " + std::to_string(more) + " more files)" : "") +
                                    "; what loads it may execute code that came with it: convert it to safetensors or GGUF, leave the file "
                                    "out, or publish it with --allow-code-formats for nodes that allow it as well");
}

/// Signatures differ each time. This one is made once: whoever publishes the same content again gets the release that is registered.
Status Publisher::sign_files(const PublishRequest& request, manifest::Release& release) {
  if (!request.model_signature || manifest::has_own_model_signature(release) || !manifest::model_statement(release).ok()) return {};
  SHOAL_TRY(release.model_signature, manifest::sign_model(release, signer_.first()));
  return {};
}

/// What nodes have, as far as can be told: the parent, or what the channel points at.
Result<manifest::VerifiedRelease> Publisher::release_before(const PublishRequest& request, const std::optional<ReleaseId>& parent) {
  std::optional<ReleaseId> id = parent;
  if (!id) {
    SHOAL_TRY(auto pointer, ChannelMover(session_, tracker_, signer_).in_force(request.model, request.channel.value_or(ChannelName())));
    if (!pointer) return fail(ErrorCode::not_found, "the channel has no release yet");
    id = pointer->release;
  }
  SHOAL_TRY(auto reply, tracker_.release(*id));
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(reply.envelope, manifest::release_limit));
  return session_.verifier()->release(envelope, request.model, *id);
}

/// Any problem with the version before costs nodes a longer download, not the publication.
std::uint32_t Publisher::piece_length(const PublishRequest& request, const std::optional<ReleaseId>& parent, ByteCount size) {
  auto before = release_before(request, parent);
  return before.ok() ? store::piece_length_for(size, before.value()->swarm.piece_length) : store::piece_length_for(size);
}

/// The release without its digests, checked, so that bad labels or too many files show before hours of hashing.
Result<manifest::Release> Publisher::draft(const PublishRequest& request, const Survey& survey, const std::optional<Registered>& known) {
  manifest::Release release;
  release.model = request.model;
  release.version = request.version;
  release.created = session_.clock().now();
  release.format = survey.format;
  release.labels = request.labels;
  release.mirrors = request.mirrors;
  release.allows_code = request.allow_code_formats;
  SHOAL_TRY(release.parent, parent_of(request));
  ByteCount total = 0;
  for (const auto& file : survey.files) {
    release.files.push_back({file.path, file.size, {}});
    total += file.size;
  }
  release.swarm.piece_length = known ? known->release->swarm.piece_length : piece_length(request, release.parent, total);
  const auto packing = request.align_files ? store::Packing::aligned : store::packing_for(survey.files, release.swarm.piece_length);
  release.swarm.packing = known ? known->release->swarm.packing : static_cast<std::uint32_t>(packing);
  release.swarm.metainfo_size = 1;
  Status checked = manifest::check(release);
  if (!checked.ok()) return fail(ErrorCode::usage, title(request) + " cannot be published: " + checked.error().message);
  return release;
}

Result<Publisher::Prepared> Publisher::prepare(const PublishRequest& request, const Survey& survey,
                                               const std::optional<Registered>& known) {
  SHOAL_TRY(manifest::Release release, draft(request, survey, known));
  SHOAL_TRY(auto layout, store::Layout::make(survey.files, release.swarm.piece_length, static_cast<store::Packing>(release.swarm.packing)));
  SHOAL_TRY(auto hashes, hash(request, survey, layout));
  SHOAL_CHECK(check_unchanged(survey));
  for (std::size_t i = 0; i < release.files.size(); ++i) release.files[i].sha256 = hashes.files[i];
  SHOAL_TRY(auto metainfo, metainfo::make_metainfo(layout, hashes));
  release.swarm = {metainfo.info_hash, layout.piece_length(), crypto::sha256(metainfo.bytes), metainfo.bytes.size(), release.swarm.packing};
  SHOAL_CHECK(sign_files(request, release));
  SHOAL_CHECK(manifest::check(release));
  return Prepared{std::move(release), std::move(metainfo), fingerprints_of(hashes)};
}

/// Signs, checks as every node will, and registers.
Result<Publisher::Registered> Publisher::send(Prepared& prepared) {
  const manifest::Release& release = prepared.release;
  manifest::SignedEnvelope envelope = signer_.sign(manifest::release_type, manifest::encode(release));
  SHOAL_TRY(auto verified, session_.verifier()->release(envelope, release.model));
  SHOAL_TRY(auto checked, metainfo::CheckedMetainfo::check(verified, prepared.metainfo.bytes));
  if (stop_.stop_requested()) return fail(ErrorCode::interrupted, "interrupted before anything was registered");
  std::string text = envelope.encode();
  SHOAL_CHECK(tracker_.publish(release.model, release.version, text, prepared.metainfo.bytes));
  return Registered{std::move(verified), std::move(text)};
}

/// Ours, unless the release was made with other piece lengths or by another version of this program.
Result<std::string> Publisher::metainfo_of(const Registered& known, Prepared& prepared) {
  if (known.release->swarm == prepared.release.swarm) return std::move(prepared.metainfo.bytes);
  SHOAL_TRY(std::string bytes, tracker_.metainfo(known.release.id(), known.release->swarm.metainfo_size));
  SHOAL_TRY(auto checked, metainfo::CheckedMetainfo::check(known.release, bytes));
  return bytes;
}

Status Publisher::finish(const PublishRequest& request, const Registered& known, const Source& source) {
  SHOAL_CHECK(Sources(session_.state()).save(known.release.id(), source));
  if (!request.channel) return {};
  auto moved = ChannelMover(session_, tracker_, signer_).move(request.model, *request.channel, {known.release.id()});
  if (!moved.ok()) {
    Error error = std::move(moved).error();
    return std::move(error).within(title(request) + " is registered, but its channel was not moved; run the same command again");
  }
  return {};
}

}  // namespace shoal::publisher
