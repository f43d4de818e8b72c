#include "store_lab.hpp"

#include <doctest/doctest.h>

namespace shoal::store::testing {

Sample::Sample(std::vector<LayoutFile> files, std::uint32_t piece_length, unsigned seed, Packing packing)
    : layout(std::move(files), piece_length, packing) {
  for (const auto& file : layout.files()) bytes.push_back(content(file.size, seed++));
  for (std::uint32_t i = 0; i < layout.piece_count(); ++i) pieces.push_back(crypto::sha256(piece(i)));
}

Sample::Sample() : Sample({{"dir/a", 200'000}, {"b", 10}, {"c", 0}, {"d", 3 * 64 * KiB}}) {}

std::string Sample::piece(std::uint32_t number) const {
  std::string piece;
  for (const FilePart& part : layout.parts(number)) piece += bytes[part.file].substr(part.offset, part.length);
  return piece;
}

std::vector<Sha256> Sample::digests() const {
  std::vector<Sha256> digests;
  for (const auto& file : bytes) digests.push_back(crypto::sha256(file));
  return digests;
}

NewContent Sample::spec(const fs::path& root, ContentAccess access) const {
  NewContent result;
  result.layout = layout;
  result.pieces = pieces;
  result.files = digests();
  result.root = root;
  result.access = access;
  result.identity = crypto::sha256("sample");
  return result;
}

PieceStore::Taken feed(PieceStore& store, ContentId id, const Sample& sample, std::uint32_t piece) {
  auto taken = PieceStore::Taken::yes;
  const std::string bytes = sample.piece(piece);
  for (std::size_t at = 0; at < bytes.size(); at += block)
    taken = store.write(id, piece, static_cast<std::uint32_t>(at), std::string_view(bytes).substr(at, block));
  return taken;
}

Result<Verdict> complete(PieceStore& store, ContentId id, std::uint32_t piece) {
  auto promise = std::make_shared<std::promise<Result<Verdict>>>();
  store.complete(id, piece, [promise](Result<Verdict> verdict) { promise->set_value(std::move(verdict)); });
  return wait_for(promise->get_future());
}

Result<std::string> read(PieceStore& store, ContentId id, std::uint32_t piece, std::uint32_t offset, std::uint32_t length) {
  auto promise = std::make_shared<std::promise<Result<std::string>>>();
  store.read(id, piece, offset, length, [promise](Result<Block> got) {
    if (got.ok()) promise->set_value(std::string(got->data, got->length));
    else promise->set_value(got.error());
  });
  return wait_for(promise->get_future());
}

Status flush(PieceStore& store, ContentId id) {
  auto promise = std::make_shared<std::promise<Status>>();
  store.flush(id, [promise](Status status) { promise->set_value(std::move(status)); });
  return wait_for(promise->get_future());
}

void stop(PieceStore& store, ContentId id) {
  auto promise = std::make_shared<std::promise<void>>();
  store.stop(id, [promise] { promise->set_value(); });
  wait_for(promise->get_future());
}

void clear(PieceStore& store, ContentId id, std::uint32_t piece) {
  auto promise = std::make_shared<std::promise<void>>();
  store.clear(id, piece, [promise] { promise->set_value(); });
  wait_for(promise->get_future());
}

void fetch(PieceStore& store, ContentId id, const Sample& sample, std::uint32_t piece) {
  REQUIRE(feed(store, id, sample, piece) != PieceStore::Taken::no);
  auto verdict = complete(store, id, piece);
  REQUIRE(verdict.ok());
  REQUIRE(verdict.value() == Verdict::verified);
}

void fetch_all(PieceStore& store, ContentId id, const Sample& sample) {
  for (std::uint32_t i = 0; i < sample.layout.piece_count(); ++i) fetch(store, id, sample, i);
}

ContentEvents Heard::events(const std::shared_ptr<Heard>& heard) {
  ContentEvents events;
  events.lost = [heard](const std::vector<std::uint32_t>& pieces, const Error&) {
    heard->lost.with([&](auto& lost) { lost.insert(lost.end(), pieces.begin(), pieces.end()); });
  };
  events.problem = [heard](const Error& error) { heard->problems.lock()->push_back(error); };
  return events;
}

}  // namespace shoal::store::testing
