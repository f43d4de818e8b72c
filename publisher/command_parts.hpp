// What the commands of this role share.
#pragma once

#include <memory>

#include "cli/state_option.hpp"
#include "member/member_session.hpp"
#include "publisher/publisher.hpp"
#include "publisher/signer.hpp"

namespace shoal::publisher {

using cli::state_option;
extern const cli::Option key_option;

Status require_publisher(const member::MemberSession& session);
Result<Signer> load_signer(const cli::Invocation& call, const fs::path& state);
/// A whole number from `least` to `most`; none where the option is not given.
Result<std::optional<std::uint64_t>> number_option(const cli::Invocation& call, const std::string& option, std::uint64_t least,
                                                   std::uint64_t most);

/// A channel in the language of references: org/name (its channel main) or org/name:channel.
Result<ChannelRef> channel_argument(const std::string& text);
/// A version: org/name@version, or in an old form the model and the version as two words.
Result<VersionRef> version_argument(const std::string& reference, const std::string& version);

/// What is said of a publication, for --json and for people.
Json published_line(const PublishRequest& request, const PublishReport& report);
std::string published_text(const PublishRequest& request, const PublishReport& report);

/// A machine that asks its tracker: the session of --state, and a client that has followed the fleet's trust roots.
struct Desk {
  static Result<Desk> open(cli::Invocation& call);
  std::unique_ptr<SystemClock> clock;
  std::unique_ptr<member::MemberSession> session;
  std::unique_ptr<registry::Client> tracker;
};

/// The release of a version, or with an id, as the trust root of this machine verifies it.
Result<manifest::VerifiedRelease> verified_release(const Desk& desk, const ModelName& model, const VersionName& version);
Result<manifest::VerifiedRelease> verified_release(const Desk& desk, const ModelName& model, const ReleaseId& id);

std::vector<cli::Command> channel_commands();
std::vector<cli::Command> renewal_commands();
std::vector<cli::Command> trust_commands();
std::vector<cli::Command> fleet_commands();

}  // namespace shoal::publisher
