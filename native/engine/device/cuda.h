/** @file LibTorch's CUDA part: opened in time, reported, and set up for exact results. */
#pragma once

#include "engine.h"

namespace hyperiqa {

/**
 * Opens LibTorch's CUDA libraries where the build has them and the driver sees a device: once a process, and before
 * anything else of LibTorch is used, for the CPU as well. LibTorch looks for its CUDA part once, whenever something
 * first asks for it, and then never again; after a load on the CPU without this, CUDA could not be had any more.
 */
void open_cuda();

/** Makes results on CUDA reproducible and comparable with the CPU's: no TF32, cuDNN's deterministic algorithms, no
 * choice of algorithms by timing. Settings of LibTorch for the whole process. */
void use_exact_cuda();

}  // namespace hyperiqa
