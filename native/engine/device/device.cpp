#include "device/device.h"

#include <ATen/ops/ones.h>
#include <torch/headeronly/version.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <string_view>

#include "device/cpu.h"
#include "support/errors.h"

namespace hyperiqa {
namespace {

/** The reason why a device that LibTorch sees cannot compute, e.g. because it is too old for the build's kernels or has
 * no memory left; empty when it can. */
std::string problem_of(at::Device device) {
  try {
    const auto sum = at::ones({1}, device).add(1).item<float>();
    return sum == 2 ? "" : "1 + 1 is " + std::to_string(sum) + " on it";
  } catch (const std::exception& error) {
    return plain_message(error);
  }
}

at::Device cuda_device(const std::string& wanted) {
  int index = 0;
  if (wanted != "cuda") {
    const char* begin = wanted.data() + std::string_view("cuda:").size();
    const char* end = wanted.data() + wanted.size();
    const auto [stop, error] = std::from_chars(begin, end, index);
    if (error != std::errc() || stop != end || index < 0) {
      throw Error("ERR_INVALID_ARGUMENT", "\"" + wanted + R"(" names no device; a number follows "cuda:".)");
    }
  }
  const CudaReport report = cuda_report();
  if (!report.available) {
    throw Error("ERR_DEVICE_UNAVAILABLE", "The device " + wanted + " cannot be used: " + report.reason + ".");
  }
  if (static_cast<size_t>(index) >= report.devices.size()) {
    throw Error("ERR_DEVICE_UNAVAILABLE",
                "There is no device " + wanted + "; the last one is " + report.devices.back().id + ".");
  }
  const at::Device device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
  if (const std::string problem = problem_of(device); !problem.empty()) {
    throw Error("ERR_DEVICE_UNAVAILABLE", "The device " + wanted + " cannot be used: " + problem);
  }
  return device;
}

/** The first CUDA device where it works, else the CPU. */
at::Device best_device(std::string& fallback_reason) {
  const CudaReport report = cuda_report();
  const at::Device first(at::kCUDA, 0);
  fallback_reason = report.available ? problem_of(first) : report.reason;
  return fallback_reason.empty() ? first : at::Device(at::kCPU);
}

}  // namespace

std::string libtorch_version() {
  return TORCH_VERSION;
}

DeviceChoice choose_devices(const std::vector<std::string>& wanted) {
  DeviceChoice choice;
  if (wanted.empty()) throw Error("ERR_INVALID_ARGUMENT", "The list of devices is empty.");
  for (const std::string& name : wanted) {
    at::Device device(at::kCPU);
    if (name == "auto") {
      device = best_device(choice.fallback_reason);
    } else if (name == "cuda" || name.starts_with("cuda:")) {
      device = cuda_device(name);
    } else if (name != "cpu") {
      throw Error("ERR_INVALID_ARGUMENT",
                  "\"" + name + R"(" names no device; there are "auto", "cpu", "cuda" and "cuda:N".)");
    }
    if (std::ranges::find(choice.devices, device) != choice.devices.end()) {
      throw Error("ERR_INVALID_ARGUMENT", "The device " + device.str() + " is asked for twice.");
    }
    choice.devices.push_back(device);
  }
  return choice;
}

DeviceInfo describe_device(at::Device device) {
  if (device.is_cpu()) return {"cpu", processor_name()};
  for (const DeviceInfo& info : cuda_report().devices) {
    if (info.id == device.str()) return info;
  }
  return {device.str(), ""};
}

}  // namespace hyperiqa
