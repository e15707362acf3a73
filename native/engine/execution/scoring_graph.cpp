#include "execution/scoring_graph.h"

#include <torch/csrc/jit/codegen/onednn/interface.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/runtime/profiling_record.h>

#include <sstream>

namespace hyperiqa {
namespace {

torch::jit::Module freeze(const torch::jit::Module& module, GraphMode mode) {
  torch::jit::Module frozen = torch::jit::freeze(module);
  return mode == GraphMode::Optimize ? torch::jit::optimize_for_inference(frozen) : frozen;
}

}  // namespace

ScoringGraph::ScoringGraph(const torch::jit::Module& module, GraphMode mode)
    : frozen_(freeze(module, mode)), mode_(mode) {}

at::Tensor ScoringGraph::specialise(const at::Tensor& patches) {
  auto graph = mode_ == GraphMode::OneDnn ? fused_for(patches) : frozen_.get_method("forward").graph()->copy();
  torch::jit::runRequiredPasses(graph);
  const torch::jit::Code code(graph, "forward");
  codes_[patches.size(0)] = code;
  return run(code, patches);
}

at::Tensor ScoringGraph::run(const at::Tensor& patches) const {
  return run(codes_.at(patches.size(0)), patches);
}

at::Tensor ScoringGraph::run(const torch::jit::Code& code, const at::Tensor& patches) const {
  torch::jit::Stack stack = {frozen_._ivalue(), patches};
  torch::jit::InterpreterState(code).run(stack);
  at::Tensor scores = stack.at(0).toTensor();
  if (scores.dim() != 1 || scores.size(0) != patches.size(0) || scores.scalar_type() != at::kFloat) {
    std::ostringstream text;
    text << "The model's forward must give float32 of shape [N] for N patches; for " << patches.size(0) << " it gave "
         << scores.scalar_type() << " of shape " << scores.sizes() << '.';
    throw Error("ERR_MODEL_FORMAT", text.str());
  }
  return scores;
}

/** Does what LibTorch's profiling executor does with `enable_onednn_fusion`, for one graph and one shape: observe the
 * types of all values in one run, then hand the subgraphs that oneDNN Graph supports over to it. Guards on shapes and
 * strides lead to the unfused operators; they never fail here, because each code only ever sees its own shape. */
std::shared_ptr<torch::jit::Graph> ScoringGraph::fused_for(const at::Tensor& patches) const {
  auto plain = frozen_.get_method("forward").graph()->copy();
  torch::jit::runRequiredPasses(plain);
  const auto record = torch::jit::ProfilingRecord::instrumentGraph(plain);
  run(torch::jit::Code(record->graph(), "forward"), patches);
  auto fused = record->graph()->copy();
  torch::jit::ProfilingRecord::removeProfileCounter(fused->block());
  torch::jit::fuser::onednn::fuseGraph(fused);
  torch::jit::EliminateDeadCode(fused);
  return fused;
}

}  // namespace hyperiqa
