/** @file The checks of every image before it enters a queue. */
#pragma once

#include "engine.h"

namespace hyperiqa {

/** @throws Error ERR_INVALID_ARGUMENT for an image without pixels or with a side outside 1 to 2³¹−1;
 *  ERR_IMAGE_TOO_LARGE for one whose bytes cannot be counted in 63 bits */
void check_image(const Image& image);

}  // namespace hyperiqa
