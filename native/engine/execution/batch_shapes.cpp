#include "execution/batch_shapes.h"

#include <algorithm>

namespace hyperiqa {

std::vector<int64_t> batch_shapes(int64_t batch_size) {
  std::vector<int64_t> shapes;
  for (int64_t shape = 1; shape < batch_size; shape *= 2) shapes.push_back(shape);
  shapes.push_back(batch_size);
  return shapes;
}

int64_t filled_shape(int64_t batch_size, int64_t count) {
  if (count >= batch_size) return batch_size;
  int64_t shape = 1;
  while (shape * 2 <= count) shape *= 2;
  return shape;
}

int64_t padded_shape(int64_t batch_size, int64_t count) {
  int64_t shape = 1;
  while (shape < count) shape *= 2;
  return std::min(shape, batch_size);
}

}  // namespace hyperiqa
