/** @file The resize that MTCNN's networks were trained behind: the mean over the area that a pixel stands for. */
#pragma once

#include <cstdint>

#include "engine.h"
#include "faces/boxes.h"

namespace hyperiqa {

/**
 * A part of a window of an image, resized: what torch's interpolate(mode="area"), adaptive average pooling, gives for
 * the window at `width` × `height`, of which only the pixels of `part` are computed. So a level of the pyramid can be
 * had in tiles, and no floating-point copy of the image is ever made.
 *
 * @param output  float32, 3 × part.height × part.width, planar RGB, values 0..255
 */
void area_resize(const Image& image, const Window& window, int64_t width, int64_t height, const Window& part,
                 float* output);

}  // namespace hyperiqa
