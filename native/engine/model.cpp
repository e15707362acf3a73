#include "model.h"

#include <ATen/core/grad_mode.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

#include "errors.h"

namespace hyperiqa {
namespace {

constexpr const char* kDescription = "extra/hyperiqa.json";

[[noreturn]] void refuse(const std::string& path, const std::string& reason) {
  throw Error("ERR_MODEL_FORMAT", path + " is not a model file that hyperiqa can use: " + reason);
}

void require_file(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) throw Error("ERR_MODEL_NOT_FOUND", "There is no model file " + path + ".");
  if (std::filesystem::is_directory(status)) refuse(path, "it is a folder.");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error("ERR_MODEL_NOT_FOUND", "The model file " + path + " cannot be opened for reading.");
  std::array<char, 4> start{};
  file.read(start.data(), start.size());
  if (file.gcount() == 0) refuse(path, "it is empty.");
  if (std::string_view(start.data(), 2) != "PK") {
    refuse(path, "it is no TorchScript archive. Checkpoints (.pkl, .pth) must be exported first: hyperiqa export.");
  }
}

/** The text of hyperiqa.json, or a refusal that tells what the file is instead. */
std::string read_description(const std::string& path) {
  require_file(path);
  try {
    caffe2::serialize::PyTorchStreamReader reader(path);
    if (!reader.hasRecord("constants.pkl")) {
      refuse(path, "it is a PyTorch checkpoint, not a TorchScript archive. Export it first: hyperiqa export.");
    }
    if (!reader.hasRecord(kDescription)) {
      refuse(path,
             "it is a TorchScript archive without hyperiqa.json. Model files are made by hyperiqa export or "
             "models/export.py.");
    }
    const auto [data, size] = reader.getRecord(kDescription);
    return {static_cast<const char*>(data.get()), size};
  } catch (const c10::Error& error) {
    refuse(path, "the archive is damaged or incomplete (" + plain_message(error) + ").");
  }
}

void require_dtypes(const std::string& path, const torch::jit::Module& module) {
  const auto check = [&path](const at::Tensor& tensor) {
    if (!tensor.is_floating_point() || tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kHalf) return;
    refuse(path, std::string("its weights are stored as ") + c10::toString(tensor.scalar_type()) +
                     "; fp32 or fp16 is expected.");
  };
  for (const at::Tensor& parameter : module.parameters()) check(parameter);
  for (const at::Tensor& buffer : module.buffers()) check(buffer);
}

torch::jit::Module read_module(const std::string& path) {
  try {
    torch::jit::Module module = torch::jit::load(path, at::Device(at::kCPU), /*load_debug_files=*/false);
    require_dtypes(path, module);
    module.eval();
    return module;
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    if (as_error(std::current_exception()).code() == "ERR_OUT_OF_MEMORY") throw;
    refuse(path, "LibTorch cannot read the graph (" + plain_message(error) + ").");
  }
}

/** @param results  number of tensors that the graph gives: 1, or more in a tuple */
void require_forward(const std::string& path, const torch::jit::Module& module, const std::string& what,
                     size_t results) {
  const auto forward = module.find_method("forward");
  if (!forward) refuse(path, what + " has no method forward.");
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
  refuse(path, "the forward of " + what + " must take one tensor and return " +
                   (results == 1 ? "one tensor." : "a tuple of " + std::to_string(results) + " tensors."));
}

}  // namespace

Model load_model(const std::string& path) {
  Model model;
  model.metadata = parse_metadata(read_description(path));
  model.module = read_module(path);
  require_forward(path, model.module, "its graph", 1);
  return model;
}

DetectorModel load_detector_model(const std::string& path) {
  DetectorModel model;
  model.metadata = parse_detector_metadata(read_description(path));
  model.module = read_module(path);
  const auto require_part = [&](const char* part, size_t results) {
    if (!model.module.hasattr(part) || !model.module.attr(part).isModule()) {
      refuse(path, std::string("it has no network ") + part + ".");
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
