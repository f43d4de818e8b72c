#include "manifest/code_formats.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include "base/encoding.hpp"
#include "manifest/format_names.hpp"
#include "manifest/recognisers.hpp"

namespace shoal::manifest {
namespace {

using namespace std::string_view_literals;

struct Ending {
  std::string_view ending;
  std::string_view who;  // has such names
};
constexpr Ending code_endings[] = {
    {".pkl", "Python pickles"},  {".pickle", "Python pickles"}, {".pt", "Python pickles"},     {".pth", "Python pickles"},
    {".ckpt", "Python pickles"}, {".joblib", "Python pickles"}, {".dill", "Python pickles"},   {".keras", "Keras models"},
    {".h5", "Keras models"},     {".hdf5", "Keras models"},     {".llamafile", "programs"},    {".exe", "programs"},
    {".dll", "libraries"},       {".so", "libraries"},          {".dylib", "libraries"},       {".pyd", "libraries"},
    {".pyc", "compiled Python"}, {".jar", "Java programs"},     {".engine", "TensorRT plans"}, {".trt", "TensorRT plans"},
};
constexpr std::array wrappings{".gz"sv, ".xz"sv, ".bz2"sv, ".lz4"sv, ".lzma"sv, ".zst"sv, ".z"sv};

/// Between two parts that a model describes there is room for alignment, and no more.
constexpr ByteCount alignment_gap = 64 * KiB;
constexpr std::size_t facts_limit = 1'000'000;

/// Python files that loaders import without being told by a configuration: Hugging Face's endpoints, diffusers, torch.hub, transformers.
bool is_loaded_by_convention(std::string_view path) {
  const std::string_view name = base_name(path);
  if (name == "handler.py" || name == "pipeline.py" || name == "hubconf.py") return true;
  const std::string folder = "/" + std::string(folder_of(path));
  if (folder.ends_with("/custom_generate/")) return true;
  // Triton: <version>/model.py.
  const std::string_view above = std::string_view(folder).substr(0, folder.size() - 1);
  const std::string_view version = base_name(above);
  return name == "model.py" && !version.empty() && version.find_first_not_of("0123456789") == std::string_view::npos;
}

/// "org/name--package.module.Class" may mean package/module/Class.py, package/module.py and package.py.
std::vector<std::string> files_of_module(std::string_view reference) {
  if (const auto other = reference.rfind("--"); other != std::string_view::npos) reference.remove_prefix(other + 2);
  std::string module = lower_case(reference);
  if (module.ends_with(".py")) module.resize(module.size() - 3);
  std::replace(module.begin(), module.end(), '.', '/');
  std::vector<std::string> files;
  for (std::size_t end = module.size(); end != std::string::npos && end > 0 && files.size() < 16; end = module.rfind('/', end - 1))
    files.push_back(module.substr(0, end) + ".py");
  return files;
}

}  // namespace

struct FormatInspection::File {
  FileEntry entry;
  bool decided = false;
  bool describes_nothing = false;  // of other files, whatever the bytes are that are not there yet
  Verdict verdict = {};
  std::string description = {};  // of `other`
  bool program = false;
  Facts facts = {};
};

std::optional<std::string> executes_code_by_name(std::string_view path) {
  std::string name = lower_case(base_name(path));
  for (std::string_view wrapping : wrappings)
    if (name.ends_with(wrapping)) name.resize(name.size() - wrapping.size());
  for (const Ending& each : code_endings)
    if (name.ends_with(each.ending))
      return "its name ends in " + std::string(each.ending) + ", as those of " + std::string(each.who) + " do";
  if (name.starts_with("pytorch_model") && name.ends_with(".bin")) return "it is named as PyTorch's pickled weights are";
  return {};
}

std::vector<std::string> code_files_by_name(const std::vector<FileEntry>& files) {
  std::vector<std::string> found;
  for (const FileEntry& file : files)
    if (auto why = executes_code_by_name(file.path)) found.push_back(file.path + ": " + *why);
  return found;
}

/// What hides behind any beginning comes first; text comes last, because some of the others may happen to be text.
Verdict inspect(const Subject& subject, Facts& facts) {
  const View& bytes = subject.bytes;
  if (bytes.size() == 0) return good();
  if (auto verdict = recognise_pickle(bytes)) return verdict;
  if (auto verdict = recognise_hdf5(bytes)) return verdict;
  if (auto verdict = recognise_tar(subject, facts)) return verdict;
  if (auto verdict = recognise_zip(subject, facts)) return verdict;
  if (auto verdict = recognise_gguf(bytes)) return verdict;
  if (auto verdict = recognise_numpy(bytes)) return verdict;
  if (auto verdict = recognise_onnx(subject, facts)) return verdict;
  for (auto recognise :
       {recognise_safetensors, recognise_sentencepiece, recognise_media, recognise_flax, recognise_ctranslate2, recognise_whisper})
    if (auto verdict = recognise(bytes)) return verdict;
  return recognise_text(subject, facts);
}

namespace {

/// What can be said of a file while bytes of it are missing. Each recogniser reads anew: what one did not find does not stop the next.
class Foresight {
 public:
  Foresight(const FileEntry& entry, const FileBytes::Read& read) : entry_(entry), read_(read) {}

