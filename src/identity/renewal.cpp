#include "identity/renewal.hpp"

#include <algorithm>

#include "base/backoff.hpp"
#include "base/log.hpp"
#include "base/shutdown.hpp"
#include "crypto/digest.hpp"

namespace shoal::identity {
namespace {

using std::chrono::seconds;

constexpr seconds first_retry{5};
constexpr seconds longest_retry{300};

/// In [0, 1).
double random_fraction() {
  std::string raw = crypto::random_bytes(4);
  std::uint32_t number = 0;
  for (unsigned char byte : raw) number = number << 8 | byte;
  return number / 4294967296.0;
}

seconds retry_after(unsigned failures) { return backoff(first_retry, longest_retry, failures); }

/// The tracker's clock may be wrong for a moment. A certificate that is not valid now would take this machine out of the fleet, and the
/// one that it has is still good.
Status check_valid_now(const Certificate& fresh, WallTime now) {
  if (now >= fresh.not_before && now < fresh.not_after) return {};
  return fail("the new certificate is valid from " + format_time(fresh.not_before) + " until " + format_time(fresh.not_after) +
              ", and it is " + format_time(now) + " here: compare the clocks of this machine and the tracker");
}

/// Renewing for ever would be the answer to clocks that disagree by more than a certificate's life.
Status check_useful(const Certificate& fresh, WallTime now) {
  if (now < renewal_time(fresh, 0)) return {};
  return fail("the new certificate, until " + format_time(fresh.not_after) +
              ", is due for renewal at once: compare the clocks of this machine and the tracker");
}

/// The tracker renews who one is; it does not make someone else of us.
Status check_same(const Credentials& before, const Credentials& after) {
  if (after.self.identity == before.self.identity) return {};
  return fail("the tracker answered with a certificate of " + after.self.identity.uri());
}

/// A tenth of its life is left, or less.
bool about_to_end(const Certificate& certificate, WallTime now) {
  return now + (certificate.not_after - certificate.not_before) / 10 >= certificate.not_after;
}

}  // namespace

WallTime renewal_time(const Certificate& certificate, double random) {
  auto life = std::chrono::duration<double>(certificate.not_after - certificate.not_before);
  auto share = 2.0 / 3.0 + (random - 0.5) * 0.2;
  return certificate.not_before + std::chrono::duration_cast<seconds>(life * share);
}

bool is_due(const Certificate& certificate, WallTime now, double random) {
  return now < certificate.not_before || now >= renewal_time(certificate, random);
}

Renewer::Renewer(CredentialStore& store, const Clock& clock, Renew renew, Save save, std::chrono::milliseconds look_again, Newer newer)
    : store_(store),
      clock_(clock),
      renew_(std::move(renew)),
      save_(std::move(save)),
      look_again_(look_again),
      newer_(std::move(newer)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Renewer::~Renewer() = default;

Status Renewer::renew_now() {
  std::lock_guard one_at_a_time(renewing_);
  auto before = store_.current();
  KeyAndRequest made = make_request();
  SHOAL_TRY(std::string certificate, renew_(made.request_pem));
  SHOAL_TRY(Credentials next, make_credentials(std::move(made.key_pem), std::move(certificate), before->ca_pem));
  SHOAL_CHECK(check_same(*before, next));
  SHOAL_CHECK(check_valid_now(next.self, clock_.now()));
  Status saved = save_(next);
  log::info("certificate_renewed", {{"until", format_time(next.self.not_after)}, {"serial", next.self.serial}});
  const bool in_force = saved.ok() || about_to_end(before->self, clock_.now());
  if (in_force) store_.replace(std::move(next));
  return std::move(saved).within(in_force ? "the new certificate is in force but not saved" : "the new certificate cannot be saved");
}

/// Another process of this machine may have renewed; who goes on with the key before would look like a thief.
bool Renewer::adopt_newer() {
  auto found = newer_ ? newer_() : std::nullopt;
  if (!found || !check_same(*store_.current(), *found).ok()) return false;
  store_.replace(std::move(*found));
  return true;
}

Status Renewer::renew_caught() {
  try {
    SHOAL_CHECK(renew_now());
    return check_useful(store_.current()->self, clock_.now());
  } catch (const std::exception& problem) {
    return fail(problem.what());
  }
}

void Renewer::run(const std::stop_token& stop) {
  unsigned failures = 0;
  while (failures == 0 ? wait_until_due(stop) : wait_to_retry(stop, failures - 1)) {
    Status renewed = renew_caught();
    failures = renewed.ok() ? 0 : failures + 1;
    if (renewed.ok()) continue;
    log::warn("certificate_renewal_failed", {{"reason", renewed.error().message},
                                             {"until", format_time(store_.current()->self.not_after)},
                                             {"retry_s", retry_after(failures - 1).count()}});
  }
}

/// False where a stop is requested.
bool Renewer::wait_until_due(const std::stop_token& stop) {
  const double random = random_fraction();
  // The store is asked each time: renew_now may have moved the date.
  do adopt_newer();
  while (!is_due(store_.current()->self, clock_.now(), random) && sleep_for(look_again_, stop));

  return !stop.stop_requested();
}

bool Renewer::wait_to_retry(const std::stop_token& stop, unsigned failures) {
  const SteadyTime due = clock_.steady_now() + retry_after(failures);
  while (clock_.steady_now() < due) {
    if (!sleep_for(look_again_, stop)) return false;
    if (adopt_newer()) return wait_until_due(stop);
  }
  return !stop.stop_requested();
}

}  // namespace shoal::identity
