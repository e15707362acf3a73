/** @file Devices: what a user asks for, what there is, and why not. */
#pragma once

#include <c10/core/Device.h>

#include <string>
#include <vector>

#include "engine.h"

namespace hyperiqa {

struct DeviceChoice {
  std::vector<at::Device> devices;
  std::string fallback_reason;  ///< the reason why "auto" did not give CUDA
};

/** Resolves "auto", "cpu", "cuda" (the first) and "cuda:N". A CUDA device is tried with a small computation; one that
 * fails is no choice for "auto".
 *  @throws Error ERR_INVALID_ARGUMENT (unknown or repeated), ERR_DEVICE_UNAVAILABLE with the reason */
DeviceChoice choose_devices(const std::vector<std::string>& wanted);

DeviceInfo describe_device(at::Device device);

}  // namespace hyperiqa
