// What the weights of a checkpoint are, from the headers of safetensors and GGUF (v2, v3) files. Pure: the caller reads the files.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "manifest/release.hpp"

namespace shoal::manifest {

/// A header that is longer is left unread; its summary then has zeroes. The format allows 100 MB, real ones have a few.
inline constexpr ByteCount safetensors_header_limit = 25'000'000;
/// GGUF headers hold the tokenizer: some tens of MB at most.
inline constexpr ByteCount gguf_header_limit = 64 * MiB;

/// The number that a safetensors file of `file_size` bytes starts with: the length of its JSON header. `first` are its first 8 bytes.
Result<ByteCount> safetensors_header_length(std::string_view first, ByteCount file_size);
/// `json_header` is the header without the 8 bytes before it, `data_size` what follows it in the file. Refuses tensors that
/// overlap, leave gaps, lie outside the file or have another size than their shape says: such a file is cut or damaged.
Result<FormatSummary> summarise_safetensors_header(std::string_view json_header, ByteCount data_size);

/// `head` is how a file of `file_size` bytes begins. Code `partial`: the header goes on beyond `head`, pass more of the file.
/// Versions that are not known give a summary with zeroes.
Result<FormatSummary> summarise_gguf_header(std::string_view head, ByteCount file_size);

/// The number that the header of a split GGUF file has, and of how many; `count` is 0 for a file that is whole.
struct GgufSplit {
  std::uint64_t no = 0, count = 0;
};
/// `head` is how a file of `file_size` bytes begins. Code `partial`: pass more of the file.
Result<GgufSplit> split_of_gguf(std::string_view head, ByteCount file_size);

/// The shards that a model.safetensors.index.json names, sorted, each once.
Result<std::vector<std::string>> shards_of_index(std::string_view index_json);
/// That every shard of the index at `index_path` is among `paths` (those of the release; shards are named relative to the index).
Status check_shards(std::string_view index_json, const std::string& index_path, const std::vector<std::string>& paths);

/// Reads up to `length` bytes at `offset` of a file of the release.
using ReadRange = std::function<Result<std::string>(const std::string& path, ByteCount offset, ByteCount length)>;
/// By the names alone: model-00001-of-00003.safetensors, variables.data-00000-of-00002, x.gguf.part1of2, consolidated.00.pth. Code `usage`
/// names a part that is missing.
Status check_numbered_parts(const std::vector<std::string>& paths);

/// All that tells of parts: the names, any index with a weight_map (model.safetensors.index.json, pytorch_model.bin.index.fp16.json), and
/// the headers of GGUF files. Code `usage` names a part that is missing.
Status check_complete(const std::vector<FileEntry>& files, const ReadRange& read);

/// The sum over all files of a checkpoint: kind "safetensors" if it has such files, else "gguf" if it has those, else "other".
/// Damaged headers and missing parts (check_complete) are errors with code `usage` that name the file.
Result<FormatSummary> summarise_checkpoint(const std::vector<FileEntry>& files, const ReadRange& read);

}  // namespace shoal::manifest
