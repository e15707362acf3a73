#include "faces/cascade.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <string>
#include <utility>

#include "faces/area_resize.h"

namespace hyperiqa {

/** Boxes of the first network with the offsets that it gives them. */
struct Cascade::Proposals {
  std::vector<Box> boxes;
  std::vector<Offsets> offsets;

  void append(const Proposals& others, const std::vector<size_t>& chosen) {
    for (const size_t index : chosen) {
      boxes.push_back(others.boxes[index]);
      offsets.push_back(others.offsets[index]);
    }
  }
};

namespace {

constexpr int64_t kWindow = 12;      // side of P-Net's window, pixels of a level
constexpr int64_t kStride = 2;       // distance of its windows
constexpr int64_t kTileCells = 256;  // windows along a side of a tile: some 15 MB for the first layer
constexpr size_t kMaxProposals = 1'000'000;
constexpr size_t kBatch = 128;  // crops of R-Net or O-Net in one forward
constexpr double kOverlapInLevel = 0.5;
constexpr double kOverlap = 0.7;

/** Number of P-Net's windows along a side; its pooling rounds up. */
int64_t cells_of(int64_t side) {
  return (side - 1) / 2 - 4;
}

/** The pixels of a level that the windows [first, end) of `cells` look at. */
std::pair<int64_t, int64_t> pixels_of_cells(int64_t first, int64_t end, int64_t cells, int64_t side) {
  return {kStride * first, end == cells ? side : kStride * (end - 1) + kWindow};
}

at::Tensor resized(const Image& image, const Window& window, int64_t width, int64_t height, const Window& part) {
  at::Tensor result = at::empty({1, 3, part.height, part.width}, at::kFloat);
  area_resize(image, window, width, height, part, result.mutable_data_ptr<float>());
  return result;
}

/** The windows of `boxes` as pictures of `side`×`side`, one batch of them. @param boxes not empty */
at::Tensor cut(const Image& image, const std::vector<Window>& windows, size_t first, size_t end, int64_t side) {
  const Window whole{0, 0, side, side};
  at::Tensor result = at::empty({static_cast<int64_t>(end - first), 3, side, side}, at::kFloat);
  auto* pixels = result.mutable_data_ptr<float>();
  for (size_t i = first; i < end; ++i, pixels += 3 * side * side) {
    area_resize(image, windows[i], side, side, whole, pixels);
  }
  return result;
}

Offsets offsets_of(const at::Tensor& tensor, int64_t row) {
  const float* values = tensor.const_data_ptr<float>() + 4 * row;
  return {values[0], values[1], values[2], values[3]};
}

/** The boxes that have pixels in the image, with those pixels. */
struct Visible {
  Visible(const std::vector<Box>& all, const Image& image) {
    for (const Box& box : all) {
      if (const auto window = pixels_of(box, image.width, image.height)) {
        boxes.push_back(box);
        windows.push_back(*window);
      }
    }
  }

