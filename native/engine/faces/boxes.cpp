#include "faces/boxes.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <unordered_map>

namespace hyperiqa {
namespace {

constexpr size_t kCheckInterval = 4096;  // boxes between two looks at the checkpoint

float area(const Box& box) {
  return (box.right - box.left) * (box.bottom - box.top);
}

/** Intersection over union, as torchvision's nms computes it. */
float overlap(const Box& a, const Box& b) {
  const float width = std::max(0.0F, std::min(a.right, b.right) - std::max(a.left, b.left));
  const float height = std::max(0.0F, std::min(a.bottom, b.bottom) - std::max(a.top, b.top));
  const float intersection = width * height;
  return intersection / (area(a) + area(b) - intersection);
}

std::vector<size_t> by_descending_score(const std::vector<Box>& boxes) {
  std::vector<size_t> order(boxes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&boxes](size_t a, size_t b) { return boxes[a].score > boxes[b].score; });
  return order;
}

/**
 * The boxes that stay, found by place and size. A box of the size class k has its longer side in [2^k, 2^(k+1)) and
 * lies, by its centre, in a cell of that class, 2^(k+1) pixels wide. Two boxes whose intersection is more than half of
 * their union have widths, and heights, within a factor of two: their classes differ by one at most. And they touch:
 * their centres are no farther apart than half the sum of their sides.
 */
class Neighbourhood {
 public:
  explicit Neighbourhood(const std::vector<Box>& boxes) : boxes_(boxes) {}

  void add(size_t index) {
    const Box& box = boxes_[index];
    const int size_class = class_of(box);
    const double cell = cell_of(size_class);
    cells_[{size_class, index_of(x_of(box), cell), index_of(y_of(box), cell)}].push_back(index);
  }

  /** True where a box that was added overlaps this one by more than the threshold. */
  bool suppresses(const Box& box, double threshold) const {
    const int size_class = class_of(box);
    for (int other = size_class - 1; other <= size_class + 1; ++other) {
      const double cell = cell_of(other);
      const double reach = (cell_of(size_class) + cell) / 2;
      const int64_t last_x = index_of(x_of(box) + reach, cell);
      const int64_t last_y = index_of(y_of(box) + reach, cell);
      for (int64_t x = index_of(x_of(box) - reach, cell); x <= last_x; ++x) {
        for (int64_t y = index_of(y_of(box) - reach, cell); y <= last_y; ++y) {
          const auto found = cells_.find({other, x, y});
          if (found == cells_.end()) continue;
          const auto too_close = [&](size_t kept) { return overlap(boxes_[kept], box) > threshold; };
          if (std::ranges::any_of(found->second, too_close)) return true;
        }
      }
    }
    return false;
  }

 private:
  struct Cell {
    int size_class;
    int64_t x;
    int64_t y;
    bool operator==(const Cell&) const = default;
  };
  struct Hash {
    size_t operator()(const Cell& cell) const {
      const auto mix = [](size_t hash, int64_t value) {
        return (hash ^ static_cast<size_t>(value)) * size_t{0x9E3779B97F4A7C15U};
      };
      return mix(mix(mix(0, cell.size_class), cell.x), cell.y);
    }
  };

  static double x_of(const Box& box) { return (static_cast<double>(box.left) + box.right) / 2; }
  static double y_of(const Box& box) { return (static_cast<double>(box.top) + box.bottom) / 2; }
  static double cell_of(int size_class) { return std::ldexp(2.0, size_class); }
  static int64_t index_of(double position, double cell) { return static_cast<int64_t>(std::floor(position / cell)); }

  /** Boxes of less than a pixel, turned over ones among them, overlap nothing that counts. */
  static int class_of(const Box& box) {
    const double side = std::max<double>(box.right - box.left, box.bottom - box.top);
    return side < 1 ? 0 : std::ilogb(side);
  }

  const std::vector<Box>& boxes_;
  std::unordered_map<Cell, std::vector<size_t>, Hash> cells_;
};

}  // namespace

std::vector<size_t> suppress(const std::vector<Box>& boxes, double threshold, const Checkpoint& checkpoint) {
  Neighbourhood kept(boxes);
  std::vector<size_t> result;
  size_t looked_at = 0;
  for (const size_t index : by_descending_score(boxes)) {
    if (++looked_at % kCheckInterval == 0) checkpoint();
    if (kept.suppresses(boxes[index], threshold)) continue;
    kept.add(index);
    result.push_back(index);
  }
  return result;
}

std::vector<size_t> suppress_contained(const std::vector<Box>& boxes, float threshold) {
  const auto area_of = [](const Box& box) { return (box.right - box.left + 1) * (box.bottom - box.top + 1); };
  std::vector<size_t> order(boxes.size());
  std::iota(order.rbegin(), order.rend(), size_t{0});
  std::ranges::stable_sort(order, [&boxes](size_t a, size_t b) { return boxes[a].score > boxes[b].score; });
  std::vector<size_t> result;
  for (const size_t index : order) {
    const Box& box = boxes[index];
    const bool contained = std::ranges::any_of(result, [&](size_t kept_index) {
      const Box& kept = boxes[kept_index];
      const float width = std::max(0.0F, std::min(kept.right, box.right) - std::max(kept.left, box.left) + 1);
      const float height = std::max(0.0F, std::min(kept.bottom, box.bottom) - std::max(kept.top, box.top) + 1);
      return width * height / std::min(area_of(kept), area_of(box)) > threshold;
    });
    if (!contained) result.push_back(index);
  }
  return result;
}

Box window_box(int64_t x, int64_t y, double scale, float score) {
  constexpr int64_t kStride = 2;
  constexpr int64_t kCell = 12;
  const auto factor = static_cast<float>(scale);
  const auto in_image = [factor](int64_t position) { return std::floor(static_cast<float>(position) / factor); };
  return {in_image(kStride * x + 1), in_image(kStride * y + 1), in_image(kStride * x + kCell),
          in_image(kStride * y + kCell), score};
}

Box moved_proposal(const Box& box, const Offsets& offsets) {
  const float width = box.right - box.left;
  const float height = box.bottom - box.top;
  return {box.left + offsets[0] * width, box.top + offsets[1] * height, box.right + offsets[2] * width,
          box.bottom + offsets[3] * height, box.score};
}

Box moved(const Box& box, const Offsets& offsets) {
  const float width = box.right - box.left + 1;
  const float height = box.bottom - box.top + 1;
  return {box.left + offsets[0] * width, box.top + offsets[1] * height, box.right + offsets[2] * width,
          box.bottom + offsets[3] * height, box.score};
}

Box squared(const Box& box) {
  const float width = box.right - box.left;
  const float height = box.bottom - box.top;
  const float side = std::max(width, height);
  const float left = box.left + width * 0.5F - side * 0.5F;
  const float top = box.top + height * 0.5F - side * 0.5F;
  return {left, top, left + side, top + side, box.score};
}

std::optional<Window> pixels_of(const Box& box, int64_t width, int64_t height) {
  // Boxes count pixels from 1, and both edges belong to them. Offsets are finite, so the edges fit into 64 bits.
  const auto first = [](float edge) { return std::max(static_cast<int64_t>(edge), int64_t{1}) - 1; };
  const auto end = [](float edge, int64_t limit) { return std::min(static_cast<int64_t>(edge), limit); };
  const Window window{first(box.left), first(box.top), end(box.right, width) - first(box.left),
                      end(box.bottom, height) - first(box.top)};
  if (window.width < 1 || window.height < 1) return std::nullopt;
  return window;
}

}  // namespace hyperiqa
