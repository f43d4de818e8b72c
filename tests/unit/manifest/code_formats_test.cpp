#include "manifest/code_formats.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>

#include "support/golden.hpp"
#include "unit/manifest/format_samples.hpp"

using namespace shoal;
using namespace shoal::manifest;
using namespace shoal::test;

namespace {

using Files = std::map<std::string, std::string>;

std::vector<std::string> refused(const Files& content) {
  std::vector<FileEntry> files;
  for (const auto& [path, bytes] : content) files.push_back({path, bytes.size(), {}});
  auto found = code_files_by_content(files, [&](const std::string& path, ByteCount offset, ByteCount length) -> Result<std::string> {
    return content.at(path).substr(offset, length);
  });
  REQUIRE(found.ok());
  return *found;
}
bool is_refused(const std::string& path, const std::string& bytes) { return !refused({{path, bytes}}).empty(); }

std::string noise(std::mt19937_64& engine, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(engine());
  return bytes;
}

/// A row of the table in docs/code-formats.md, and files that belong to it.
struct Row {
  std::string row;
  std::vector<Files> samples;
};

const std::string long_text(200'000, 'x');
const std::string raw = "\xff\0\1\2"s + std::string(2996, '\x77');
const std::string xml =
    R"(<?xml version="1.0"?><net name="m" version="11"><layers><layer type="Const"><data element_type="f32" shape="700" offset="0" size="2800" /></layer><layer><data offset="2800" size="200"/></layer></layers></net>)";

const std::vector<Row> accepted{
    {"Empty files", {{{"a.bin", ""}}}},
    {"safetensors", {{{"m.safetensors", safetensors("abc\0"s)}}, {{"renamed.bin", safetensors("")}}}},
    {"GGUF", {{{"m.gguf", gguf()}}}},
    {"ONNX",
     {{{"m.onnx", onnx()}},
      {{"onnx/m.onnx", onnx({{"location", "m.onnx_data"}, {"offset", "0"}, {"length", "3000"}})}, {"onnx/m.onnx_data", raw}},
      {{"m.onnx", onnx({{"location", "./w"}})}, {"w", raw}},
      {{"m.onnx", onnx_of(onnx_node("If", message(5, message(1, "then") + message(6, message(5, onnx_tensor({{"location", "w"}}))))))},
       {"w", raw}}}},
    {"OpenVINO IR", {{{"ov/m.xml", xml}, {"ov/m.bin", raw}}}},
    {"numpy arrays of numbers and text",
     {{{"a.npy", numpy("'<f4'", 12)}},
      {{"a.npy", numpy("'|S2'", 6)}},
      {{"a.npy", numpy("'<U2'", 24)}},
      {{"a.npy", numpy("'|b1'", 1, "()")}},
      {{"a.npy", numpy("'<M8[ns]'", 24)}},
      {{"a.npy", numpy("[('a', '<f4'), ('b', '|V3', (2,))]", 30, "(3,)", 2)}},
      {{"a.npy", numpy("'<i8'", 24) + numpy("'<i8'", 24)}}}},
    {"Flax (msgpack)", {{{"flax_model.msgpack", flax(flax_array("float32", "12345678"))}}}},
    {"CTranslate2", {{{"model.bin", ctranslate2()}}}},
    {"whisper.cpp", {{{"ggml-tiny.bin", whisper()}}}},
    {"SentencePiece", {{{"tokenizer.model", sentencepiece()}}}},
    {"Text",
     {{{"README.md", "# K\xc3\xb6nig\n"}},
      {{"config.json", R"({"architectures": ["X"]})"}},
      {{"data.jsonl", "{}\n{}\n"}},
      {{"merges.txt", "#version: 0.2\n\xc4\xa0 t\n"}},
      {{"x.tiktoken", "IQ== 0\nIg== 1\n"}},
      {{"vocab.txt", "[PAD]\nI\nc\nat\nRabbit\n(\ni\n"}},
      {{"cat.txt", "cat\ndog\nRabbit\n"}},
      {{"a.yaml", "a: !!int 3\nb: \"stop !!now, please\"\nc: !Ref x\n"}},
      {{"example.py", "import os\n"}},
      {{"long.txt", std::string(65'535, 'a') + "\xc3\xa9" + std::string(70'000, 'b') + "\xe6\x97\xa5"}},
      {{"bom.json", "\xef\xbb\xbf{}"}},
      {{".gitattributes", "* text\n"}}}},
    {"Images, sound and films",
     {{{"a.png", png()}},
      {{"a.jpg", "\xff\xd8\xff\xe0\0\4ab\xff\xda\0\2xyz\xff\xd9"s}},
      {{"a.gif", "GIF89a\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"s}},
      {{"a.wav", wav()}},
      {{"a.mp4", big(16, 4) + "ftypisom\0\0\0\0"s + big(10, 4) + "mdat\0\1"s}},
      {{"a.flac", "fLaC\x80\0\0\2ab\xff\xf8rest"s}},
      {{"a.ogg", "OggS"s + std::string(22, '\0') + "\1\3abc"}},
      {{"a.mp3", mp3()}},
      {{"a.bmp", "BM" + little(70, 4) + std::string(4, '\0') + little(54, 4) + little(40, 4) + std::string(52, '\0')}}}},
    {"Zip archives",
     {{{"v.npz", zip({{"a.npy", numpy("'<f4'", 12)}, {"b.npy", numpy("'<i2'", 6)}})}},
      {{"z.zip", zip({{"notes.txt", "hello"}, {"in.zip", zip({{"t.txt", "x"}})}})}},
      {{"z.zip", zip({})}}}},
    {"Tar archives",
     {{{"t.tar", tar({{"readme", "nothing"}, {"w.safetensors", safetensors("w")}})}}, {{"t.tar", tar_member("dir/", "", '5') + tar({})}}}},
};

/// Safetensors whose tensor holds the bytes at this place of the file.
std::string hidden_at(std::size_t place, const std::string& bytes) { return safetensors(std::string(place - 128, '\0') + bytes); }
std::vector<Files> numpy_objects() {
  std::vector<Files> files;
  for (const char* descr : {"'|O'",
                            "'O'",
                            "'O8'",
                            "'|O8'",
                            "'<O'",
                            "'object'",
                            "'object_'",
                            "'i4,O'",
                            "'(2,)O'",
                            "[('a', 'O')]",
                            "[('a', '<f4'), ('b', '|O')]",
                            "[('a', [('b', 'O')])]",
                            "'\\x4f'",
                            "'' 'O'",
                            "{'names': ['a'], 'formats': ['O']}",
                            "('O', (2,))",
                            "'V8,O'",
                            "\"|O\"",
                            "u'O'",
                            "b'O'",
                            "'f4' ',O'",
                            "'O4'",
                            "'P'"})
    files.push_back({{"a.npy", numpy(descr, 100)}});
  files.push_back({{"a.npy", numpy("'<f4'", 12) + numpy("'|O'", 50)}});
  files.push_back({{"a.npy", numpy("'<f4'", 12) + call_of_system(4)}});
  files.push_back(
      {{"a.npy", "\x93NUMPY\1\0\x40\0{'descr': '<f4', 'descr': '|O', 'fortran_order': False, 'shape': (3,)}"s + std::string(90, ' ')}});
  return files;
}

std::vector<Files> pickles() {
  std::vector<Files> files;
  for (int protocol = 0; protocol <= 5; ++protocol) files.push_back({{"a.txt", call_of_system(protocol)}});
  for (const std::string& text : {
           "V" + long_text + "\n0" + call,    // behind one long line
           "S'" + long_text + "'\n0" + call,  // ... of the other kind
           "X" + little(long_text.size(), 4) + long_text + "0" + call,
           "(0" + call,            // the mark is popped
           "FInfinity\n0" + call,  // a number with other letters
           "I0x" + std::string(9000, '0') + "1\n0" + call, "I\f1\n0" + call, "Pid\n0" + call,
           "N.I1\n." + call,  // in the third pickle of the file
           "(S'id'\niposix\nsystem\n."s, "(cposix\nsystem\nS'id'\no."s,
           "\x95" + little(1'000'000, 8) + call,          // a frame that is longer than the file
           "\x8c\5posix\x8c\6system\x93\x8c\2id\x85R."s,  // without a protocol
           "\x82\1(S'id'\ntR."s,                          // from the registry of extensions
       })
    files.push_back({{"a.txt", text}});
  files.push_back({{"a", state_dict}});
  files.push_back({{"a", "\x80\x02]q\0(X\0\0\1\0"s + std::string(70'000, 'a') + "e."}});
  files.push_back({{"a", "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e\x80\x02M\xe9\x03."s}});
  files.push_back({{"a", "ZF0x12345            x\x9c"}});
  files.push_back({{"a.txt", "(lp0\nI1\naI2\na."}});
  std::string many;
  for (int i = 0; i < 40'000; ++i) many += "N0";
  files.push_back({{"a.txt", many + call}});
  for (const char* name : {"model.pt", "pytorch_model.bin", "m.pkl.xz"}) files.push_back({{name, "text"}});
  return files;
}

const std::vector<Row> needing_consent{
    {"Python pickles", pickles()},
    {"Arrays of Python objects", numpy_objects()},
    {"Executables",
     {{{"a",
        "\x7f"
        "ELF\2\1\1\0"s +
            std::string(100, '\0')}},
      {{"a", "MZ"s + std::string(58, '\0') + little(64, 4) + "PE\0\0"s}},
      {{"a", "\xcf\xfa\xed\xfe\7\0\0\1"s}},
      {{"a", "\xfe\xed\xfa\xcf\1\0\0\7"s}},
      {{"a", "\xca\xfe\xba\xbe\0\0\0\2"s}},
      {{"a", "MZqFpD='\n"s + std::string(20, '\0')}},
      {{"a", "ptrt\1\0\0\0"s}},
      {{"a", "\0asm\1\0\0\0"s}},
      {{"libx.so", "text"}},
      {{"m.onnx", onnx({{"location", "w"}})},
       {"w",
        "\x7f"
        "ELF\2\1\1\0"s +
            std::string(100, '\0')}}}},
    {"Compressed data",
     {{{"a.gz", "\x1f\x8b\x08\x00rest"s}},
      {{"a.bz2", "BZh91AY\xff"s}},
      {{"a.xz",
        "\xfd"
        "7zXZ\0"s}},
      {{"a.zst", "\x28\xb5\x2f\xfd\xff"s}},
      {{"a.7z", "7z\xbc\xaf\x27\x1c"s}}}},
    {"Archives with anything else in them",
     {{{"z", zip({{"archive/data.pkl", "x"}})}},
      {{"z", zip({{"archive/version", "3\n"}, {"archive/data", state_dict}})}},
      {{"z", zip({{"a/b",
                   "\x7f"
                   "ELF\0"s}})}},
      {{"z", zip({{"a.txt", "x"}}, {.stored = false})}},
      {{"z", zip({{"a.txt", "x"}}, {.encrypted = true})}},
      {{"z", zip({{"a.txt", "x"}}, {.comment = "hello"})}},
      {{"z", zip({{"a.txt", "x"}}, {.before_directory = "hidden"})}},
      {{"z", zip({{"../a.txt", "x"}})}},
      {{"z", zip({{"__main__.py", "x"}})}},
      {{"z", zip({{"a.npy", numpy("'|O'", 30)}})}},
      {{"z", zip({{"1.zip", zip({{"2.zip", zip({{"3.zip", zip({{"4.zip", zip({})}})}})}})}})}},
      {{"z", "PK\5\6"s + std::string(18, '\0') + zip({{"a.npy", numpy("'|O'", 30)}})}},  // empty, and goes on
      {{"z", "x" + zip({{"a.txt", "x"}})}},
      {{"z", zip({{"a.txt", "x"}}) + "x"}},
      {{"a.md", "# Notes\n" + zip({{"__main__.py", "x"}})}},
      {{"a.png", png() + zip({{"a", "x"}})}},
      {{"m.safetensors", safetensors(zip({{"data.pkl", call_of_system(2)}}))}},
      {{"t", tar({{"readme", "nothing"}, {"model_weights.ckpt", ""}})}},
      {{"t", tar({{"readme", long_text}, {"sys_info", state_dict}})}},
      {{"t", tar_member("l", "", '2') + tar({})}},
      {{"t", tar({{"a", "a"}}) + tar({{"b", state_dict}})}},
      {{"t", tar_member("././@LongLink", std::string(200, 'x') + ".pkl\0"s, 'L') + tar({{"xxx", "{}"}})}},
      {{"t", tar_member("p", "24 path=long/model.pkl\n\n", 'x') + tar({{"xxx", "{}"}})}},
      {{"t", tar_member("p", "12 size=512\n", 'x') + tar({{"xxx", "{}"}})}},
      {{"t.txt", tar_header("a.txt", 100, '0', ' ') + call + long_text}}}},
    {"HDF5 and Keras",
     {{{"w", "\x89HDF\r\n\x1a\n"s + std::string(50, '\0')}},
      {{"m.safetensors", hidden_at(512, "\x89HDF\r\n\x1a\n"s)}},
      {{"m.safetensors", hidden_at(4096, "\x89HDF\r\n\x1a\n"s)}},
      {{"model.keras", "x"}},
      {{"model.json", R"({"config": {"layers": [{"class_name": "\u004cambda"}]}})"}}}},
    {"Python code that loaders import",
     {{{"config.json", R"({"auto_map": {"AutoModel": "modeling_x.X"}})"}, {"modeling_x.py", "import os\n"}},
      {{"tokenizer_config.json", R"({"a": [{"\u0061uto_map": {"T": [null, "org/other--tok.Fast"]}}], "b": NaN})"}, {"tok.py", ""s + "x"}},
      {{"x.json", R"(// remark
{"auto_map": "deep.mod.X",})"},
       {"deep/mod.py", "x"}},
      {{"config.json", R"({"custom_pipelines": {"t": {"impl": "pipe.P"}}})"}, {"pipe.py", "x"}},
      {{"model_index.json", R"({"unet": ["my_unet", "U"]})"}, {"unet/my_unet.py", "x"}},
      {{"handler.py", "x"}},
      {{"custom_generate/generate.py", "x"}},
      {{"model/1/model.py", "x"}}}},
    {"YAML with tags that make objects",
     {{{"a.yaml", "a: !!python/object/apply:os.system [id]"}},
      {{"a.yml", "%TAG !e! tag:yaml.org,2002:python/\n---\na: !e!object/apply:os.system [id]"}},
      {{"a.yaml", "a: !<tag:yaml.org,2002:python/object/apply:os.system> [id]"}},
      {{"a.yaml", "a: !!pyth%6fn/name:os.system"}},
      {{"a.yaml", "m: !new:os.system\n  command: id"}},
      {{"a.YAML", "[!!python/name:os.system ]"}}}},
    {"JSON that makes objects", {{{"a.json", R"({"py/reduce": [{"py/type": "os.system"}]})"}}, {{"a.json", R"([{"py/object": "x"}])"}}}},
    {"ONNX with operators that are code",
     {{{"m.onnx", onnx_of(onnx_node("EPContext"))}},
      {{"m.onnx", onnx_of(onnx_node("If", message(5, message(1, "then") + message(6, onnx_node("PyOp")))))}},
      {{"m.onnx", onnx({{"location", "../outside"}})}}}},
    {"msgpack of other kinds", {{{"m.msgpack", flax(flax_array("object", "12345678"))}}, {{"m.msgpack", flax("\xc4\3abc")}}}},
    {"Everything else",
     {{{"model.bin", raw}},
      {{"zeroes", std::string(5000, '\0')}},
      {{"latin1.txt", std::string(80, 'a') + "\xe9 b"}},
      {{"nul.txt", "text\0text"s}},
      {{"late.txt", long_text + "\xff\xfe"}},
      {{"m.safetensors", safetensors("abc") + "x"}},
      {{"m.gguf", "GGUF" + little(9, 4) + std::string(16, '\0')}},
      {{"a.png", png() + "x"}},
      {{"a.npy", numpy("'<f4'", 11)}},
      {{"a.npy", numpy("'<f4'", 13)}},
      {{"m.onnx", onnx({{"location", "w"}, {"offset", "0"}, {"length", "10"}})}, {"w", raw + std::string(100'000, '\1')}},
      {{"m.onnx", onnx({{"location", "w"}, {"offset", "0"}, {"length", "9999"}})}, {"w", raw}},
      {{"m.onnx", onnx()}, {"w", raw}}}},
};

}  // namespace

TEST_CASE("what was parsed and holds data alone is accepted") {
  for (const Row& row : accepted)
    for (const Files& sample : row.samples) {
      const auto found = refused(sample);
      CHECK_MESSAGE(found.empty(), row.row << ": " << (found.empty() ? "" : found.front()));
    }
}

TEST_CASE("everything else needs consent, and the reason says what it is") {
  for (const Row& row : needing_consent)
    for (std::size_t i = 0; i < row.samples.size(); ++i) {
      const auto found = refused(row.samples[i]);
      CHECK_MESSAGE(found.size() == 1, row.row << ", sample " << i);
      if (!found.empty()) CHECK_MESSAGE(found.front().find(": ") != std::string::npos, found.front());
    }
}

TEST_CASE("docs/code-formats.md has each of these rows") {
  const std::string docs = read_text(std::filesystem::path(SHOAL_TEST_DATA) / "../../docs/code-formats.md");
  for (const auto* rows : {&accepted, &needing_consent})
    for (const Row& row : *rows) CHECK_MESSAGE(docs.find("\n| " + row.row + " |") != std::string::npos, row.row);
}

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

TEST_CASE("the reason names the member of the archive") {
  const auto found = refused({{"z", zip({{"archive/data.pkl", state_dict}})}});
  REQUIRE(found.size() == 1);
  CHECK(found.front().find("archive/data.pkl") != std::string::npos);
}

TEST_CASE("a zip archive is found whatever the file is before it and however long its directory is") {
  Members members{{"archive/data.pkl", "x"}};
  for (int i = 0; i < 15'000; ++i) members.push_back({"file-" + std::string(80, 'x') + std::to_string(i), ""});
  CHECK(is_refused("a", zip(members)));
}

TEST_CASE("text is let pass, although it may begin like a pickle") {
  const std::string json = R"({"__metadata__":{"format":"pt"},"model.layers.0.weight":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}})";
  for (const std::string& text :
       {json, "# Model card\n(see config)\n"s, "cat\ndog\nelephant\n"s, "(C) Copyright 2020\nAll rights reserved.\n"s,
        "Vocabulary\nVa\nVb\nVc\n"s, "I am a text. It is long.\n"s, "[1, 2, 3]"s, "0\n1\n2\n"s,
        "MIT License\n\nPermission is hereby granted"s, "import torch\nfrom x import y\n"s, "#!/usr/bin/env python3\n"s, "l\no\nw</w>\n"s,
        "(in memory of)\nsomebody\n"s, "(i.e.\nnothing\n"s, "N.B. this\n"s, "]]]]"s, "Nice\nday\n"s})
    CHECK_MESSAGE(!is_refused("a.txt", text), text);
}

TEST_CASE("a pickle that jumps over the header of a safetensors file is found among its tensors") {
  // The length of the header is the opcode X with the length of a string. It ends in the header, where T begins another one, and that one
  // ends among the tensors. (JSON could hide the length of the second in a string only where the file has half a gigabyte.)
  constexpr std::size_t header = 0x58 + 0x1000 * 0x100, second = 5 + 0x1000;
  std::string file = safetensors(std::string(5000, '\0') + call, header + 8);
  REQUIRE(file.substr(0, 8) == little(header, 8));
  file.replace(second, 5, "T" + little(file.size() - call.size() - (second + 5), 4));
  const auto found = refused({{"m.safetensors", file}});
  REQUIRE(found.size() == 1);
  CHECK(found.front().find("pickle") != std::string::npos);
}

TEST_CASE("no safetensors file is taken for a pickle, however long its header is") {
  for (std::uint64_t third = 0; third < 4; ++third)
    for (std::uint64_t protocol = 2; protocol <= 5; ++protocol)
      CHECK_MESSAGE(!is_refused("m.safetensors", safetensors("abc", (third << 16 | protocol << 8 | 0x80) + 8)), third);
}

TEST_CASE("random bytes are never accepted, and nearly never taken for pickles") {
  std::mt19937_64 engine(7);
  int pickles_found = 0, passed = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = noise(engine, 300);
    if (i % 2 == 0) bytes.replace(0, 2, "\x80"s + static_cast<char>(2 + i % 4));
    const auto found = refused({{"a", bytes}});
    if (found.empty()) ++passed;
    else if (i % 2 != 0) pickles_found += found.front().find("pickle") != std::string::npos ? 1 : 0;
  }
  CHECK(passed == 0);
  CHECK(pickles_found == 0);
}

TEST_CASE("bytes that are not there yet leave a file undecided, and what others say of it, too") {
  const Files content{{"a.safetensors", safetensors(std::string(100'000, 'a'))},
                      {"m.onnx", onnx({{"location", "w"}})},
                      {"p", call_of_system(4)},
                      {"w", raw}};
  std::vector<FileEntry> files;
  for (const auto& [path, bytes] : content) files.push_back({path, bytes.size(), {}});
  std::string missing = "m.onnx";
  auto read = [&](const std::string& path, ByteCount offset, ByteCount length) -> Result<std::string> {
    if (path == missing) return fail(ErrorCode::partial, "not yet");
    return content.at(path).substr(offset, length);
  };
  FormatInspection inspection(files);
  REQUIRE(inspection.look(read).ok());
  CHECK_FALSE(inspection.decided());
  CHECK(inspection.decided(0));
  CHECK_FALSE(inspection.decided(1));
  REQUIRE(inspection.findings().size() == 1);
  CHECK(inspection.findings().front().starts_with("p: "));
  missing = "";
  REQUIRE(inspection.look(read).ok());
  CHECK(inspection.decided());
  CHECK(inspection.findings().size() == 1);
}

TEST_CASE("while bytes are missing, nothing is refused that would not be refused as a whole") {
  constexpr ByteCount block = 512;
  const auto path_of = [](const std::string& finding) { return finding.substr(0, finding.find(": ")); };
  std::mt19937_64 engine(5);
  std::size_t foreseen = 0;
  for (const auto* rows : {&accepted, &needing_consent})
    for (const Row& row : *rows)
      for (const Files& content : row.samples) {
        std::set<std::string> in_the_end;
        for (const std::string& finding : refused(content)) in_the_end.insert(path_of(finding));
        for (int round = 0; round < 8; ++round) {
          // Heads and tails alone; then more and more of the rest.
          std::map<std::string, std::vector<bool>> here;
          std::vector<FileEntry> files;
          for (const auto& [path, bytes] : content) {
            files.push_back({path, bytes.size(), {}});
            auto& blocks = here[path];
            blocks.resize(bytes.size() / block + 1);
            for (std::size_t i = 0; i < blocks.size(); ++i)
              blocks[i] = i == 0 || i + 2 >= blocks.size() || engine() % 8 < static_cast<unsigned>(round);
          }
          FormatInspection inspection(files);
          REQUIRE(inspection
                      .look([&](const std::string& path, ByteCount offset, ByteCount length) -> Result<std::string> {
                        for (ByteCount at = offset / block; at * block < offset + length; ++at)
                          if (!here[path][at]) return fail(ErrorCode::partial, "not yet");
                        return content.at(path).substr(offset, length);
                      })
                      .ok());
          const auto findings = inspection.findings();
          foreseen += findings.size();
          for (const std::string& finding : findings) CHECK_MESSAGE(in_the_end.contains(path_of(finding)), row.row << ": " << finding);
        }
      }
  CHECK(foreseen > 500);
}

TEST_CASE("a decision on weights costs kilobytes") {
  ByteCount bytes = 0;
  const ByteCount size = 100 * GiB;
  const std::string json =
      R"({"t":{"dtype":"U8","shape":[)" + std::to_string(size - 128) + R"(],"data_offsets":[0,)" + std::to_string(size - 128) + "]}}";
  const std::string head = little(120, 8) + json + std::string(120 - json.size(), ' ');
  auto read = [&](const std::string&, ByteCount offset, ByteCount length) -> Result<std::string> {
    bytes += length;
    std::string result(length, '\0');
    for (std::size_t i = 0; i < length && offset + i < head.size(); ++i) result[i] = head[offset + i];
    return result;
  };
  auto found = code_files_by_content({{"m.safetensors", size, {}}}, read);
  REQUIRE(found.ok());
  CHECK(found->empty());
  CHECK(bytes < 512 * KiB);
}

TEST_CASE("a file that changes while it is read is an error that names it") {
  auto found =
      code_files_by_content({{"a.txt", 100, {}}}, [](const std::string&, ByteCount, ByteCount) -> Result<std::string> { return "x"s; });
  REQUIRE_FALSE(found.ok());
  CHECK(found.error().message.starts_with("a.txt: "));
}
