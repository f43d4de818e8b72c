#include "node/transfer_view.hpp"

#include <algorithm>

#include "registry/messages.hpp"

namespace shoal::node {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr std::chrono::seconds span{3};
// Shorter, and one burst out of a queue would pass for the link's rate.
constexpr double shortest = 1;
// A link that brings less than this is one on which only messages pass.
constexpr ByteCount messages_only = 1024;
constexpr std::size_t shown_id = 8;
constexpr std::size_t most_links = registry::NodeReport::most_links;

ByteCount per_second(ByteCount bytes, double seconds) { return static_cast<ByteCount>(static_cast<double>(bytes) / seconds); }

}  // namespace

void TransferView::forget_old(SteadyTime now) {
  while (samples_.size() > 2 && now - samples_[1].at >= span) samples_.pop_front();
}

/// The fastest first.
std::vector<ActiveLink> TransferView::busy(double seconds) const {
  std::vector<ActiveLink> busy;
  for (const auto& [peer, link] : samples_.back().links) {
    auto before = samples_.front().links.find(peer);
    const ByteCount old = before == samples_.front().links.end() ? 0 : before->second.received;
    const ByteCount rate = per_second(link.received - std::min(old, link.received), seconds);
    if (rate >= messages_only) busy.push_back({peer, link.source, rate, link.round_trip});
  }
  std::stable_sort(busy.begin(), busy.end(), [](const ActiveLink& a, const ActiveLink& b) { return a.rate > b.rate; });
  return busy;
}

TransferFacts TransferView::see(const InfoHash& content, const swarm::Progress& progress, const std::vector<mesh::LinkCounters>& links,
                                SteadyTime now) {
  Sample sample{now, progress.from_source + progress.from_peers, {}};
  for (const auto& link : links)
    if (link.info_hash == content) sample.links[link.peer] = {link.role == identity::Role::seeder, link.received, link.round_trip};
  // The content was added anew, and its counts began anew.
  if (!samples_.empty() && sample.arrived < samples_.back().arrived) samples_.clear();
  if (sample.arrived > 0 && !first_byte_) first_byte_ = samples_.empty() ? now : samples_.back().at;
  samples_.push_back(std::move(sample));
  forget_old(now);

  TransferFacts facts;
  const double seconds = Seconds(now - samples_.front().at).count();
  if (seconds < shortest) return facts;
  facts.rate = per_second(samples_.back().arrived - samples_.front().arrived, seconds);
  facts.ideal_rate = ideal_rate_ = std::max(ideal_rate_, facts.rate);
  const double ran = first_byte_ ? Seconds(now - *first_byte_).count() : 0;
  if (ran > 0 && ideal_rate_ > 0)
    facts.percent_of_ideal = static_cast<unsigned>(
        std::min(100.0, 100.0 * static_cast<double>(samples_.back().arrived) / ran / static_cast<double>(ideal_rate_)));
  if (const ByteCount lacks = progress.size - std::min(progress.size, progress.done); facts.rate > 0)
    facts.left = std::chrono::seconds((lacks + facts.rate - 1) / facts.rate);
  facts.links = busy(seconds);
  if (facts.links.size() > 1) facts.slowest = facts.links.back();
  if (facts.links.size() > most_links) facts.links.resize(most_links);
  return facts;
}

std::string transfer_text(const TransferFacts& facts, const swarm::Progress& progress) {
  std::string text = facts.ideal_rate > 0 ? std::to_string(facts.percent_of_ideal) + "% of the ideal rate, " : "";
  text += format_bytes(progress.from_source) + " from the source, " + format_bytes(progress.from_peers) + " from peers";
  if (!facts.slowest) return text;
  return text + ", slowest link " + format_bytes(facts.slowest->rate) + "/s from " + (facts.slowest->source ? "seeder " : "node ") +
         facts.slowest->peer.str().substr(0, shown_id);
}

Json transfer_json(const TransferFacts& facts) {
  Json json{
      {"ideal_rate", facts.ideal_rate}, {"percent_of_ideal", facts.percent_of_ideal}, {"seconds_left", Json()}, {"slowest_link", Json()}};
  if (facts.left) json["seconds_left"] = facts.left->count();
  if (facts.slowest)
    json["slowest_link"] = {{"peer", facts.slowest->peer.str()}, {"source", facts.slowest->source}, {"rate", facts.slowest->rate}};
  return json;
}

}  // namespace shoal::node
