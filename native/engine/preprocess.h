/** @file From a decoded image to the one that patches are cut from. */
#pragma once

#include <cstdint>
#include <memory>

#include "engine.h"

namespace hyperiqa {

inline constexpr int64_t kMaxSide = 65536;               ///< of a side that can be asked for, pixels
inline constexpr int64_t kMaxPixels = int64_t{1} << 28;  ///< of an image, before and after the resize

/** The image that patches are cut from: interleaved RGB, rows without padding. */
struct PreparedImage {
  const uint8_t* pixels = nullptr;
  int64_t width = 0;
  int64_t height = 0;
  bool enlarged = false;
  std::shared_ptr<const void> storage;  ///< owns the pixels; empty where they are the caller's own
};

/** @throws Error ERR_INVALID_ARGUMENT */
void check_resize(const Resize& resize, int64_t minimum_side);

/**
 * Resizes, and enlarges where a side is still below `minimum_side`: antialiased bilinear on 8-bit values, LibTorch's
 * kernel, which is within one level of Pillow's (and so of torchvision's Resize on a PIL image). When enlarging, the
 * kernel gets the exact ratio of the shorter side for both axes, as IQA-PyTorch does, not the ratios of the rounded
 * sizes.
 *
 * @throws Error ERR_IMAGE_TOO_LARGE if the image has, or a step would give, more than kMaxPixels
 */
PreparedImage prepare(const Image& image, const Resize& resize, int64_t minimum_side);

}  // namespace hyperiqa
