#include "model.h"

#include <ATen/core/grad_mode.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/import.h>

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
    refuse(path,
           "it is no TorchScript archive. Checkpoints (.pkl, .pth) must be exported first, see models/export.py.");
  }
}

/** The text of hyperiqa.json, or a refusal that tells what the file is instead. */
std::string read_description(const std::string& path) {
  try {
    caffe2::serialize::PyTorchStreamReader reader(path);
    if (!reader.hasRecord("constants.pkl")) {
      refuse(path, "it is a PyTorch checkpoint, not a TorchScript archive. Export it first, see models/export.py.");
    }
    if (!reader.hasRecord(kDescription)) {
      refuse(path, "it is a TorchScript archive without hyperiqa.json. Export it with models/export.py.");
    }
    const auto [data, size] = reader.getRecord(kDescription);
    return {static_cast<const char*>(data.get()), size};
  } catch (const c10::Error& error) {
    refuse(path, "the archive is damaged or incomplete (" + plain_message(error) + ").");
  }
}

torch::jit::Module read_module(const std::string& path) {
  try {
    return torch::jit::load(path, at::Device(at::kCPU), /*load_debug_files=*/false);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    if (as_error(std::current_exception()).code() == "ERR_OUT_OF_MEMORY") throw;
    refuse(path, "LibTorch cannot read the graph (" + plain_message(error) + ").");
  }
}

void require_schema(const std::string& path, const torch::jit::Module& module) {
  const auto forward = module.find_method("forward");
  if (!forward) refuse(path, "its graph has no method forward.");
  const auto& schema = forward->function().getSchema();
  const auto is_tensor = [](const c10::Argument& argument) {
    return argument.type()->kind() == c10::TypeKind::TensorType;
  };
  const bool fits = schema.arguments().size() == 2 && is_tensor(schema.arguments()[1]) &&
                    schema.returns().size() == 1 && is_tensor(schema.returns()[0]);
  if (!fits) refuse(path, "its forward must take one tensor and return one tensor.");
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

}  // namespace

Model load_model(const std::string& path) {
  require_file(path);
  Model model;
  model.metadata = parse_metadata(read_description(path));
  model.module = read_module(path);
  require_schema(path, model.module);
  require_dtypes(path, model.module);
  model.module.eval();
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
