// What the seeder serves: keeps the swarm's contents equal to what STATE/sources says and the disk still holds.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "cli/output.hpp"
#include "seeder/sources.hpp"
#include "swarm/member_session.hpp"
#include "swarm/swarm.hpp"

namespace shoal::seeder {

/// One thread.
class Offer {
 public:
  Offer(swarm::MemberSession& session, swarm::Swarm& swarm, cli::Output& out);

  /// Serves what was published since, stops serving what was removed, and looks from time to time whether the files are still as
  /// they were. A source that is not as it should be is told once and tried again later; files that were touched are hashed
  /// again first.
  void refresh(const std::stop_token& stop);
  /// The engine gave a content up: it is tried again later. Bytes that are wrong (`verification`) are only told: the engine does not
  /// send them, and the rest of the content is good.
  void failed(const InfoHash& content, const Error& error);
  /// Releases that are served now.
  std::size_t releases() const;
  /// Releases that cannot be served for now.
  std::size_t waiting() const { return entries_.size() - releases(); }
  /// Their contents; two releases may be of one content.
  std::set<InfoHash> contents() const;

 private:
  struct Entry {
    std::optional<InfoHash> serving;
    SteadyTime look_again{};  // not before
    std::string problem;
  };

  void drop_removed(const std::vector<ReleaseId>& wanted);
  void look_at(const ReleaseId& id, Entry& entry, const std::stop_token& stop);
  Status serve(const ReleaseId& id, Entry& entry, const std::stop_token& stop);
  void stop_serving(Entry& entry);

  swarm::MemberSession& session_;
  swarm::Swarm& swarm_;
  cli::Output& out_;
  Sources sources_;
  std::map<ReleaseId, Entry> entries_;
};

/// That every file of the release is below the source's root, with the right size. True: and none was written since it was
/// published; false: some were, and only hashing tells whether they are the same.
Result<bool> untouched(const Source& source, const std::vector<manifest::FileEntry>& files);

}  // namespace shoal::seeder
