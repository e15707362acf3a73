/** @file Generated images. */
#pragma once

#include <cstdint>
#include <vector>

#include "engine.h"

namespace hyperiqa::testing {

/** An image with the memory it lives in. */
struct TestImage {
  std::vector<uint8_t> pixels;
  int64_t width = 0;
  int64_t height = 0;

  Image view() const { return {pixels.data(), width, height}; }
};

/** Smooth shading with hashed noise; the same as `picture` in fixtures/make_fixtures.py. */
inline TestImage picture(int64_t width, int64_t height) {
  TestImage image{std::vector<uint8_t>(static_cast<size_t>(width * height * 3)), width, height};
  const auto columns = static_cast<uint32_t>(width);
  const auto rows = static_cast<uint32_t>(height);
  size_t next = 0;
  for (uint32_t y = 0; y < rows; ++y) {
    for (uint32_t x = 0; x < columns; ++x) {
      for (uint32_t c = 0; c < 3; ++c) {
        const uint32_t noise = ((y * columns + x) * 3 + c) * 2654435761U;
        image.pixels[next++] = static_cast<uint8_t>((x * 5 + y * 3 * (c + 1)) % 192 + (noise >> 26));
      }
    }
  }
  return image;
}

/** Every value the same: what the test models take as a signal. */
inline TestImage plain(uint8_t value, int64_t width = 224, int64_t height = 224) {
  return {std::vector<uint8_t>(static_cast<size_t>(width * height * 3), value), width, height};
}

}  // namespace hyperiqa::testing
