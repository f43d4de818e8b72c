#include "identity/member.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/json.hpp"

namespace shoal::identity {
namespace {

constexpr ByteCount credentials_limit = 64 * KiB;
constexpr ByteCount trust_root_limit = 1 * MiB;
constexpr ByteCount fleet_limit = 16 * KiB;
constexpr std::uint64_t schema = 1;

/// Where each part of a member lies under the state directory.
struct Paths {
  explicit Paths(const fs::path& state) : directory(state / "identity") {}
  fs::path directory;
  fs::path credentials() const { return directory / "credentials.pem"; }
  fs::path trust_root() const { return directory / "trust-root.json"; }
  fs::path fleet() const { return directory / "fleet.json"; }
};

Error not_enrolled(const Paths& paths, std::string_view why) {
  return fail(ErrorCode::not_enrolled,
              paths.directory.string() + ": " + std::string(why) + "; run shoal join with a token from the tracker's host");
}

/// A file that is missing means that this machine has not joined; what it holds otherwise is the caller's to judge.
Result<std::string> read_part(const Paths& paths, const fs::path& path, ByteCount limit) {
  auto text = read_file(path, limit);
  if (!text.ok() && text.error().code == ErrorCode::not_found) return not_enrolled(paths, "this machine has not joined a fleet");
  return text;
}

/// The blocks "-----BEGIN X-----" to "-----END X-----", in order.
std::vector<std::string> pem_blocks(std::string_view text) {
  std::vector<std::string> blocks;
  for (auto begin = text.find("-----BEGIN "); begin != std::string_view::npos;) {
    auto next = text.find("-----BEGIN ", begin + 1);
    blocks.emplace_back(text.substr(begin, next == std::string_view::npos ? next : next - begin));
    begin = next;
  }
  return blocks;
}

std::string joined(const Credentials& credentials) { return credentials.key_pem + credentials.certificate_pem + credentials.ca_pem; }

Result<Credentials> split(std::string_view text) {
  auto blocks = pem_blocks(text);
  if (blocks.size() != 3) return fail("it does not hold a key, a certificate and a CA");
  return make_credentials(std::move(blocks[0]), std::move(blocks[1]), std::move(blocks[2]));
}

std::string fleet_json(const Member& member) {
  Json json = {{"schema", schema},
               {"fleet", member.credentials.self.identity.fleet.str()},
               {"tracker", member.tracker.str()},
               {"name", member.name},
               {"site", member.site}};
  return json.dump(2) + "\n";
}

/// Reads what fleet.json says into `member`.
Status parse_fleet(std::string_view text, Member& member) {
  SHOAL_TRY(Json json, parse_json(text, fleet_limit));
  JsonReader reader(json, "fleet.json");
  if (reader.number("schema") != schema) reader.note("it was written by another version of shoal");
  auto fleet = reader.as<FleetName>("fleet", FleetName::parse);
  member.tracker = reader.as<HostPort>("tracker", parse_host_port);
  member.name = reader.string("name");
  member.site = reader.string("site");
  SHOAL_CHECK(reader.finish_lenient());
  if (fleet != member.credentials.self.identity.fleet) return fail("fleet.json: it names another fleet than the certificate");
  return {};
}

/// From here until fleet.json is written again, the directory counts as not enrolled.
Status forget_fleet(const Paths& paths) {
  if (::unlink(paths.fleet().c_str()) == 0) return sync_directory(paths.directory);
  if (errno == ENOENT) return {};
  return fail_errno(paths.fleet().string(), errno);
}

}  // namespace

Result<Member> load_member(const fs::path& state) {
  Paths paths(state);
  Member member;
  SHOAL_TRY(std::string fleet, read_part(paths, paths.fleet(), fleet_limit));
  SHOAL_TRY(std::string credentials, read_part(paths, paths.credentials(), credentials_limit));
  SHOAL_TRY(member.trust_root, read_part(paths, paths.trust_root(), trust_root_limit));
  auto parts = split(credentials);
  if (!parts.ok()) return not_enrolled(paths, "credentials.pem is damaged: " + parts.error().message);
  member.credentials = std::move(parts).value();
  if (Status read = parse_fleet(fleet, member); !read.ok()) return not_enrolled(paths, read.error().message);
  return member;
}

Status save_member(const fs::path& state, const Member& member) {
  Paths paths(state);
  SHOAL_CHECK(make_directories(state));
  SHOAL_CHECK(make_directories(paths.directory, 0700));
  SHOAL_CHECK(sync_directory(state));
  SHOAL_CHECK(forget_fleet(paths));
  SHOAL_CHECK(save_credentials(state, member.credentials));
  SHOAL_CHECK(write_file_durably(paths.trust_root(), member.trust_root));
  return write_file_durably(paths.fleet(), fleet_json(member));
}

Status save_tracker(const fs::path& state, const Member& member) { return write_file_durably(Paths(state).fleet(), fleet_json(member)); }

std::optional<Credentials> newer_credentials(const fs::path& state, const Credentials& current, fs::file_time_type& looked) {
  const fs::path path = Paths(state).credentials();
  std::error_code error;
  auto changed = fs::last_write_time(path, error);
  if (error || changed == looked) return std::nullopt;
  auto text = read_file(path, credentials_limit);
  auto found = text.ok() ? split(*text) : Result<Credentials>(text.error());
  if (!found.ok()) return std::nullopt;
  looked = changed;
  if (found->self.serial == current.self.serial || found->self.not_after < current.self.not_after) return std::nullopt;
  return std::move(*found);
}

Status save_credentials(const fs::path& state, const Credentials& credentials) {
  return write_file_durably(Paths(state).credentials(), joined(credentials), Access::owner);
}

}  // namespace shoal::identity
