// A content over files that fail on request.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "store_lab.hpp"

namespace shoal::store::testing {

/// A content over imitated files, and what it said.
struct Lab {
  test::FakeFiles files;
  const Sample sample;
  std::shared_ptr<Heard> heard = std::make_shared<Heard>();
  std::unique_ptr<PieceStore> store;
  ContentId id{};

  Lab() = default;
  explicit Lab(Sample s) : sample(std::move(s)) {}

  NewContent spec(ContentAccess access) const {
    NewContent result = sample.spec("/root", access);
    if (access == ContentAccess::update) result.journal = "/state/journal";
    result.events = Heard::events(heard);
    return result;
  }
  Added start(ContentAccess access, StoreOptions options = small_store()) {
    store = std::make_unique<PieceStore>(files, options);
    Added added = test::must(store->add(spec(access)));
    id = added.id;
    return added;
  }
  void put_source() {
    for (std::size_t i = 0; i < sample.bytes.size(); ++i) files.put("/root" / fs::path(sample.layout.files()[i].path), sample.bytes[i]);
  }
  bool is_complete() const {
    for (std::size_t i = 0; i < sample.bytes.size(); ++i)
      if (files.get("/root" / fs::path(sample.layout.files()[i].path)) != sample.bytes[i]) return false;
    return true;
  }
};

inline test::Fault errno_for(test::Op op, int error, std::shared_ptr<std::atomic<int>> times = nullptr, const std::string& part = "/root") {
  return [=](test::Op o, const std::string& path, ByteCount) {
    if (o != op || path.find(part) == std::string::npos) return 0;
    return !times || times->fetch_sub(1) > 0 ? error : 0;
  };
}

}  // namespace shoal::store::testing
