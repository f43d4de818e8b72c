#include "swarm/alert_pump.hpp"

#include <libtorrent/alert_types.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/operations.hpp>

#include <vector>

#include "base/log.hpp"
#include "swarm/session_settings.hpp"

namespace shoal::swarm {
namespace {

// A source on a NAS may answer EIO or ESTALE for a while. Serving stops at an error and is tried again, later each time.
constexpr std::chrono::seconds retry_step{2};
constexpr std::chrono::seconds longest_retry{30};
constexpr std::chrono::seconds errors_forgotten{60};
constexpr unsigned errors_before_failed = 4;

bool is_errno(const lt::error_code& error) {
  return error.category() == boost::system::system_category() || error.category() == boost::system::generic_category();
}

std::string_view verb(lt::operation_t operation) {
  switch (operation) {
    case lt::operation_t::file_write:
    case lt::operation_t::file_truncate:
    case lt::operation_t::file_fallocate: return "write";
    case lt::operation_t::file_open: return "open";
    case lt::operation_t::file_stat: return "look at";
    case lt::operation_t::mkdir: return "make the directory of";
    default: return "read";
  }
}

Error error_of(const lt::file_error_alert& alert) {
  const std::string what = "cannot " + std::string(verb(alert.op)) + " " + alert.filename();
  if (!is_errno(alert.error)) return fail(what + ": " + alert.error.message());
  Error error = fail_errno(what, alert.error.value());
  // Whatever else went wrong with a file of ours is not for a caller to take for "no such model".
  if (error.code != ErrorCode::no_space) error.code = ErrorCode::failed;
  return error;
}

}  // namespace

AlertPump::AlertPump(lt::session& session, HostedContents& contents, Introductions& introductions, const Clock& clock,
                     std::shared_ptr<Bell> bell, Sinks sinks)
    : session_(session),
      contents_(contents),
      introductions_(introductions),
      clock_(clock),
      bell_(std::move(bell)),
      sinks_(std::move(sinks)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {
  session_.set_alert_notify([bell = bell_] { bell->news(); });
}

AlertPump::~AlertPump() { session_.set_alert_notify({}); }

void AlertPump::set_limited(bool limited) {
  limited_ = limited;
  bell_->moved();
}

void AlertPump::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Bell::Rings rings = bell_->wait_until(pace_.next(), stop);
    const SteadyTime now = std::chrono::steady_clock::now();
    if (rings.moved) pace_.moved(now);
    drain();
    if (pace_.is_due(now)) look();
  }
}

void AlertPump::look() {
  session_.post_torrent_updates(lt::torrent_handle::query_pieces);
  bool under_way = false;
  for (const auto& content : contents_.all()) {
    check_complete(*content);
    under_way |= is_under_way(*content);
    if (!pace_.is_lively(std::chrono::steady_clock::now())) content->set_still();
  }
  retry_contents();
  const SteadyTime now = std::chrono::steady_clock::now();
  if (under_way) pace_.moved(now);
  set_engine_pace();
  pace_.looked(now);
}

/// It lacks something, or waits for something that no alert tells of.
bool AlertPump::is_under_way(HostedContent& content) const { return !content.is_complete() || content.course().retry_at; }

/// The engine hands out rate limits at each of its ticks; for all else one tick a second is enough.
void AlertPump::set_engine_pace() {
  const bool often = limited_ && pace_.is_lively(std::chrono::steady_clock::now());
  if (often != std::exchange(engine_ticks_often_, often)) session_.apply_settings(tick_settings(often));
}

void AlertPump::drain() {
  std::vector<lt::alert*> alerts;
  session_.pop_alerts(&alerts);
  for (const lt::alert* alert : alerts) handle(*alert);
  for (const auto& content : contents_.all()) read_news(*content);
}

void AlertPump::update(const lt::torrent_status& status) {
  auto content = contents_.find(from_engine(status.info_hashes.v1));
  if (!content) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  if (content->update(status)) pace_.moved(now);
  if (!pace_.is_lively(now)) content->set_still();
}

