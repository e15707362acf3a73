#include "image/resize_passes.h"

#include <algorithm>
#include <cstddef>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HYPERIQA_RESIZE_X86
#endif

namespace hyperiqa {
namespace {

constexpr int32_t kHalf = 1 << (kWeightBits - 1);

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
    const uint8_t* pixel = from + columns.first[column] * kChannels;
    std::array<int32_t, kChannels> sums{kHalf, kHalf, kHalf};
    for (size_t i = columns.offsets[column]; i < columns.offsets[column + 1]; ++i, pixel += kChannels) {
      const int32_t weight = columns.weights[i];
      for (size_t c = 0; c < kChannels; ++c) sums[c] += weight * pixel[c];
    }
    for (size_t c = 0; c < kChannels; ++c) to[x * kChannels + static_cast<int64_t>(c)] = to_byte(sums[c]);
  }
}

/** Bytes from `begin` on of an output row: the weighted sum of rows. */
void blend_rows(const std::vector<const uint8_t*>& rows, const std::vector<int32_t>& weights, uint8_t* to,
                int64_t begin, int64_t end) {
  constexpr int64_t kBlock = 64;
  for (int64_t start = begin; start < end; start += kBlock) {
    const auto size = static_cast<size_t>(std::min(kBlock, end - start));
    std::array<int32_t, kBlock> sums;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled below
    sums.fill(kHalf);
    for (size_t t = 0; t < rows.size(); ++t) {
      const uint8_t* row = rows[t] + start;
      for (size_t i = 0; i < size; ++i) sums[i] += weights[t] * row[i];
    }
    for (size_t i = 0; i < size; ++i) to[start + static_cast<int64_t>(i)] = to_byte(sums[i]);
  }
}

#ifdef HYPERIQA_RESIZE_X86

#define HYPERIQA_AVX2 __attribute__((target("avx2")))

/** Sums of one output pixel in four rows: red, green, blue and 0 of rows 0 and 1, and of rows 2 and 3. */
struct PixelSums {
  __m256i rows01;
  __m256i rows23;
};

/** @param from  the rows, at the pixel's first tap */
HYPERIQA_AVX2 inline PixelSums pixel_sums(const std::array<const uint8_t*, kRowsAtOnce>& rows, int64_t offset,
                                          const int16_t* parts, int64_t groups) {
  // Taps 0 and 1 as pairs of 16-bit numbers in the lower half, taps 2 and 3 in the upper one.
  const __m256i spread = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,  //
                                          6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
  const __m256i upper_pairs = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
  const __m256i lower_pairs = _mm256_setr_epi32(2, 2, 2, 2, 3, 3, 3, 3);
  // The half that rounds is added once.
  const __m256i half = _mm256_setr_epi32(kHalf, kHalf, kHalf, 0, 0, 0, 0, 0);
  __m256i upper[kRowsAtOnce];
  __m256i lower[kRowsAtOnce];
  std::ranges::fill(upper, _mm256_setzero_si256());
  std::ranges::fill(lower, half);
  for (int64_t g = 0; g < groups; ++g, parts += kGroupParts, offset += kGroup * kChannels) {
    const __m256i weights = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(parts));
    const __m256i high = _mm256_permutevar8x32_epi32(weights, upper_pairs);
    const __m256i low = _mm256_permutevar8x32_epi32(weights, lower_pairs);
    for (size_t r = 0; r < kRowsAtOnce; ++r) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[r] + offset));
      const __m256i pixels = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), spread);
      upper[r] = _mm256_add_epi32(upper[r], _mm256_madd_epi16(pixels, high));
      lower[r] = _mm256_add_epi32(lower[r], _mm256_madd_epi16(pixels, low));
    }
  }
  for (size_t r = 0; r < kRowsAtOnce; ++r) {
    upper[r] = _mm256_add_epi32(_mm256_slli_epi32(upper[r], kLowBits), lower[r]);
  }
  const __m256i rows01 = _mm256_add_epi32(_mm256_permute2x128_si256(upper[0], upper[1], 0x20),
                                          _mm256_permute2x128_si256(upper[0], upper[1], 0x31));
  const __m256i rows23 = _mm256_add_epi32(_mm256_permute2x128_si256(upper[2], upper[3], 0x20),
                                          _mm256_permute2x128_si256(upper[2], upper[3], 0x31));
  return {_mm256_srli_epi32(rows01, kWeightBits), _mm256_srli_epi32(rows23, kWeightBits)};
}

