#include "node/mirror_options.hpp"

#include "identity/tls.hpp"

namespace shoal::node {

const cli::Option& mirror_after_option() {
  static const cli::Option option{.name = "--mirror-after",
                                  .value = "TIME",
                                  .help = "ask the release's HTTPS mirrors for a piece that no source or peer had for so long; 0s: never",
                                  .fallback = "30s",
                                  .config_key = "mirror_after",
                                  .rare = true};
  return option;
}

const cli::Option& mirror_ca_option() {
  static const cli::Option option{.name = "--mirror-ca",
                                  .value = "FILE",
                                  .help = "certificate authorities of mirrors (PEM). Default: those that this system trusts",
                                  .config_key = "mirror_ca",
                                  .rare = true};
  return option;
}

Status read_mirror_options(const cli::Invocation& call, NodeOptions& options) {
  SHOAL_TRY(options.mirror_after, call.duration("--mirror-after"));
  options.mirror_ca = call.get("--mirror-ca");
  if (options.mirror_ca.empty()) return {};
  auto context = identity::web_client_context(options.mirror_ca);
  if (!context.ok()) return fail(ErrorCode::usage, "--mirror-ca: " + context.error().message);
  return {};
}

}  // namespace shoal::node
