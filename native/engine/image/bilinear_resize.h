/** @file The resize of all protocols: antialiased bilinear on 8-bit values, exact to the bit as Pillow does it. */
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "engine.h"
#include "image/resize_passes.h"

namespace hyperiqa {

/** Longest side of an image to be resized, pixels: up to here Pillow's own sizes, in single precision, are exact. */
inline constexpr int64_t kMaxResizeSide = int64_t{1} << 24;

/**
 * Resizes with the arithmetic of Pillow's `Image.resize(…, Resampling.BILINEAR)` (src/libImaging/Resample.c): a
 * triangle filter as wide as the reduction asks for, its weights rounded to multiples of 2⁻²², along the rows and down
 * the columns with a rounding to 8 bits after each; a direction whose size stays is left alone. The rows come first,
 * unless the height loses more than twice as many pixels as the width: that is Pillow's order since 13.0, before which
 * the rows always came first.
 *
 * Memory besides the output: some megabytes. The image is resized in strips of columns that fit into a processor's
 * cache; only a height of more than a hundred thousand pixels needs more, 192 bytes for each row of one output row.
 *
 * @param image   sides up to kMaxResizeSide
 * @param step    input pixels per output pixel in both directions; by default what the sizes give. With a step of its
 *                own the last output pixel need not end where the last input pixel does.
 * @param output  width × height × 3 bytes, interleaved RGB
 * @param unit      what the processor has, or less; the bytes are the same
 * @param unwanted  true from some moment on: the resize ends with the next row. May be null
 * @return false: it was given up
 */
bool bilinear_resize(const Image& image, int64_t width, int64_t height, std::optional<double> step, uint8_t* output,
                     VectorUnit unit = vector_unit(), const std::atomic<bool>* unwanted = nullptr);

}  // namespace hyperiqa
