/** @file How the workers of a device run a model. */
#pragma once

#include <cstdint>

#include "engine.h"

namespace hyperiqa {

/** The way in which one device, CPU or GPU, computes a model. */
struct ExecutionPlan {
  GraphMode graph_mode = GraphMode::Freeze;
  int workers = 1;             ///< threads that run batches beside each other
  int threads_per_worker = 1;  ///< intra-op threads
  int64_t batch_size = 1;      ///< largest batch, patches

  bool operator==(const ExecutionPlan&) const = default;
};

}  // namespace hyperiqa
