// Small files of many formats, whole and twisted.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace shoal::test {

using namespace std::string_literals;

inline std::string little(std::uint64_t value, std::size_t width) {
  std::string bytes;
  for (std::size_t i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}
inline std::string big(std::uint64_t value, std::size_t width) {
  const std::string bytes = little(value, width);
  return {bytes.rbegin(), bytes.rend()};
}

/// What pickle.dumps of Python 3.11 makes of an object that calls os.system("id").
inline std::string call_of_system(int protocol) {
  switch (protocol) {
    case 0: return "cposix\nsystem\np0\n(Vid\np1\ntp2\nRp3\n.";
    case 1: return "cposix\nsystem\nq\0(X\2\0\0\0idq\1tq\2Rq\3."s;
    case 2:
    case 3: return "\x80"s + static_cast<char>(protocol) + "cposix\nsystem\nq\0X\2\0\0\0idq\1\x85q\2Rq\3."s;
    default:
      return "\x80"s + static_cast<char>(protocol) +
             "\x95\x1d\0\0\0\0\0\0\0\x8c\5posix\x94\x8c\6system\x94\x93\x94\x8c\2id\x94\x85\x94R\x94."s;
  }
}
/// The same, short, where protocol 0 goes on.
inline const std::string call = "cposix\nsystem\n(S'id'\ntR.";

/// collections.OrderedDict([("layer.weight", [1.0, 2.5]), ("b", None)]), as a state dict looks.
inline const std::string state_dict =
    "\x80\x04\x95N\0\0\0\0\0\0\0\x8c\x0b"
    "collections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94(\x8c\x0clayer.weight\x94]\x94(G?\xf0\0\0\0\0\0\0G@\4\0\0\0\0\0\0"
    "e\x8c\x01"
    "b\x94Nu."s;

/// One tensor of the bytes; the header is padded to `header` bytes with the eight before it.
inline std::string safetensors(const std::string& data, std::size_t header = 128) {
  const std::string size = std::to_string(data.size());
  std::string json = R"({"t":{"dtype":"U8","shape":[)" + size + R"(],"data_offsets":[0,)" + size + "]}}";
  json.resize(header - 8, ' ');
  return little(json.size(), 8) + json + data;
}

inline std::string gguf() { return "GGUF"s + little(3, 4) + little(0, 8) + little(0, 8); }

// --- archives ---

using Members = std::vector<std::pair<std::string, std::string>>;

struct ZipOptions {
  bool stored = true;
  bool encrypted = false;
  std::string comment = {};
  std::string before_directory = {};
};

inline std::string zip(const Members& members, const ZipOptions& options = {}) {
  std::string file, directory;
  for (const auto& [name, content] : members) {
    const std::string fields = little(options.encrypted ? 1 : 0, 2) + little(options.stored ? 0 : 8, 2) + std::string(8, '\0') +
                               little(content.size(), 4) + little(content.size(), 4) + little(name.size(), 2) + little(0, 2);
    directory += "PK\1\2\x14\0\x14\0"s + fields + std::string(10, '\0') + little(file.size(), 4) + name;
    file += "PK\3\4\x14\0"s + fields + name + content;
  }
  file += options.before_directory;
  return file + directory + "PK\5\6\0\0\0\0"s + little(members.size(), 2) + little(members.size(), 2) + little(directory.size(), 4) +
         little(file.size(), 4) + little(options.comment.size(), 2) + options.comment;
}

inline std::string tar_header(const std::string& name, std::size_t size, char kind = '0', char fill = '\0') {
  std::string block(512, fill);
  block.replace(0, name.size(), name);
  char number[16];
  std::snprintf(number, sizeof number, "%011zo ", size);
  block.replace(124, 12, number, 12);
  block.replace(148, 8, 8, ' ');
  block[156] = kind;
  unsigned sum = 0;
  for (char c : block) sum += static_cast<unsigned char>(c);
  std::snprintf(number, sizeof number, "%06o  ", sum);
  block.replace(148, 8, number, 8);
  return block;
}
inline std::string tar_member(const std::string& name, const std::string& content, char kind = '0') {
  return tar_header(name, content.size(), kind) + content + std::string((512 - content.size() % 512) % 512, '\0');
}
inline std::string tar(const Members& members) {
  std::string file;
  for (const auto& [name, content] : members) file += tar_member(name, content);
  return file + std::string(1024, '\0');
}

// --- numpy ---

inline std::string numpy(const std::string& descr, std::size_t data, const std::string& shape = "(3,)", char version = 1) {
  const std::string header = "{'descr': " + descr + ", 'fortran_order': False, 'shape': " + shape + ", }\n";
  return "\x93NUMPY"s + version + '\0' + little(header.size(), version == 1 ? 2 : 4) + header + std::string(data, '\0');
}

// --- protocol buffers ---

inline std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
inline std::string message(unsigned field, const std::string& content) { return varint(field << 3 | 2) + varint(content.size()) + content; }
inline std::string number(unsigned field, std::uint64_t value) { return varint(field << 3) + varint(value); }

inline std::string onnx_tensor(const std::map<std::string, std::string>& external) {
  std::string tensor = number(1, 3) + number(2, 1) + message(8, "W") + number(14, 1);
  for (const auto& [key, value] : external) tensor += message(13, message(1, key) + message(2, value));
  return tensor;
}
inline std::string onnx_of(const std::string& graph) {
  return number(1, 8) + message(2, "maker") + message(7, graph) + message(8, number(2, 17));
}
inline std::string onnx_node(const std::string& operation, const std::string& attributes = "") {
  return message(1, message(1, "X") + message(2, "Y") + message(4, operation) + attributes);
}
inline std::string onnx(const std::map<std::string, std::string>& external = {}) {
  return onnx_of(onnx_node("MatMul") + message(2, "g") + (external.empty() ? "" : message(5, onnx_tensor(external))));
}

inline std::string sentencepiece() {
  std::string model;
  for (const char* piece : {"<unk>", "<s>", "</s>", "\xe2\x96\x81the"})
    model += message(1, message(1, piece) + varint(2 << 3 | 5) + "\0\0\x80\x3f"s + number(3, 1));
  return model + message(2, number(3, 1)) + message(3, message(1, "nmt_nfkc"));
}

// --- others ---

inline std::string flax_array(const std::string& dtype, const std::string& data) {
  const std::string array = "\x93\x91"s + static_cast<char>(data.size()) + static_cast<char>(0xA0 | dtype.size()) + dtype + "\xc4" +
                            static_cast<char>(data.size()) + data;
  return "\xc7"s + static_cast<char>(array.size()) + "\1" + array;
}
inline std::string flax(const std::string& leaf) { return "\x81\xa6params\x82\xa1w"s + leaf + "\xa1n\3"; }

inline std::string ctranslate2() {
  auto name = [](const std::string& text) { return little(text.size() + 1, 2) + text + '\0'; };
  return little(6, 4) + name("WhisperSpec") + little(3, 4) + little(1, 4) + name("w") + "\2" + little(2, 4) + little(3, 4) + '\0' +
         little(24, 4) + std::string(24, 'w') + little(1, 4) + name("alias") + name("w");
}
inline std::string whisper() {
  return "lmgg"s + std::string(44, '\1') + little(1, 4) + little(2, 4) + std::string(8, 'f') + little(1, 4) + little(3, 4) + "abc" +
         little(2, 4) + little(1, 4) + little(2, 4) + little(32, 4) + little(2, 4) + "w" + std::string(36, 'q');
}

inline std::string png_chunk(const std::string& kind, const std::string& data) { return big(data.size(), 4) + kind + data + "\0\0\0\0"s; }
inline std::string png() {
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", std::string(13, '\1')) + png_chunk("IDAT", "x") + png_chunk("IEND", "");
}
inline std::string wav() {
  return "RIFF" + little(36 + 8, 4) + "WAVEfmt " + little(16, 4) + std::string(16, '\1') + "data" + little(8, 4) + std::string(8, '\2');
}
inline std::string mp3() {
  std::string file;
  for (int i = 0; i < 4; ++i) file += "\xff\xfb\x90\x00"s + std::string(413, '\0');
  return file;
}

}  // namespace shoal::test
