// Names for what no recogniser accepts, so that people know what they are asked about. Nothing is decided here.
#include <algorithm>

#include "base/encoding.hpp"
#include "manifest/recognisers.hpp"

namespace shoal::manifest {
namespace {

using namespace std::string_view_literals;

struct Sign {
  std::string_view begins;
  std::string_view name;
};
constexpr Sign signs[] = {
    {"\x7f"
     "ELF"sv,
     "an ELF program or library"},
    {"MZqFpD="sv, "an APE program, such as a llamafile"},
    {"jartsr="sv, "an APE program"},
    {"APEDBG="sv, "an APE program"},
    {"MZ"sv, "a Windows program or library (PE)"},
    {"\xfe\xed\xfa\xce"sv, "a Mach-O program or library"},
    {"\xfe\xed\xfa\xcf"sv, "a Mach-O program or library"},
    {"\xce\xfa\xed\xfe"sv, "a Mach-O program or library"},
    {"\xcf\xfa\xed\xfe"sv, "a Mach-O program or library"},
    {"\xca\xfe\xba\xbe"sv, "a Mach-O program for several processors, or a Java class"},
    {"\xbe\xba\xfe\xca"sv, "a Mach-O program for several processors"},
    {"\xca\xfe\xba\xbf"sv, "a Mach-O program for several processors"},
    {"!<arch>\n"sv, "an archive of object files (ar)"},
    {"\0asm"sv, "a WebAssembly module"},
    {"BC\xc0\xde"sv, "LLVM bitcode"},
    {"dex\n"sv, "a program for Android (dex)"},
    {"ptrt"sv, "a TensorRT plan"},
    {"ftrt"sv, "a TensorRT plan"},
    {"\x1f\x8b"sv, "compressed (gzip), so that nobody looked into it"},
    {"BZh"sv, "compressed (bzip2), so that nobody looked into it"},
    {"\xfd"
     "7zXZ"sv,
     "compressed (xz), so that nobody looked into it"},
    {"]\0\0"sv, "compressed (LZMA), so that nobody looked into it"},
    {"\x28\xb5\x2f\xfd"sv, "compressed (Zstandard), so that nobody looked into it"},
    {"\x04\x22\x4d\x18"sv, "compressed (LZ4), so that nobody looked into it"},
    {"7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive"},
    {"Rar!\x1a\x07"sv, "a RAR archive"},
    {"MSCF"sv, "a Windows cabinet"},
    {"070707"sv, "a cpio archive"},
    {"070701"sv, "a cpio archive"},
    {"hsqs"sv, "a SquashFS image"},
    {"ZF0x"sv, "a compressed Python pickle (joblib)"},
    {"\x80\x02"sv, "a Python pickle"},
    {"\x80\x03"sv, "a Python pickle"},
    {"\x80\x04"sv, "a Python pickle"},
    {"\x80\x05"sv, "a Python pickle"},
    {"%PDF-"sv, "a PDF document, which may hold scripts"},
    {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv, "a document of Microsoft Office, which may hold macros"},
    {"PAR1"sv, "a Parquet table"},
    {"ARROW1"sv, "an Arrow table"},
    {"SQLite format 3"sv, "an SQLite database"},
    {"fbAF"sv, "a Feather table"},
    {"\x89HDF"sv, "an HDF5 file that is damaged"},
};

/// Of Windows' programs the first two bytes say little; the header that they lead to says the rest.
bool is_pe(const View& bytes) {
  const std::uint64_t at = Cursor(bytes.part(60, std::min<ByteCount>(4, bytes.size()))).little(4);
  return bytes.at(0, 2) == "MZ"sv && bytes.at(at, 4) == "PE\0\0"sv;
}

}  // namespace

bool is_program(const View& bytes) {
  const std::string head(bytes.head(8));
  const bool signed_so = std::any_of(std::begin(signs), std::end(signs), [&](const Sign& sign) {
    return sign.begins.size() >= 4 && head.starts_with(sign.begins) && sign.name.find("program") != std::string_view::npos;
  });
  return signed_so || head.starts_with("ptrt") || head.starts_with("ftrt") || is_pe(bytes);
}

std::string describe(const View& bytes) {
  const std::string head(bytes.head(16));
  for (const Sign& sign : signs)
    if (head.starts_with(sign.begins)) return "it is " + std::string(sign.name);
  for (std::string_view identifier : {"TFL3"sv, "ET12"sv, "ORTM"sv})
    if (bytes.at(4, 4) == identifier) return "it is a model that its runtime executes (" + std::string(identifier) + ")";
  if (bytes.at(257, 5) == "ustar"sv) return "it is a tar archive that is damaged";
  if (head.starts_with("#!")) return "it is a script with binary data in it";
  std::string_view start = bytes.head(4096);
  if (start.find('\0') == std::string_view::npos && start.size() > 64 &&
      std::count_if(start.begin(), start.end(), [](char c) { return c >= ' ' && c < '\x7f'; }) * 10 >
          static_cast<std::ptrdiff_t>(start.size()) * 6)
    return "it is text with bytes that are not UTF-8";
  return "it is binary data in no format that shoal knows to hold data alone";
}

}  // namespace shoal::manifest
