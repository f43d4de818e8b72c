#include "tracker/query.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/encoding.hpp"

namespace shoal::tracker {
namespace {

/// The parameters as they were sent, in order, without decoding the values.
class Parameters {
 public:
  explicit Parameters(std::string_view query) {
    while (!query.empty()) {
      std::string_view part = query.substr(0, query.find('&'));
      query.remove_prefix(std::min(query.size(), part.size() + 1));
      auto equals = part.find('=');
      std::string_view value = equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1);
      // A name that cannot be decoded is none that we know.
      if (Result<std::string> name = percent_decode(part.substr(0, equals)); name.ok()) parts_.push_back({*name, value});
    }
  }

  std::vector<std::string_view> all(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const Part& part : parts_)
      if (part.name == name) values.push_back(part.value);
    return values;
  }

  /// Of a parameter that is given more than once, the first counts.
  Result<std::optional<std::string>> get(std::string_view name) const {
    auto values = all(name);
    if (values.empty()) return std::optional<std::string>();
    Result<std::string> decoded = percent_decode(values.front());
    if (!decoded.ok()) return fail(ErrorCode::usage, std::string(name) + " is not percent-encoded");
    return std::optional<std::string>(std::move(decoded).value());
  }

 private:
  struct Part {
    std::string name;
    std::string_view value;
  };
  std::vector<Part> parts_;
};

Result<InfoHash> parse_info_hash(std::string_view encoded) {
  Result<std::string> raw = percent_decode(encoded);
  if (!raw.ok()) return fail(ErrorCode::usage, "info_hash is not percent-encoded");
  if (raw->size() == 32)
    return fail(ErrorCode::usage, "info_hash has 32 bytes: announce a v2 torrent with the first 20 bytes of its hash (BEP 52)");
  if (raw->size() != InfoHash::size()) return fail(ErrorCode::usage, "info_hash must be 20 bytes, not " + std::to_string(raw->size()));
  return InfoHash::from_raw(*raw);
}

Result<std::uint64_t> parse_number(std::string_view text, std::string_view name, std::uint64_t most) {
  std::uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > most)
    return fail(ErrorCode::usage, std::string(name) + " must be a whole number from 0 to " + std::to_string(most));
  return number;
}

Result<std::optional<std::uint64_t>> number_of(const Parameters& parameters, std::string_view name, std::uint64_t most) {
  SHOAL_TRY(auto text, parameters.get(name));
  if (!text) return std::optional<std::uint64_t>();
  SHOAL_TRY(std::uint64_t number, parse_number(*text, name, most));
  return std::optional<std::uint64_t>(number);
}

Result<std::size_t> numwant_of(const Parameters& parameters) {
  SHOAL_TRY(auto text, parameters.get("numwant"));
  if (!text) return default_numwant;
  bool negative = text->starts_with('-');
  SHOAL_TRY(std::uint64_t number,
            parse_number(std::string_view(*text).substr(negative ? 1 : 0), "numwant", std::numeric_limits<std::uint64_t>::max()));
  if (negative) return default_numwant;  // some clients say -1 for "as many as you like"
  return static_cast<std::size_t>(std::min<std::uint64_t>(number, most_numwant));
}

Result<Event> event_of(const Parameters& parameters) {
  SHOAL_TRY(auto text, parameters.get("event"));
  if (!text || text->empty()) return Event::none;
  if (*text == "started") return Event::started;
  if (*text == "completed") return Event::completed;
  if (*text == "stopped") return Event::stopped;
  if (*text == "paused") return Event::paused;
  return fail(ErrorCode::usage, "event must be started, completed, stopped, paused or empty");
}

Status read_identity(const Parameters& parameters, AnnounceQuery& query) {
  auto hashes = parameters.all("info_hash");
  if (hashes.empty()) return fail(ErrorCode::usage, "info_hash is missing");
  if (hashes.size() > 1) return fail(ErrorCode::usage, "multiple info_hash parameters supplied");
  SHOAL_TRY(query.info_hash, parse_info_hash(hashes.front()));
  SHOAL_TRY(auto peer_id, parameters.get("peer_id"));
  if (!peer_id) return fail(ErrorCode::usage, "peer_id is missing");
  if (peer_id->size() != 20) return fail(ErrorCode::usage, "peer_id must be 20 bytes, not " + std::to_string(peer_id->size()));
  query.peer_id = std::move(*peer_id);
  SHOAL_TRY(auto port, number_of(parameters, "port", 65535));
  if (!port) return fail(ErrorCode::usage, "port is missing");
  query.port = static_cast<std::uint16_t>(*port);
  SHOAL_TRY(auto address, parameters.get("address"));
  query.address = address.value_or("");
  return {};
}

Status read_progress(const Parameters& parameters, AnnounceQuery& query) {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  SHOAL_TRY(auto uploaded, number_of(parameters, "uploaded", most));
  SHOAL_TRY(auto downloaded, number_of(parameters, "downloaded", most));
  SHOAL_TRY(query.left, number_of(parameters, "left", most));
  SHOAL_TRY(query.event, event_of(parameters));
  query.uploaded = uploaded.value_or(0);
  query.downloaded = downloaded.value_or(0);
  return {};
}

Status read_wishes(const Parameters& parameters, AnnounceQuery& query) {
  SHOAL_TRY(query.numwant, numwant_of(parameters));
  SHOAL_TRY(auto compact, parameters.get("compact"));
  SHOAL_TRY(auto no_peer_id, parameters.get("no_peer_id"));
  SHOAL_TRY(auto key, parameters.get("key"));
  SHOAL_TRY(auto tracker_id, parameters.get("trackerid"));
  query.compact = compact != "0";
  query.no_peer_id = no_peer_id == "1";
  query.key = std::move(key).value_or("").substr(0, 64);
  query.tracker_id = std::move(tracker_id).value_or("").substr(0, 64);
  return {};
}

}  // namespace

Result<AnnounceQuery> parse_announce(std::string_view query) {
  Parameters parameters(query);
  AnnounceQuery parsed;
  SHOAL_CHECK(read_identity(parameters, parsed));
  SHOAL_CHECK(read_progress(parameters, parsed));
  SHOAL_CHECK(read_wishes(parameters, parsed));
  return parsed;
}

Result<std::vector<InfoHash>> parse_scrape(std::string_view query) {
  auto values = Parameters(query).all("info_hash");
  if (values.empty()) return fail(ErrorCode::usage, "info_hash is missing: this tracker answers no scrape of everything");
  std::vector<InfoHash> hashes;
  for (std::string_view value : values) {
    SHOAL_TRY(InfoHash hash, parse_info_hash(value));
    hashes.push_back(hash);
  }
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  if (hashes.size() > most_scraped)
    return fail(ErrorCode::usage, "at most " + std::to_string(most_scraped) + " torrents can be scraped at once");
  return hashes;
}

}  // namespace shoal::tracker
