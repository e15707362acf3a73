/** @file Names of enumerated options, as users write them. */
#pragma once

#include "engine.h"

namespace hyperiqa {

/** "auto", "freeze", "optimize", "onednn" */
const char* graph_mode_name(GraphMode mode);

/** "fp32", "bf16", "fp16" */
const char* dtype_name(Dtype dtype);

}  // namespace hyperiqa
