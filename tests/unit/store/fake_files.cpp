#include "support/fake_files.hpp"

#include <algorithm>

namespace shoal::test {

using store::File;
using store::FileStamp;
using store::IoResult;
using store::OpenMode;

constexpr std::size_t sector = 512;

int FakeFiles::fault(Op op, const std::string& path, ByteCount offset) const {
  const Fault ask = fault_.with([](const Fault& f) { return f; });
  return ask ? ask(op, path, offset) : 0;
}

ByteCount FakeFiles::used(const State& state) {
  ByteCount sum = 0;
  for (const auto& [name, node] : state.names) sum += node->now.size();
  return sum;
}

class FakeFile final : public File {
 public:
  FakeFile(FakeFiles& files, FakeFiles::NodePtr node, std::string path) : files_(files), node_(std::move(node)), path_(std::move(path)) {}

  IoResult read(ByteCount offset, std::span<iovec> into) override {
    if (int error = files_.fault(Op::read, path_, offset); error != 0) return {0, error};
    auto state = files_.state_.lock();
    ++state->counts.reads;
    IoResult result;
    for (const iovec& buffer : into) {
      if (offset >= node_->now.size()) break;
      const std::size_t count = std::min<std::size_t>(buffer.iov_len, node_->now.size() - offset);
      node_->now.copy(static_cast<char*>(buffer.iov_base), count, offset);
      offset += count;
      result.bytes += count;
    }
    state->counts.bytes_read += result.bytes;
    return result;
  }

  IoResult write(ByteCount offset, std::span<iovec> from) override {
    if (int error = files_.fault(Op::write, path_, offset); error != 0) return {0, error};
    auto state = files_.state_.lock();
    ++state->counts.writes;
    std::string bytes;
    for (const iovec& buffer : from) bytes.append(static_cast<const char*>(buffer.iov_base), buffer.iov_len);
    const ByteCount end = offset + bytes.size();
    if (end > node_->now.size()) {
      if (FakeFiles::used(*state) + end - node_->now.size() > state->capacity) return {0, ENOSPC};
      node_->now.resize(end);
    }
    node_->now.replace(offset, bytes.size(), bytes);
    node_->changed = ++state->time;
    IoResult result{bytes.size(), 0};
    node_->unsynced.emplace_back(offset, std::move(bytes));
    return result;
  }

  /// As Linux does it: after a failure what was dirty is gone for good, and the next sync is content.
  int sync() override {
    const int error = files_.fault(Op::sync, path_, 0);
    auto state = files_.state_.lock();
    ++state->counts.syncs;
    if (error != 0) {
      node_->durable.resize(node_->now.size());
      node_->now = node_->durable;
    } else {
      node_->durable = node_->now;
    }
    node_->unsynced.clear();
    return error;
  }

  Result<FileStamp> stamp() override {
    auto state = files_.state_.lock();
    return FileStamp{node_->now.size(), node_->changed, node_->inode, 1};
  }

  int reserve(ByteCount offset, ByteCount length) override {
    if (int error = files_.fault(Op::reserve, path_, offset); error != 0) return error;
    const ByteCount end = offset + length;
    return end <= node_->now.size() ? 0 : resize(end);
  }

  int resize(ByteCount size) override {
    auto state = files_.state_.lock();
    if (size > node_->now.size() && FakeFiles::used(*state) + size - node_->now.size() > state->capacity) return ENOSPC;
    node_->now.resize(size);
    node_->durable.resize(size);
    return 0;
  }

  int clone(File& from, ByteCount from_offset, ByteCount offset, ByteCount length) override {
    if (int error = files_.fault(Op::clone, path_, offset); error != 0) return error;
    const std::string bytes = dynamic_cast<FakeFile&>(from).node_->now.substr(from_offset, length);
    auto state = files_.state_.lock();
    if (!state->clones) return EOPNOTSUPP;
    ++state->counts.clones;
    node_->now.replace(offset, length, bytes);
    node_->unsynced.emplace_back(offset, bytes);
    return 0;
  }

  void drop_cache(ByteCount, ByteCount) override {}

