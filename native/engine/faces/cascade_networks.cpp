#include "faces/cascade_networks.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/jit/passes/freeze_module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "model/self_check.h"
#include "support/errors.h"

namespace hyperiqa {
namespace {

std::shared_ptr<torch::jit::Graph> prepared_graph(const torch::jit::Module& frozen) {
  auto graph = frozen.get_method("forward").graph()->copy();
  torch::jit::runRequiredPasses(graph);
  return graph;
}

/** A network of the model's own module, with parameters of its own on the device. */
torch::jit::Module placed(const torch::jit::Module& module, const char* part, at::Device device) {
  torch::jit::Module copy = module.attr(part).toModule().deepcopy();
  place_module(copy, device, at::kFloat);
  return copy;
}

/** The check pictures' top left corners, N×3×side×side. */
at::Tensor check_pictures(int64_t side) {
  const at::Tensor patches = at::empty({kCheckPatches, kPatchSize, kPatchSize, 3}, at::kByte);
  for (int64_t i = 0; i < kCheckPatches; ++i) {
    write_check_patch(i, patches.mutable_data_ptr<uint8_t>() + i * kPatchBytes);
  }
  return patches.permute({0, 3, 1, 2}).narrow(2, 0, side).narrow(3, 0, side).to(at::kFloat).contiguous();
}

/** Per picture: the mean of the probabilities, then of each further value over its map. */
void append_means(std::vector<float>& values, const std::vector<at::Tensor>& results) {
  std::vector<at::Tensor> means;
  for (const at::Tensor& result : results) {
    const int64_t columns = means.empty() ? 1 : result.size(1);
    means.push_back(result.reshape({kCheckPatches, columns, -1}).to(at::kDouble).mean(2));
  }
  const at::Tensor rows = at::cat(means, 1);
  for (int64_t i = 0; i < rows.numel(); ++i) values.push_back(static_cast<float>(rows.const_data_ptr<double>()[i]));
}

}  // namespace

Network::Network(const torch::jit::Module& module, std::string name)
    : frozen_(torch::jit::freeze(module)), name_(std::move(name)), code_(prepared_graph(frozen_), name_) {}

std::vector<at::Tensor> Network::run(const at::Tensor& input, const std::vector<int64_t>& columns) const {
  torch::jit::Stack stack = {frozen_._ivalue(), input};
  torch::jit::InterpreterState(code_).run(stack);
  const auto& elements = stack.at(0).toTupleRef().elements();
  std::vector<at::Tensor> results;
  for (size_t i = 0; i < columns.size(); ++i) {
    at::Tensor result = elements.at(i).toTensor().to(at::kCPU).contiguous();
    const bool fits = result.scalar_type() == at::kFloat && result.dim() >= 1 && result.size(0) == input.size(0) &&
                      (columns[i] == 1 || (result.dim() >= 2 && result.size(1) == columns[i]));
    if (!fits) {
      std::ostringstream text;
      text << "Result " << i << " of the model's network " << name_ << " must be float32 with " << columns[i]
           << " values for each of " << input.size(0) << " pictures; it is " << result.scalar_type() << " of shape "
           << result.sizes() << '.';
      throw Error("ERR_MODEL_FORMAT", text.str());
    }
    results.push_back(std::move(result));
  }
  return results;
}

CascadeNetworks::CascadeNetworks(const DetectorModel& model, at::Device device)
    : device_(device),
      proposal_(placed(model.module, "proposal", device), "proposal"),
      refinement_(placed(model.module, "refinement", device), "refinement"),
      output_(placed(model.module, "output", device), "output") {}

std::vector<at::Tensor> CascadeNetworks::propose(const at::Tensor& level) const {
  std::vector<at::Tensor> results = proposal_.run(level.to(device_), {1, 4});
  const auto is_map = [](const at::Tensor& tensor, int64_t dimensions) { return tensor.dim() == dimensions; };
  if (!is_map(results[0], 3) || !is_map(results[1], 4) || results[0].size(1) != results[1].size(2) ||
      results[0].size(2) != results[1].size(3)) {
    throw Error("ERR_MODEL_FORMAT", "The maps of the model's network proposal have not the same size.");
  }
  return results;
}

std::vector<at::Tensor> CascadeNetworks::refine(const at::Tensor& crops) const {
  return refinement_.run(crops.to(device_), {1, 4});
}

std::vector<at::Tensor> CascadeNetworks::decide(const at::Tensor& crops) const {
  return output_.run(crops.to(device_), {1, 4, 2 * static_cast<int64_t>(kLandmarks)});
}

SelfCheck CascadeNetworks::check(const DetectorMetadata& metadata) const {
  SelfCheck result;
  result.expected = metadata.check_values;
  result.tolerance = metadata.check_tolerance;
  try {
    append_means(result.actual, propose(check_pictures(kPatchSize)));
    append_means(result.actual, refine(check_pictures(24)));
    append_means(result.actual, decide(check_pictures(48)));
  } catch (...) {
    const Error error = as_error(std::current_exception());
    if (error.code() != "ERR_INTERNAL") throw Error(error);
    throw Error("ERR_MODEL_FORMAT", std::string("The model's networks do not run: ") + error.what());
  }
  // Result shapes that fit in themselves may still be of another count in all.
  result.actual.resize(result.expected.size(), std::numeric_limits<float>::quiet_NaN());
  for (size_t i = 0; i < result.expected.size(); ++i) {
    const double difference = std::abs(static_cast<double>(result.actual[i]) - result.expected[i]);
    // Written so that a value that is not a number fails, too.
    if (!(difference <= result.largest_difference)) {
      result.largest_difference = std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
    }
  }
  result.passed = result.largest_difference <= result.tolerance;
  return result;
}

}  // namespace hyperiqa
