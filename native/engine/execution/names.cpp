#include "execution/names.h"

namespace hyperiqa {

const char* graph_mode_name(GraphMode mode) {
  switch (mode) {
    case GraphMode::Auto:
      return "auto";
    case GraphMode::Freeze:
      return "freeze";
    case GraphMode::Optimize:
      return "optimize";
    case GraphMode::OneDnn:
      break;
  }
  return "onednn";
}

const char* dtype_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::Bf16:
      return "bf16";
    case Dtype::Fp16:
      return "fp16";
    case Dtype::Fp32:
      break;
  }
  return "fp32";
}

}  // namespace hyperiqa
