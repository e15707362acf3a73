#include "device/device.h"

#include <ATen/Context.h>
#include <ATen/ops/ones.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/headeronly/version.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <filesystem>
#include <limits>

#include "device/cpu.h"
#include "support/errors.h"
#include "support/threads.h"

#ifdef __linux__
#include <dlfcn.h>
#endif

namespace hyperiqa {
namespace {

CudaReport no_cuda(std::string reason) {
  CudaReport report;
  report.reason = std::move(reason);
  return report;
}

#ifdef __linux__

std::string last_dl_error() {
  const char* error = dlerror();
  return error ? error : "unknown error";
}

/** The NVIDIA driver's own library. It is asked first: it is small, and without a driver and a device there is no need
 * to open LibTorch's CUDA libraries, which are gigabytes. */
class Driver {
 public:
  Driver() : library_(dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL)) {
    if (!library_) error_ = last_dl_error();
  }

  /** Newest CUDA version that the driver supports, as 1000·major + 10·minor; 0 where it does not tell. */
  int version() const {
    const auto get_version = library_ ? symbol<int (*)(int*)>("cuDriverGetVersion") : nullptr;
    int version = 0;
    return get_version && get_version(&version) == 0 ? version : 0;
  }

  /** Empty when the driver works and sees a device. Fills in their names. */
  std::string problem(std::vector<DeviceInfo>& devices) const {
    if (!library_) return "there is no NVIDIA driver: libcuda.so.1 cannot be opened (" + error_ + ")";
    const auto init = symbol<int (*)(unsigned)>("cuInit");
    const auto count_devices = symbol<int (*)(int*)>("cuDeviceGetCount");
    const auto device_at = symbol<int (*)(int*, int)>("cuDeviceGet");
    const auto device_name = symbol<int (*)(char*, int, int)>("cuDeviceGetName");
    if (!init || !count_devices || !device_at || !device_name) {
      return "libcuda.so.1 lacks functions of the CUDA driver interface";
    }
    constexpr int kNoDevice = 100;  // CUDA_ERROR_NO_DEVICE
    int count = 0;
    int status = init(0);
    if (status == 0) status = count_devices(&count);
    if (status == kNoDevice || (status == 0 && count <= 0)) {
      return "the NVIDIA driver sees no device (CUDA_VISIBLE_DEVICES may hide them)";
    }
    if (status != 0) return "the NVIDIA driver does not start (CUDA error " + std::to_string(status) + ")";
    count = std::min<int>(count, std::numeric_limits<c10::DeviceIndex>::max());
    for (int index = 0; index < count; ++index) {
      std::array<char, 256> name{};
      int device = 0;
      if (device_at(&device, index) != 0 || device_name(name.data(), static_cast<int>(name.size()) - 1, device) != 0) {
        name[0] = '\0';
      }
      devices.push_back({"cuda:" + std::to_string(index), name.data()});
    }
    return "";
  }

 private:
  template <typename Function>
  Function symbol(const char* name) const {
    return reinterpret_cast<Function>(dlsym(library_, name));  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
  }

  void* library_;  // stays open: the driver cannot be unloaded safely
  std::string error_;
};

/** Why LibTorch's CUDA libraries, which are open, see none of the driver's devices. */
std::string unseen_devices(const Driver& driver) {
  const long needed = at::Context::versionCUDART();
  const int supported = driver.version();
  const auto text = [](long version) {
    return std::to_string(version / 1000) + '.' + std::to_string(version % 1000 / 10);
  };
  if (supported > 0 && supported / 1000 < needed / 1000) {
    return "the NVIDIA driver is too old: it supports CUDA " + text(supported) + ", and LibTorch needs CUDA " +
           text(needed);
  }
  return "LibTorch's CUDA runtime sees no device that it supports";
}

CudaReport look_for_cuda() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&at::globalContext), &info) == 0) {
    return no_cuda("the folder of LibTorch's libraries is not known");
  }
  const auto library = std::filesystem::path(info.dli_fname).parent_path() / "libtorch_cuda.so";
  if (!std::filesystem::exists(library)) {
    return no_cuda("the LibTorch in use is a CPU build (there is no " + library.string() + ")");
  }
  CudaReport report;
  const Driver driver;
  report.reason = driver.problem(report.devices);
  if (report.reason.empty() && !dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL)) {
    report.reason = "LibTorch's CUDA libraries are incomplete (" + last_dl_error() + ")";
  }
  if (report.reason.empty() && !at::Context::hasCUDART()) {
    // LibTorch looks for its CUDA part once, at the first use of anything that asks for it.
    report.reason =
        "LibTorch had been used in this process before hyperiqa could open its CUDA libraries, and has settled on the "
        "CPU. Use hyperiqa first, in a new process";
  }
  if (report.reason.empty()) {
    const auto count = static_cast<size_t>(c10::impl::VirtualGuardImpl(at::kCUDA).deviceCount());
    if (count == 0) report.reason = unseen_devices(driver);
    report.devices.resize(std::min(report.devices.size(), count));
  }
  report.available = report.reason.empty();
  if (!report.available) report.devices.clear();
  return report;
}

#else

CudaReport look_for_cuda() {
  return no_cuda("CUDA is supported on Linux only");
}

#endif

/** Why a device that LibTorch sees cannot compute, e.g. because it is too old for the build's kernels or has no memory
 * left; empty when it can. */
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

CudaReport cuda_report() {
  static const CudaReport report = [] {
    const QuietScope quiet;
    try {
      return look_for_cuda();
    } catch (const std::exception& error) {
      return no_cuda("the search for it failed: " + plain_message(error));
    }
  }();
  return report;
}

void open_cuda() {
  cuda_report();
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

void use_exact_cuda() {
  at::Context& context = at::globalContext();
  context.setAllowTF32CuBLAS(false);
  context.setAllowTF32CuDNN(false);
  context.setDeterministicCuDNN(true);
  context.setBenchmarkCuDNN(false);
}

}  // namespace hyperiqa
