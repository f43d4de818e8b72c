// The one binary: each role brings its commands.
#include "cli/run.hpp"
#include "identity/system_authorities.hpp"
#include "node/commands.hpp"
#include "publisher/commands.hpp"
#include "seeder/commands.hpp"
#include "top/commands.hpp"
#include "tracker/commands.hpp"

int main(int argc, char** argv) {
  // Before the first thread.
  shoal::identity::withhold_system_authorities();
  std::vector<shoal::cli::Command> all;
  for (auto* commands :
       {shoal::tracker::commands, shoal::seeder::commands, shoal::publisher::commands, shoal::node::commands, shoal::top::commands})
    for (auto& command : commands()) all.push_back(std::move(command));
  return shoal::cli::run(argc, argv, SHOAL_VERSION, std::move(all), {{"node", "node run"}, {"seeder", "seed"}, {"tracker", "tracker run"}},
                         shoal::node::local_names);
}
