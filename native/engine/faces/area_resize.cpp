#include "faces/area_resize.h"

#include <algorithm>
#include <vector>

namespace hyperiqa {
namespace {

/** The source pixels [first, end) of output pixel `index`, as adaptive pooling chooses them. */
struct Span {
  int64_t first;
  int64_t end;
};

Span span_of(int64_t index, int64_t output, int64_t input) {
  return {index * input / output, ((index + 1) * input + output - 1) / output};
}

}  // namespace

void area_resize(const Image& image, const Window& window, int64_t width, int64_t height, const Window& part,
                 float* output) {
  constexpr int64_t kChannels = 3;
  const int64_t plane = part.width * part.height;
  const int64_t row_bytes = image.width * kChannels;
  // The columns of the image that the part needs.
  const int64_t from = span_of(part.left, width, window.width).first;
  const int64_t to = span_of(part.left + part.width - 1, width, window.width).end;
  const auto count = static_cast<size_t>((to - from) * kChannels);
  // First down the columns, then along the rows. No sum overflows: a level keeps the aspect of its window and has at
  // least 12 pixels a side, so that no pixel stands for more than 2^28 / 144 others of up to 255.
  std::vector<uint32_t> sums(count);
  for (int64_t y = 0; y < part.height; ++y) {
    const Span rows = span_of(part.top + y, height, window.height);
    std::ranges::fill(sums, 0U);
    for (int64_t row = rows.first; row < rows.end; ++row) {
      const uint8_t* pixels = image.data + (window.top + row) * row_bytes + (window.left + from) * kChannels;
      for (size_t i = 0; i < count; ++i) sums[i] += pixels[i];
    }
    for (int64_t x = 0; x < part.width; ++x) {
      const Span columns = span_of(part.left + x, width, window.width);
      uint32_t red = 0;
      uint32_t green = 0;
      uint32_t blue = 0;
      for (int64_t column = columns.first; column < columns.end; ++column) {
        const uint32_t* sum = &sums[static_cast<size_t>((column - from) * kChannels)];
        red += sum[0];
        green += sum[1];
        blue += sum[2];
      }
      const auto pixels = static_cast<float>((rows.end - rows.first) * (columns.end - columns.first));
      float* const target = output + y * part.width + x;
      target[0] = static_cast<float>(red) / pixels;
      target[plane] = static_cast<float>(green) / pixels;
      target[2 * plane] = static_cast<float>(blue) / pixels;
    }
  }
}

}  // namespace hyperiqa
