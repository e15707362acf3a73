#include "model/model.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>

#include "model/archive.h"
#include "model/graph_check.h"
#include "model/model_refusal.h"
#include "model/value_check.h"
#include "support/errors.h"

namespace hyperiqa {
namespace {

void require_dtypes(const std::string& path, const torch::jit::Module& module) {
  const auto check = [&path](const at::Tensor& tensor) {
    if (!tensor.is_floating_point() || tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kHalf) return;
    refuse_model(path, std::string("its weights are stored as ") + c10::toString(tensor.scalar_type()) +
                           "; fp32 or fp16 is expected.");
  };
  for (const at::Tensor& parameter : module.parameters()) check(parameter);
  for (const at::Tensor& buffer : module.buffers()) check(buffer);
}

torch::jit::Module read_module(const std::string& path, const Archive& archive, bool trusted) {
  try {
    torch::jit::Module module = torch::jit::load(archive.content, at::Device(at::kCPU), /*load_debug_files=*/false);
    if (!trusted) {
      check_values(module);
      check_graphs(module);
    }
    require_dtypes(path, module);
    module.eval();
    return module;
  } catch (const Error&) {
    throw;
  } catch (const ArchiveError& error) {
    refuse_model(path, error);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    if (as_error(std::current_exception()).code() == "ERR_OUT_OF_MEMORY") throw;
    refuse_model(path, "LibTorch cannot read the graph (" + plain_message(error) + ").");
  }
}

/** @param results  number of tensors that the graph gives: 1, or more in a tuple */
void require_forward(const std::string& path, const torch::jit::Module& module, const std::string& what,
                     size_t results) {
  const auto forward = module.find_method("forward");
  if (!forward) refuse_model(path, what + " has no method forward.");
  const auto is_tensor = [](const c10::TypePtr& type) { return type->kind() == c10::TypeKind::TensorType; };
  const auto& schema = forward->function().getSchema();
  bool fits = schema.arguments().size() == 2 && is_tensor(schema.arguments()[1].type()) && schema.returns().size() == 1;
  if (fits) {
    const c10::TypePtr& type = schema.returns()[0].type();
    const auto tuple = type->cast<c10::TupleType>();
    fits = results == 1
               ? is_tensor(type)
               : tuple && tuple->elements().size() == results && std::ranges::all_of(tuple->elements(), is_tensor);
  }
  if (fits) return;
  refuse_model(path, "the forward of " + what + " must take one tensor and return " +
                         (results == 1 ? "one tensor." : "a tuple of " + std::to_string(results) + " tensors."));
}

bool calls_methods(const torch::jit::Block& block) {
  return std::ranges::any_of(block.nodes(), [](const torch::jit::Node* node) {
    return node->kind() == c10::prim::CallMethod || node->kind() == c10::prim::CallFunction ||
           std::ranges::any_of(node->blocks(), [](const torch::jit::Block* inner) { return calls_methods(*inner); });
  });
}

/** Puts the called methods into `forward`, level by level. Freezing would do it too, but would optimise each method
 * before, which takes longer than all it does with the whole graph afterwards. */
void inline_calls(const torch::jit::Module& module) {
  const torch::jit::GraphOptimizerEnabledGuard no_optimisation(false);
  const auto graph = module.get_method("forward").graph();
  while (calls_methods(*graph->block())) torch::jit::Inline(*graph);
}

}  // namespace

Model load_model(const std::string& path, bool trusted) {
  const Archive archive = open_archive(path, trusted);
  Model model;
  model.metadata = parse_metadata(archive.description);
  model.module = read_module(path, archive, trusted);
  require_forward(path, model.module, "its graph", 1);
  inline_calls(model.module);
  return model;
}

DetectorModel load_detector_model(const std::string& path, bool trusted) {
  const Archive archive = open_archive(path, trusted);
  DetectorModel model;
  model.metadata = parse_detector_metadata(archive.description);
  model.module = read_module(path, archive, trusted);
  const auto require_part = [&](const char* part, size_t results) {
    if (!model.module.hasattr(part) || !model.module.attr(part).isModule()) {
      refuse_model(path, std::string("it has no network ") + part + ".");
    }
    require_forward(path, model.module.attr(part).toModule(), std::string("its network ") + part, results);
  };
  require_part("proposal", 2);
  require_part("refinement", 2);
  require_part("output", 3);
  return model;
}

void place_module(torch::jit::Module& module, at::Device device, at::ScalarType dtype) {
  const at::NoGradGuard no_grad;
  const auto place = [&](const at::Tensor& tensor) {
    tensor.set_data(tensor.to(device, tensor.is_floating_point() ? dtype : tensor.scalar_type()));
  };
  for (const at::Tensor& parameter : module.parameters()) place(parameter);
  for (const at::Tensor& buffer : module.buffers()) place(buffer);
}

at::ScalarType scalar_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::Bf16:
      return at::kBFloat16;
    case Dtype::Fp16:
      return at::kHalf;
    case Dtype::Fp32:
      break;
  }
  return at::kFloat;
}

}  // namespace hyperiqa
