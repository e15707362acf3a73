/** @file Devices: what a user asks for, what there is, and why not. */
#pragma once

#include <c10/core/Device.h>

#include <string>
#include <vector>

#include "engine.h"

namespace hyperiqa {

struct DeviceChoice {
  std::vector<at::Device> devices;
  std::string fallback_reason;  ///< why "auto" did not give CUDA
};

/**
 * Opens LibTorch's CUDA libraries where the build has them and the driver sees a device: once a process, and before
 * anything else of LibTorch is used, for the CPU as well. LibTorch looks for its CUDA part once, whenever something
 * first asks for it, and then never again; after a load on the CPU without this, CUDA could not be had any more.
 */
void open_cuda();

/** Resolves "auto", "cpu", "cuda" (the first) and "cuda:N". A CUDA device is tried with a small computation; one that
 * fails is no choice for "auto".
 *  @throws Error ERR_INVALID_ARGUMENT (unknown or repeated), ERR_DEVICE_UNAVAILABLE with the reason */
DeviceChoice choose_devices(const std::vector<std::string>& wanted);

DeviceInfo describe_device(at::Device device);

/** Makes results on CUDA reproducible and comparable with the CPU's: no TF32, cuDNN's deterministic algorithms, no
 * choice of algorithms by timing. Settings of LibTorch for the whole process. */
void use_exact_cuda();

}  // namespace hyperiqa
