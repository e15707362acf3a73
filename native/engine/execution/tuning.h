/** @file The execution plan for this CPU, chosen by measuring. */
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <chrono>

#include "engine.h"
#include "execution/execution_plan.h"
#include "model/metadata.h"

namespace hyperiqa {

/** A plan and its origin. */
struct TunedPlan {
  ExecutionPlan plan;
  Tuning origin = Tuning::Default;
};

/** Longest wait for the measurement of another process: some times what one takes on a busy machine. */
inline constexpr std::chrono::seconds kMeasuringPatience{60};

/**
 * Graph mode, workers × threads and batch size with the most patches a second. What the options fix is not varied; what
 * was measured before is recalled, in this process or from `options.tuning_file`. Otherwise measures for some seconds.
 * One of several processes with the same file measures at a time; the others wait for it, and take what it has stored.
 *
 * A graph mode that fails, or that misses the model's check scores, is no candidate.
 *
 * @param placed  on the CPU and in the dtype of the options
 * @param patience  after which it is measured beside other processes
 * @throws Error as compile_model, if no graph mode works; ERR_ABORTED after a stop, nothing is remembered then
 */
TunedPlan cpu_plan(const torch::jit::Module& placed, const Metadata& metadata, const LoadOptions& options,
                   std::chrono::milliseconds patience = kMeasuringPatience);

}  // namespace hyperiqa
