/** @file A worker's life: images prepared, patches gathered and scored, results handed back. Knows no LibTorch. */
#pragma once

#include <cstdint>
#include <vector>

#include "execution/patch_runner.h"
#include "scoring/scheduler.h"

namespace hyperiqa {

class ScoringWorker {
 public:
  /** Everything but the results of forwards and the resized copies is allocated here. */
  ScoringWorker(Scheduler& scheduler, const Scheduler::Capacity& capacity, PatchRunner& runner);

  /** Works until the scheduler is stopped. Every piece of work is answered, with a result or an error. */
  void run() noexcept;

  /** Answers everything that a forward would be needed for with an error instead. */
  void run_without_forwards(const Error& reason) noexcept;

 private:
  template <typename Score>
  void work(const Score& score) noexcept;
  void gather() noexcept;
  void score(int64_t first, int64_t count) noexcept;
  void score_in_parts(int64_t first, int64_t count, const Error& error) noexcept;
  bool same_image(int64_t first, int64_t count) const noexcept;
  const Error* failure_before(int64_t index) const noexcept;

  Scheduler& scheduler_;
  const Scheduler::Capacity capacity_;
  PatchRunner& runner_;
  Scheduler::Batch batch_;
  std::vector<Scheduler::Outcome> outcomes_;  ///< outcomes of the batch's patches
};

}  // namespace hyperiqa