void AlertPump::handle(const lt::alert& alert) {
  if (auto* updates = lt::alert_cast<lt::state_update_alert>(&alert)) {
    for (const auto& status : updates->status) update(status);
    return;
  }
  if (lt::alert_cast<lt::alerts_dropped_alert>(&alert) != nullptr) return on_lost_alerts();
  auto* about = dynamic_cast<const lt::torrent_alert*>(&alert);
  if (about == nullptr) return;
  auto content = contents_.find(from_engine(about->handle.info_hashes().v1));
  if (!content) return;
  if (lt::alert_cast<lt::torrent_finished_alert>(&alert) != nullptr) return on_finished(*content);
  if (lt::alert_cast<lt::torrent_checked_alert>(&alert) != nullptr) return on_checked(*content);
  if (lt::alert_cast<lt::cache_flushed_alert>(&alert) != nullptr) return check_complete(*content);
  if (auto* file = lt::alert_cast<lt::file_error_alert>(&alert)) {
    // Bytes that are wrong or gone are the store's news: it says so itself, and what can be fetched again is no failure.
    if (file->error == lt::errors::failed_hash_check) return;
    // Costs the peer its connection, and is over when there is memory again.
    if (file->error == boost::system::errc::not_enough_memory) return;
    return on_error(*content, error_of(*file));
  }
  auto* other = lt::alert_cast<lt::torrent_error_alert>(&alert);
  // As above: the store's news may come a moment later, and it is they that say what is wrong.
  if (other != nullptr && other->error != lt::errors::failed_hash_check) return on_error(*content, fail(other->message()));
}

/// libtorrent asks for a flush when it finishes, and says with cache_flushed_alert that it is over.
void AlertPump::on_finished(HostedContent& content) { content.course().finished = true; }

/// A piece may be lost while libtorrent goes through all of them, after it has asked about that one: it then hears nothing of it.
/// A check ends all connections, and those to machines that are complete come to rest only then: they are woken after it, not when the
/// piece is lost.
void AlertPump::on_checked(HostedContent& content) {
  if (content.engine_believes_too_much()) return content.recheck();
  if (content.mode() != Mode::seed) introductions_.meet_again(content);
}

/// A flush may fail: then the store goes on trying, or has libtorrent fetch again what was lost.
void AlertPump::check_complete(HostedContent& content) {
  auto& course = content.course();
  if (!course.finished || course.told || content.mode() == Mode::seed || !content.is_durable()) return;
  course.told = true;
  content.set_complete();
  sinks_.changed();
  sinks_.event(Completed{content.id()});
}

void AlertPump::read_news(HostedContent& content) {
  HostedContent::News news = content.take_news();
  for (Error& problem : news.problems) sinks_.event(Failed{content.id(), std::move(problem)});
  for (const auto& convicted : news.convicted) on_convicted(content, convicted);
  if (news.lost) on_lost_pieces(content, std::move(*news.lost));
}

/// A source cannot repair itself; what is fetched is fetched again.
void AlertPump::on_lost_pieces(HostedContent& content, Error why) {
  content.recheck();
  if (content.mode() == Mode::seed) return sinks_.event(Failed{content.id(), std::move(why)});
  content.set_incomplete();
  content.course().finished = false;
  content.course().told = false;
  sinks_.changed();
  bell_->moved();
}

void AlertPump::on_convicted(HostedContent& content, const HostedContent::Convicted& convicted) {
  const auto& [machine, sentence] = convicted;
  if (!sentence.is_worth_logging) return;
  log::warn("peer_lied", {{"machine", machine.str()},
                          {"info_hash", content.id().hex()},
                          {"banned", format_duration(sentence.lasts)},
                          {"from", sentence.everywhere ? "all contents" : "this content"},
                          {"times", sentence.lies}});
  sinks_.event(PeerLied{content.id(), machine, sentence.lasts, sentence.everywhere});
}

void AlertPump::on_error(HostedContent& content, Error error) {
  if (content.progress().complete) return on_error_while_serving(content, std::move(error));
  if (std::exchange(content.course().told, true)) return;
  sinks_.event(Failed{content.id(), std::move(error)});
}

void AlertPump::on_error_while_serving(HostedContent& content, Error error) {
  auto& course = content.course();
  const SteadyTime now = clock_.steady_now();
  if (course.retry_at) return;  // the second alert about one error
  if (now - course.last_error > errors_forgotten) course.errors = 0;
  course.last_error = now;
  ++course.errors;
  bell_->moved();
  course.retry_at = now + std::min<std::chrono::seconds>(longest_retry, retry_step * course.errors);
  log::warn("serving_failed", {{"info_hash", content.id().hex()}, {"reason", error.message}, {"times", course.errors}});
  if (course.errors == errors_before_failed) sinks_.event(Failed{content.id(), std::move(error)});
}

/// An event may be among what was lost; the engine's state tells.
void AlertPump::on_lost_alerts() {
  log::warn("alerts_lost");
  for (const auto& content : contents_.all()) {
    if (content->course().told || content->mode() == Mode::seed || !content->is_finished_now()) continue;
    content->course().finished = true;
    content->flush();
  }
}

void AlertPump::retry_contents() {
  for (const auto& content : contents_.all()) {
    auto& retry_at = content->course().retry_at;
    if (!retry_at || clock_.steady_now() < *retry_at) continue;
    retry_at.reset();
    content->resume_after_error();
  }
}

}  // namespace shoal::swarm