/** Four rows along their length. Reads `columns.reach` bytes of each; writes up to kPadding bytes more than the columns
 *  have. */
HYPERIQA_AVX2 void resize_rows_avx2(const std::array<const uint8_t*, kRowsAtOnce>& from,
                                    const std::array<uint8_t*, kRowsAtOnce>& to, const Columns& columns) {
  // Four pixels of 4 bytes to 12 bytes.
  const __m256i squeeze = _mm256_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1,  //
                                           0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
  const int16_t* parts = columns.parts.data();
  const auto count = columns.first.size();
  for (size_t x = 0; x < count; x += kColumnsAtOnce) {
    __m256i words[kColumnsAtOnce];
    for (size_t c = 0; c < kColumnsAtOnce; ++c) {
      const int64_t groups = columns.groups[x + c];
      const PixelSums sums = pixel_sums(from, columns.first[x + c] * kChannels, parts, groups);
      parts += groups * kGroupParts;
      words[c] = _mm256_packus_epi32(sums.rows01, sums.rows23);
    }
    // Lower half: pixels of rows 0 and 2, upper half: of rows 1 and 3.
    const __m256 left = _mm256_castsi256_ps(_mm256_packus_epi16(words[0], words[1]));
    const __m256 right = _mm256_castsi256_ps(_mm256_packus_epi16(words[2], words[3]));
    const __m256i rows01 =
        _mm256_shuffle_epi8(_mm256_castps_si256(_mm256_shuffle_ps(left, right, 0b10001000)), squeeze);
    const __m256i rows23 =
        _mm256_shuffle_epi8(_mm256_castps_si256(_mm256_shuffle_ps(left, right, 0b11011101)), squeeze);
    const auto store = [&to, offset = x * kChannels](size_t row, __m128i pixels)
                           HYPERIQA_AVX2 { _mm_storeu_si128(reinterpret_cast<__m128i*>(to[row] + offset), pixels); };
    store(0, _mm256_castsi256_si128(rows01));
    store(1, _mm256_extracti128_si256(rows01, 1));
    store(2, _mm256_castsi256_si128(rows23));
    store(3, _mm256_extracti128_si256(rows23, 1));
  }
}

/** Whole blocks of 32 bytes of an output row. @return bytes done */
HYPERIQA_AVX2 int64_t blend_rows_avx2(const std::vector<RowPair>& pairs, uint8_t* to, int64_t bytes) {
  constexpr int64_t kBlock = 32;
  constexpr int kQuarters = 4;
  const __m256i zero = _mm256_setzero_si256();
  int64_t start = 0;
  for (; start + kBlock <= bytes; start += kBlock) {
    __m256i upper[kQuarters];
    __m256i lower[kQuarters];
    std::ranges::fill(upper, zero);
    std::ranges::fill(lower, _mm256_set1_epi32(kHalf));
    for (const RowPair& pair : pairs) {
      const __m256i high = _mm256_set1_epi32(pair.upper);
      const __m256i low = _mm256_set1_epi32(pair.lower);
      const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(pair.first + start));
      const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(pair.second + start));
      const __m256i left = _mm256_unpacklo_epi8(a, b);
      const __m256i right = _mm256_unpackhi_epi8(a, b);
      const __m256i pixels[kQuarters] = {_mm256_unpacklo_epi8(left, zero), _mm256_unpackhi_epi8(left, zero),
                                         _mm256_unpacklo_epi8(right, zero), _mm256_unpackhi_epi8(right, zero)};
      for (size_t q = 0; q < kQuarters; ++q) {
        upper[q] = _mm256_add_epi32(upper[q], _mm256_madd_epi16(pixels[q], high));
        lower[q] = _mm256_add_epi32(lower[q], _mm256_madd_epi16(pixels[q], low));
      }
    }
    for (size_t q = 0; q < kQuarters; ++q) {
      upper[q] = _mm256_srli_epi32(_mm256_add_epi32(_mm256_slli_epi32(upper[q], kLowBits), lower[q]), kWeightBits);
    }
    const __m256i result =
        _mm256_packus_epi16(_mm256_packus_epi32(upper[0], upper[1]), _mm256_packus_epi32(upper[2], upper[3]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + start), result);
  }
  return start;
}

