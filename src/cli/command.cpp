#include "cli/command.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>

namespace shoal::cli {

std::string Invocation::get(const std::string& name) const {
  auto found = values_.find(name);
  return found == values_.end() || found->second.empty() ? "" : found->second.back();
}

std::vector<std::string> Invocation::all(const std::string& name) const {
  auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

bool Invocation::on(const std::string& name) const { return get(name) == "true"; }

Result<std::chrono::milliseconds> Invocation::duration(const std::string& name) const { return parse_duration(get(name)).within(name); }

Result<Invocation> Invocation::again() const {
  SHOAL_TRY(auto values, reread_());
  Invocation next(out, shutdown, std::move(values), reread_);
  next.software = software;
  return next;
}

std::vector<std::string> Invocation::changed_in(const Invocation& other) const {
  std::vector<std::string> changed;
  auto note = [&](const auto& mine, const auto& theirs) {
    for (const auto& [name, value] : mine) {
      auto found = theirs.find(name);
      if (found == theirs.end() || found->second != value) changed.push_back(name);
    }
  };
  note(values_, other.values_);
  note(other.values_, values_);
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  return changed;
}

Result<HostPort> Invocation::address(const std::string& name) const { return parse_host_port(get(name)).within(name); }

Result<ByteCount> Invocation::size(const std::string& name) const { return parse_bytes(get(name)).within(name); }

Result<ByteCount> Invocation::rate(const std::string& name) const { return parse_rate(get(name)).within(name); }

std::vector<std::string> words_of(const std::string& path) {
  std::istringstream stream(path);
  return {std::istream_iterator<std::string>(stream), std::istream_iterator<std::string>()};
}

std::vector<ErrorCode> member_failures(const std::vector<ErrorCode>& more) {
  std::vector<ErrorCode> all{ErrorCode::verification, ErrorCode::not_enrolled, ErrorCode::unreachable, ErrorCode::no_space};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace shoal::cli
