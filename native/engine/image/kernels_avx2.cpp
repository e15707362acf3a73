#include "image/vector_kernels.h"

#ifdef __AVX2__

#include <immintrin.h>

#include "image/blend_kernel.h"

namespace hyperiqa {
namespace {

struct Avx2 {
  using Register = __m256i;
  static constexpr int64_t kBytes = 32;

  static Register zero() { return _mm256_setzero_si256(); }
  static Register repeat(uint32_t value) { return _mm256_set1_epi32(static_cast<int>(value)); }
  static Register load(const uint8_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
  static void store(uint8_t* to, Register a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), a); }
  static Register interleave_low_bytes(Register a, Register b) { return _mm256_unpacklo_epi8(a, b); }
  static Register interleave_high_bytes(Register a, Register b) { return _mm256_unpackhi_epi8(a, b); }
  static Register add_words(Register a, Register b) { return _mm256_add_epi16(a, b); }
  static Register add_byte_products(Register sum, Register pixels, Register weights) {
    return _mm256_add_epi16(sum, _mm256_maddubs_epi16(pixels, weights));
  }
  static Register add_word_products(Register sum, Register pixels, Register weights) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pixels, weights));
  }
  template <int bits>
  static Register shift_right32(Register a) {
    return _mm256_srli_epi32(a, bits);
  }
  template <int bits>
  static Register shift_right16(Register a) {
    return _mm256_srli_epi16(a, bits);
  }
  static Register narrow_to_words(Register a, Register b) { return _mm256_packus_epi32(a, b); }
  static Register narrow_to_bytes(Register a, Register b) { return _mm256_packus_epi16(a, b); }
};

constexpr int64_t kTileRows = 16;
constexpr int64_t kTileColumns = 32;
constexpr int64_t kAhead = 512;  // bytes that are fetched ahead

/** A tile of kTileRows × kTileColumns. Four times, row i is interleaved with row i + 8, byte by byte, which moves the
 *  row's number, a bit at a time, into the place of the column's. */
inline void transpose_tile(const uint8_t* from, int64_t from_pitch, uint8_t* to, int64_t to_pitch) {
  constexpr size_t kHalf = kTileRows / 2;
  __m256i a[kTileRows];
  for (int i = 0; i < kTileRows; ++i) {
    a[i] = Avx2::load(from + i * from_pitch);
    // Sixteen rows are more than the processor foresees by itself. Beyond the end of memory it does nothing.
    _mm_prefetch(reinterpret_cast<const char*>(from + i * from_pitch + kAhead), _MM_HINT_T0);
  }
  for (int step = 0; step < 4; ++step) {
    __m256i b[kTileRows];
    for (size_t i = 0; i < kHalf; ++i) {
      b[2 * i] = _mm256_unpacklo_epi8(a[i], a[i + kHalf]);
      b[2 * i + 1] = _mm256_unpackhi_epi8(a[i], a[i + kHalf]);
    }
    for (int i = 0; i < kTileRows; ++i) a[i] = b[i];
  }
  for (int i = 0; i < kTileRows; ++i) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i * to_pitch), _mm256_castsi256_si128(a[i]));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + (i + kTileRows) * to_pitch), _mm256_extracti128_si256(a[i], 1));
  }
}

void transpose(const uint8_t* from, int64_t from_pitch, int64_t rows, int64_t columns, uint8_t* to, int64_t to_pitch) {
  if (rows < kTileRows || columns < kTileColumns) {
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t column = 0; column < columns; ++column)
        to[column * to_pitch + row] = from[row * from_pitch + column];
    }
    return;
  }
  // The last tiles may overlap those before.
  for (int64_t row = 0; row < rows; row += kTileRows) {
    const int64_t y = row + kTileRows > rows ? rows - kTileRows : row;
    for (int64_t column = 0; column < columns; column += kTileColumns) {
      const int64_t x = column + kTileColumns > columns ? columns - kTileColumns : column;
      transpose_tile(from + y * from_pitch + x, from_pitch, to + x * to_pitch + y, to_pitch);
    }
  }
}

constexpr VectorKernels kKernels{Avx2::kBytes, blend<Avx2>, transpose};

}  // namespace

const VectorKernels* avx2_kernels() {
  return &kKernels;
}

}  // namespace hyperiqa

#else

const hyperiqa::VectorKernels* hyperiqa::avx2_kernels() {
  return nullptr;
}

#endif
