/**
 * @file
 * A stand-in for NVIDIA's driver library, libcuda.so.1: as much of it as the choice of a device asks for.
 *
 * STANDIN_DEVICES  number of devices; default 1
 * STANDIN_STATUS   what cuInit returns; default 0
 * STANDIN_VERSION  newest CUDA that it supports; default 13000 for CUDA 13.0
 * As with the driver, CUDA_VISIBLE_DEVICES names the devices to be seen. With STANDIN_INCOMPLETE defined at compile
 * time, a function is missing. Handles of devices differ from their numbers, so that one taken for the other shows.
 */
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr int kSuccess = 0;
constexpr int kInvalidValue = 1;
constexpr int kNoDevice = 100;
constexpr int kInvalidDevice = 101;
constexpr int kFirstHandle = 1000;

int number(const char* variable, int otherwise) {
  const char* const text = std::getenv(variable);
  return text != nullptr ? static_cast<int>(std::strtol(text, nullptr, 10)) : otherwise;
}

/** Numbers of the devices to be seen: the list of CUDA_VISIBLE_DEVICES up to the first that does not exist. */
std::vector<int> visible() {
  const int all = number("STANDIN_DEVICES", 1);
  std::vector<int> devices;
  const char* const list = std::getenv("CUDA_VISIBLE_DEVICES");
  if (list == nullptr) {
    for (int i = 0; i < all; ++i) devices.push_back(i);
    return devices;
  }
  std::istringstream text(list);
  for (std::string part; std::getline(text, part, ',');) {
    char* end = nullptr;
    const long device = std::strtol(part.c_str(), &end, 10);
    if (end == part.c_str() || device < 0 || device >= all) break;
    devices.push_back(static_cast<int>(device));
  }
  return devices;
}

}  // namespace

extern "C" {

int cuInit(unsigned flags) {
  if (flags != 0) return kInvalidValue;
  const int status = number("STANDIN_STATUS", kSuccess);
  return status == kSuccess && visible().empty() ? kNoDevice : status;
}

int cuDriverGetVersion(int* version) {
  *version = number("STANDIN_VERSION", 13000);
  return kSuccess;
}

int cuDeviceGetCount(int* count) {
  *count = static_cast<int>(visible().size());
  return kSuccess;
}

int cuDeviceGet(int* device, int ordinal) {
  const std::vector<int> devices = visible();
  if (ordinal < 0 || std::cmp_greater_equal(ordinal, devices.size())) return kInvalidDevice;
  *device = kFirstHandle + devices[static_cast<size_t>(ordinal)];
  return kSuccess;
}

#ifndef STANDIN_INCOMPLETE
int cuDeviceGetName(char* name, int length, int device) {
  if (device < kFirstHandle) return kInvalidDevice;
  std::snprintf(name, static_cast<size_t>(length), "Stand-in %d", device - kFirstHandle);
  return kSuccess;
}
#endif
}
