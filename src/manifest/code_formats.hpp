// Formats that execute code when they are loaded: Python's pickle, in every wrapping that is common for models. Pure.
//
// Looked for by name and by content, because either may lie. What is not looked into: compressed data (gzip, xz, zip members that are
// deflated) beyond the names in it, and code of other kinds (.keras and .h5 with Lambda layers, .py files beside a model).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manifest/model_format.hpp"

namespace shoal::manifest {

/// So much of the beginning of a file is looked at.
inline constexpr ByteCount code_head = 64 * KiB;
/// So much of the end of a zip archive, where its directory lies.
inline constexpr ByteCount code_tail = 1 * MiB;

/// Why loading a file of this name executes code, such as "its name ends in .pkl"; nothing where the name does not say so.
std::optional<std::string> executes_code_by_name(std::string_view path);
/// The same from how the file begins (code_head bytes, or all of it). `file_size` bounds the lengths in it.
std::optional<std::string> executes_code_by_magic(std::string_view head, ByteCount file_size);
inline std::optional<std::string> executes_code_by_magic(std::string_view head) { return executes_code_by_magic(head, head.size()); }
/// From how a zip archive ends: the names in its directory.
std::optional<std::string> executes_code_by_zip_directory(std::string_view tail);

/// "path: why" for each file whose name, or content, says so.
std::vector<std::string> code_files_by_name(const std::vector<FileEntry>& files);
Result<std::vector<std::string>> code_files_by_content(const std::vector<FileEntry>& files, const ReadRange& read);

}  // namespace shoal::manifest
