// A machine that joined a fleet, and a tracker that is nothing but its memory.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/output.hpp"
#include "member/member_session.hpp"
#include "publisher/publisher.hpp"
#include "registry/client.hpp"
#include "support/test_fleet.hpp"

namespace shoal::publisher::testing {

/// What a tracker keeps, and every request that reached it.
struct Memory {
  std::map<std::string, registry::PublishRequest> versions;  // by path
  std::map<std::string, std::string> channels;               // by path
  std::map<std::string, std::string> deletions;              // of channels, by path
  std::map<std::string, std::string> metainfos;              // by path
  std::map<std::string, std::string> roots;                  // trust roots, by path
  std::vector<std::string> requests;                         // "PUT /v1/..."
  /// Called before a request is answered; an error is what the network says instead.
  std::function<Status(const http::ClientRequest&)> before;
};

/// A client of a tracker in memory.
std::unique_ptr<registry::Client> client_of(Memory& memory);

/// A machine's state directory and what a publisher needs around it.
class Machine {
 public:
  explicit Machine(identity::Role role = identity::Role::seeder, std::vector<manifest::PublisherRule> rules = {});

  member::MemberSession& session() { return *session_; }
  const fs::path& state() const { return directory_.path(); }
  ManualClock& clock() { return clock_; }
  const crypto::PrivateKey& key() const { return key_; }
  const crypto::PrivateKey& root_key() const { return root_key_; }
  /// --key FILE for the key that the trust root names, or for another.
  std::string key_file() { return key_file(key_); }
  std::string key_file(const crypto::PrivateKey& key);
  Signer signer();
  cli::Output& out() { return out_; }
  Memory& memory() { return memory_; }
  registry::Client& tracker() { return *tracker_; }

  /// Publishes acme/llama@`version` from `source` and moves main.
  Result<PublishReport> publish(const fs::path& source, const std::string& version = "1.0");

 private:
  TempDirectory directory_;
  ManualClock clock_;
  test::TestFleet fleet_;
  crypto::PrivateKey key_;
  crypto::PrivateKey root_key_;
  std::unique_ptr<member::MemberSession> session_;
  std::FILE* nowhere_;
  cli::Output out_;
  Memory memory_;
  std::unique_ptr<registry::Client> tracker_;
  unsigned keys_ = 0;
};

PublishRequest request_for(const fs::path& source, const std::string& version = "1.0");
void write(const fs::path& path, const std::string& bytes);

}  // namespace shoal::publisher::testing
