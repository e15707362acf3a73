#include "device/cpu.h"

#include <ATen/Version.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#ifdef __linux__
#include <sched.h>
#endif

namespace hyperiqa {
namespace {

#ifdef __linux__

std::string first_line_of(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/** Cores in the affinity mask: CPUs that share a core name the same siblings. */
int cores_in_mask() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return 0;
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask)) continue;
    const std::string id = std::to_string(cpu);
    const std::string siblings = first_line_of("/sys/devices/system/cpu/cpu" + id + "/topology/thread_siblings_list");
    cores.insert(siblings.empty() ? "cpu" + id : siblings);
  }
  return static_cast<int>(cores.size());
}

/** CPUs' worth of time that a cgroup's quota allows, rounded up; 0 = no quota.
 *  @param limit  quota and period in microseconds; without a quota the first is -1 or "max" */
int cpus_of_quota(const std::string& limit) {
  std::istringstream text(limit);
  double quota = 0;
  double period = 0;
  if (!(text >> quota >> period) || quota <= 0 || period <= 0) return 0;
  return static_cast<int>(std::ceil(quota / period));
}

/** The tightest quota on the way from this process's cgroup to the root; 0 = none. */
int cgroup_quota() {
  int tightest = 0;
  const auto consider = [&tightest](int cpus) {
    if (cpus > 0) tightest = tightest == 0 ? cpus : std::min(tightest, cpus);
  };
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    const bool version1 = ("," + controllers + ",").find(",cpu,") != std::string::npos;
    if (!controllers.empty() && !version1) continue;
    for (;;) {
      if (path == "/") path.clear();
      if (version1) {
        const std::string folder = "/sys/fs/cgroup/cpu" + path;
        consider(cpus_of_quota(first_line_of(folder + "/cpu.cfs_quota_us") + ' ' +
                               first_line_of(folder + "/cpu.cfs_period_us")));
      } else {
        consider(cpus_of_quota(first_line_of("/sys/fs/cgroup" + path + "/cpu.max")));
      }
      if (path.empty()) break;
      path.erase(path.rfind('/'));
    }
  }
  return tightest;
}

#endif

}  // namespace

int available_cores() {
  int cores = static_cast<int>(std::thread::hardware_concurrency());
#ifdef __linux__
  if (const int in_mask = cores_in_mask(); in_mask > 0) cores = in_mask;
  if (const int quota = cgroup_quota(); quota > 0) cores = std::min(cores, quota);
#endif
  return std::max(cores, 1);
}

std::string processor_name() {
  std::string name = "CPU";
#ifdef __linux__
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) {
      name = line.substr(colon + 2);
      break;
    }
  }
#endif
  return name + " (" + at::get_cpu_capability() + ")";
}

}  // namespace hyperiqa
