#include "tracker/database.hpp"

#include <fcntl.h>
#include <sqlite3.h>

#include <map>

#include "base/files.hpp"

namespace shoal::tracker {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Handle = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

/// Each entry takes the schema from version (its index) to the next. Never change one that was released: add another.
constexpr const char* migrations[] = {
    R"sql(
CREATE TABLE tokens(
  id BLOB PRIMARY KEY,
  secret_hash BLOB NOT NULL,          -- SHA-256; the secret itself is never stored
  role TEXT NOT NULL,
  uses_left INTEGER NOT NULL CHECK(uses_left >= 0),
  created INTEGER NOT NULL,           -- times are seconds since 1970
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE machines(
  id TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  name TEXT NOT NULL,
  site TEXT NOT NULL,
  enrolled INTEGER NOT NULL,
  certificate_until INTEGER NOT NULL
) STRICT;
CREATE TABLE enrolments(              -- which key a token let in, so that a lost answer can be given again
  token BLOB NOT NULL REFERENCES tokens(id),
  key BLOB NOT NULL,                  -- SHA-256 of the SubjectPublicKeyInfo
  machine TEXT NOT NULL REFERENCES machines(id),
  at INTEGER NOT NULL,
  PRIMARY KEY(token, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE releases(
  id BLOB PRIMARY KEY,
  model TEXT NOT NULL,
  version TEXT NOT NULL,
  info_hash BLOB NOT NULL,
  size INTEGER NOT NULL,
  created INTEGER NOT NULL,
  published INTEGER NOT NULL,
  publisher TEXT NOT NULL,            -- the machine that sent it; who signed it is in the envelope
  envelope BLOB NOT NULL,
  metainfo BLOB NOT NULL,
  UNIQUE(model, version)
) STRICT;
CREATE TABLE channels(
  model TEXT NOT NULL,
  channel TEXT NOT NULL,
  epoch INTEGER NOT NULL,             -- unsigned 64 bit, kept as its two's complement
  sequence INTEGER NOT NULL,
  release BLOB NOT NULL REFERENCES releases(id),
  envelope BLOB NOT NULL,
  updated INTEGER NOT NULL,
  PRIMARY KEY(model, channel)
) STRICT, WITHOUT ROWID;
)sql",
    R"sql(
CREATE TABLE channel_history(           -- every pointer that a channel had; the newest has the highest id
  id INTEGER PRIMARY KEY,
  model TEXT NOT NULL,
  channel TEXT NOT NULL,
  release BLOB NOT NULL REFERENCES releases(id),
  envelope BLOB NOT NULL,
  who TEXT NOT NULL,                    -- the machine that sent it; empty where this was not kept yet
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX channel_history_of ON channel_history(model, channel, id);
INSERT INTO channel_history(model, channel, release, envelope, who, at) SELECT model, channel, release, envelope, '', updated FROM channels;
CREATE TABLE trust_roots(
  version INTEGER PRIMARY KEY,
  fingerprint BLOB NOT NULL,
  envelope BLOB NOT NULL,
  who TEXT NOT NULL,                    -- empty for the one of the state directory
  added INTEGER NOT NULL
) STRICT;
ALTER TABLE releases ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;  -- when; 0: it is not
ALTER TABLE releases ADD COLUMN withdrawn_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE channels ADD COLUMN halted INTEGER NOT NULL DEFAULT 0;     -- the rollout of this pointer was halted
ALTER TABLE tokens ADD COLUMN trust_root BLOB NOT NULL DEFAULT x'';    -- fingerprint that the token pins; empty: the first root's
)sql",
    R"sql(
ALTER TABLE machines ADD COLUMN revoked INTEGER NOT NULL DEFAULT 0;      -- when; 0: it is not
ALTER TABLE machines ADD COLUMN revoked_reason TEXT NOT NULL DEFAULT '';
)sql",
    R"sql(
ALTER TABLE machines ADD COLUMN key BLOB NOT NULL DEFAULT x'';           -- SHA-256 of the SubjectPublicKeyInfo in use; empty: not known yet
ALTER TABLE machines ADD COLUMN next_key BLOB NOT NULL DEFAULT x'';      -- of a certificate that was issued and not seen in use yet
ALTER TABLE machines ADD COLUMN held_twice INTEGER NOT NULL DEFAULT 0;   -- since when two are known to hold the key; 0: they are not
ALTER TABLE releases ADD COLUMN withdrawal BLOB NOT NULL DEFAULT x'';    -- the signed envelope; empty where a version before this took it unsigned
)sql",
    R"sql(
ALTER TABLE channels ADD COLUMN made INTEGER NOT NULL DEFAULT 9223372036854775807;  -- rises from channel to channel; not known: the newest
UPDATE channels SET made = COALESCE((SELECT min(id) FROM channel_history h WHERE h.model = channels.model AND h.channel = channels.channel), made);
CREATE INDEX channels_by_age ON channels(made);
)sql",
    R"sql(
ALTER TABLE channels ADD COLUMN judged_from INTEGER NOT NULL DEFAULT 0;   -- failures under an earlier sequence do not count
ALTER TABLE channels ADD COLUMN judged_since INTEGER NOT NULL DEFAULT 0;  -- when the pointer of that sequence came
)sql",
    R"sql(
ALTER TABLE machines ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;  -- when; 0: it is not. The row stays while histories name the machine
)sql",
    R"sql(
DROP INDEX channels_by_age;
CREATE INDEX channels_standing ON channels(made, model, channel, epoch, sequence, halted, judged_from, judged_since);  -- all but the envelope
)sql",
    R"sql(
