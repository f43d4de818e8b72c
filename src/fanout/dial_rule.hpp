// Decides which peer addresses this machine may dial. Pure.
#pragma once

#include <string>

namespace shoal::fanout {

/// The tracker supplies the addresses, so a hostile tracker could make every node connect to services that trust local callers: those on
/// loopback, and those on the link (169.254.0.0/16 with the metadata services of clouds, fe80::/10). Neither is dialled, and neither are
/// addresses that do not belong to a single machine. Loopback is allowed if the tracker itself was reached there, because then the whole
/// fleet runs on one machine.
bool may_dial(const std::string& host, bool tracker_on_loopback);

}  // namespace shoal::fanout
