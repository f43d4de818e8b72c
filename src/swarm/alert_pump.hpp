// The event thread: libtorrent's alerts become events and progress.
#pragma once

#include <libtorrent/alert.hpp>
#include <libtorrent/session.hpp>

#include <functional>
#include <stop_token>
#include <thread>

#include "swarm/hosted_content.hpp"

namespace shoal::swarm {

/// Owns the thread; it ends in the destructor. Everything else must outlive it.
class AlertPump {
 public:
  struct Sinks {
    std::function<void(const Event&)> event;
    std::function<void()> completed;  // a content became complete: the tracker should hear of it
  };
  AlertPump(lt::session& session, HostedContents& contents, const Clock& clock, Sinks sinks);

 private:
  void run(const std::stop_token& stop);
  void drain();
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
  const Clock& clock_;
  Sinks sinks_;
  std::jthread thread_;
};

}  // namespace shoal::swarm
