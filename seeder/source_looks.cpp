#include "seeder/source_looks.hpp"

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "store/file_stamp.hpp"
#include "store/hash_tree.hpp"

namespace shoal::seeder {
namespace {

constexpr ByteCount mountinfo_limit = 16 * MiB;

using Times = std::vector<std::int64_t>;

Result<Times> times_of(const fs::path& root, const std::vector<manifest::FileEntry>& files) {
  Times times;
  times.reserve(files.size());
  for (const auto& file : files) {
    const fs::path path = root / file.path;
    SHOAL_TRY(store::FileStamp stamp, store::stamp_of(path));
    if (stamp.size != file.size)
      return fail(ErrorCode::verification,
                  path.string() + " is " + std::to_string(stamp.size) + " bytes, was published with " + std::to_string(file.size));
    times.push_back(stamp.mtime_ns);
  }
  return times;
}

Error differs(const fs::path& path, const std::string& problem) {
  return fail(ErrorCode::verification, path.string() + ": " + problem + " (written since it was published)");
}

Status verify_content(const publisher::Source& source, const manifest::Release& release, const store::Layout& layout,
                      const std::stop_token& stop, cli::Output& out) {
  std::string title = release.ref().str();
  std::vector<Sha256> digests;
  for (const auto& file : release.files) digests.push_back(file.sha256);
  store::HashOptions options;
  options.stop = stop;
  options.progress = [&](ByteCount done) { out.progress({"verifying " + title, done, layout.total_size()}); };
  auto problems = store::verify_files(source.root, layout, digests, options);
  out.progress_done();
  if (!problems.ok()) return std::move(problems).error();
  if (problems.value().empty()) return {};
  return differs(source.root / problems.value().front().path, problems.value().front().problem);
}

/// All that one thread needs; refers to nothing that may go before it, but the output.
struct Looker {
  publisher::Sources sources;
  cli::Output& out;
  std::stop_token stop;
  std::shared_ptr<const manifest::Verifier> verifier;

  SourceLook look(const SourceQuestion& question) {
    SourceLook found;
    found.id = question.id;
    found.refuted_times = question.refuted_times;
    found.status = look(question, found);
    found.interrupted = stop.stop_requested();
    return found;
  }

  bool is_unchanged(const SourceQuestion& question) const {
    if (!question.serving || !question.known || question.known->verifier != verifier) return false;
    const KnownSource& known = *question.known;
    auto record = sources.stamp(question.id);
    auto times = times_of(known.root, known.files);
    return record.ok() && *record == known.record && times.ok() && *times == known.mtimes_ns;
  }

  Status look(const SourceQuestion& question, SourceLook& found) {
    if (is_unchanged(question)) {
      found.known = question.known;
      return {};
    }
    auto record = sources.stamp(question.id);  // before it is read
    SHOAL_TRY(publisher::Source source, sources.load(question.id));
    SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(source.envelope, manifest::release_limit));
    SHOAL_TRY(auto release, verifier->release(envelope, source.model, question.id));
    found.title = release->ref().str();
    SHOAL_TRY(Times times, times_of(source.root, release->files));
    if (times != source.mtimes_ns) {
      if (times == question.refuted_times) return differs(source.root, "its content differs");
      found.touched = !question.rehash;
      if (found.touched) return {};
    } else if (question.serving) {
      if (record.ok()) found.known = std::make_shared<KnownSource>(KnownSource{*record, verifier, source.root, release->files, times});
      return {};
    }
    SHOAL_TRY(auto metainfo, metainfo::CheckedMetainfo::check(release, source.metainfo));
    if (times != source.mtimes_ns) SHOAL_CHECK(rehash(question.id, source, *release, metainfo.layout(), times, found));
    found.content.emplace(swarm::Content{std::move(metainfo), source.root, swarm::Mode::seed, {}, {}, source.fingerprints});
    return {};
  }

