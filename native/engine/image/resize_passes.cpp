#include "image/resize_passes.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace hyperiqa {
namespace {

constexpr int32_t kHalf = 1 << (kWeightBits - 1);
constexpr int64_t kFewestRows = 32;      // a tile of the transposition
constexpr int64_t kMostRows = 64;        // limit of what is transposed at once
constexpr int64_t kStripPixels = 4096;   // width of a strip, input or output: kFewestRows of it are 400 kB
constexpr int64_t kStripTaps = 16;       // strips are wider where columns with their taps are
constexpr int64_t kWidestStrip = 65536;  // pixels that are transposed: 12 MB
constexpr uintptr_t kCacheLine = 64;     // bytes

/**
 * A sum of weights times pixels, rounded to 8 bits. No sum overflows 32 bits: weights are not negative and add up to
 * one; rounding turns a weight below one half of the unit into 0 and at most doubles any other, so that a sum is at
 * most 2²³ · 255 + 2²¹ < 2³¹.
 */
uint8_t to_byte(int32_t sum) {
  return static_cast<uint8_t>(std::min(sum >> kWeightBits, 255));
}

/** One row along its length. */
void resize_row(const uint8_t* from, uint8_t* to, const Columns& columns) {
  for (int64_t x = 0; x < columns.count; ++x) {
    const auto column = static_cast<size_t>(x);
    const uint8_t* pixel = from + (columns.first[column] - columns.first_pixel) * kChannels;
    std::array<int32_t, kChannels> sums{kHalf, kHalf, kHalf};
    for (size_t i = columns.offsets[column]; i < columns.offsets[column + 1]; ++i, pixel += kChannels) {
      const int32_t weight = columns.weights[i];
      for (size_t c = 0; c < kChannels; ++c) sums[c] += weight * pixel[c];
    }
    for (size_t c = 0; c < kChannels; ++c) to[x * kChannels + static_cast<int64_t>(c)] = to_byte(sums[c]);
  }
}

/** An output row: the weighted sum of rows. */
void blend_rows(const std::vector<const uint8_t*>& rows, const std::vector<int32_t>& weights, uint8_t* to,
                int64_t bytes) {
  constexpr int64_t kBlock = 64;
  for (int64_t start = 0; start < bytes; start += kBlock) {
    const auto size = static_cast<size_t>(std::min(kBlock, bytes - start));
    std::array<int32_t, kBlock> sums;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled below
    sums.fill(kHalf);
    for (size_t t = 0; t < weights.size(); ++t) {
      const uint8_t* row = rows[t] + start;
      for (size_t i = 0; i < size; ++i) sums[i] += weights[t] * row[i];
    }
    for (size_t i = 0; i < size; ++i) to[start + static_cast<int64_t>(i)] = to_byte(sums[i]);
  }
}

/**
 * The weights in pairs. A weight of 2²², whose upper part would not fit into 7 bits, becomes 2²² − 1, which gives the
 * same byte: next to it there is at most one weight, of 1, so that the sum is a multiple of 2²² and 2²¹ and a few
 * hundred, and stays below and above the same multiples.
 */
void add_pairs(const std::vector<int32_t>& weights, std::vector<PairWeights>& pairs) {
  constexpr uint32_t kLowerMask = (1U << kLowerBits) - 1;
  const auto weight = [&weights](size_t i) {
    return i < weights.size() ? std::min(static_cast<uint32_t>(weights[i]), (1U << kWeightBits) - 1) : 0U;
  };
  for (size_t i = 0; i < weights.size(); i += 2) {
    const uint32_t first = weight(i);
    const uint32_t second = weight(i + 1);
    pairs.push_back({(first >> kLowerBits | second >> kLowerBits << 8) * 0x10001U,
                     (first & kLowerMask) | (second & kLowerMask) << 16});
  }
}

/** Memory for `bytes`, at the start of a cache line. */
uint8_t* reserve(std::vector<uint8_t>& memory, int64_t bytes) {
  const size_t needed = static_cast<size_t>(bytes) + kCacheLine;
  if (memory.size() < needed) memory.resize(needed);
  const auto start = reinterpret_cast<uintptr_t>(memory.data());
  return memory.data() + (kCacheLine - start % kCacheLine) % kCacheLine;
}

}  // namespace

VectorUnit vector_unit() {
#if defined(__x86_64__) && defined(__GNUC__)
  if (avx512_kernels() && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni")) {
    return VectorUnit::Avx512;
  }
  if (avx2_kernels() && __builtin_cpu_supports("avx2")) return VectorUnit::Avx2;
#endif
  return VectorUnit::None;
}

