#include "metrics/process.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace shoal::metrics {
namespace {

double seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double open_descriptors() {
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end; it.increment(error)) ++count;
  return count;
}

}  // namespace

void describe_process(Page& page) {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0)
    page.counter("process_cpu_seconds_total", "User and system processor time of this process.",
                 seconds(usage.ru_utime) + seconds(usage.ru_stime));
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    page.gauge("process_max_fds", "Maximum number of open file descriptors.", static_cast<double>(limit.rlim_cur));
  if (const double open = open_descriptors(); open > 0) page.gauge("process_open_fds", "Open file descriptors.", open);
  if (const double bytes = resident_bytes(); bytes > 0)
    page.gauge("process_resident_memory_bytes", "Resident memory of this process.", bytes);
}

}  // namespace shoal::metrics
