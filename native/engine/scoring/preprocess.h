/** @file Preparation of a decoded image: the resize before patches are cut. */
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "engine.h"

namespace hyperiqa {

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

/** Size of the image that `prepare` will make. */
struct PreparedSize {
  int64_t width = 0;
  int64_t height = 0;
  int64_t copy_bytes = 0;  ///< size of the resized copy; 0 where the image is used as it is
  int64_t peak_bytes = 0;  ///< size of all resized copies while it is made
};

/** @throws Error ERR_IMAGE_TOO_LARGE if the image has, or a step would give, more than kMaxPixels, or if an image with
 * a side of more than kMaxResizeSide is to be resized */
PreparedSize prepared_size(int64_t width, int64_t height, const Resize& resize, int64_t minimum_side);

/**
 * Resizes, and enlarges where a side is still below `minimum_side`, as Pillow does (and so torchvision's Resize on a
 * PIL image), to the bit. When enlarging to the minimum side, the exact ratio of the shorter side holds for both
 * directions, as in IQA-PyTorch, not the ratios of the rounded sizes.
 *
 * @param unwanted  true from some moment on: what is under way ends soon. May be null
 * @throws Error as `prepared_size`; ERR_ABORTED where it was given up; std::bad_alloc
 */
PreparedImage prepare(const Image& image, const Resize& resize, int64_t minimum_side,
                      const std::atomic<bool>* unwanted = nullptr);

}  // namespace hyperiqa
