#include "device/cuda_driver.h"

#ifdef __linux__

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

namespace hyperiqa {

std::string last_dl_error() {
  const char* error = dlerror();
  return error ? error : "unknown error";
}

CudaDriver::CudaDriver() : library_(dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL)) {
  if (!library_) error_ = last_dl_error();
}

template <typename Function>
Function CudaDriver::symbol(const char* name) const {
  return reinterpret_cast<Function>(dlsym(library_, name));  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
}

int CudaDriver::version() const {
  const auto get_version = library_ ? symbol<int (*)(int*)>("cuDriverGetVersion") : nullptr;
  int version = 0;
  return get_version && get_version(&version) == 0 ? version : 0;
}

std::string CudaDriver::find_devices(std::vector<DeviceInfo>& devices) const {
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
  // LibTorch numbers devices in 8 bits.
  count = std::min<int>(count, std::numeric_limits<int8_t>::max());
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

}  // namespace hyperiqa

#endif
