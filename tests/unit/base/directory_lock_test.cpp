#include "base/directory_lock.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/must.hpp"

using namespace shoal;

TEST_CASE("one process at a time holds the lock of a directory, and it is free again afterwards") {
  TempDirectory directory;
  {
    Result<DirectoryLock> first = DirectoryLock::acquire(directory.path());
    REQUIRE(first.ok());
    Result<DirectoryLock> second = DirectoryLock::acquire(directory.path());
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().code == ErrorCode::conflict);
    CHECK(second.error().message.find("in use by process " + std::to_string(::getpid()) + " (") != std::string::npos);
  }
  CHECK(DirectoryLock::acquire(directory.path()).ok());
}

TEST_CASE("the holder of a lock is named by its process and its command") {
  TempDirectory directory;
  CHECK_FALSE(lock_holder(directory.path()));
  const DirectoryLock lock = test::must(DirectoryLock::acquire(directory.path()));
  const auto holder = lock_holder(directory.path());
  REQUIRE(holder);
  CHECK(holder->pid == ::getpid());
  CHECK_FALSE(holder->command.empty());
  CHECK(LockHolder{4711, "shoal node run"}.str() == "process 4711 (shoal node run)");
}

TEST_CASE("a holder that has died, or a file that another version wrote, names nobody") {
  TempDirectory directory;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(DirectoryLock::acquire(directory.path()).ok() ? 0 : 1);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK_FALSE(lock_holder(directory.path()));
  for (const char* text : {"", "x", "-1 shoal", "99999999999999999999 shoal"}) {
    test::must(write_file_durably(directory.path() / "lock", text));
    CHECK_FALSE(lock_holder(directory.path()));
  }
}

TEST_CASE("the words of a command end before its arguments, which may be secret") {
  CHECK(command_words({"/usr/bin/shoal", "node", "run", "--state", "/x"}) == "shoal node run");
  CHECK(command_words({"shoal", "join", "shoal1token"}) == "shoal join");
  CHECK(command_words({"shoal", "publish", "/srv/llama", "acme/llama", "1.0"}) == "shoal publish");
  CHECK(command_words({}).empty());
}
