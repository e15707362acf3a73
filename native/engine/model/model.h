/** @file Model files. TorchScript is deprecated upstream: another format would be added behind this interface. */
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>

#include <string>

#include "engine.h"
#include "model/detector_metadata.h"
#include "model/metadata.h"

namespace hyperiqa {

struct Model {
  Metadata metadata;
  torch::jit::Module module;  ///< on the CPU, in evaluation mode, in the dtypes it is stored in
};

/** Opens and validates a model file (docs/model-format.md).
 *  @param trusted  its code may use all that TorchScript has, and nothing of it is looked at before it runs
 *  @throws Error ERR_MODEL_NOT_FOUND, ERR_MODEL_FORMAT, ERR_MODEL_UNTRUSTED */
Model load_model(const std::string& path, bool trusted);

/** A model of kind "faces": the module has the networks `proposal`, `refinement` and `output`. */
struct DetectorModel {
  DetectorMetadata metadata;
  torch::jit::Module module;  ///< as in Model
};

/** Opens and validates a detector's model file, as load_model does. @throws Error as load_model */
DetectorModel load_detector_model(const std::string& path, bool trusted);

/** Moves a module to a device and converts its floating-point parameters and buffers to a dtype, in place. */
void place_module(torch::jit::Module& module, at::Device device, at::ScalarType dtype);

at::ScalarType scalar_type(Dtype dtype);

}  // namespace hyperiqa
