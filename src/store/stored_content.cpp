#include "store/stored_content.hpp"

namespace shoal::store {

Error wrong_bytes(const StoredContent& content, std::uint32_t piece) {
  const auto parts = content.parts(piece);
  const FilePart& first = parts.front();
  if (parts.size() == 1)
    return fail(ErrorCode::verification,
                content.name(first.file) + ": the bytes from " + std::to_string(first.offset) + " on are not those that were published");
  return fail(ErrorCode::verification, content.name(first.file) + " or one of the " + std::to_string(parts.size() - 1) +
                                           " files behind it in piece " + std::to_string(piece) + " is not what was published");
}

}  // namespace shoal::store
