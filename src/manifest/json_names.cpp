// What JSON says of code, read as a stream. More is read than any one parser accepts (NaN, comments' text, duplicate members, several
// values, anything between them), because the loaders differ: a name that one of them could see is seen.
#include <algorithm>

#include "base/encoding.hpp"
#include "manifest/recognisers.hpp"

namespace shoal::manifest {
namespace {

/// Of a string; longer ones name no module.
constexpr std::size_t text_limit = 1024;
constexpr std::size_t depth_limit = 100'000, module_limit = 1000;

class Characters {
 public:
  explicit Characters(const View& bytes) : at_(bytes) {}
  /// -1 at the end.
  int next() {
    if (used_ == chunk_.size() && !refill()) return -1;
    return static_cast<unsigned char>(chunk_[used_++]);
  }

 private:
  bool refill() {
    chunk_ = std::string(at_.take(std::min<ByteCount>(at_.left(), 64 * KiB)));
    used_ = 0;
    return !chunk_.empty();
  }
  Cursor at_;
  std::string chunk_;
  std::size_t used_ = 0;
};

class Scan {
 public:
  Scan(const View& bytes, bool every_string) : in_(bytes), every_string_(every_string) { levels_.push_back({}); }

  JsonNames names() {
    for (int c = in_.next(); c >= 0 && names_.code.empty(); c = in_.next()) {
      switch (c) {
        case '"': string(); break;
        case '{':
        case '[': open(); break;
        case '}':
        case ']': close(); break;
        case ':': key(); break;
        case ',': value(); break;
        default: break;
      }
    }
    value();
    return std::move(names_);
  }

 private:
  struct Level {
    bool names_modules = false;  // everything in it
    bool key_names_modules = false, key_names_class = false;
  };

  void string() {
    value();  // the one before, where a comma is missing
    text_.clear();
    has_text_ = true;
    for (int c = in_.next(); c >= 0 && c != '"'; c = in_.next()) append(c == '\\' ? escaped() : c);
  }

  /// ASCII alone matters: the names that are compared have nothing else.
  int escaped() {
    const int c = in_.next();
    if (c != 'u') return c == 'n' || c == 't' || c == 'r' || c == 'b' || c == 'f' ? ' ' : c;
    int code = 0;
    for (int i = 0; i < 4; ++i) {
      const int digit = in_.next();
      const int lower = digit | 0x20;
      code = code << 4 | (digit >= '0' && digit <= '9' ? digit - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 0);
    }
    return code < 0x80 ? code : '?';
  }

  void append(int c) {
    if (text_.size() <= text_limit) text_ += static_cast<char>(c);
  }

  void open() {
    value();
    const bool inside = levels_.back().names_modules || levels_.back().key_names_modules;
    if (levels_.size() > depth_limit) names_.code = "it is JSON that is nested deeper than any loader reads";
    else levels_.push_back({inside, false, false});
  }

  void close() {
    value();
    if (levels_.size() > 1) levels_.pop_back();
    levels_.back().key_names_modules = levels_.back().key_names_class = false;
  }

  void key() {
    Level& level = levels_.back();
    level.key_names_modules = has_text_ && (text_ == "auto_map" || text_ == "custom_pipelines");
    level.key_names_class = has_text_ && text_ == "class_name";
    if (has_text_ && (text_ == "py/reduce" || text_ == "py/object" || text_ == "py/function" || text_ == "py/type" || text_ == "py/repr"))
      names_.code = "it is JSON that makes Python objects (jsonpickle)";
    has_text_ = false;
  }

  /// The string that was read is no key.
  void value() {
    if (!has_text_) return;
    has_text_ = false;
    const Level& level = levels_.back();
    if (level.key_names_class && (text_ == "Lambda" || text_ == "__lambda__"))
      names_.code = "it describes a Keras model with Python code in it (a Lambda layer)";
    if (!(every_string_ || level.names_modules || level.key_names_modules) || text_.size() > text_limit) return;
    if (names_.modules.size() < module_limit) names_.modules.push_back(text_);
    else names_.code = "it names more Python modules than can be looked at";
  }

  Characters in_;
  const bool every_string_;
  JsonNames names_;
  std::vector<Level> levels_;
  std::string text_;
  bool has_text_ = false;
};

}  // namespace

JsonNames names_in_json(const View& bytes, bool every_string) { return Scan(bytes, every_string).names(); }

}  // namespace shoal::manifest