  bool is_hole(ByteCount offset, ByteCount length) override {
    auto state = files_.state_.lock();
    const std::string part = node_->now.substr(std::min<ByteCount>(offset, node_->now.size()), length);
    return part.find_first_not_of('\0') == std::string::npos;
  }

 private:
  FakeFiles& files_;
  const FakeFiles::NodePtr node_;
  const std::string path_;
};

class FakeDirectory final : public store::Directory {
 public:
  FakeDirectory(FakeFiles& files, fs::path path) : files_(files), path_(std::move(path)) {}

  Result<std::shared_ptr<File>> open(const fs::path& path, OpenMode mode) override {
    const std::string full = (path_ / path).string();
    if (int error = files_.fault(Op::open, full, 0); error != 0) return fail_errno(full, error);
    auto state = files_.state_.lock();
    auto& names = state->names;
    if (mode != OpenMode::create && !names.contains(full)) return fail_errno(full, ENOENT);
    auto& node = names[full];
    if (!node) {
      node = std::make_shared<FakeFiles::Node>();
      node->inode = state->next_inode++;
    }
    return std::shared_ptr<File>(std::make_shared<FakeFile>(files_, node, full));
  }

  /// Durable at once: a crash between a rename and the sync of its directory is the rename's business.
  Status rename(const std::string& from, const std::string& to) override {
    if (int error = files_.fault(Op::rename, (path_ / to).string(), 0); error != 0) return fail_errno(to, error);
    auto state = files_.state_.lock();
    auto node = state->names.extract((path_ / from).string());
    if (node.empty()) return fail_errno(from, ENOENT);
    state->names.insert_or_assign((path_ / to).string(), std::move(node.mapped()));
    return {};
  }

  Status sync() override { return {}; }

  store::DirectoryId id() const override {
    const fs::path below = path_.relative_path();
    return {below.empty() ? 0 : std::hash<std::string>()(below.begin()->string()), std::hash<std::string>()(path_.string())};
  }

 private:
  FakeFiles& files_;
  const fs::path path_;
};

Result<std::unique_ptr<store::Directory>> FakeFiles::open_directory(const fs::path& path) {
  return std::unique_ptr<store::Directory>(std::make_unique<FakeDirectory>(*this, path));
}

void FakeFiles::put(const fs::path& path, std::string content) {
  auto state = state_.lock();
  auto& node = state->names[path.string()];
  if (!node) {
    node = std::make_shared<Node>();
    node->inode = state->next_inode++;
  }
  node->now = node->durable = std::move(content);
  node->changed = ++state->time;
}

std::string FakeFiles::get(const fs::path& path) const {
  return state_.with([&](const State& state) { return state.names.at(path.string())->now; });
}

bool FakeFiles::exists(const fs::path& path) const {
  return state_.with([&](const State& state) { return state.names.contains(path.string()); });
}

void FakeFiles::flip(const fs::path& path, ByteCount offset) {
  auto state = state_.lock();
  auto& node = *state->names.at(path.string());
  node.now.at(offset) = static_cast<char>(node.now.at(offset) ^ 1);
  node.durable = node.now;
}

void FakeFiles::cut(const fs::path& path, ByteCount size) {
  auto state = state_.lock();
  auto& node = *state->names.at(path.string());
  node.now.resize(size);
  node.durable.resize(size);
}

std::unique_ptr<FakeFiles> FakeFiles::copy() const {
  auto other = std::make_unique<FakeFiles>();
  state_.with([&](const State& state) {
    auto theirs = other->state_.lock();
    *theirs = state;
    for (auto& [name, node] : theirs->names) node = std::make_shared<Node>(*node);
  });
  return other;
}

void FakeFiles::crash(std::mt19937_64& random) {
  auto state = state_.lock();
  for (auto& [name, node] : state->names) {
    std::string left = node->durable;
    left.resize(node->now.size());
    for (const auto& [offset, bytes] : node->unsynced) {
      const auto fate = random() % 3;
      for (std::size_t at = 0; at < bytes.size(); at += sector)
        if (fate == 1 || (fate == 2 && random() % 2 == 0))
          left.replace(offset + at, std::min(sector, bytes.size() - at), bytes, at, sector);
    }
    node->now = node->durable = left;
    node->unsynced.clear();
  }
}

}  // namespace shoal::test
