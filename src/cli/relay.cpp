#include "cli/relay.hpp"

namespace shoal::cli {
namespace {

std::string text_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

ByteCount number_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<ByteCount>() : 0;
}

Moment moment_in(const Json& progress) {
  return {text_in(progress, "what"),    number_in(progress, "done"),
          number_in(progress, "total"), number_in(progress, "rate"),
          text_in(progress, "detail"),  progress.value("extra", Json::object()),
          text_in(progress, "waiting"), progress.contains("moved") ? std::optional(number_in(progress, "moved")) : std::nullopt};
}

}  // namespace

Json result_in(const Json& event) {
  if (!event.is_object()) return {};
  const auto found = event.find("result");
  return found != event.end() ? *found : Json();
}

void replay(const Json& event, Output& out) {
  if (!event.is_object()) return;
  if (const auto result = event.find("result"); result != event.end()) out.result(*result, text_in(event, "text"));
  if (event.contains("message")) out.message(text_in(event, "message"));
  if (const auto progress = event.find("progress"); progress != event.end() && progress->is_object()) out.progress(moment_in(*progress));
  if (event.contains("progress_done")) out.progress_done();
}

}  // namespace shoal::cli
