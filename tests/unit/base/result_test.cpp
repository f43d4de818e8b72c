#include "base/result.hpp"

#include <cerrno>
#include <memory>

#include "doctest/doctest.h"

using namespace shoal;

namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(ErrorCode::usage, "odd");
  return number / 2;
}
Result<int> quarter(int number) {
  SHOAL_TRY(int once, half(number));
  SHOAL_TRY(int twice, half(once));
  return twice;
}
Status is_even(int number) {
  SHOAL_CHECK(half(number));
  return {};
}

}  // namespace

TEST_CASE("SHOAL_TRY hands values on and returns the first error") {
  CHECK(quarter(8).value() == 2);
  CHECK(quarter(6).error().message == "odd");
  CHECK(quarter(7).error().code == ErrorCode::usage);
}

TEST_CASE("SHOAL_CHECK returns the error of a status or a result") {
  CHECK(is_even(2).ok());
  CHECK(is_even(3).error().message == "odd");
}

TEST_CASE("context is added in front and the kind stays") {
  Result<int> failed = half(1).within("second").within("first");
  CHECK(failed.error().message == "first: second: odd");
  CHECK(failed.error().code == ErrorCode::usage);
  CHECK(half(2).within("unused").value() == 1);
  CHECK(is_even(1).within("status").error().message == "status: odd");
}

TEST_CASE("a result carries what can only be moved") {
  Result<std::unique_ptr<int>> made(std::make_unique<int>(5));
  std::unique_ptr<int> taken = std::move(made).value();
  CHECK(*taken == 5);
  CHECK(half(3).value_or(9) == 9);
  CHECK(half(4).value_or(9) == 2);
}

TEST_CASE("full disks and missing files have kinds of their own") {
  for (int number : {ENOSPC, EDQUOT, EFBIG}) CHECK(fail_errno("x", number).code == ErrorCode::no_space);
  CHECK(fail_errno("x", ENOENT).code == ErrorCode::not_found);
  CHECK(fail_errno("x", EIO).code == ErrorCode::failed);
  CHECK(fail_errno("/a/b", ENOENT).message == "/a/b: No such file or directory");
}

TEST_CASE("exit codes are the ones of the command line's contract") {
  CHECK(exit_code(ErrorCode::failed) == 1);
  CHECK(exit_code(ErrorCode::conflict) == 1);
  CHECK(exit_code(ErrorCode::usage) == 2);
  CHECK(exit_code(ErrorCode::partial) == 3);
  CHECK(exit_code(ErrorCode::not_found) == 10);
  CHECK(exit_code(ErrorCode::verification) == 11);
  CHECK(exit_code(ErrorCode::not_enrolled) == 12);
  CHECK(exit_code(ErrorCode::unreachable) == 13);
  CHECK(exit_code(ErrorCode::no_space) == 14);
  CHECK(exit_code(ErrorCode::interrupted) == 130);
  CHECK(name(ErrorCode::no_space) == "no_space");
}
