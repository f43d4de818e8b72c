#include "store/journal.hpp"

#include <doctest/doctest.h>

#include "crypto/digest.hpp"
#include "support/fake_files.hpp"
#include "support/must.hpp"

namespace shoal::store {
namespace {

const JournalIdentity identity{crypto::sha256("content"), 100};

JournalState some_state() {
  JournalState state;
  state.have.resize(100);
  for (const int piece : {0, 1, 2, 50, 99}) state.have[static_cast<std::size_t>(piece)] = true;
  state.files = {{1000, 7, 0}, {0, 8, 123'456'789}};
  return state;
}

std::unique_ptr<Journal> create(test::FakeFiles& files, const JournalState& state) {
  return test::must(Journal::create(files, "/j/log", identity, state));
}

Result<JournalState> load(test::FakeFiles& files) { return Journal::load(files, "/j/log", identity); }

std::size_t pieces_in(const JournalState& state) {
  return static_cast<std::size_t>(std::count(state.have.begin(), state.have.end(), true));
}

}  // namespace

TEST_CASE("a journal reads as it was written") {
  const JournalState state = some_state();
  const JournalState read = test::must(parse_journal(encode_journal(identity, state), identity));
  CHECK(read.have == state.have);
  CHECK(read.files == state.files);
}

TEST_CASE("what is added and lost is there after a restart") {
  test::FakeFiles files;
  {
    auto journal = create(files, some_state());
    test::must(journal->add({3, 4, 98}));
    test::must(journal->lose({1, 50}));
    test::must(journal->mark({{5, 6, 7}}));
  }
  const JournalState read = test::must(load(files));
  CHECK(pieces_in(read) == 6);
  CHECK_FALSE(read.have[1]);
  CHECK_FALSE(read.have[50]);
  CHECK(read.have[98]);
  CHECK(read.files == std::vector<FileMark>{{5, 6, 7}});
}

TEST_CASE("a journal that was torn at any byte tells the records before the tear, and never more") {
  test::FakeFiles files;
  auto journal = create(files, JournalState{std::vector<bool>(100), {{1, 2, 3}}});
  std::vector<std::size_t> ends{files.get("/j/log").size()};
  for (std::uint32_t i = 0; i < 10; ++i) {
    test::must(journal->add({i * 10, i * 10 + 1}));
    ends.push_back(files.get("/j/log").size());
  }
  const std::string whole = files.get("/j/log");
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    CAPTURE(size);
    const auto read = parse_journal(std::string_view(whole).substr(0, size), identity);
    if (size < 52) {
      CHECK_FALSE(read.ok());
      continue;
    }
    std::size_t records = 0;
    while (records + 1 < ends.size() && ends[records + 1] <= size) ++records;
    REQUIRE(read.ok());
    CHECK(pieces_in(*read) == 2 * records);
  }
}

TEST_CASE("a flipped bit anywhere never invents a piece") {
  test::FakeFiles files;
  auto journal = create(files, some_state());
  test::must(journal->add({3}));
  test::must(journal->lose({99}));
  const std::string whole = files.get("/j/log");
  const JournalState truth = test::must(parse_journal(whole, identity));
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      const auto read = parse_journal(damaged, identity);
      if (!read.ok()) continue;
      CAPTURE(at);
      // 99 may come back where its loss is what was damaged; its bytes are checked before they are sent.
      for (std::size_t piece = 0; piece < 99; ++piece) CHECK_FALSE((read->have[piece] && !truth.have[piece]));
    }
}

TEST_CASE("a journal of another content, another version or another kind of file is refused") {
  const std::string bytes = encode_journal(identity, some_state());
  CHECK_FALSE(parse_journal(bytes, {crypto::sha256("other"), 100}).ok());
  CHECK_FALSE(parse_journal(bytes, {identity.content, 101}).ok());
  CHECK_FALSE(parse_journal("", identity).ok());
  CHECK_FALSE(parse_journal("{\"a\": 1}", identity).ok());
  std::string later = bytes;
  later[8] = 2;
  CHECK_FALSE(parse_journal(later, identity).ok());
}

TEST_CASE("records of an older journal behind a shorter one are not taken for its own") {
  test::FakeFiles files;
  auto journal = create(files, JournalState{std::vector<bool>(100), {}});
  test::must(journal->add({1}));
  test::must(journal->add({2}));
  const std::string older = files.get("/j/log");
  const std::string shorter = encode_journal(identity, JournalState{std::vector<bool>(100, true), {}});
  // The disk kept the old tail: same length of records, other contents before.
  std::string mixed = shorter;
  if (older.size() > mixed.size()) mixed += older.substr(mixed.size());
  CHECK(pieces_in(test::must(parse_journal(mixed, identity))) == 100);
}

TEST_CASE("after a failed write or sync the journal is written anew, whole") {
  for (const auto failing : {test::Op::write, test::Op::sync}) {
    test::FakeFiles files;
    auto journal = create(files, some_state());
    files.set_fault([&](test::Op op, const std::string&, ByteCount) { return op == failing ? EIO : 0; });
    CHECK_FALSE(journal->add({10}).ok());
    CHECK_FALSE(journal->add({11}).ok());
    CHECK(pieces_in(test::must(load(files))) == 5);
    files.set_fault({});
    test::must(journal->add({12}));
    const JournalState read = test::must(load(files));
    CHECK(pieces_in(read) == 8);
    CHECK(read.have[10]);
    test::must(journal->add({13}));
    CHECK(pieces_in(test::must(load(files))) == 9);
  }
}

}  // namespace shoal::store
