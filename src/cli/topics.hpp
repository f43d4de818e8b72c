// The headings of the overview: what people do. The order in which they appear is that of `topics`.
#pragma once

#include <array>

namespace shoal::cli {

inline constexpr const char* topic_set_up = "Set up a fleet";
inline constexpr const char* topic_publish = "Publish";
inline constexpr const char* topic_run = "Fetch and run";
inline constexpr const char* topic_look = "Look";
inline constexpr const char* topic_space = "Keep space";
inline constexpr const char* topic_care = "Look after machines, keys and trust";
inline constexpr const char* topic_configure = "Configure";

inline constexpr std::array topics{topic_set_up, topic_publish, topic_run, topic_look, topic_space, topic_care, topic_configure};

}  // namespace shoal::cli
