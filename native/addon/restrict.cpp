#include "restrict.h"

#ifndef _WIN32
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <string>
#endif

namespace hyperiqa::addon {

#ifdef _WIN32

void restrict_process(uint64_t /*memory*/) {}

#else

namespace {

void limit(decltype(RLIMIT_CORE) what, uint64_t bytes) {
  rlimit limits{};
  if (getrlimit(what, &limits) != 0) return;
  limits.rlim_cur = std::min<rlim_t>(limits.rlim_max, static_cast<rlim_t>(bytes));
  limits.rlim_max = limits.rlim_cur;
  setrlimit(what, &limits);
}

/** Private memory of this process, bytes; 0 where the system does not tell it. */
uint64_t data_size() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmData:")) return std::stoull(line.substr(line.find(':') + 1)) * 1024;
  }
  return 0;
}

}  // namespace

void restrict_process(uint64_t memory) {
  // Makes writing an error, not a signal.
  std::signal(SIGXFSZ, SIG_IGN);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_CORE, 0);
  if (const uint64_t size = data_size(); size > 0) limit(RLIMIT_DATA, size + memory);
}

#endif

}  // namespace hyperiqa::addon
