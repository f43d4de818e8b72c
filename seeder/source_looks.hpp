// Looks whether the files of sources are as they were published: on a thread for each mount, so that a file server that hangs holds up
// its own sources alone.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "base/detachable_thread.hpp"
#include "cli/output.hpp"
#include "manifest/trust.hpp"
#include "publisher/sources.hpp"
#include "swarm/swarm.hpp"

namespace shoal::seeder {

/// Which mount a path is on, by its name alone: nothing that could hang is asked.
class MountTable {
 public:
  /// Of this process; empty where the system does not tell.
  static MountTable read();
  /// From the text of /proc/self/mountinfo.
  static MountTable parse(std::string_view text);
  /// The mount point, or "" where none is known.
  std::string of(const fs::path& path) const;

 private:
  std::set<std::string> points_;
};

/// What a look found in order. As long as all of it is the same, the next look needs to read nothing.
struct KnownSource {
  store::FileStamp record;
  std::shared_ptr<const manifest::Verifier> verifier;
  fs::path root;
  std::vector<manifest::FileEntry> files;
  std::vector<std::int64_t> mtimes_ns;
};

struct SourceQuestion {
  ReleaseId id;
  bool serving = false;                           // only whether it is untouched is to be known
  bool rehash = false;                            // files that were touched are to be hashed again
  std::vector<std::int64_t> refuted_times;        // with these times the content differed
  std::shared_ptr<const KnownSource> known = {};  // from the look before, if it found everything in order
};

struct SourceLook {
  ReleaseId id;
  std::string title;
  Status status;         // why it cannot be served
  bool touched = false;  // files were written since: ask again with `rehash`
  bool interrupted = false;
  std::optional<swarm::Content> content;  // to be served, unless it is served already
  std::vector<std::int64_t> refuted_times;
  std::shared_ptr<const KnownSource> known;
};

/// For one thread.
class SourceLooks {
 public:
  /// `out` must outlive it, and where a mount hangs, the process.
  SourceLooks(fs::path state, cli::Output& out);
  /// Leaves a thread behind that does not end within three seconds.
  ~SourceLooks();

  bool busy(const std::string& mount) const;
  void start(const std::string& mount, std::vector<SourceQuestion> questions, std::shared_ptr<const manifest::Verifier> verifier);
  /// What was found since.
  std::vector<SourceLook> take();
  /// True when something was found or a mount is free again; false when nothing is looked at, after the deadline, or when stopped.
  bool wait(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop);

 private:
  struct Shared;
  const fs::path state_;
  cli::Output& out_;
  std::shared_ptr<Shared> shared_;
  std::map<std::string, DetachableThread> threads_;  // by mount
};

/// That every file of the release is below the source's root, with the right size. True: and none was written since it was
/// published; false: some were, and only hashing tells whether they are the same.
Result<bool> untouched(const publisher::Source& source, const std::vector<manifest::FileEntry>& files);

}  // namespace shoal::seeder
