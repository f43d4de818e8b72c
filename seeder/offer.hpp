// What the seeder serves: keeps the swarm's contents equal to what STATE/sources says and the disk still holds.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "cli/output.hpp"
#include "member/member_session.hpp"
#include "publisher/sources.hpp"
#include "seeder/source_looks.hpp"
#include "swarm/swarm.hpp"

namespace shoal::seeder {

/// One thread.
class Offer {
 public:
  Offer(member::MemberSession& session, swarm::Swarm& swarm, cli::Output& out);

  /// Serves what was published since, stops serving what was removed, and looks from time to time whether the files are still as
  /// they were. A source that is not as it should be is told once and tried again later; files that were touched are hashed
  /// again first.
  /// Files are looked at on threads of their own, one for each mount: waits for them for `patience` at most, and what is found later is
  /// taken by a later call.
  void refresh(const std::stop_token& stop, std::chrono::milliseconds patience = std::chrono::seconds(20));
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
    fs::path root;                             // once it is known
    bool looking = false;                      // on a thread
    bool rehash = false;                       // was touched, is to be hashed again
    std::vector<std::int64_t> refuted_times;   // with which the content was found to differ
    std::shared_ptr<const KnownSource> known;  // while everything was in order at the last look
  };

  bool take_list();

  void drop_removed(const std::vector<ReleaseId>& wanted);
  void start_looks();
  void take(SourceLook look, const std::stop_token& stop);
  Status serve(const ReleaseId& id, Entry& entry, SourceLook& look);
  void stop_serving(Entry& entry);
  bool learn_trust_roots(const std::stop_token& stop);

  member::MemberSession& session_;
  swarm::Swarm& swarm_;
  publisher::Sources sources_;
  std::map<ReleaseId, Entry> entries_;
  std::optional<std::int64_t> listed_;  // the list's stamp, when it can be relied upon
  SteadyTime list_again_{};             // in any case
  SourceLooks looks_;
};

}  // namespace shoal::seeder
