#include "node/agent_output.hpp"

#include "base/wording.hpp"

namespace shoal::node {

/// `gateway` is its address, empty where there is none.
void AgentOutput::running(std::uint16_t port, std::size_t serving, std::size_t follows, const std::string& gateway) {
  Json line{{"type", "running"}, {"listen", port}, {"serving", serving}, {"follows", follows}};
  if (!gateway.empty()) line["gateway"] = gateway;
  out_.result(line, "node on port " + std::to_string(port) + " follows " + counted(follows, "channel") + " and serves " +
                        counted(serving, "release") + (gateway.empty() ? "" : "; HF_ENDPOINT=" + gateway) + "; interrupt to stop");
}

void AgentOutput::fetching(const ChannelKey& key, const Track& track) {
  out_.result({{"type", "fetching"},
               {"model", key.model.str()},
               {"channel", key.channel.str()},
               {"version", track.wanted_version},
               {"release", track.wanted ? track.wanted->hex() : ""}},
              key.str() + " fetches " + track.wanted_version);
}

void AgentOutput::fetched(const ReleaseId& id, const PullReport& report) {
  out_.result({{"type", "fetched"},
               {"model", report.model.str()},
               {"version", report.version.str()},
               {"release", id.hex()},
               {"bytes", report.bytes},
               {"bytes_from_source", report.from_source},
               {"bytes_from_peers", report.from_peers},
               {"bytes_from_mirrors", report.from_mirrors},
               {"bytes_reused", report.reused}},
              report.ref().str() + " fetched: " + format_bytes(report.from_source) + " from the source, " +
                  format_bytes(report.from_peers) + " from peers, " + format_bytes(report.reused) + " were here already");
}

void AgentOutput::stalled(const ChannelKey& key, const std::string& version, const ReleaseId& id, const StallNews::News& news) {
  Json line = news.line;
  line["model"] = key.model.str();
  line["channel"] = key.channel.str();
  line["release"] = id.hex();
  out_.result(line, key.str() + " " + version + " " + news.text);
}

void AgentOutput::activated(const ChannelKey& key, const Track& track, const fs::path& link) {
  out_.result({{"type", "activated"},
               {"model", key.model.str()},
               {"channel", key.channel.str()},
               {"version", track.active_version},
               {"release", track.active ? track.active->hex() : ""},
               {"path", link.string()},
               {"previous", track.previous ? track.previous->hex() : ""}},
              key.str() + " runs " + track.active_version);
}

void AgentOutput::failed(const ChannelKey& key, const Track& track, const Error& error) {
  out_.result({{"type", "failed"},
               {"model", key.model.str()},
               {"channel", key.channel.str()},
               {"code", std::string(name(error.code))},
               {"release", track.wanted ? track.wanted->hex() : ""},
               {"reason", error.message},
               {"retry_at", format_time(track.retry_at)}},
              key.str() + " failed: " + error.message + "; tried again at " + format_time(track.retry_at));
}

void AgentOutput::halted(const ChannelKey& key, const Track& track) {
  out_.result({{"type", "halted"},
               {"model", key.model.str()},
               {"channel", key.channel.str()},
               {"release", track.wanted ? track.wanted->hex() : ""},
               {"active_version", track.active_version}},
              key.str() + ": the rollout was halted, because too many nodes failed; this machine " +
                  (track.active_version.empty() ? "runs nothing" : "runs " + track.active_version));
}

}  // namespace shoal::node
