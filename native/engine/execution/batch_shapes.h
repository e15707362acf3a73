/** @file The batch sizes that graphs are compiled for: few, because LibTorch and oneDNN specialise for each. */
#pragma once

#include <cstdint>
#include <vector>

namespace hyperiqa {

/** Powers of two up to the largest batch, and the largest batch itself. */
std::vector<int64_t> batch_shapes(int64_t batch_size);

/** The greatest shape of `batch_size` that `count` patches fill; `count` ≥ 1. */
int64_t filled_shape(int64_t batch_size, int64_t count);

/** The smallest shape of `batch_size` that `count` patches fit into; 1 ≤ `count` ≤ `batch_size`. */
int64_t padded_shape(int64_t batch_size, int64_t count);

}  // namespace hyperiqa
