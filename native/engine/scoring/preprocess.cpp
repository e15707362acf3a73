#include "scoring/preprocess.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "image/bilinear_resize.h"
#include "model/self_check.h"

namespace hyperiqa {
namespace {

void require_side(int64_t side, const char* name) {
  if (side < 1 || side > kMaxSide) {
    throw Error("ERR_INVALID_ARGUMENT", std::string("The ") + name + " of the resize must be from 1 to " +
                                            std::to_string(kMaxSide) + " pixels.");
  }
}

void require_pixels(int64_t width, int64_t height) {
  if (width > kMaxPixels / height) {
    throw Error("ERR_IMAGE_TOO_LARGE",
                "An image of " + std::to_string(width) + "×" + std::to_string(height) +
                    " pixels, as decoded or in the course of the resize, is beyond the limit of " +
                    std::to_string(kMaxPixels) + " pixels.");
  }
}

/** One resize of an image, planned. */
struct Step {
  int64_t width;
  int64_t height;
  std::optional<double> step;  ///< input pixels per output pixel, of both directions; by default what the sizes give
  bool enlarges;               ///< true: it enlarges to the minimum side
};

Step to_short_side(int64_t width, int64_t height, int64_t side) {
  const int64_t shorter = std::min(width, height);
  if (width <= height) return {side, height * side / shorter, std::nullopt, false};
  return {width * side / shorter, side, std::nullopt, false};
}

/** The resizes that lead from an image to what patches are cut from: none, one or two. */
std::vector<Step> plan(int64_t width, int64_t height, const Resize& resize, int64_t minimum_side) {
  std::vector<Step> steps;
  require_pixels(width, height);
  const auto add = [&](const Step& step) {
    if (width > kMaxResizeSide || height > kMaxResizeSide) {
      throw Error("ERR_IMAGE_TOO_LARGE",
                  "An image with a side of more than " + std::to_string(kMaxResizeSide) + " pixels cannot be resized.");
    }
    // The image between the two passes is never larger than both the input and the output.
    require_pixels(step.width, step.height);
    steps.push_back(step);
    width = step.width;
    height = step.height;
  };
  if (resize.mode == Resize::Mode::Exact && (width != resize.width || height != resize.height)) {
    add({resize.width, resize.height, std::nullopt, false});
  } else if (resize.mode == Resize::Mode::ShortSide && std::min(width, height) != resize.size) {
    add(to_short_side(width, height, resize.size));
  }
  const int64_t shorter = std::min(width, height);
  if (shorter < minimum_side) {
    Step step = to_short_side(width, height, minimum_side);
    step.step = static_cast<double>(shorter) / static_cast<double>(minimum_side);
    step.enlarges = true;
    add(step);
  }
  return steps;
}

int64_t bytes_of(const Step& step) {
  return step.width * step.height * 3;
}

PreparedImage resized(const PreparedImage& image, const Step& step, const std::atomic<bool>* unwanted) {
  const auto pixels = std::shared_ptr<uint8_t[]>(new uint8_t[static_cast<size_t>(bytes_of(step))]);
  const Image from{image.pixels, image.width, image.height};
  if (!bilinear_resize(from, step.width, step.height, step.step, pixels.get(), vector_unit(), unwanted)) {
    throw Error("ERR_ABORTED", "The resize was given up.");
  }
  return {pixels.get(), step.width, step.height, step.enlarges, pixels};
}

}  // namespace

void check_resize(const Resize& resize, int64_t minimum_side) {
  if (resize.mode == Resize::Mode::Exact) {
    require_side(resize.width, "width");
    require_side(resize.height, "height");
  } else if (resize.mode == Resize::Mode::ShortSide) {
    require_side(resize.size, "shorter side");
  }
  if (minimum_side < kPatchSize || minimum_side > kMaxSide) {
    throw Error("ERR_INVALID_ARGUMENT", "The minimum side must be from " + std::to_string(kPatchSize) + " to " +
                                            std::to_string(kMaxSide) + " pixels.");
  }
}

PreparedSize prepared_size(int64_t width, int64_t height, const Resize& resize, int64_t minimum_side) {
  PreparedSize size{width, height, 0, 0};
  for (const Step& step : plan(width, height, resize, minimum_side)) {
    size.width = step.width;
    size.height = step.height;
    size.copy_bytes = bytes_of(step);
    size.peak_bytes += size.copy_bytes;
  }
  return size;
}

PreparedImage prepare(const Image& image, const Resize& resize, int64_t minimum_side,
                      const std::atomic<bool>* unwanted) {
  PreparedImage result{image.data, image.width, image.height, false, {}};
  for (const Step& step : plan(image.width, image.height, resize, minimum_side)) {
    result = resized(result, step, unwanted);
  }
  return result;
}

}  // namespace hyperiqa
