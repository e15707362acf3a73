/** @file The three networks of a face detector, frozen, on their device. */
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/interpreter.h>

#include <cstdint>
#include <string>
#include <vector>

#include "engine.h"
#include "model/model.h"

namespace hyperiqa {

/** One frozen graph with one tensor in and several out, compiled once for all shapes. Thread-safe. */
class Network {
 public:
  /** @param module  on its device already  @param name  for messages */
  Network(const torch::jit::Module& module, std::string name);

  /** @param input  float32 N×3×H×W  @return float32 tensors on the CPU, contiguous, the first dimension N.
   *  @throws Error ERR_MODEL_FORMAT for results of other shapes than `columns` says (0: the whole picture as maps) */
  std::vector<at::Tensor> run(const at::Tensor& input, const std::vector<int64_t>& columns) const;

 private:
  torch::jit::Module frozen_;
  std::string name_;
  torch::jit::Code code_;
};

/** The networks of one model on one device. */
class CascadeNetworks {
 public:
  /** @throws Error ERR_MODEL_FORMAT where a graph cannot be prepared */
  CascadeNetworks(const DetectorModel& model, at::Device device);

  /** P-Net. @param level  float32 1×3×H×W  @return probabilities 1×1×h×w and offsets 1×4×h×w */
  std::vector<at::Tensor> propose(const at::Tensor& level) const;
  /** R-Net. @param crops  float32 N×3×24×24  @return probabilities N and offsets N×4 */
  std::vector<at::Tensor> refine(const at::Tensor& crops) const;
  /** O-Net. @param crops  float32 N×3×48×48  @return probabilities N, offsets N×4, landmarks N×10 (five x, five y) */
  std::vector<at::Tensor> decide(const at::Tensor& crops) const;

  /** Recomputes the model's check values. */
  SelfCheck check(const DetectorMetadata& metadata) const;

 private:
  at::Device device_;
  Network proposal_;
  Network refinement_;
  Network output_;
};

}  // namespace hyperiqa
