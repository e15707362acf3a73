#include "execution/compiled_model.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <exception>

#include "execution/batch_runner.h"
#include "execution/batch_shapes.h"
#include "model/self_check.h"
#include "names.h"
#include "support/errors.h"

namespace hyperiqa {
namespace {

/** Check patches first, first + 1, … (modulo their number) as a batch on the device. */
at::Tensor check_batch(int64_t first, int64_t count, at::Device device) {
  const at::Tensor patches = at::empty({count, kPatchSize, kPatchSize, 3}, at::kByte);
  auto* pixels = patches.mutable_data_ptr<uint8_t>();
  for (int64_t i = 0; i < count; ++i) write_check_patch((first + i) % kCheckPatches, pixels + i * kPatchBytes);
  return patches.permute({0, 3, 1, 2}).to(device);
}

void append(std::vector<float>& scores, const at::Tensor& tensor) {
  const at::Tensor host = tensor.to(at::kCPU).contiguous();
  scores.insert(scores.end(), host.const_data_ptr<float>(), host.const_data_ptr<float>() + host.numel());
}

/** Scores of whole rounds of the check patches in every shape. */
std::vector<float> specialise(ScoringGraph& graph, at::Device device, const std::vector<int64_t>& shapes,
                              const StopFlag& stop) {
  std::vector<float> scores;
  for (const int64_t shape : shapes) {
    check_stop(stop);
    std::vector<float> of_shape;
    append(of_shape, graph.specialise(check_batch(0, shape, device)));
    for (int64_t first = shape; first < kCheckPatches; first += shape) {
      check_stop(stop);
      append(of_shape, graph.run(check_batch(first, shape, device)));
    }
    of_shape.resize(of_shape.size() / kCheckPatches * kCheckPatches);
    scores.insert(scores.end(), of_shape.begin(), of_shape.end());
  }
  return scores;
}

}  // namespace

CompiledModel compile_model(const torch::jit::Module& placed, const Metadata& metadata, GraphMode mode, Dtype dtype,
                            at::Device device, const std::vector<int64_t>& shapes, const StopFlag& stop) {
  check_stop(stop);
  try {
    auto graph = std::make_shared<ScoringGraph>(placed, mode);
    const SelfCheck check = compare_check(metadata, dtype, specialise(*graph, device, shapes, stop));
    return {graph, check};
  } catch (...) {
    const Error error = as_error(std::current_exception());
    if (error.code() != "ERR_INTERNAL") throw Error(error);
    if (dtype != Dtype::Fp32) {
      throw Error("ERR_DTYPE_UNSUPPORTED", std::string("The model cannot be computed in ") +
                                               name_of(kDtypeNames, dtype) + " on " + device.str() + " (graph mode " +
                                               name_of(kGraphModeNames, mode) + "): " + error.what());
    }
    throw Error("ERR_MODEL_FORMAT", std::string("The model's graph does not run (graph mode ") +
                                        name_of(kGraphModeNames, mode) + "): " + error.what());
  }
}

SelfCheck check_model(const CompiledModel& model, const Metadata& metadata, Dtype dtype, at::Device device,
                      int64_t batch_size) {
  BatchRunner runner(*model.graph, device, batch_size);
  std::vector<float> scores;
  while (static_cast<int64_t>(scores.size()) < kCheckPatches) {
    const auto done = static_cast<int64_t>(scores.size());
    const int64_t count = filled_shape(batch_size, kCheckPatches - done);
    for (int64_t i = 0; i < count; ++i) write_check_patch(done + i, runner.patch(i));
    const std::vector<float> batch = runner.run(count);
    scores.insert(scores.end(), batch.begin(), batch.end());
  }
  return compare_check(metadata, dtype, scores);
}

}  // namespace hyperiqa
