#include "image/image_check.h"

#include <cstdint>
#include <limits>
#include <string>

namespace hyperiqa {

void check_image(const Image& image) {
  constexpr int64_t kLimit = std::numeric_limits<int32_t>::max();
  if (!image.data) throw Error("ERR_INVALID_ARGUMENT", "The image has no pixels.");
  if (image.width < 1 || image.height < 1 || image.width > kLimit || image.height > kLimit) {
    throw Error("ERR_INVALID_ARGUMENT",
                "The width and height of an image must be from 1 to " + std::to_string(kLimit) + ".");
  }
  if (image.width > std::numeric_limits<int64_t>::max() / 3 / image.height) {
    throw Error("ERR_IMAGE_TOO_LARGE", "An image of " + std::to_string(image.width) + "×" +
                                           std::to_string(image.height) + " pixels is beyond the limit of any memory.");
  }
}

}  // namespace hyperiqa
