#include "scoring/crops.h"

#include <random>
#include <string>
#include <utility>

#include "model/self_check.h"

namespace hyperiqa {
namespace {

[[noreturn]] void refuse(const std::string& reason) {
  throw Error("ERR_INVALID_ARGUMENT", reason);
}

/** torchvision's RandomCrop after torch.manual_seed(seed). PyTorch's CPU generator is the MT19937 of the standard
 * library, seeded with the low 32 bits, and a random integer below n is its next output modulo n. Row first, then
 * column. */
std::vector<Crop> random_crops(int64_t count, int64_t width, int64_t height, uint64_t seed) {
  std::vector<Crop> crops(static_cast<size_t>(count));
  if (width == kPatchSize && height == kPatchSize) return crops;
  std::mt19937 generator(static_cast<uint32_t>(seed));
  const auto rows = static_cast<uint32_t>(height - kPatchSize + 1);
  const auto columns = static_cast<uint32_t>(width - kPatchSize + 1);
  for (Crop& crop : crops) {
    crop.y = static_cast<int64_t>(generator() % rows);
    crop.x = static_cast<int64_t>(generator() % columns);
  }
  return crops;
}

/** Position `index` of `count` along a side with `room` pixels to spare: both ends covered, in between the whole pixel
 * at or before the exact place. A single position is in the middle. */
int64_t grid_position(int64_t index, int64_t count, int64_t room) {
  return count == 1 ? room / 2 : index * room / (count - 1);
}

std::vector<Crop> grid_crops(int64_t rows, int64_t columns, int64_t width, int64_t height) {
  std::vector<Crop> crops;
  crops.reserve(static_cast<size_t>(rows * columns));
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      crops.push_back(
          {grid_position(column, columns, width - kPatchSize), grid_position(row, rows, height - kPatchSize), 0});
    }
  }
  return crops;
}

/** The 5×5 grid of IQA-PyTorch, which leaves out the last fifth of either side. */
std::vector<Crop> pyiqa_crops(int64_t width, int64_t height) {
  constexpr int64_t kSteps = 5;
  std::vector<Crop> crops;
  for (int64_t row = 0; row < kSteps; ++row) {
    for (int64_t column = 0; column < kSteps; ++column) {
      crops.push_back({column * ((width - kPatchSize) / kSteps), row * ((height - kPatchSize) / kSteps), 0});
    }
  }
  return crops;
}

/** Half of a length as torchvision's CenterCrop rounds it: halves go to the even neighbour. */
int64_t rounded_half(int64_t length) {
  return length / 2 + (length % 4 == 3 ? 1 : 0);
}

int64_t covering(int64_t length) {
  return (length + kPatchSize - 1) / kPatchSize;
}

/** Rows and columns of a grid. @throws Error ERR_INVALID_ARGUMENT */
std::pair<int64_t, int64_t> grid_size(const CropPlan& plan, int64_t width, int64_t height) {
  const bool possible = plan.rows >= 0 && plan.columns >= 0 && plan.rows <= kMaxCrops && plan.columns <= kMaxCrops;
  const int64_t rows = plan.rows > 0 ? plan.rows : covering(height);
  const int64_t columns = plan.columns > 0 ? plan.columns : covering(width);
  if (!possible || rows > kMaxCrops / columns) {
    refuse("The rows times the columns of a grid must be from 1 to " + std::to_string(kMaxCrops) + ".");
  }
  return {rows, columns};
}

}  // namespace

void check_plan(const CropPlan& plan, int64_t width, int64_t height) {
  if (width < kPatchSize || height < kPatchSize) {
    refuse("An image of " + std::to_string(width) + "×" + std::to_string(height) +
           " pixels is smaller than a patch of " + std::to_string(kPatchSize) + "×" + std::to_string(kPatchSize) + ".");
  }
  if (plan.kind == CropPlan::Kind::Random && (plan.count < 1 || plan.count > kMaxCrops)) {
    refuse("The number of crops must be from 1 to " + std::to_string(kMaxCrops) + ".");
  }
  if (plan.kind == CropPlan::Kind::Grid) grid_size(plan, width, height);
}

std::vector<Crop> plan_crops(const CropPlan& plan, int64_t width, int64_t height, uint64_t seed) {
  check_plan(plan, width, height);
  switch (plan.kind) {
    case CropPlan::Kind::Random:
      return random_crops(plan.count, width, height, seed);
    case CropPlan::Kind::Grid: {
      const auto [rows, columns] = grid_size(plan, width, height);
      return grid_crops(rows, columns, width, height);
    }
    case CropPlan::Kind::Pyiqa:
      return pyiqa_crops(width, height);
    case CropPlan::Kind::Center:
      return {{rounded_half(width - kPatchSize), rounded_half(height - kPatchSize), 0}};
  }
  refuse("Unknown crop plan.");
}

}  // namespace hyperiqa
