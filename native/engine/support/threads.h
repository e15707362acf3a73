/** @file Settings of every thread that computes with LibTorch, which LibTorch keeps per thread. */
#pragma once

#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include <functional>

namespace hyperiqa {

/** While it lives, LibTorch's warnings on this thread are dropped: they go to standard error, and name neither anything
 * a user did nor anything they could change. */
class QuietScope {
  class Silence : public c10::WarningHandler {
   public:
    void process(const c10::Warning& warning) override;
  };

  Silence silence_;
  c10::WarningUtils::WarningHandlerGuard warnings_{&silence_};
};

/** While it lives, this thread computes without gradients, with `threads` intra-op threads, and without warnings. */
class ComputeScope {
 public:
  explicit ComputeScope(int threads);

 private:
  c10::InferenceMode inference_mode_;
  QuietScope quiet_;
};

/** Runs `work` inside a ComputeScope on a thread of its own and waits for it; an exception comes out here. The caller's
 *  own settings stay as they are. */
void run_computing(int threads, const std::function<void()>& work);

}  // namespace hyperiqa