CREATE TABLE deleted_channels(  -- so that no pointer from before brings one back
  model TEXT NOT NULL,
  channel TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  envelope BLOB NOT NULL,       -- of the deletion
  until INTEGER NOT NULL,       -- the last of its pointers has expired then
  PRIMARY KEY(model, channel)
) STRICT, WITHOUT ROWID;
)sql"};
constexpr int schema_version = static_cast<int>(std::size(migrations));

ErrorCode code_of(int sqlite_code) {
  if (sqlite_code == SQLITE_FULL) return ErrorCode::no_space;
  if ((sqlite_code & 0xff) == SQLITE_CONSTRAINT) return ErrorCode::conflict;
  return ErrorCode::failed;
}

Error sqlite_error(sqlite3* handle) {
  return fail(code_of(sqlite3_errcode(handle)), std::string("tracker database: ") + sqlite3_errmsg(handle));
}

int bind(sqlite3_stmt* statement, int index, const Value& value) {
  if (value.is_number()) return sqlite3_bind_int64(statement, index, value.number());
  // A null pointer would bind NULL where an empty value is meant.
  const char* bytes = value.bytes().empty() ? "" : value.bytes().data();
  if (value.is_blob()) return sqlite3_bind_blob64(statement, index, bytes, value.bytes().size(), SQLITE_STATIC);
  return sqlite3_bind_text64(statement, index, bytes, value.bytes().size(), SQLITE_STATIC, SQLITE_UTF8);
}

Row read_row(sqlite3_stmt* statement) {
  std::vector<std::variant<std::int64_t, std::string>> cells;
  for (int i = 0; i < sqlite3_column_count(statement); ++i) {
    if (sqlite3_column_type(statement, i) == SQLITE_INTEGER) {
      cells.emplace_back(static_cast<std::int64_t>(sqlite3_column_int64(statement, i)));
      continue;
    }
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, i));
    auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, i));
    cells.emplace_back(bytes == nullptr ? std::string() : std::string(bytes, size));
  }
  return Row(std::move(cells));
}

}  // namespace

struct Connection {
  Handle handle;
  std::map<const char*, Statement> statements;  // by address of the literal

  Result<sqlite3_stmt*> prepare(const char* sql) {
    Statement& kept = statements[sql];
    if (kept) return kept.get();
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v3(handle.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr) != SQLITE_OK)
      return sqlite_error(handle.get());
    kept.reset(made);
    return made;
  }
};

void Database::Close::operator()(Connection* connection) const { delete connection; }

std::int64_t Row::number(std::size_t column) const {
  const auto* number = std::get_if<std::int64_t>(&cells_[column]);
  return number == nullptr ? 0 : *number;
}

const std::string& Row::text(std::size_t column) const {
  static const std::string none;
  const auto* text = std::get_if<std::string>(&cells_[column]);
  return text == nullptr ? none : *text;
}

Result<std::vector<Row>> Session::run(const char* sql, std::initializer_list<Value> values) {
  SHOAL_TRY(sqlite3_stmt * statement, connection_.prepare(sql));
  // The statement must not keep pointers to borrowed values, nor a lock, after this call.
  struct Reset {
    sqlite3_stmt* statement;
    ~Reset() {
      sqlite3_reset(statement);
      sqlite3_clear_bindings(statement);
    }
  } reset{statement};
  int index = 0;
  for (const Value& value : values)
    if (bind(statement, ++index, value) != SQLITE_OK) return sqlite_error(connection_.handle.get());
  std::vector<Row> rows;
  int step = 0;
  while ((step = sqlite3_step(statement)) == SQLITE_ROW) rows.push_back(read_row(statement));
  if (step != SQLITE_DONE) return sqlite_error(connection_.handle.get());
  return rows;
}

std::int64_t Session::changes() const { return sqlite3_changes64(connection_.handle.get()); }

Status Database::execute(Connection& connection, const char* sql) {
  if (sqlite3_exec(connection.handle.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return sqlite_error(connection.handle.get());
  return {};
}

Result<Database::Owned> Database::connect(const std::filesystem::path& path) {
  sqlite3* opened = nullptr;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;  // Guarded serialises
  int code = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  Owned connection(new Connection{Handle(opened), {}});
  if (code != SQLITE_OK) return sqlite_error(opened);
  sqlite3_busy_timeout(opened, 5000);  // milliseconds
  SHOAL_CHECK(execute(*connection, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"));
  return connection;
}

Result<Database> Database::open(const std::filesystem::path& path) {
  // SQLite would create the file readable for all; its -wal and -shm files take the mode of this one.
  SHOAL_CHECK(open_file(path, O_RDWR | O_CREAT, 0600));
  auto connections = std::make_unique<Connections>();
  SHOAL_TRY(*connections->writer.lock(), connect(path).within(path.string()));
  Database database(std::move(connections));
  Status migrated = database.write([&](Session& session) -> Status {
    SHOAL_TRY(auto rows, session.run("PRAGMA user_version"));
    std::int64_t version = rows.at(0).number(0);
    if (version > schema_version)
      return fail(ErrorCode::usage, "was written by a later version of shoal (schema " + std::to_string(version) + "): update this one");
    for (auto i = static_cast<std::size_t>(version); i < std::size(migrations); ++i)
      SHOAL_CHECK(execute(session.connection_, migrations[i]));
    return execute(session.connection_, ("PRAGMA user_version=" + std::to_string(schema_version)).c_str());
  });
  SHOAL_CHECK(std::move(migrated).within(path.string()));
  SHOAL_TRY(*database.connections_->reader.lock(), connect(path).within(path.string()));
  return database;
}

Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

}  // namespace shoal::tracker
