#include "node/gateway_option.hpp"

#include "node/gateway/gateway.hpp"

namespace shoal::node {

const cli::Option& gateway_option() {
  static const cli::Option option{
      .name = "--gateway",
      .value = "ADDR:PORT",
      .help =
          "serve models by name to programs on this machine, as the Hugging Face Hub does, such as 127.0.0.1:7450;\n"
          "a model that is not here is fetched on request (HF_ENDPOINT=http://127.0.0.1:7450)",
      .config_key = "gateway"};
  return option;
}

Result<HostPort> gateway_address(const cli::Invocation& call) {
  if (call.get(gateway_option().name).empty()) return HostPort{};
  SHOAL_TRY(const HostPort listen, call.address(gateway_option().name));
  SHOAL_CHECK(gateway::check_gateway_address(listen).within(gateway_option().name));
  return listen;
}

}  // namespace shoal::node
