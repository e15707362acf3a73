/** @file A model's graph, frozen, optimised and compiled for the batch shapes in use. */
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/interpreter.h>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "engine.h"

namespace hyperiqa {

/**
 * Runs without LibTorch's graph executors: those profile and recompile when they like, by process-wide settings. Here
 * every shape is compiled once, in `specialise`, and never again.
 */
class ScoringGraph {
 public:
  /** Freezes a module that is on its device and in its dtype already; weights are shared with it where possible.
   *  @param mode Freeze: constants folded, batch norm into convolutions; Optimize: and LibTorch's inference passes
   *              (weights in oneDNN's layout); OneDnn: subgraphs compiled by oneDNN Graph, for each batch shape */
  ScoringGraph(const torch::jit::Module& module, GraphMode mode);

  /** Compiles for the shape of `patches` and runs it once: oneDNN generates code and reorders weights at first use, for
   * as many intra-op threads as the calling thread has, so call it with the number that `run` will have. Returns the
   *  scores. Not to be called while another thread runs. */
  at::Tensor specialise(const at::Tensor& patches);

  /** Scores of uint8 N×3×224×224 patches (channels_last, on the graph's device): float32 N. Thread-safe for the shapes
   *  that were specialised. @throws Error ERR_MODEL_FORMAT if the result has another shape or dtype */
  at::Tensor run(const at::Tensor& patches) const;

 private:
  at::Tensor run(const torch::jit::Code& code, const at::Tensor& patches) const;
  std::shared_ptr<torch::jit::Graph> fused_for(const at::Tensor& patches) const;

  torch::jit::Module frozen_;
  GraphMode mode_;
  std::map<int64_t, torch::jit::Code> codes_;  ///< compiled graphs by batch size
};

}  // namespace hyperiqa
