// The event thread: libtorrent's alerts become events and progress.
#pragma once

#include <libtorrent/alert.hpp>
#include <libtorrent/session.hpp>

#include <atomic>
#include <functional>
#include <stop_token>
#include <thread>

#include "fanout/pace.hpp"
#include "swarm/bell.hpp"
#include "swarm/hosted_content.hpp"
#include "swarm/introductions.hpp"

namespace shoal::swarm {

/// Owns the thread; it ends in the destructor. Everything else must outlive it.
class AlertPump {
 public:
  struct Sinks {
    std::function<void(const Event&)> event;
    std::function<void()> changed;  // a content became complete, or is not any more: the tracker should hear of it
  };
  /// `bell` is rung by others when a content has news or transfers begin.
  AlertPump(lt::session& session, HostedContents& contents, Introductions& introductions, const Clock& clock, std::shared_ptr<Bell> bell,
            Sinks sinks);
  ~AlertPump();
  AlertPump(const AlertPump&) = delete;
  AlertPump& operator=(const AlertPump&) = delete;

  /// Whether the rates are limited. Any thread.
  void set_limited(bool limited);

 private:
  void run(const std::stop_token& stop);
  void look();
  bool is_under_way(HostedContent& content) const;
  void set_engine_pace();
  void drain();
  void update(const lt::torrent_status& status);
  void handle(const lt::alert& alert);
  void on_finished(HostedContent& content);
  void on_checked(HostedContent& content);
  void check_complete(HostedContent& content);
  void read_news(HostedContent& content);
  void on_lost_pieces(HostedContent& content, Error why);
  void on_convicted(HostedContent& content, const HostedContent::Convicted& convicted);
  void on_error(HostedContent& content, Error error);
  void on_error_while_serving(HostedContent& content, Error error);
  void on_lost_alerts();
  void retry_contents();

  lt::session& session_;
  HostedContents& contents_;
  Introductions& introductions_;
  const Clock& clock_;
  const std::shared_ptr<Bell> bell_;
  Sinks sinks_;
  std::atomic<bool> limited_{false};
  // Of the thread.
  fanout::Pace pace_{std::chrono::steady_clock::now()};
  bool engine_ticks_often_ = true;
  std::jthread thread_;
};

}  // namespace shoal::swarm
