// What must outlive the tracker's process: one SQLite file. The only door to SQLite.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/guarded.hpp"
#include "base/result.hpp"

namespace shoal::tracker {

struct Connection;

/// A value on its way into a statement. Text and blobs are borrowed until `run` returns.
class Value {
 public:
  static Value blob(std::string_view bytes) { return Value(bytes, true); }
  Value(std::string_view text) : Value(text, false) {}
  Value(const std::string& text) : Value(std::string_view(text), false) {}
  Value(const char* text) : Value(std::string_view(text), false) {}
  Value(std::int64_t number) : number_(number) {}

  bool is_number() const { return !is_bytes_; }
  bool is_blob() const { return is_blob_; }
  std::int64_t number() const { return number_; }
  std::string_view bytes() const { return bytes_; }

 private:
  Value(std::string_view bytes, bool blob) : bytes_(bytes), is_bytes_(true), is_blob_(blob) {}
  std::string_view bytes_;
  std::int64_t number_ = 0;
  bool is_bytes_ = false;
  bool is_blob_ = false;
};

/// One row of an answer.
class Row {
 public:
  explicit Row(std::vector<std::variant<std::int64_t, std::string>> cells) : cells_(std::move(cells)) {}
  /// 0 for a cell that holds text.
  std::int64_t number(std::size_t column) const;
  /// Text or blob; empty for NULL and for a number.
  const std::string& text(std::size_t column) const;

 private:
  std::vector<std::variant<std::int64_t, std::string>> cells_;
};

/// Runs statements inside one transaction. Lives only while the work that Database was given runs.
class Session {
 public:
  /// `sql` must be a literal: prepared statements are kept by its address.
  Result<std::vector<Row>> run(const char* sql, std::initializer_list<Value> values = {});
  /// Rows that the last INSERT, UPDATE or DELETE changed.
  std::int64_t changes() const;

 private:
  friend class Database;
  explicit Session(Connection& connection) : connection_(connection) {}
  Connection& connection_;
};

/// WAL with synchronous=FULL: what `write` committed survives a power cut. A second process (`token create`) may have the
/// same file open; each side waits up to five seconds for the other. Thread-safe; calls block on the disk.
class Database {
 public:
  /// Opens or creates the file (mode 0600) and brings its schema up to date in one transaction. A file of a later version
  /// of the software is refused.
  static Result<Database> open(const std::filesystem::path& path);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  /// `work(Session&)` returns a Result or Status and sees one consistent state.
  template <class Work>
  auto read(Work&& work) {
    return in_transaction(connections_->reader, "BEGIN", std::forward<Work>(work));
  }
  /// The same, and changes: all of them if `work` succeeds and the commit does, otherwise none. One writer at a time.
  template <class Work>
  auto write(Work&& work) {
    return in_transaction(connections_->writer, "BEGIN IMMEDIATE", std::forward<Work>(work));
  }

 private:
  struct Close {
    void operator()(Connection* connection) const;
  };
  using Owned = std::unique_ptr<Connection, Close>;
  struct Connections {
    Guarded<Owned> reader;
    Guarded<Owned> writer;
  };

  explicit Database(std::unique_ptr<Connections> connections) : connections_(std::move(connections)) {}
  static Result<Owned> connect(const std::filesystem::path& path);
  static Status execute(Connection& connection, const char* sql);

  template <class Work>
  static auto in_transaction(Guarded<Owned>& guarded, const char* begin, Work&& work) {
    auto locked = guarded.lock();
    Connection& connection = **locked;
    Session session(connection);
    using Outcome = decltype(work(session));
    if (Status begun = execute(connection, begin); !begun.ok()) return Outcome(std::move(begun).error());
    Outcome outcome = work(session);
    if (outcome.ok()) {
      if (Status committed = execute(connection, "COMMIT"); !committed.ok()) outcome = Outcome(std::move(committed).error());
    }
    if (!outcome.ok()) (void)execute(connection, "ROLLBACK");
    return outcome;
  }

  std::unique_ptr<Connections> connections_;
};

}  // namespace shoal::tracker
