#include "tracker/machine_keys.hpp"

#include "base/log.hpp"

namespace shoal::tracker {
namespace {

Error held_twice_error(const NodeId& machine, WallTime since) {
  return fail(ErrorCode::not_enrolled, "two hold the key of machine " + machine.str() + " (since " + format_time(since) +
                                           "): its certificates end with their time. Revoke it ('shoal nodes revoke'), find out who has "
                                           "copied it, and join again with a new token ('shoal join --replace')");
}

Result<identity::SpkiPin> pin_of(const std::string& raw) {
  if (raw.empty()) return identity::SpkiPin{};
  return identity::SpkiPin::from_raw(raw);
}

}  // namespace

KeyChain::Use KeyChain::use(const identity::SpkiPin& key, SteadyTime now) {
  if (current == identity::SpkiPin{} || key == current) return Use::current;
  if (key == next) {
    current = *std::exchange(next, std::nullopt);
    changed = now;
    return Use::switched;
  }
  return now - changed <= grace ? Use::stale : Use::foreign;
}

Result<std::unique_ptr<MachineKeys>> MachineKeys::open(Database& database, const Clock& clock) {
  std::unique_ptr<MachineKeys> keys(new MachineKeys(database, clock));
  SHOAL_TRY(auto rows, database.read([](Session& session) { return session.run("SELECT id, key, next_key, held_twice FROM machines"); }));
  auto chains = keys->chains_.lock();
  for (const Row& row : rows) {
    KeyChain& chain = (*chains)[NodeId::trusted(row.text(0))];
    SHOAL_TRY(chain.current, pin_of(row.text(1)));
    if (!row.text(2).empty()) {
      SHOAL_TRY(chain.next, pin_of(row.text(2)));
    }
    if (row.number(3) != 0) chain.held_twice = WallTime(std::chrono::seconds(row.number(3)));
    chain.changed = clock.steady_now();
  }
  return keys;
}

void MachineKeys::enrolled(const NodeId& machine, const identity::SpkiPin& key) { (*chains_.lock())[machine].current = key; }

/// A request with an old key may be one that was on its way; a renewal with one is not.
Status MachineKeys::judge(const identity::Certificate& caller, bool renewal) {
  const NodeId& machine = caller.identity.id;
  auto chains = chains_.lock();
  auto found = chains->find(machine);
  if (found == chains->end()) return {};
  KeyChain& chain = found->second;
  if (chain.held_twice) return held_twice_error(machine, *chain.held_twice);
  if (renewal && chain.current == identity::SpkiPin{}) chain.current = caller.key;
  auto use = chain.use(caller.key, clock_.steady_now());
  if (use == KeyChain::Use::switched) unsaved_.lock()->push_back(machine);
  if (use == KeyChain::Use::foreign || (renewal && use == KeyChain::Use::stale)) {
    chain.held_twice = clock_.now();
    unsaved_.lock()->push_back(machine);
    log::warn("machine_key_held_twice",
              {{"machine", machine.str()}, {"serial", caller.serial}, {"meaning", "a key that was replaced is still used: it was copied"}});
    return held_twice_error(machine, *chain.held_twice);
  }
  return {};
}

Status MachineKeys::may_renew(const identity::Certificate& caller) { return judge(caller, true); }
Status MachineKeys::check(const identity::Certificate& caller) { return judge(caller, false); }

Status MachineKeys::renewed(const NodeId& machine, const identity::SpkiPin& next) {
  KeyChain chain;
  {
    auto chains = chains_.lock();
    KeyChain& kept = (*chains)[machine];
    kept.next = next;
    chain = kept;
  }
  return write(machine, chain);
}

std::optional<WallTime> MachineKeys::held_twice(const NodeId& machine) const {
  return chains_.with([&](const Chains& chains) -> std::optional<WallTime> {
    auto found = chains.find(machine);
    return found == chains.end() ? std::nullopt : found->second.held_twice;
  });
}

Status MachineKeys::save() {
  std::vector<NodeId> machines = std::exchange(*unsaved_.lock(), {});
  for (const NodeId& machine : machines) {
    KeyChain chain = (*chains_.lock())[machine];
    if (Status written = write(machine, chain); !written.ok()) {
      unsaved_.lock()->push_back(machine);
      return written;
    }
  }
  return {};
}

Status MachineKeys::write(const NodeId& machine, const KeyChain& chain) {
  return database_.write([&](Session& session) -> Status {
    std::int64_t twice = chain.held_twice ? std::int64_t{chain.held_twice->time_since_epoch().count()} : 0;
    std::string_view current = chain.current == identity::SpkiPin{} ? std::string_view() : chain.current.view();
    std::string_view next = chain.next ? chain.next->view() : std::string_view();
    SHOAL_CHECK(session.run("UPDATE machines SET key = ?, next_key = ?, held_twice = ? WHERE id = ?",
                            {Value::blob(current), Value::blob(next), twice, machine.str()}));
    return {};
  });
}

http::Handler without_doubles(MachineKeys& keys, http::Handler inner) {
  return [&keys, inner = std::move(inner)](http::Request request, http::Reply reply) {
    Status judged = request.peer ? keys.check(*request.peer) : Status();
    if (judged.ok()) return inner(std::move(request), std::move(reply));
    reply(http::error_response(http::status_of(judged.error().code), judged.error()));
  };
}

}  // namespace shoal::tracker
