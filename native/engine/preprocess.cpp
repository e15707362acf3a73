#include "preprocess.h"

#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <optional>
#include <string>

#include "self_check.h"

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
    throw Error("ERR_IMAGE_TOO_LARGE", "An image of " + std::to_string(width) + "×" + std::to_string(height) +
                                           " pixels, as decoded or after the resize, is beyond the limit of " +
                                           std::to_string(kMaxPixels) + " pixels.");
  }
}

/** A resized copy. @param scale  output over input size, of both axes; by default what the sizes give */
PreparedImage resized(const PreparedImage& image, int64_t width, int64_t height,
                      std::optional<double> scale = std::nullopt) {
  require_pixels(width, height);
  // from_blob wants a mutable pointer; the kernel only reads.
  auto* pixels = const_cast<uint8_t*>(image.pixels);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  const at::Tensor input = at::from_blob(pixels, {1, image.height, image.width, 3}, at::kByte).permute({0, 3, 1, 2});
  const at::Tensor output = at::_upsample_bilinear2d_aa(input, {height, width}, /*align_corners=*/false, scale, scale);
  PreparedImage result;
  const auto interleaved = std::make_shared<at::Tensor>(output.permute({0, 2, 3, 1}).contiguous());
  result.pixels = interleaved->const_data_ptr<uint8_t>();
  result.storage = interleaved;
  result.width = width;
  result.height = height;
  return result;
}

PreparedImage with_short_side(const PreparedImage& image, int64_t side, std::optional<double> scale) {
  const int64_t shorter = std::min(image.width, image.height);
  if (image.width <= image.height) return resized(image, side, image.height * side / shorter, scale);
  return resized(image, image.width * side / shorter, side, scale);
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

PreparedImage prepare(const Image& image, const Resize& resize, int64_t minimum_side) {
  require_pixels(image.width, image.height);
  PreparedImage result{image.data, image.width, image.height, false, {}};
  if (resize.mode == Resize::Mode::Exact) {
    if (result.width != resize.width || result.height != resize.height) {
      result = resized(result, resize.width, resize.height);
    }
  } else if (resize.mode == Resize::Mode::ShortSide) {
    if (std::min(result.width, result.height) != resize.size)
      result = with_short_side(result, resize.size, std::nullopt);
  }
  const int64_t shorter = std::min(result.width, result.height);
  if (shorter < minimum_side) {
    result = with_short_side(result, minimum_side, static_cast<double>(minimum_side) / static_cast<double>(shorter));
    result.enlarged = true;
  }
  return result;
}

}  // namespace hyperiqa
