#include "node/control.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace shoal::node {
namespace {

using Steady = std::chrono::steady_clock;
constexpr std::chrono::seconds caller_patience{5}, reader_patience{30};
constexpr int backlog = 16;

/// Whether the other end has gone. Anything that it still sends is ignored.
bool has_gone(int caller) {
  char ignored[256];
  const ssize_t n = ::recv(caller, ignored, sizeof ignored, MSG_DONTWAIT);
  return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/// A request that makes the node stumble costs its caller the work, not the node its thread.
Status work_safely(const ControlServer::Work& work, const Json& request, const ControlServer::Say& say, const std::stop_token& stop) {
  try {
    return work(request, say, stop);
  } catch (const std::exception& problem) {
    return fail(std::string("the request cannot be served: ") + problem.what());
  }
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(const fs::path& state, Answer answer, Works works) {
  SHOAL_TRY(const ControlAddress address, ControlAddress::in(state));
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!listener || !wake) return fail_errno("control socket", errno);
  const fs::path path = state / control_socket;
  (void)::unlink(path.c_str());  // of a node that was killed: the directory's lock says that none runs
  // Made with the owner's rights alone, so that there is no moment in which others may connect.
  if (::fchmod(listener.get(), 0600) != 0) return fail_errno(path.string(), errno);
  if (::bind(listener.get(), address.generic(), address.size()) != 0 || ::chmod(path.c_str(), 0600) != 0 ||
      ::listen(listener.get(), backlog) != 0)
    return fail_errno(path.string(), errno);
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(listener), std::move(wake), path, std::move(answer), std::move(works)));
}

ControlServer::ControlServer(UniqueFd listener, UniqueFd wake, fs::path path, Answer answer, Works works)
    : listener_(std::move(listener)), wake_(std::move(wake)), path_(std::move(path)), answer_(std::move(answer)), works_(std::move(works)) {
  thread_ = std::jthread([this] { serve(); });
}

ControlServer::~ControlServer() {
  ending_ = true;
  ring();
  thread_.join();
  for (Job& job : jobs_) job.stop.request_stop();
  jobs_.clear();
  (void)::unlink(path_.c_str());
}

void ControlServer::ring() {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

void ControlServer::serve() {
  while (!ending_) {
    std::vector<pollfd> waiting{{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    for (const Job& job : jobs_)
      if (!job.stop.stop_requested()) waiting.push_back({job.caller.get(), POLLIN, 0});
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
    std::uint64_t rung = 0;
    (void)!::read(wake_.get(), &rung, sizeof rung);
    look_at_jobs();
    if (waiting[0].revents == 0 || ending_) continue;
    UniqueFd caller(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (caller) attend(std::move(caller));
  }
}

/// Drops what is done, and stops what nobody waits for.
void ControlServer::look_at_jobs() {
  jobs_.remove_if([](const Job& job) { return job.done.load(); });
  for (Job& job : jobs_)
    if (has_gone(job.caller.get())) job.stop.request_stop();
}

void ControlServer::attend(UniqueFd caller) {
  auto line = ControlLines(caller.get()).next(Steady::now() + caller_patience);
  if (!line) return;
  auto request = parse_json(*line, control_limit);
  if (request.ok())
    if (const Work* work = work_for(*request)) return begin(*work, std::move(*request), std::move(caller));
  Result<Json> answer = request.ok() ? answer_safely(*request) : Result<Json>(std::move(request).error());
  (void)send_line(caller.get(), answer.ok() ? *answer : error_line(answer.error()), Steady::now() + caller_patience);
}

const ControlServer::Work* ControlServer::work_for(const Json& request) const {
  const auto command = request.is_object() ? request.find("command") : request.end();
  if (command == request.end() || !command->is_string()) return nullptr;
  const auto found = works_.find(command->get<std::string>());
  return found == works_.end() ? nullptr : &found->second;
}

void ControlServer::begin(const Work& work, Json request, UniqueFd caller) {
  if (jobs_.size() >= most_works) {
    const Error busy = fail("the running node already works for " + std::to_string(most_works) + " commands: try again when one has ended");
    return (void)send_line(caller.get(), error_line(busy), Steady::now() + caller_patience);
  }
  Job& job = jobs_.emplace_back();
  job.caller = std::move(caller);
  job.thread = std::jthread([this, &job, &work, request = std::move(request)] { run(job, work, request); });
}

void ControlServer::run(Job& job, const Work& work, const Json& request) {
  bool reads = true;
  const Say say = [&](const Json& event) {
    if (reads && !send_line(job.caller.get(), {{"event", event}}, Steady::now() + reader_patience).ok()) {
      reads = false;
      job.stop.request_stop();
    }
  };
  const Status done = work_safely(work, request, say, job.stop.get_token());
  if (reads)
    (void)send_line(job.caller.get(), done.ok() ? Json{{"done", true}} : error_line(done.error()), Steady::now() + caller_patience);
  job.done = true;
  ring();
}

/// A request that makes the node stumble costs its caller the answer, not the node its thread.
Result<Json> ControlServer::answer_safely(const Json& request) {
  if (!request.is_object()) return fail(ErrorCode::usage, "a request on the control socket must be a JSON object");
  try {
    return answer_(request);
  } catch (const std::exception& problem) {
    return fail(ErrorCode::usage, std::string("the request cannot be answered: ") + problem.what());
  }
}

}  // namespace shoal::node
