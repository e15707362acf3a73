#include "image/bilinear_resize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "support/json.h"
#include "test_image.h"

namespace hyperiqa {
namespace {

using testing::picture;
using testing::plain;
using testing::TestImage;

/** CRC-32 as in zlib, PNG and ISO 3309. */
uint32_t crc32(const std::vector<uint8_t>& bytes) {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    table[i] = i;
    for (int bit = 0; bit < 8; ++bit) table[i] = table[i] >> 1 ^ (table[i] % 2 == 1 ? 0xedb88320U : 0);
  }
  uint32_t crc = ~0U;
  for (const uint8_t byte : bytes) crc = crc >> 8 ^ table[(crc ^ byte) % table.size()];
  return ~crc;
}

std::vector<uint8_t> resized(const TestImage& image, int64_t width, int64_t height, VectorUnit unit) {
  // The exact size, so that a sanitizer sees what is written beyond it.
  std::vector<uint8_t> output(static_cast<size_t>(width * height * 3));
  bilinear_resize(image.view(), width, height, std::nullopt, output.data(), unit);
  return output;
}

/** The vector units that this processor has, the plain path first. */
std::vector<VectorUnit> units() {
  std::vector<VectorUnit> available{VectorUnit::None};
  if (vector_unit() != VectorUnit::None) available.push_back(VectorUnit::Avx2);
  if (vector_unit() == VectorUnit::Avx512) available.push_back(VectorUnit::Avx512);
  return available;
}

TEST(BilinearResize, IsPillowsToTheBitAtAnySize) {
  const std::ifstream file(HYPERIQA_TEST_FIXTURES "/resizes.json");
  std::ostringstream text;
  text << file.rdbuf();
  const Json json = Json::parse(text.str());
  size_t cases = 0;
  for (const Json& test : *json.find("cases")->array()) {
    std::vector<int64_t> numbers;
    for (const Json& number : *test.array()) numbers.push_back(static_cast<int64_t>(*number.number()));
    const TestImage image = picture(numbers[0], numbers[1]);
    for (const VectorUnit unit : units()) {
      EXPECT_EQ(crc32(resized(image, numbers[2], numbers[3], unit)), numbers[4])
          << numbers[0] << 'x' << numbers[1] << " to " << numbers[2] << 'x' << numbers[3] << ", vector unit "
          << static_cast<int>(unit);
    }
    ++cases;
  }
  EXPECT_GT(cases, 200U);
}

TEST(BilinearResize, LeavesOneColourAsItIs) {
  for (const int value : {0, 1, 128, 254, 255}) {
    const TestImage image = plain(static_cast<uint8_t>(value), 700, 500);
    for (const VectorUnit unit : units()) {
      for (const auto& [width, height] : {std::pair{33, 1000}, std::pair{1000, 33}, std::pair{61, 47}}) {
        const auto output = resized(image, width, height, unit);
        EXPECT_EQ(static_cast<size_t>(std::ranges::count(output, value)), output.size());
      }
    }
  }
}

}  // namespace
}  // namespace hyperiqa