#define HYPERIQA_AVX512 __attribute__((target("avx512f,avx512bw,avx512vnni")))

/** Rounded sums of one output pixel in two rows, each twice: quarters of four 32-bit numbers. */
HYPERIQA_AVX512 inline __m512i rounded_twice(__m512i upper, __m512i lower) {
  const __m512i sums = _mm512_add_epi32(_mm512_slli_epi32(upper, kLowBits), lower);
  const __m512i both = _mm512_add_epi32(sums, _mm512_shuffle_i32x4(sums, sums, 0b10110001));
  return _mm512_srli_epi32(both, kWeightBits);
}

/** Two rows' first 16 bytes, each twice. */
HYPERIQA_AVX512 inline __m512i two_rows(const uint8_t* first, const uint8_t* second) {
  const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(first));
  const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(second));
  return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_broadcastsi128_si256(a)), _mm256_broadcastsi128_si256(b), 1);
}

/** As `resize_rows_avx2`, two rows in a register. */
HYPERIQA_AVX512 void resize_rows_avx512(const std::array<const uint8_t*, kRowsAtOnce>& from,
                                        const std::array<uint8_t*, kRowsAtOnce>& to, const Columns& columns) {
  const __m512i spread =
      _mm512_broadcast_i64x4(_mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,  //
                                              6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1));
  const __m512i squeeze = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
  const __m512i upper_pairs = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1);
  const __m512i lower_pairs = _mm512_setr_epi32(2, 2, 2, 2, 3, 3, 3, 3, 2, 2, 2, 2, 3, 3, 3, 3);
  const __m512i half = _mm512_setr_epi32(kHalf, kHalf, kHalf, 0, 0, 0, 0, 0, kHalf, kHalf, kHalf, 0, 0, 0, 0, 0);
  const int16_t* parts = columns.parts.data();
  const auto count = columns.first.size();
  for (size_t x = 0; x < count; x += kColumnsAtOnce) {
    __m512i words[kColumnsAtOnce];
    for (size_t c = 0; c < kColumnsAtOnce; ++c) {
      int64_t offset = columns.first[x + c] * kChannels;
      __m512i upper01 = _mm512_setzero_si512();
      __m512i upper23 = _mm512_setzero_si512();
      __m512i lower01 = half;
      __m512i lower23 = half;
      for (int64_t g = columns.groups[x + c]; g > 0; --g, parts += kGroupParts, offset += kGroup * kChannels) {
        const __m512i weights = _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(parts)));
        const __m512i high = _mm512_permutexvar_epi32(upper_pairs, weights);
        const __m512i low = _mm512_permutexvar_epi32(lower_pairs, weights);
        const __m512i rows01 = _mm512_shuffle_epi8(two_rows(from[0] + offset, from[1] + offset), spread);
        const __m512i rows23 = _mm512_shuffle_epi8(two_rows(from[2] + offset, from[3] + offset), spread);
        upper01 = _mm512_dpwssd_epi32(upper01, rows01, high);
        lower01 = _mm512_dpwssd_epi32(lower01, rows01, low);
        upper23 = _mm512_dpwssd_epi32(upper23, rows23, high);
        lower23 = _mm512_dpwssd_epi32(lower23, rows23, low);
      }
      words[c] = _mm512_packus_epi32(rounded_twice(upper01, lower01), rounded_twice(upper23, lower23));
    }
    // First two quarters: pixels of rows 0 and 2, last two: of rows 1 and 3.
    const __m512 left = _mm512_castsi512_ps(_mm512_packus_epi16(words[0], words[1]));
    const __m512 right = _mm512_castsi512_ps(_mm512_packus_epi16(words[2], words[3]));
    const __m512i rows01 =
        _mm512_shuffle_epi8(_mm512_castps_si512(_mm512_shuffle_ps(left, right, 0b10001000)), squeeze);
    const __m512i rows23 =
        _mm512_shuffle_epi8(_mm512_castps_si512(_mm512_shuffle_ps(left, right, 0b11011101)), squeeze);
    const auto store = [&to, offset = x * kChannels](size_t row, __m128i pixels)
                           HYPERIQA_AVX512 { _mm_storeu_si128(reinterpret_cast<__m128i*>(to[row] + offset), pixels); };
    store(0, _mm512_castsi512_si128(rows01));
    store(1, _mm512_extracti32x4_epi32(rows01, 2));
    store(2, _mm512_castsi512_si128(rows23));
    store(3, _mm512_extracti32x4_epi32(rows23, 2));
  }
}

