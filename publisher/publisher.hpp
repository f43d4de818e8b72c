// One publication: surveyed, hashed, signed, registered, remembered, and the channel moved. Nothing is registered before all
// that could refuse it has agreed.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>

#include "cli/output.hpp"
#include "member/member_session.hpp"
#include "metainfo/metainfo.hpp"
#include "publisher/signer.hpp"
#include "publisher/sources.hpp"
#include "publisher/survey.hpp"
#include "store/hash_tree.hpp"
#include "store/read_rate.hpp"

namespace shoal::publisher {

struct PublishRequest {
  fs::path source;
  std::vector<std::string> exclude = {};  // patterns of what is no content (store/source_rules.hpp)
  ModelName model;
  VersionName version;
  VersionRef ref() const { return {model, version}; }
  std::optional<ChannelName> channel;  // moved to the release when it is registered
  std::map<std::string, std::string> labels;
  bool allow_code_formats = false;        // publishes what nodes refuse unless they allow it
  bool model_signature = true;            // makes one, unless the source has its own
  std::vector<std::string> mirrors = {};  // HTTPS addresses where the files also lie
  bool align_files = false;               // no file shares a piece with another, whatever that costs
  std::string parent = "";                // a version of the model, or the id of a release in hexadecimal; empty for none
  /// Asked when the files have been listed and nothing was read yet; an error is what `publish` fails with. May be empty.
  std::function<Status(const Survey&)> accept = {};
  /// Told of the bytes that are hashed, instead of the output. May be empty.
  std::function<void(ByteCount done)> progress = {};
  std::shared_ptr<store::ReadRate> rate = {};  // of hashing; none: as fast as it goes
  /// Hashes are remembered until the publication is through, so that one that was broken off goes on where it stopped. True: the caller
  /// forgets them (HashMemory::forget).
  bool keep_hashes = false;
};

struct PublishReport {
  ReleaseId id;
  InfoHash info_hash;
  std::size_t files = 0;
  ByteCount bytes = 0;
  std::chrono::milliseconds took{};
  bool already = false;  // the version was there with the same content
  bool model_signature = false;
  std::vector<std::string> code_files;  // "path: why" of those for which a node must allow code formats
  std::vector<std::string> left_out;    // what lies beside the files and is no content
};

/// One thread.
class Publisher {
 public:
  Publisher(member::MemberSession& session, registry::Client& tracker, const Signer& signer, cli::Output& out, std::stop_token stop);

  /// Errors: `usage` for what the source or the request cannot be; `verification` for keys that may not sign; `conflict` where the
  /// version has other content; `failed` where files change meanwhile; `interrupted`; and the tracker's.
  Result<PublishReport> publish(const PublishRequest& request);

 private:
  /// A release that the tracker has, as it is signed.
  struct Registered {
    manifest::VerifiedRelease release;
    std::string envelope;
  };
  struct Prepared {
    manifest::Release release;
    metainfo::Metainfo metainfo;
    std::vector<store::Fingerprint> fingerprints;
  };

  Result<std::optional<Registered>> registered(const PublishRequest& request);
  Result<std::optional<ReleaseId>> parent_of(const PublishRequest& request);
  Result<manifest::VerifiedRelease> release_before(const PublishRequest& request, const std::optional<ReleaseId>& parent);
  std::uint32_t piece_length(const PublishRequest& request, const std::optional<ReleaseId>& parent, ByteCount size);
  Result<manifest::Release> draft(const PublishRequest& request, const Survey& survey, const std::optional<Registered>& known);
  Result<store::TreeHashes> hash(const PublishRequest& request, const Survey& survey, const store::Layout& layout);
  static Status check_formats(const PublishRequest& request, const Survey& survey);
  /// Before anything is hashed: whether the registered release can be this source.
  Status check_known(const PublishRequest& request, const Survey& survey, const Registered& known);
  Status check_samples(const PublishRequest& request, const Survey& survey, const Registered& known);
  void say_left_out(const Survey& survey);
  Status sign_files(const PublishRequest& request, manifest::Release& release);
  Result<Prepared> prepare(const PublishRequest& request, const Survey& survey, const std::optional<Registered>& known);
  Result<Registered> send(Prepared& prepared);
  Result<std::string> metainfo_of(const Registered& known, Prepared& prepared);
  Status finish(const PublishRequest& request, const Registered& known, const Source& source);

  member::MemberSession& session_;
  registry::Client& tracker_;
  const Signer& signer_;
  cli::Output& out_;
  std::stop_token stop_;
};

}  // namespace shoal::publisher