Columns find_columns(ResizeAxis& axis, int64_t begin, int64_t end, int64_t limit) {
  Columns columns;
  columns.begin = begin;
  Taps taps;
  const int64_t stop = std::min(end, begin + std::min(limit, kStripPixels));
  const int64_t widest = std::clamp(kStripTaps * axis.most_taps(), kStripPixels, kWidestStrip);
  for (int64_t x = begin; x < stop; ++x) {
    axis.find(x, taps);
    const int64_t taps_end = taps.first + static_cast<int64_t>(taps.weights.size());
    if (x == begin) {
      columns.first_pixel = taps.first;
      columns.end_pixel = taps.first;
    } else if (taps_end - columns.first_pixel > widest) {
      break;
    }
    columns.end_pixel = std::max(columns.end_pixel, taps_end);
    columns.first.push_back(taps.first);
    columns.offsets.push_back(columns.weights.size());
    columns.weights.insert(columns.weights.end(), taps.weights.begin(), taps.weights.end());
    add_pairs(taps.weights, columns.pairs);
    ++columns.count;
  }
  columns.offsets.push_back(columns.weights.size());
  return columns;
}

int64_t rows_at_once(int64_t height) {
  // The fewest rows that divide the height, or leave at least kFewestRows for the last pass.
  for (int64_t rows = kFewestRows; rows <= kMostRows; ++rows) {
    if (height % rows == 0 || height % rows >= kFewestRows) return rows;
  }
  return kFewestRows;
}

ResizePasses::ResizePasses(VectorUnit unit)
    : kernels_(unit == VectorUnit::Avx512 ? avx512_kernels()
               : unit == VectorUnit::Avx2 ? avx2_kernels()
                                          : nullptr) {}

void ResizePasses::across(const uint8_t* from, int64_t from_pitch, int64_t rows, uint8_t* to, int64_t to_pitch,
                          const Columns& columns) {
  const bool fits = columns.end_pixel - columns.first_pixel <= kWidestStrip;
  if (kernels_ && fits && rows * kChannels >= kernels_->fewest_bytes) {
    across_transposed(from, from_pitch, rows, to, to_pitch, columns);
    return;
  }
  for (int64_t row = 0; row < rows; ++row) resize_row(from + row * from_pitch, to + row * to_pitch, columns);
}

/** Rows as columns: a weight is then the same for all bytes that an instruction takes, as in `down`. */
void ResizePasses::across_transposed(const uint8_t* from, int64_t from_pitch, int64_t rows, uint8_t* to,
                                     int64_t to_pitch, const Columns& columns) {
  const int64_t pixel_bytes = rows * kChannels;
  const int64_t input_pixels = columns.end_pixel - columns.first_pixel;
  uint8_t* const upright = reserve(upright_, input_pixels * pixel_bytes);
  uint8_t* const resized = reserve(resized_, columns.count * pixel_bytes);
  kernels_->transpose(from, from_pitch, rows, input_pixels * kChannels, upright, rows);
  const PairWeights* pairs = columns.pairs.data();
  for (int64_t x = 0; x < columns.count; ++x) {
    const auto column = static_cast<size_t>(x);
    const uint8_t* pixel = upright + (columns.first[column] - columns.first_pixel) * pixel_bytes;
    const size_t taps = columns.offsets[column + 1] - columns.offsets[column];
    rows_.clear();
    for (size_t t = 0; t < taps; ++t, pixel += pixel_bytes) rows_.push_back(pixel);
    if (taps % 2 == 1) rows_.push_back(rows_.back());
    const auto count = static_cast<int64_t>(rows_.size() / 2);
    kernels_->blend(rows_.data(), pairs, count, resized + x * pixel_bytes, pixel_bytes);
    pairs += count;
  }
  kernels_->transpose(resized, rows, columns.count * kChannels, rows, to, to_pitch);
}

void ResizePasses::down(std::vector<const uint8_t*>& rows, const std::vector<int32_t>& weights, uint8_t* to,
                        int64_t bytes) {
  if (!kernels_ || bytes < kernels_->fewest_bytes) {
    blend_rows(rows, weights, to, bytes);
    return;
  }
  pairs_.clear();
  add_pairs(weights, pairs_);
  if (rows.size() % 2 == 1) rows.push_back(rows.back());
  kernels_->blend(rows.data(), pairs_.data(), static_cast<int64_t>(pairs_.size()), to, bytes);
}

}  // namespace hyperiqa
