/** @file The scoring of patches, as a worker sees it. */
#pragma once

#include <cstdint>
#include <vector>

namespace hyperiqa {

/** Memory to gather patches in, and a forward over them. Belongs to one thread. */
class PatchRunner {
 public:
  PatchRunner() = default;
  PatchRunner(const PatchRunner&) = delete;
  PatchRunner& operator=(const PatchRunner&) = delete;
  virtual ~PatchRunner() = default;

  /** Memory for patch `index` of the next batch: interleaved RGB, 224 rows without padding. */
  virtual uint8_t* patch(int64_t index) noexcept = 0;

  /** Scores of `count` gathered patches from `first` on. `count` must be one of the batch's shapes, except for `first`
   * 0 on an accelerator. What is gathered stays. */
  virtual std::vector<float> run(int64_t first, int64_t count) = 0;
  std::vector<float> run(int64_t count) { return run(0, count); }
};

}  // namespace hyperiqa
