/** @file A model made ready for one device: frozen, compiled for its batch shapes, and checked against its own scores.
 */
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "engine.h"
#include "execution/scoring_graph.h"
#include "model/model.h"

namespace hyperiqa {

struct CompiledModel {
  std::shared_ptr<const ScoringGraph> graph;
  SelfCheck check;  ///< check of every batch shape
};

/**
 * Compiles for the batch sizes `shapes`, warming each up with the self-check patches. To be called in a ComputeScope
 * with the number of threads that workers will have. Does not judge the check.
 *
 * @param placed  on `device` and in `dtype` already
 * @throws Error ERR_OUT_OF_MEMORY; ERR_DTYPE_UNSUPPORTED if the graph does not run in bf16 or fp16; ERR_MODEL_FORMAT if
 * it does not run at all or gives no scores; ERR_ABORTED between two forwards after a stop
 */
CompiledModel compile_model(const torch::jit::Module& placed, const Metadata& metadata, GraphMode mode, Dtype dtype,
                            at::Device device, const std::vector<int64_t>& shapes, const StopFlag& stop = {});

/** Scores the check patches on a graph that is compiled already. In a ComputeScope, like `compile_model`. */
SelfCheck check_model(const CompiledModel& model, const Metadata& metadata, Dtype dtype, at::Device device,
                      int64_t batch_size);

}  // namespace hyperiqa
