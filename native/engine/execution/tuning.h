/** @file The execution plan for this CPU, chosen by measuring. */
#pragma once

#include <torch/csrc/jit/api/module.h>

#include "engine.h"
#include "execution/plan_cache.h"
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
ExecutionPlan measured_cpu_plan(const torch::jit::Module& placed, const Metadata& metadata, const LoadOptions& options);

}  // namespace hyperiqa
