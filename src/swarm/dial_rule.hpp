// Which addresses of peers are dialled. Pure.
#pragma once

#include <string>

namespace shoal::swarm {

/// A tracker names the addresses, so a hostile one could have every node knock at services that trust whoever reaches them: those of the
/// node's own machine (loopback) and of its link (169.254.0.0/16 with the metadata services of clouds, fe80::/10). Neither is dialled, nor
/// what no single machine has. Loopback is, where the tracker itself was reached there: such a fleet lives on one machine.
bool may_dial(const std::string& host, bool tracker_on_loopback);

}  // namespace shoal::swarm
