#include "member/member_session.hpp"

namespace shoal::member {
namespace {

constexpr const char* trust_root_file = "identity/trust-root.json";

Status check_validity(const identity::Certificate& self, WallTime now) {
  if (now >= self.not_after)
    return fail(ErrorCode::not_enrolled, "this machine's certificate expired at " + format_time(self.not_after) +
                                             ": join again with a new token (\"shoal join TOKEN --state DIR\")");
  if (now < self.not_before)
    return fail(ErrorCode::not_enrolled, "this machine's certificate is not valid before " + format_time(self.not_before) +
                                             ": check the clock of this machine, which says " + format_time(now));
  return {};
}

Result<std::optional<DirectoryLock>> take_lock(const fs::path& state, MemberSession::Use use) {
  if (use == MemberSession::Use::shared) return std::optional<DirectoryLock>();
  SHOAL_TRY(DirectoryLock lock, DirectoryLock::acquire(state));
  return std::optional<DirectoryLock>(std::move(lock));
}

struct Found {
  fs::path state;
  identity::Member member;
};

/// On the tracker's host, whose default state directories lie in each other, commands that only read use the tracker's identity.
Result<Found> find_identity(const fs::path& state, MemberSession::Use use) {
  auto member = identity::load_member(state);
  if (member.ok()) return Found{state, std::move(member).value()};
  auto tracker = identity::load_member(state / "tracker");
  const bool is_tracker = tracker.ok() && tracker->credentials.self.identity.role == identity::Role::tracker;
  if (!is_tracker || member.error().code != ErrorCode::not_enrolled) return std::move(member).error();
  if (use == MemberSession::Use::shared) return Found{state / "tracker", std::move(tracker).value()};
  return fail(ErrorCode::not_enrolled, state.string() + " is the tracker's host and not a member of the fleet: " +
                                           "'shoal join' makes it one, with a token from 'shoal token create'");
}

Result<manifest::Verifier> restore_verifier(const fs::path& state, const identity::Member& member) {
  auto context = (state / trust_root_file).string();
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(member.trust_root, manifest::trust_root_limit).within(context));
  return manifest::Verifier::restore(envelope).within(context);
}

}  // namespace

Result<std::unique_ptr<MemberSession>> MemberSession::open(const fs::path& state, const Clock& clock, Use use) {
  // Loaded before the lock is taken, so that a directory that never joined gets no lock file.
  SHOAL_TRY(Found found, find_identity(state, use));
  SHOAL_CHECK(check_validity(found.member.credentials.self, clock.now()));
  SHOAL_TRY(manifest::Verifier verifier, restore_verifier(found.state, found.member));
  SHOAL_TRY(auto lock, take_lock(found.state, use));
  return std::unique_ptr<MemberSession>(
      new MemberSession(std::move(found.state), clock, std::move(lock), std::move(found.member), std::move(verifier)));
}

MemberSession::MemberSession(fs::path state, const Clock& clock, std::optional<DirectoryLock> lock, identity::Member member,
                             manifest::Verifier verifier)
    : state_(std::move(state)),
      clock_(clock),
      lock_(std::move(lock)),
      self_(member.credentials.self.identity),
      tracker_(std::move(member.tracker)),
      name_(std::move(member.name)),
      site_(std::move(member.site)),
      verifier_(std::make_shared<const manifest::Verifier>(std::move(verifier))),
      credentials_(std::move(member.credentials)),
      tls_(credentials_, std::string(identity::alpn_http)) {}

MemberSession::~MemberSession() { stop_.request_stop(); }

Status MemberSession::require_role(const std::set<identity::Role>& allowed, std::string_view purpose) const {
  if (allowed.contains(self_.role)) return {};
  std::string roles;
  for (identity::Role role : allowed) roles += (roles.empty() ? "" : " or ") + std::string(identity::name(role));
  return fail(ErrorCode::not_enrolled, "this machine joined as " + std::string(identity::name(self_.role)) + " and may not " +
                                           std::string(purpose) + "; join with a token for the role " + roles);
}

Status MemberSession::rotate(const std::string& next_root) {
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(next_root, manifest::trust_root_limit).within("the next trust root"));
  auto verifier = verifier_.lock();
  manifest::Verifier next = **verifier;
  SHOAL_CHECK(next.rotate(envelope));
  // The tracker itself keeps the root that it was set up with; its database has those that followed.
  if (self_.role != identity::Role::tracker) SHOAL_CHECK(write_file_durably(state_ / trust_root_file, next_root));
  *verifier = std::make_shared<const manifest::Verifier>(std::move(next));
  return {};
}

std::unique_ptr<registry::Client> MemberSession::client(std::stop_token stop) {
  return std::make_unique<registry::Client>(http::Client::to_tracker(tracker_, tls_, clock_), std::move(stop));
}

void MemberSession::keep_renewed() {
  renewal_client_ = client(stop_.get_token());
  auto renew = [this](const std::string& request_pem) { return renewal_client_->renew(request_pem); };
  auto save = [this](const identity::Credentials& next) { return identity::save_credentials(state_, next); };
  auto newer = [this, looked = fs::file_time_type()]() mutable {
    return identity::newer_credentials(state_, *credentials_.current(), looked);
  };
  renewer_ = std::make_unique<identity::Renewer>(credentials_, clock_, renew, save, std::chrono::seconds(5), newer);
}

}  // namespace shoal::member
