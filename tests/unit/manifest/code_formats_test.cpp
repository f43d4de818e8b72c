#include "manifest/code_formats.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace shoal;
using namespace shoal::manifest;
using namespace std::string_literals;

namespace {

/// What pickle.dumps of Python 3.11 makes of an object that calls os.system("id").
std::string call_of_system(int protocol) {
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

/// collections.OrderedDict([("layer.weight", [1.0, 2.5]), ("b", None)]), as a state dict looks.
const std::string state_dict =
    "\x80\x04\x95N\0\0\0\0\0\0\0\x8c\x0b"
    "collections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94(\x8c\x0clayer.weight\x94]\x94(G?\xf0\0\0\0\0\0\0G@\4\0\0\0\0\0\0"
    "e\x8c\x01"
    "b\x94Nu."s;

std::string little(std::uint64_t value, std::size_t width) {
  std::string bytes;
  for (std::size_t i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string zip_member(const std::string& name, const std::string& content, bool stored = true) {
  return "PK\3\4\x14\0\0\0"s + little(stored ? 0 : 8, 2) + std::string(8, '\0') + little(content.size(), 4) + little(content.size(), 4) +
         little(name.size(), 2) + little(0, 2) + name + content;
}

std::string zip_directory_entry(const std::string& name) {
  return "PK\1\2"s + std::string(24, '\0') + little(name.size(), 2) + std::string(16, '\0') + name;
}

std::string tar_member(const std::string& name, const std::string& content) {
  std::string block(512, '\0');
  block.replace(0, name.size(), name);
  char size[12];
  std::snprintf(size, sizeof size, "%011zo", content.size());
  block.replace(124, 11, size);
  block.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (char c : block) sum += static_cast<unsigned char>(c);
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  block.replace(148, 7, digits, 7);
  return block + content + std::string((512 - content.size() % 512) % 512, '\0');
}

std::string numpy_file(const std::string& descr) {
  const std::string header = "{'descr': " + descr + ", 'fortran_order': False, 'shape': (3,), }\n";
  return "\x93NUMPY\1\0"s + little(header.size(), 2) + header + std::string(24, '\0');
}

bool flagged(const std::string& head) { return executes_code_by_magic(head).has_value(); }

std::string noise(std::mt19937_64& engine, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(engine());
  return bytes;
}

}  // namespace

TEST_CASE("names of pickles are known, in any case, directory and compression") {
  for (const char* path : {"a.pkl", "deep/er/model.PT", "x.pth", "epoch=3.ckpt", "clf.joblib", "f.dill", "o.pickle", "model.pkl.gz",
                           "m.pkl.XZ", "pytorch_model.bin", "pytorch_model-00001-of-00002.bin"})
    CHECK_MESSAGE(executes_code_by_name(path), path);
}

TEST_CASE("names of other formats are let pass") {
  for (const char* path : {"model.safetensors", "model.gguf", "config.json", "weights-1.bin", "model.onnx", "a.pkl/notes.txt", "pt",
                           "readme.md", "tokenizer.model", "vocab.txt", "x.npy", "data.tar.gz", "flax_model.msgpack"})
    CHECK_MESSAGE(!executes_code_by_name(path), path);
}

TEST_CASE("a pickle that calls something is found in every protocol, whatever its name is") {
  for (int protocol = 0; protocol <= 5; ++protocol) CHECK_MESSAGE(flagged(call_of_system(protocol)), protocol);
}

TEST_CASE("a pickle of weights is found, whole or as the beginning of a large file") {
  CHECK(flagged(state_dict));
  CHECK(executes_code_by_magic(state_dict.substr(0, 70), 10'000'000));
  CHECK(executes_code_by_magic("\x80\x02]q\0(X\0\0\1\0"s + std::string(60'000, 'a'), 1'000'000));
}

TEST_CASE("a pickle that breaks off after it has called something is found") {
  CHECK(flagged(call_of_system(0).substr(0, 30) + "\xff\xff\xff"));
  CHECK(flagged(call_of_system(4).substr(0, 42) + "\xff\xff"));
}

TEST_CASE("a pickle behind a long string of junk is found") {
  std::string padded = "\x80\x02X"s + little(40'000, 4) + std::string(40'000, 'x') + "0" + call_of_system(2).substr(2);
  CHECK(flagged(padded));
  std::string many;
  for (int i = 0; i < 40'000; ++i) many += "N0";
  CHECK(executes_code_by_magic(many.substr(0, code_head), many.size()));
}

TEST_CASE("archives are looked into") {
  CHECK(flagged(zip_member("archive/data.pkl", state_dict) + zip_member("archive/data/0", "weights")));
  CHECK(flagged(zip_member("archive/version", "3\n") + zip_member("archive/data.pkl", state_dict, false)));
  CHECK(flagged(zip_member("hidden", call_of_system(2))));
  CHECK(flagged(zip_member("table.npy", numpy_file("'|O'"))));
  CHECK(flagged(tar_member("sys_info", state_dict)));
  CHECK(flagged(tar_member("readme", "nothing") + tar_member("model_weights.ckpt", "")));
  CHECK(flagged("\x1f\x8b\x08\x08\0\0\0\0\0\xff"s + "model.pkl\0"s + "compressed"));
  CHECK_FALSE(flagged(zip_member("notes.txt", "hello") + zip_member("table.npy", numpy_file("'<f4'"))));
  CHECK_FALSE(flagged(tar_member("readme", "nothing") + tar_member("w.safetensors", "abc")));
  CHECK_FALSE(flagged("\x1f\x8b\x08\x08\0\0\0\0\0\xff"s + "vocab.txt\0"s + "compressed"));
  CHECK(executes_code_by_zip_directory("junk" + zip_directory_entry("a/weights") + zip_directory_entry("a/data.pkl")));
  CHECK_FALSE(executes_code_by_zip_directory("junk" + zip_directory_entry("a/weights")));
}

TEST_CASE("the reason names the member of the archive") {
  auto why = executes_code_by_magic(zip_member("archive/data.pkl", state_dict));
  REQUIRE(why);
  CHECK(why->find("archive/data.pkl") != std::string::npos);
}

TEST_CASE("old PyTorch files, joblib's and arrays of objects are found") {
  CHECK(*executes_code_by_magic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e\x80\x02M\xe9\x03."s) ==
        "it is a PyTorch file of the old kind, a Python pickle");
  CHECK(flagged("ZF0x12345            x\x9c"));
  CHECK(flagged(numpy_file("'|O'")));
  CHECK(flagged(numpy_file("[('a', '<f4'), ('b', 'O')]")));
  CHECK_FALSE(flagged(numpy_file("'<f4'")));
}

TEST_CASE("what is no pickle is let pass, although it may begin like one") {
  const std::string json = R"({"__metadata__":{"format":"pt"},"model.layers.0.weight":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}})";
  for (const std::string& text :
       {json, "GGUF\3\0\0\0"s + std::string(100, '\0'), "# Model card\n(see config)\n"s, "cat\ndog\nelephant\n"s,
        "(C) Copyright 2020\nAll rights reserved.\n"s, "Vocabulary\nVa\nVb\nVc\n"s, "I am a text. It is long.\n"s, "[1, 2, 3]"s,
        "0\n1\n2\n"s, "MIT License\n\nPermission is hereby granted"s, ""s, "\x80"s, "\x80\x02"s, "\x80\x04."s, std::string(5000, '\0'),
        std::string(5000, '\xff'), "import torch\nfrom x import y\n"s, "#!/usr/bin/env python3\n"s, "l\no\nw</w>\n"s})
    CHECK_MESSAGE(!flagged(text), text);
}

TEST_CASE("no safetensors file is taken for a pickle, however long its header is") {
  const std::string json = R"({"model.embed.weight":{"dtype":"BF16","shape":[4096,32000],"data_offsets":[0,262144000]},)";
  // Every length of which the lowest two bytes are those that a pickle begins with.
  for (std::uint64_t third = 0; third < 256; ++third)
    for (std::uint64_t protocol = 2; protocol <= 5; ++protocol) {
      const std::uint64_t length = third << 16 | protocol << 8 | 0x80;
      CHECK_MESSAGE(!executes_code_by_magic(little(length, 8) + json + json + json, 5'000'000'000), length);
    }
}

TEST_CASE("random bytes are not taken for pickles") {
  std::mt19937_64 engine(7);
  int found = 0;
  for (int i = 0; i < 20'000; ++i) found += flagged(noise(engine, 300)) ? 1 : 0;
  CHECK(found == 0);
  // With the first two bytes of a pickle, which one file in sixteen thousand has, hardly any of what follows is one.
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = noise(engine, 300);
    bytes[0] = '\x80';
    bytes[1] = static_cast<char>(2 + i % 4);
    found += flagged(bytes) ? 1 : 0;
  }
  CHECK(found < 20);
}

TEST_CASE("files are read once at their beginning, and archives at their end") {
  const std::string archive = zip_member("weights", std::string(200'000, 'w')) + zip_directory_entry("data.pkl");
  std::map<std::string, std::string> content{{"a.bin", archive}, {"b.bin", call_of_system(2)}, {"c.json", "{}"}, {"d", ""}};
  std::vector<FileEntry> files;
  for (const auto& [path, bytes] : content) files.push_back({path, bytes.size(), {}});
  auto found = code_files_by_content(files, [&](const std::string& path, ByteCount offset, ByteCount length) -> Result<std::string> {
    return content[path].substr(offset, length);
  });
  REQUIRE(found.ok());
  REQUIRE(found->size() == 2);
  CHECK(found->front().starts_with("a.bin: "));
  CHECK(found->back().starts_with("b.bin: "));
}