  /// Remembers the times of files that were hashed again, whatever came of it.
  Status rehash(const ReleaseId& id, publisher::Source& source, const manifest::Release& release, const store::Layout& layout,
                const Times& times, SourceLook& found) {
    Status same = verify_content(source, release, layout, stop, out);
    if (!same.ok()) {
      if (same.error().code == ErrorCode::verification) found.refuted_times = times;
      return same;
    }
    source.mtimes_ns = times;
    return sources.save(id, source);
  }
};

/// "\040" is a space in mountinfo.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

MountTable MountTable::read() {
  auto text = read_file("/proc/self/mountinfo", mountinfo_limit);
  return text.ok() ? parse(text.value()) : MountTable();
}

MountTable MountTable::parse(std::string_view text) {
  MountTable table;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    // The fifth field (proc(5)): "36 35 98:0 /mnt1 /mnt2 rw,noatime …".
    for (int field = 0; field < 4 && !line.empty(); ++field) line.remove_prefix(std::min(line.find(' '), line.size() - 1) + 1);
    if (!line.empty()) table.points_.insert(unescaped(line.substr(0, line.find(' '))));
    begin = end + 1;
  }
  return table;
}

std::string MountTable::of(const fs::path& path) const {
  for (fs::path at = path; !at.empty(); at = at.parent_path()) {
    if (points_.contains(at.string())) return at.string();
    if (at == at.parent_path()) break;
  }
  return "";
}

struct SourceLooks::Shared {
  struct State {
    std::set<std::string> busy;  // mounts
    std::vector<SourceLook> found;
    bool ended = false;  // a thread did, since the last wait
  };
  Guarded<State> state;
  std::condition_variable_any changed;
};

SourceLooks::SourceLooks(fs::path state, cli::Output& out) : state_(std::move(state)), out_(out), shared_(std::make_shared<Shared>()) {}

SourceLooks::~SourceLooks() {
  for (auto& [mount, thread] : threads_) thread.request_stop();
  const auto deadline = DetachableThread::usual_deadline();
  for (auto& [mount, thread] : threads_) thread.end(deadline);
}

bool SourceLooks::busy(const std::string& mount) const {
  return shared_->state.with([&](const Shared::State& state) { return state.busy.contains(mount); });
}

void SourceLooks::start(const std::string& mount, std::vector<SourceQuestion> questions,
                        std::shared_ptr<const manifest::Verifier> verifier) {
  shared_->state.lock()->busy.insert(mount);
  auto work = [shared = shared_, mount, questions = std::move(questions), sources = publisher::Sources(state_), &out = out_,
               verifier = std::move(verifier)](const std::stop_token& stop) {
    Looker looker{sources, out, stop, verifier};
    for (const SourceQuestion& question : questions) {
      SourceLook found = looker.look(question);
      shared->state.lock()->found.push_back(std::move(found));
      shared->changed.notify_all();
    }
    shared->state.with([&](Shared::State& state) {
      state.busy.erase(mount);
      state.ended = true;
    });
    shared->changed.notify_all();
  };
  threads_.erase(mount);  // has done its work: it is not busy
  threads_.try_emplace(mount, "a file server that does not answer", std::stop_source(), std::move(work));
}

std::vector<SourceLook> SourceLooks::take() { return std::exchange(shared_->state.lock()->found, {}); }

bool SourceLooks::wait(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop) {
  auto state = shared_->state.lock();
  shared_->changed.wait_until(state.lock(), stop, deadline, [&] { return state->busy.empty() || state->ended || !state->found.empty(); });
  const bool news = std::exchange(state->ended, false) || !state->found.empty();
  return news && !stop.stop_requested() && std::chrono::steady_clock::now() < deadline;
}

Result<bool> untouched(const publisher::Source& source, const std::vector<manifest::FileEntry>& files) {
  SHOAL_TRY(Times times, times_of(source.root, files));
  return times == source.mtimes_ns;
}

}  // namespace shoal::seeder
