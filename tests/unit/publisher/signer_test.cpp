#include "publisher/signer.hpp"

#include <doctest/doctest.h>

#include "support/publishing_machine.hpp"

namespace shoal::publisher {
namespace {

using testing::Machine;

TEST_CASE("without --key the key in the state directory is taken") {
  Machine machine;
  auto none = Signer::load({}, machine.state());
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().code == ErrorCode::usage);
  CHECK(none.error().message.find("--key FILE") != std::string::npos);
  test::must(write_file_durably(machine.state() / "publisher.key", machine.key().pem(), Access::owner));
  Signer signer = test::must(Signer::load({}, machine.state()));
  CHECK(signer.check_authorised(*machine.session().verifier(), ModelName::trusted("acme/llama"), machine.clock().now()).ok());
}

TEST_CASE("a file that is no key is a usage error that names it") {
  Machine machine;
  testing::write(machine.state() / "junk", "-----BEGIN JUNK-----");
  for (const char* file : {"junk", "missing"}) {
    auto signer = Signer::load({(machine.state() / file).string()}, machine.state());
    REQUIRE_FALSE(signer.ok());
    CHECK(signer.error().code == ErrorCode::usage);
    CHECK(signer.error().message.find(file) != std::string::npos);
  }
}

TEST_CASE("a key that others may read is reported") {
  Machine machine;
  std::string file = machine.key_file();
  CHECK(test::must(Signer::load({file}, machine.state())).exposed().empty());
  fs::permissions(file, fs::perms::others_read, fs::perm_options::add);
  CHECK(test::must(Signer::load({file}, machine.state())).exposed() == std::vector<fs::path>{file});
}

TEST_CASE("keys are held against the trust root before anything is signed with them") {
  Machine machine(identity::Role::seeder, {{{"acme/*"}, {}, 1}});
  auto check = [&](const Signer& signer, const char* model) {
    return signer.check_authorised(*machine.session().verifier(), ModelName::trusted(model), machine.clock().now());
  };
  CHECK(check(machine.signer(), "acme/llama").ok());

  Status other_model = check(machine.signer(), "other/llama");
  REQUIRE_FALSE(other_model.ok());
  CHECK(other_model.error().code == ErrorCode::verification);
  CHECK(other_model.error().message.find("may sign for acme/*") != std::string::npos);

  auto stranger = crypto::PrivateKey::generate();
  Status other_key = check(test::must(Signer::load({machine.key_file(stranger)}, machine.state())), "acme/llama");
  REQUIRE_FALSE(other_key.ok());
  CHECK(other_key.error().code == ErrorCode::verification);
  CHECK(other_key.error().message.find(stranger.public_key().id().hex().substr(0, 16) + " may sign for no models") != std::string::npos);
}

TEST_CASE("several keys sign together, and authorised ones among them count") {
  Machine machine;
  auto stranger = crypto::PrivateKey::generate();
  Signer both = test::must(Signer::load({machine.key_file(stranger), machine.key_file()}, machine.state()));
  CHECK(both.check_authorised(*machine.session().verifier(), ModelName::trusted("acme/llama"), machine.clock().now()).ok());
  CHECK(both.sign("type", "payload").signatures.size() == 2);
}

TEST_CASE("nothing is signed under a trust root that has expired") {
  Machine machine;
  Status late = machine.signer().check_authorised(*machine.session().verifier(), ModelName::trusted("acme/llama"),
                                                  machine.clock().now() + std::chrono::hours(24 * 731));
  REQUIRE_FALSE(late.ok());
  CHECK(late.error().message.find("expired") != std::string::npos);
}

}  // namespace
}  // namespace shoal::publisher
