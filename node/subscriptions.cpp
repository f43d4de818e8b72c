#include "node/subscriptions.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/json.hpp"

namespace shoal::node {
namespace {

constexpr ByteCount file_limit = 1 * MiB;

/// Held for the moment of a change.
Result<UniqueFd> lock(const fs::path& file) {
  fs::path path = file;
  path += ".lock";
  SHOAL_TRY(UniqueFd fd, open_file(path, O_RDWR | O_CREAT, 0600));
  if (::fchmod(fd.get(), 0600) != 0) return fail_errno(path.string(), errno);  // one that an older version left
  if (::flock(fd.get(), LOCK_EX) != 0) return fail_errno(path.string(), errno);
  return fd;
}

Result<Subscription> from_json(const Json& json, const std::string& what) {
  JsonReader reader(json, what);
  Subscription subscription;
  subscription.key.model = reader.as<ModelName>("model", ModelName::parse);
  subscription.key.channel = reader.as<ChannelName>("channel", ChannelName::parse);
  const Json& hooks = reader.array("hooks");
  SHOAL_CHECK(reader.finish_lenient());
  for (const Json& hook : hooks)
    if (hook.is_string()) subscription.hooks.push_back(hook.get<std::string>());
  return subscription;
}

auto find(std::vector<Subscription>& all, const ChannelKey& key) {
  return std::find_if(all.begin(), all.end(), [&](const Subscription& each) { return each.key == key; });
}

}  // namespace

Result<ChannelKey> parse_channel_key(std::string_view text) {
  SHOAL_TRY(Reference reference, parse_reference(text));
  if (!reference.version) return ChannelKey{reference.model, reference.channel};
  return fail(ErrorCode::usage, "'" + std::string(text) + "' names one version, which never moves: follow a channel, such as " +
                                    reference.model.str() + ":main, or fetch the version with 'shoal pull'");
}

Result<std::vector<Subscription>> SubscriptionFile::load() const {
  std::vector<Subscription> all;
  auto text = read_file(file_, file_limit);
  if (!text && text.error().code == ErrorCode::not_found) return all;
  if (!text) return std::move(text).error();
  SHOAL_TRY(Json json, parse_json(*text, file_limit).within(file_.string()));
  JsonReader reader(json, file_.string());
  const Json& rows = reader.array("subscriptions");
  SHOAL_CHECK(reader.finish_lenient());
  for (const Json& row : rows) {
    SHOAL_TRY(Subscription subscription, from_json(row, file_.string()));
    all.push_back(std::move(subscription));
  }
  return all;
}

Result<bool> SubscriptionFile::add(const Subscription& subscription) const {
  SHOAL_TRY(UniqueFd held, lock(file_));
  SHOAL_TRY(auto all, load());
  auto found = find(all, subscription.key);
  const bool is_new = found == all.end();
  if (is_new) all.push_back(subscription);
  else *found = subscription;
  SHOAL_CHECK(store(all));
  return is_new;
}

Status SubscriptionFile::remove(const ChannelKey& key) const {
  SHOAL_TRY(UniqueFd held, lock(file_));
  SHOAL_TRY(auto all, load());
  auto found = find(all, key);
  if (found == all.end())
    return fail(ErrorCode::not_found,
                key.str() + " is not followed by command on this machine; if the configuration file names it, remove it there");
  all.erase(found);
  return store(all);
}

Status SubscriptionFile::store(const std::vector<Subscription>& all) const {
  Json rows = Json::array();
  for (const Subscription& each : all)
    rows.push_back({{"model", each.key.model.str()}, {"channel", each.key.channel.str()}, {"hooks", each.hooks}});
  return write_file_durably(file_, Json{{"subscriptions", rows}}.dump(2) + "\n");
}

fs::file_time_type SubscriptionFile::stamp() const {
  std::error_code none;
  auto stamp = fs::last_write_time(file_, none);
  return none ? fs::file_time_type::min() : stamp;
}

}  // namespace shoal::node
