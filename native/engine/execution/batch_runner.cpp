#include "execution/batch_runner.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "execution/batch_shapes.h"
#include "model/self_check.h"

namespace hyperiqa {

BatchRunner::BatchRunner(const ScoringGraph& graph, at::Device device, int64_t batch_size)
    : graph_(graph),
      device_(device),
      batch_size_(batch_size),
      patches_(at::zeros({batch_size, kPatchSize, kPatchSize, 3},
                         at::TensorOptions(at::kByte).pinned_memory(!device.is_cpu()))),
      pixels_(patches_.mutable_data_ptr<uint8_t>()) {
  if (device.is_cpu()) return;
  scores_ = at::empty({batch_size}, at::TensorOptions(at::kFloat).pinned_memory(true));
  stream_ = c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device, /*isHighPriority=*/false);
  done_.emplace(device.type());
}

uint8_t* BatchRunner::patch(int64_t index) noexcept {
  return pixels_ + index * kPatchBytes;
}

at::Tensor BatchRunner::input(int64_t first, int64_t shape) {
  const at::Tensor host = patches_.narrow(0, first, shape).permute({0, 3, 1, 2});
  return device_.is_cpu() ? host : host.to(device_, /*non_blocking=*/true);
}

std::vector<float> BatchRunner::run(int64_t first, int64_t count) {
  at::Tensor scores;
  if (device_.is_cpu()) {
    scores = graph_.run(input(first, count));
  } else {
    const int64_t shape = first == 0 ? padded_shape(batch_size_, count) : count;
    const c10::StreamGuard on_stream(*stream_);
    const at::Tensor computed = graph_.run(input(first, shape)).narrow(0, 0, count);
    scores = scores_.narrow(0, 0, count);
    scores.copy_(computed, /*non_blocking=*/true);
    done_->record(*stream_);
    done_->synchronize();
  }
  const at::Tensor contiguous = scores.contiguous();
  const auto* values = contiguous.const_data_ptr<float>();
  return {values, values + count};
}

}  // namespace hyperiqa
