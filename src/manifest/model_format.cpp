#include "manifest/model_format.hpp"

#include <algorithm>

#include "manifest/checked_math.hpp"

namespace shoal::manifest {
namespace {

// A checkpoint in one read for most files, and eight times as much each time that this is not enough.
constexpr ByteCount first_read = 1 * MiB;

Error cut(const std::string& what) {
  return fail(ErrorCode::usage, what + ": the file is shorter than it was: it changed while it was read");
}

Result<std::string> read_exactly(const ReadRange& read, const std::string& path, ByteCount offset, ByteCount length) {
  SHOAL_TRY(std::string bytes, read(path, offset, length));
  if (bytes.size() != length) return cut(path);
  return bytes;
}

Result<FormatSummary> summarise_safetensors(const FileEntry& file, const ReadRange& read) {
  SHOAL_TRY(std::string first, read_exactly(read, file.path, 0, std::min<ByteCount>(8, file.size)));
  SHOAL_TRY(ByteCount length, safetensors_header_length(first, file.size));
  if (length > safetensors_header_limit) return FormatSummary{"safetensors", 0, 0, {}};
  SHOAL_TRY(std::string header, read_exactly(read, file.path, 8, length));
  return summarise_safetensors_header(header, file.size - 8 - length);
}

Result<FormatSummary> summarise_gguf(const FileEntry& file, const ReadRange& read) {
  for (ByteCount length = first_read;; length *= 8) {
    SHOAL_TRY(std::string head, read_exactly(read, file.path, 0, std::min({length, file.size, gguf_header_limit})));
    Result<FormatSummary> summary = summarise_gguf_header(head, file.size);
    if (summary.ok() || summary.error().code != ErrorCode::partial) return summary;
    if (length >= gguf_header_limit) return FormatSummary{"gguf", 0, 0, {}};
  }
}

Status add_to(FormatSummary& total, const FormatSummary& part) {
  bool fits = add(total.tensors, part.tensors) && add(total.parameters, part.parameters);
  for (const auto& [dtype, bytes] : part.bytes_per_dtype) fits = fits && add(total.bytes_per_dtype[dtype], bytes);
  if (!fits || total.tensors > number_limit || total.parameters > number_limit)
    return fail(ErrorCode::usage, "the counts of its tensors are beyond 2^53");
  return {};
}

Result<FormatSummary> sum(const std::vector<FileEntry>& files, const ReadRange& read, const char* kind,
                          Result<FormatSummary> (*summarise)(const FileEntry&, const ReadRange&)) {
  FormatSummary total{"other", 0, 0, {}};
  for (const FileEntry& file : files) {
    if (!file.path.ends_with(std::string(".") + kind)) continue;
    total.kind = kind;
    SHOAL_TRY(FormatSummary part, summarise(file, read).within(file.path));
    SHOAL_CHECK(add_to(total, part).within(file.path));
  }
  return total;
}

}  // namespace

Result<FormatSummary> summarise_checkpoint(const std::vector<FileEntry>& files, const ReadRange& read) {
  SHOAL_CHECK(check_complete(files, read));
  SHOAL_TRY(FormatSummary safetensors, sum(files, read, "safetensors", summarise_safetensors));
  if (safetensors.kind != "other") return safetensors;
  return sum(files, read, "gguf", summarise_gguf);
}

}  // namespace shoal::manifest
