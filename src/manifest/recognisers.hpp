// One function for each family of formats: does a file have this structure, and can what has it execute code? For the sources of this
// folder; code_formats.hpp is what others use.
//
// All input is hostile: counts are compared with what is left of the file before they are believed, nothing recurses without a depth,
// and FileBytes bounds what is read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manifest/file_view.hpp"

namespace shoal::manifest {

struct Verdict {
  enum class Is { other, good, bad } is = Is::other;
  std::string why = {};  // of `bad`, such as "it is a Python pickle"

  explicit operator bool() const { return is != Is::other; }
};
inline Verdict good() { return {Verdict::Is::good}; }
inline Verdict bad(std::string why) { return {Verdict::Is::bad, std::move(why)}; }

/// A part of another file that an ONNX or OpenVINO model describes.
struct RawPart {
  std::string path;  // in the release
  ByteCount offset = 0;
  std::optional<ByteCount> length = {};  // up to the end where it is absent
};

/// What a file says of others.
struct Facts {
  std::vector<RawPart> raw;
  std::vector<std::string> modules;  // Python modules that a configuration tells loaders to import, such as "modeling_x.Model"
};

/// The file under its path in the release (or in an archive), and how many archives it lies in.
struct Subject {
  std::string_view path;
  View bytes;
  int depth = 0;
};

/// By every recogniser below; `other` is binary data that none of them knows.
Verdict inspect(const Subject& subject, Facts& facts);

// What may hide in a file whatever its beginning looks like.
Verdict recognise_pickle(const View& bytes);
Verdict recognise_zip(const Subject& subject, Facts& facts);
Verdict recognise_tar(const Subject& subject, Facts& facts);
Verdict recognise_hdf5(const View& bytes);
/// What the directory of a zip archive alone says: `bad` where recognise_zip cannot come to another verdict, `good` where its members
/// decide.
Verdict foresee_zip(const View& bytes);

// What holds data alone.
Verdict recognise_safetensors(const View& bytes);
Verdict recognise_gguf(const View& bytes);
Verdict recognise_numpy(const View& bytes);
Verdict recognise_onnx(const Subject& subject, Facts& facts);
Verdict recognise_sentencepiece(const View& bytes);
Verdict recognise_flax(const View& bytes);
Verdict recognise_ctranslate2(const View& bytes);
Verdict recognise_whisper(const View& bytes);
Verdict recognise_media(const View& bytes);
/// UTF-8 without NUL, but for YAML that makes objects and JSON that names code. Notes what configurations name.
Verdict recognise_text(const Subject& subject, Facts& facts);

/// What a file is that none of them knows, such as "it is an ELF program or library".
std::string describe(const View& bytes);

/// Whether it is surely a program or a library, or a TensorRT plan: weights hardly begin like that.
bool is_program(const View& bytes);

/// The Python modules that JSON (of any dialect) names where loaders import what it names, and whether it asks for code itself.
struct JsonNames {
  std::vector<std::string> modules;
  std::string code;  // why it needs consent, or nothing
};
JsonNames names_in_json(const View& bytes, bool every_string);

/// The parts of its weights that an OpenVINO description (.xml) gives, for the file beside it.
void note_openvino(const Subject& subject, Facts& facts);

}  // namespace shoal::manifest
