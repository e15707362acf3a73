/** @file Choosing how a model is computed on this CPU, by measuring. */
#pragma once

#include <torch/csrc/jit/api/module.h>

#include "engine.h"
#include "execution/tuning_cache.h"
#include "model/metadata.h"

namespace hyperiqa {

/**
 * Graph mode, workers × threads and batch size with the most patches a second. What the options fix is not varied; what
 * was measured before is recalled, in this process or from `options.tuning_file`. Otherwise measures for some seconds.
 *
 * A graph mode that fails, or that misses the model's check scores, is no candidate.
 *
 * @param placed  on the CPU and in the dtype of the options
 * @throws Error as compile_model, if no graph mode works; ERR_ABORTED after a stop, nothing is remembered then
 */
CpuSetup choose_cpu_setup(const torch::jit::Module& placed, const Metadata& metadata, const LoadOptions& options);

}  // namespace hyperiqa