  /// `bad` or `other`: the whole file will be refused as well, or is raw data as far as it is no HDF5. Nothing where it depends on what is
  /// missing, or is good so far. Pickles and HDF5, which may go on anywhere, are refused: so they need not be excluded.
  std::optional<Verdict> verdict() {
    known_ = true;
    const std::optional<Verdict> first = first_of(
        {[&](const View& bytes) { return recognise_tar(subject(bytes), unused_); }, [](const View& bytes) { return foresee_zip(bytes); },
         recognise_gguf, recognise_numpy, [&](const View& bytes) { return recognise_onnx(subject(bytes), unused_); }, recognise_safetensors,
         recognise_sentencepiece, recognise_media, recognise_flax, recognise_ctranslate2, recognise_whisper,
         [&](const View& bytes) { return recognise_text(subject(bytes), unused_); }});
    if (!known_ || (first && first->is == Verdict::Is::good)) return {};
    return first.value_or(Verdict{});
  }

  /// It is no archive, and none of the models that describe raw weights beside them.
  bool describes_nothing() {
    known_ = true;
    const auto first = first_of({[&](const View& bytes) { return recognise_tar(subject(bytes), unused_); },
                                 [](const View& bytes) { return foresee_zip(bytes); },
                                 [&](const View& bytes) { return recognise_onnx(subject(bytes), unused_); }});
    return known_ && !first && !has_ending(entry_.path, {".xml"});
  }

  std::string description() {
    return with_bytes<std::string>([](const View& bytes) { return describe(bytes); }).value_or("");
  }
  bool program() {
    return with_bytes<bool>([](const View& bytes) { return is_program(bytes); }).value_or(false);
  }

 private:
  Subject subject(const View& bytes) const { return {entry_.path, bytes}; }

  template <class Answer, class Use>
  std::optional<Answer> with_bytes(Use use) {
    FileBytes bytes(entry_.size, read_);
    const View view(bytes);
    Answer answer = use(view);
    return view.sound() ? std::optional(std::move(answer)) : std::nullopt;
  }

  /// The verdict of the first recogniser that has one. `known_` ends with the first that misses bytes.
  std::optional<Verdict> first_of(const std::vector<std::function<Verdict(const View&)>>& recognisers) {
    for (const auto& recognise : recognisers) {
      auto verdict = with_bytes<Verdict>(recognise);
      known_ = known_ && verdict;
      if (!known_) return {};
      if (*verdict) return verdict;
    }
    return {};
  }

  const FileEntry& entry_;
  const FileBytes::Read& read_;
  Facts unused_;
  bool known_ = true;
};

}  // namespace

FormatInspection::FormatInspection(std::vector<FileEntry> files) {
  files_.reserve(files.size());
  for (FileEntry& entry : files) files_.push_back({std::move(entry)});
}
FormatInspection::~FormatInspection() = default;
FormatInspection::FormatInspection(FormatInspection&&) noexcept = default;

Status FormatInspection::look(const ReadRange& read) {
  for (std::size_t i = 0; i < files_.size(); ++i) SHOAL_CHECK(look(i, read));
  return {};
}

Status FormatInspection::look(std::size_t index, const ReadRange& read) {
  File& file = files_[index];
  if (file.decided) return {};
  if (auto why = executes_code_by_name(file.entry.path)) {
    file.verdict = bad(std::move(*why));
    file.decided = true;
    return {};
  }
  const FileBytes::Read read_file = [&](ByteCount offset, ByteCount length) { return read(file.entry.path, offset, length); };
  FileBytes bytes(file.entry.size, read_file);
  const View view(bytes);
  file.facts = {};
  file.verdict = inspect({file.entry.path, view}, file.facts);
  if (!file.verdict) {
    file.description = describe(view);
    file.program = is_program(view);
  }
  if (bytes.spent()) file.verdict = bad("it is made such that it cannot be looked into at a reasonable cost");
  else if (!bytes.problem().ok()) {
    if (bytes.problem().error().code != ErrorCode::partial) return Error(bytes.problem().error()).within(file.entry.path);
    foresee(file, read_file);
    return {};
  }
  facts_ += file.facts.raw.size() + file.facts.modules.size();
  if (facts_ > facts_limit) file.verdict = bad("together with the files before it, it says more of other files than can be looked at");
  file.decided = true;
  return {};
}

/// Its bytes are not all there.
void FormatInspection::foresee(File& file, const FileBytes::Read& read) {
  Foresight foresight(file.entry, read);
  file.facts = {};
  file.describes_nothing = foresight.describes_nothing();
  auto verdict = foresight.verdict();
  if (!verdict) return;
  file.verdict = std::move(*verdict);
  file.description = foresight.description();
  file.program = foresight.program();
  // What cannot be named now is named later.
  file.decided = file.verdict.is == Verdict::Is::bad || !file.description.empty();
}

bool FormatInspection::decided(std::size_t file) const { return files_[file].decided; }
bool FormatInspection::decided() const {
  return std::all_of(files_.begin(), files_.end(), [](const File& file) { return file.decided; });
}

bool FormatInspection::all_descriptions_known() const {
  return std::all_of(files_.begin(), files_.end(), [](const File& file) { return file.decided || file.describes_nothing; });
}

struct FormatInspection::Mentions {
  std::map<std::string_view, std::vector<const RawPart*>> raw;
  std::map<std::string, const File*> modules;  // by the last names of a path, such as "package/module.py"

