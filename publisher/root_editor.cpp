#include "publisher/root_editor.hpp"

#include <algorithm>
#include <set>

namespace shoal::publisher {
namespace {

using crypto::KeyId;
using crypto::PublicKey;

constexpr std::size_t shortest_prefix = 8;  // hexadecimal digits

/// The one key of `among` whose id begins so.
Result<KeyId> named(const std::string& prefix, const std::vector<KeyId>& among, const std::string& what) {
  std::set<KeyId> found;
  for (const KeyId& id : among)
    if (prefix.size() >= shortest_prefix && id.hex().starts_with(prefix)) found.insert(id);
  if (found.size() == 1) return *found.begin();
  return fail(ErrorCode::usage, "'" + printable(prefix) + "' names " + (found.empty() ? "no " : "more than one ") + what +
                                    " of the trust root: give at least eight digits of its id, as 'shoal trust show' lists it");
}

void add(std::vector<KeyId>& ids, const KeyId& id) {
  if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
}

Status remove(std::vector<KeyId>& ids, const std::vector<std::string>& prefixes, const std::string& what) {
  for (const std::string& prefix : prefixes) {
    SHOAL_TRY(KeyId id, named(prefix, ids, what));
    std::erase(ids, id);
  }
  return {};
}

/// Into the rule that has exactly this pattern, or into one of its own.
void add_publisher(manifest::TrustRoot& root, const RootEdit::Publisher& publisher) {
  for (manifest::PublisherRule& rule : root.publishers)
    if (std::find(rule.models.begin(), rule.models.end(), publisher.pattern) != rule.models.end())
      return add(rule.keys, publisher.key.id());
  root.publishers.push_back({{publisher.pattern}, {publisher.key.id()}, 1});
}

Status remove_publisher(manifest::TrustRoot& root, const std::string& prefix) {
  std::vector<KeyId> all;
  for (const manifest::PublisherRule& rule : root.publishers) all.insert(all.end(), rule.keys.begin(), rule.keys.end());
  SHOAL_TRY(KeyId id, named(prefix, all, "publisher key"));
  for (manifest::PublisherRule& rule : root.publishers) std::erase(rule.keys, id);
  std::erase_if(root.publishers, [](const manifest::PublisherRule& rule) { return rule.keys.empty(); });
  return {};
}

std::set<KeyId> ids_in_use(const manifest::TrustRoot& root) {
  std::set<KeyId> used(root.root_keys.begin(), root.root_keys.end());
  used.insert(root.tracker_keys.begin(), root.tracker_keys.end());
  for (const manifest::PublisherRule& rule : root.publishers) used.insert(rule.keys.begin(), rule.keys.end());
  return used;
}

/// Each key that the rules name, once.
std::vector<PublicKey> keys_for(const manifest::TrustRoot& root, std::vector<PublicKey> known) {
  std::set<KeyId> wanted = ids_in_use(root);
  std::vector<PublicKey> keys;
  for (const PublicKey& key : known)
    if (wanted.erase(key.id()) == 1) keys.push_back(key);
  return keys;
}

}  // namespace

Result<manifest::TrustRoot> edit(const manifest::TrustRoot& now, const RootEdit& edit) {
  manifest::TrustRoot next = now;
  std::vector<PublicKey> known = now.keys;
  next.version = now.version + 1;
  next.epoch = now.epoch + (edit.new_epoch ? 1 : 0);
  next.expires = edit.expires;
  for (const std::string& prefix : edit.remove_publishers) SHOAL_CHECK(remove_publisher(next, prefix));
  SHOAL_CHECK(remove(next.root_keys, edit.remove_root_keys, "root key"));
  SHOAL_CHECK(remove(next.tracker_keys, edit.remove_tracker_keys, "tracker key"));
  for (const auto& publisher : edit.add_publishers) {
    known.push_back(publisher.key);
    add_publisher(next, publisher);
  }
  for (const PublicKey& key : edit.add_root_keys) {
    known.push_back(key);
    add(next.root_keys, key.id());
  }
  for (const PublicKey& key : edit.add_tracker_keys) {
    known.push_back(key);
    add(next.tracker_keys, key.id());
  }
  if (edit.root_threshold) next.root_threshold = *edit.root_threshold;
  next.keys = keys_for(next, std::move(known));
  Status sound = manifest::check(next);
  if (!sound.ok()) return fail(ErrorCode::usage, "the next " + sound.error().message);
  return next;
}

}  // namespace shoal::publisher
