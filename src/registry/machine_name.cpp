#include "registry/machine_name.hpp"

#include <algorithm>

namespace shoal::registry {
namespace {

bool is_printable(unsigned char c) { return c >= 0x20 && c < 0x7f; }
bool in_name(unsigned char c) { return is_printable(c) && c != ' '; }

}  // namespace

Status check_machine_name(std::string_view name, std::string_view what) {
  if (name.size() <= machine_name_limit && std::all_of(name.begin(), name.end(), in_name)) return {};
  return fail(ErrorCode::usage, std::string(what) + " must be up to 64 printable ASCII characters without spaces");
}

Status check_site(std::string_view site, std::string_view what) {
  if (site.size() <= machine_name_limit && std::all_of(site.begin(), site.end(), is_printable)) return {};
  return fail(ErrorCode::usage, std::string(what) + " must be up to 64 printable ASCII characters");
}

std::string name_from_host(std::string_view host_name) {
  std::string name(host_name.substr(0, std::min(host_name.find('.'), machine_name_limit)));
  std::erase_if(name, [](unsigned char c) { return !in_name(c); });
  return name;
}

std::string name_or_id(const MachineRow& machine) { return machine.name.empty() ? machine.id.str() : machine.name; }

}  // namespace shoal::registry