  std::vector<Box> boxes;
  std::vector<Window> windows;
};

/** Runs a network on all windows, and hands each result row to `take(index, batch results, row)`. */
template <typename Run, typename Take>
void in_batches(const Image& image, const std::vector<Window>& windows, int64_t side, const Checkpoint& checkpoint,
                const Run& run, const Take& take) {
  for (size_t first = 0; first < windows.size(); first += kBatch) {
    checkpoint();
    const size_t end = std::min(first + kBatch, windows.size());
    const std::vector<at::Tensor> results = run(cut(image, windows, first, end, side));
    for (size_t i = first; i < end; ++i) take(i, results, static_cast<int64_t>(i - first));
  }
}

template <typename T>
std::vector<T> chosen(const std::vector<T>& values, const std::vector<size_t>& indices) {
  std::vector<T> result;
  result.reserve(indices.size());
  for (const size_t index : indices) result.push_back(values[index]);
  return result;
}

float area_of(const Face& face) {
  return (face.right - face.left) * (face.bottom - face.top);
}

}  // namespace

Cascade::Cascade(CascadeNetworks networks, const DetectorMetadata& metadata)
    : networks_(std::move(networks)), pyramid_factor_(metadata.pyramid_factor), thresholds_(metadata.thresholds) {}

std::vector<Face> Cascade::detect(const Image& image, double minimum_face, const Checkpoint& checkpoint) const {
  if (image.width > kMaxPixels / image.height) {
    throw Error("ERR_IMAGE_TOO_LARGE", "An image of " + std::to_string(image.width) + "×" +
                                           std::to_string(image.height) + " pixels is beyond the limit of " +
                                           std::to_string(kMaxPixels) + " pixels.");
  }
  const Proposals proposals = propose(image, minimum_face, checkpoint);
  std::vector<Box> boxes;
  boxes.reserve(proposals.boxes.size());
  for (size_t i = 0; i < proposals.boxes.size(); ++i) {
    boxes.push_back(squared(moved_proposal(proposals.boxes[i], proposals.offsets[i])));
  }
  std::vector<Face> faces = decided(image, refined(image, boxes, checkpoint), checkpoint);
  std::ranges::stable_sort(faces, [](const Face& a, const Face& b) { return area_of(a) > area_of(b); });
  return faces;
}

Cascade::Proposals Cascade::propose(const Image& image, double minimum_face, const Checkpoint& checkpoint) const {
  Proposals of_all_levels;
  double scale = static_cast<double>(kWindow) / minimum_face;
  double shorter = static_cast<double>(std::min(image.width, image.height)) * scale;
  while (shorter >= static_cast<double>(kWindow)) {
    const Proposals of_level = propose_at(image, scale, checkpoint);
    of_all_levels.append(of_level, suppress(of_level.boxes, kOverlapInLevel, checkpoint));
    scale *= pyramid_factor_;
    shorter *= pyramid_factor_;
  }
  Proposals result;
  result.append(of_all_levels, suppress(of_all_levels.boxes, kOverlap, checkpoint));
  return result;
}

Cascade::Proposals Cascade::propose_at(const Image& image, double scale, const Checkpoint& checkpoint) const {
  const Window whole{0, 0, image.width, image.height};
  const auto width = static_cast<int64_t>(static_cast<double>(image.width) * scale + 1);
  const auto height = static_cast<int64_t>(static_cast<double>(image.height) * scale + 1);
  const int64_t columns = cells_of(width);
  const int64_t rows = cells_of(height);
  Proposals result;
  for (int64_t y = 0; y < rows; y += kTileCells) {
    for (int64_t x = 0; x < columns; x += kTileCells) {
      checkpoint();
      const auto [top, bottom] = pixels_of_cells(y, std::min(y + kTileCells, rows), rows, height);
      const auto [left, right] = pixels_of_cells(x, std::min(x + kTileCells, columns), columns, width);
      const auto maps =
          networks_.propose(resized(image, whole, width, height, {left, top, right - left, bottom - top}));
      const int64_t tile_columns = maps[0].size(2);
      const int64_t cells = maps[0].numel();
      const auto* probabilities = maps[0].const_data_ptr<float>();
      const auto* offsets = maps[1].const_data_ptr<float>();
      for (int64_t cell = 0; cell < cells; ++cell) {
        if (!(probabilities[cell] >= thresholds_[0])) continue;
        result.boxes.push_back(
            window_box(x + cell % tile_columns, y + cell / tile_columns, scale, probabilities[cell]));
        result.offsets.push_back(
            {offsets[cell], offsets[cells + cell], offsets[2 * cells + cell], offsets[3 * cells + cell]});
      }
      if (result.boxes.size() > kMaxProposals) {
        throw Error("ERR_IMAGE_TOO_LARGE",
                    "More than a million places of the image might be faces of about " +
                        std::to_string(static_cast<int64_t>(static_cast<double>(kWindow) / scale)) +
                        " pixels. Look for larger faces only, or scale the image down.");
      }
    }
  }
  return result;
}

std::vector<Box> Cascade::refined(const Image& image, const std::vector<Box>& boxes,
                                  const Checkpoint& checkpoint) const {
  const Visible visible(boxes, image);
  std::vector<Box> passed;
  std::vector<Offsets> offsets;
  in_batches(
      image, visible.windows, 24, checkpoint, [this](const at::Tensor& crops) { return networks_.refine(crops); },
      [&](size_t index, const std::vector<at::Tensor>& results, int64_t row) {
        const float score = results[0].const_data_ptr<float>()[row];
        if (!(score > thresholds_[1])) return;
        passed.push_back(visible.boxes[index]);
        passed.back().score = score;
        offsets.push_back(offsets_of(results[1], row));
      });
  std::vector<Box> result;
  for (const size_t index : suppress(passed, kOverlap, checkpoint)) {
    result.push_back(squared(moved(passed[index], offsets[index])));
  }
  return result;
}

std::vector<Face> Cascade::decided(const Image& image, const std::vector<Box>& boxes,
                                   const Checkpoint& checkpoint) const {
  const Visible visible(boxes, image);
  std::vector<Box> passed;
  std::vector<Face> faces;
  in_batches(
      image, visible.windows, 48, checkpoint, [this](const at::Tensor& crops) { return networks_.decide(crops); },
      [&](size_t index, const std::vector<at::Tensor>& results, int64_t row) {
        const float score = results[0].const_data_ptr<float>()[row];
        if (!(score > thresholds_[2])) return;
        const Box& box = visible.boxes[index];
        const float width = box.right - box.left + 1;
        const float height = box.bottom - box.top + 1;
        const float* landmarks = results[2].const_data_ptr<float>() + 2 * static_cast<int64_t>(kLandmarks) * row;
        Face face;
        face.confidence = score;
        for (size_t i = 0; i < kLandmarks; ++i) {
          face.landmarks[i] = {width * landmarks[i] + box.left - 1, height * landmarks[kLandmarks + i] + box.top - 1};
        }
        passed.push_back(moved(box, offsets_of(results[1], row)));
        passed.back().score = score;
        const Box& final_box = passed.back();
        face.left = final_box.left;
        face.top = final_box.top;
        face.right = final_box.right;
        face.bottom = final_box.bottom;
        faces.push_back(face);
      });
  return chosen(faces, suppress_contained(passed, static_cast<float>(kOverlap)));
}

}  // namespace hyperiqa
