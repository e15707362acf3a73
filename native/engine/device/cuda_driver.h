/** @file NVIDIA's driver, asked without LibTorch. */
#pragma once

#include <string>
#include <vector>

#include "engine.h"

namespace hyperiqa {

/** The message of the last dlopen or dlsym that failed on this thread. Linux only, like the class. */
std::string last_dl_error();

/**
 * The driver's own library. It is asked before LibTorch's CUDA libraries: it is small, and without a driver and a
 * device there is no need to open those, which are gigabytes.
 */
class CudaDriver {
 public:
  CudaDriver();

  /** Newest CUDA version that the driver supports, as 1000·major + 10·minor; 0 where it does not tell. */
  int version() const;

  /** Fills in the devices. @return the reason why there are none; empty where the driver works and sees some */
  std::string find_devices(std::vector<DeviceInfo>& devices) const;

 private:
  template <typename Function>
  Function symbol(const char* name) const;

  void* library_;  ///< stays open: the driver cannot be unloaded safely
  std::string error_;
};

}  // namespace hyperiqa
