#include "device/cuda.h"

#include <ATen/Context.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <string>
#include <utility>

#include "device/cuda_driver.h"
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

/** The reason why LibTorch's CUDA libraries, which are open, see none of the driver's devices. */
std::string unseen_devices(const CudaDriver& driver) {
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
  const CudaDriver driver;
  report.reason = driver.find_devices(report.devices);
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

}  // namespace

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

void use_exact_cuda() {
  at::Context& context = at::globalContext();
  context.setAllowTF32CuBLAS(false);
  context.setAllowTF32CuDNN(false);
  context.setDeterministicCuDNN(true);
  context.setBenchmarkCuDNN(false);
}

}  // namespace hyperiqa