  explicit Mentions(const std::vector<File>& files) {
    for (const File& file : files) {
      if (!file.decided) continue;
      for (const RawPart& part : file.facts.raw) raw[part.path].push_back(&part);
      for (const std::string& module : file.facts.modules)
        for (std::string& path : files_of_module(module)) modules.emplace(std::move(path), &file);
    }
  }

  const File* who_imports(std::string_view path) const {
    const std::string whole = lower_case(path);
    for (std::string_view rest = whole;; rest.remove_prefix(rest.find('/') + 1)) {
      if (auto found = modules.find(std::string(rest)); found != modules.end()) return found->second;
      if (rest.find('/') == std::string_view::npos) return nullptr;
    }
  }
};

std::vector<std::string> FormatInspection::findings() const {
  const Mentions mentions(files_);
  std::vector<std::string> found;
  for (const File& file : files_)
    if (auto reason = why(file, mentions)) found.push_back(file.entry.path + ": " + *reason);
  return found;
}

std::optional<std::string> FormatInspection::why(const File& file, const Mentions& mentions) const {
  if (!file.decided) return {};
  if (file.verdict.is == Verdict::Is::bad) return file.verdict.why;
  if (file.verdict.is == Verdict::Is::other) return why_raw(file, mentions);
  if (!has_ending(file.entry.path, {".py"})) return {};
  if (is_loaded_by_convention(file.entry.path)) return "it is Python code that loaders import by its name";
  const File* by = mentions.who_imports(file.entry.path);
  return by != nullptr ? std::optional("it is Python code, and " + by->entry.path + " tells loaders to import it") : std::nullopt;
}

/// Raw weights are what a model beside them says that they are, all of them.
std::optional<std::string> FormatInspection::why_raw(const File& file, const Mentions& mentions) const {
  if (file.program) return file.description;
  const auto mentioned = mentions.raw.find(file.entry.path);
  // Another model that is not there yet may describe it, or the rest of it.
  if (mentioned == mentions.raw.end()) return all_descriptions_known() ? std::optional(file.description) : std::nullopt;
  std::vector<std::pair<ByteCount, ByteCount>> parts;
  for (const RawPart* part : mentioned->second) {
    const ByteCount begin = std::min(part->offset, file.entry.size), room = file.entry.size - begin;
    const ByteCount length = part->length.value_or(room);
    if (part->offset > file.entry.size || length > room) return "a model takes more weights from it than it has: it is cut";
    parts.emplace_back(begin, begin + length);
  }
  std::sort(parts.begin(), parts.end());
  ByteCount covered = 0;
  bool whole = true;
  for (const auto& [begin, end] : parts) {
    whole = whole && begin <= covered + alignment_gap;
    covered = std::max(covered, end);
  }
  if (whole && file.entry.size - covered <= alignment_gap) return {};
  return all_descriptions_known() ? std::optional(file.description + ", and the models beside it describe only parts of it") : std::nullopt;
}

Result<std::vector<std::string>> code_files_by_content(const std::vector<FileEntry>& files, const ReadRange& read) {
  FormatInspection inspection(files);
  SHOAL_CHECK(inspection.look(read));
  return inspection.findings();
}

}  // namespace shoal::manifest