/** As `blend_rows_avx2`, in blocks of 64 bytes. */
HYPERIQA_AVX512 int64_t blend_rows_avx512(const std::vector<RowPair>& pairs, uint8_t* to, int64_t bytes) {
  constexpr int64_t kBlock = 64;
  constexpr int kQuarters = 4;
  const __m512i zero = _mm512_setzero_si512();
  int64_t start = 0;
  for (; start + kBlock <= bytes; start += kBlock) {
    __m512i upper[kQuarters];
    __m512i lower[kQuarters];
    std::ranges::fill(upper, zero);
    std::ranges::fill(lower, _mm512_set1_epi32(kHalf));
    for (const RowPair& pair : pairs) {
      const __m512i high = _mm512_set1_epi32(pair.upper);
      const __m512i low = _mm512_set1_epi32(pair.lower);
      const __m512i a = _mm512_loadu_si512(pair.first + start);
      const __m512i b = _mm512_loadu_si512(pair.second + start);
      const __m512i left = _mm512_unpacklo_epi8(a, b);
      const __m512i right = _mm512_unpackhi_epi8(a, b);
      const __m512i pixels[kQuarters] = {_mm512_unpacklo_epi8(left, zero), _mm512_unpackhi_epi8(left, zero),
                                         _mm512_unpacklo_epi8(right, zero), _mm512_unpackhi_epi8(right, zero)};
      for (size_t q = 0; q < kQuarters; ++q) {
        upper[q] = _mm512_dpwssd_epi32(upper[q], pixels[q], high);
        lower[q] = _mm512_dpwssd_epi32(lower[q], pixels[q], low);
      }
    }
    for (size_t q = 0; q < kQuarters; ++q) {
      upper[q] = _mm512_srli_epi32(_mm512_add_epi32(_mm512_slli_epi32(upper[q], kLowBits), lower[q]), kWeightBits);
    }
    const __m512i result =
        _mm512_packus_epi16(_mm512_packus_epi32(upper[0], upper[1]), _mm512_packus_epi32(upper[2], upper[3]));
    _mm512_storeu_si512(to + start, result);
  }
  return start;
}

#endif

}  // namespace

VectorUnit vector_unit() {
#ifdef HYPERIQA_RESIZE_X86
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni")) return VectorUnit::Avx512;
  if (__builtin_cpu_supports("avx2")) return VectorUnit::Avx2;
#endif
  return VectorUnit::None;
}

void ResizePasses::across(const std::array<const uint8_t*, kRowsAtOnce>& from, int64_t readable,
                          const std::array<uint8_t*, kRowsAtOnce>& to, const Columns& columns) const {
#ifdef HYPERIQA_RESIZE_X86
  if (in_groups() && columns.reach <= readable) {
    unit_ == VectorUnit::Avx512 ? resize_rows_avx512(from, to, columns) : resize_rows_avx2(from, to, columns);
    return;
  }
#endif
  static_cast<void>(readable);
  for (size_t r = 0; r < kRowsAtOnce; ++r) resize_row(from[r], to[r], columns);
}

void ResizePasses::down(const std::vector<const uint8_t*>& rows, const std::vector<int32_t>& weights, uint8_t* to,
                        int64_t bytes) {
  int64_t done = 0;
#ifdef HYPERIQA_RESIZE_X86
  if (unit_ != VectorUnit::None) {
    pairs_.clear();
    for (size_t t = 0; t < rows.size(); t += 2) {
      const bool two = t + 1 < rows.size();
      const int32_t second = two ? weights[t + 1] : 0;
      pairs_.push_back({rows[t], rows[two ? t + 1 : t], weights[t] >> kLowBits | second >> kLowBits << 16,
                        (weights[t] & kLowMask) | (second & kLowMask) << 16});
    }
    done = unit_ == VectorUnit::Avx512 ? blend_rows_avx512(pairs_, to, bytes) : blend_rows_avx2(pairs_, to, bytes);
  }
#endif
  blend_rows(rows, weights, to, done, bytes);
}

}  // namespace hyperiqa
