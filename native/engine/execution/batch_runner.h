/** @file One worker's way to its device: memory to gather patches in, and a forward. */
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "execution/patch_runner.h"
#include "execution/scoring_graph.h"

namespace hyperiqa {

/**
 * Gathers patches and scores them; belongs to one thread.
 *
 * On an accelerator the patches are gathered in pinned memory, copied without blocking and computed on a stream of the
 * runner's own, and the thread waits for an event behind the copy back. Two runners on one device so overlap: one
 * gathers while the other computes. This part uses c10's device-generic interfaces only and has not been run on real
 * hardware yet.
 */
class BatchRunner : public PatchRunner {
 public:
  /** @param graph must outlive the runner and be specialised for the shapes that are run */
  BatchRunner(const ScoringGraph& graph, at::Device device, int64_t batch_size);

  uint8_t* patch(int64_t index) noexcept override;

  using PatchRunner::run;
  /** @param count  one of the shapes on the CPU; on an accelerator a batch from 0 on is padded to the next one */
  std::vector<float> run(int64_t first, int64_t count) override;

 private:
  /** Gathered patches as a device tensor of shape `shape`×3×224×224, channels_last. */
  at::Tensor input(int64_t first, int64_t shape);

  const ScoringGraph& graph_;
  at::Device device_;
  int64_t batch_size_;
  at::Tensor patches_;  ///< host memory, N×224×224×3
  uint8_t* pixels_;     ///< memory of `patches_`
  at::Tensor scores_;   ///< host memory, accelerators only
  std::optional<c10::Stream> stream_;
  std::optional<c10::Event> done_;
};

}  // namespace hyperiqa
