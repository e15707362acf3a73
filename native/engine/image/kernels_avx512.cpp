#include "image/vector_kernels.h"

#ifdef __AVX512VNNI__

#include <immintrin.h>

#include "image/blend_kernel.h"

namespace hyperiqa {
namespace {

struct Avx512 {
  using Register = __m512i;
  static constexpr int64_t kBytes = 64;

  static Register zero() { return _mm512_setzero_si512(); }
  static Register repeat(uint32_t value) { return _mm512_set1_epi32(static_cast<int>(value)); }
  static Register load(const uint8_t* from) { return _mm512_loadu_si512(from); }
  static void store(uint8_t* to, Register a) { _mm512_storeu_si512(to, a); }
  static Register interleave_low_bytes(Register a, Register b) { return _mm512_unpacklo_epi8(a, b); }
  static Register interleave_high_bytes(Register a, Register b) { return _mm512_unpackhi_epi8(a, b); }
  static Register add_words(Register a, Register b) { return _mm512_add_epi16(a, b); }
  static Register add_byte_products(Register sum, Register pixels, Register weights) {
    return _mm512_add_epi16(sum, _mm512_maddubs_epi16(pixels, weights));
  }
  static Register add_word_products(Register sum, Register pixels, Register weights) {
    return _mm512_dpwssd_epi32(sum, pixels, weights);
  }
  template <int bits>
  static Register shift_right32(Register a) {
    return _mm512_srli_epi32(a, bits);
  }
  template <int bits>
  static Register shift_right16(Register a) {
    return _mm512_srli_epi16(a, bits);
  }
  static Register narrow_to_words(Register a, Register b) { return _mm512_packus_epi32(a, b); }
  static Register narrow_to_bytes(Register a, Register b) { return _mm512_packus_epi16(a, b); }
};

}  // namespace

const VectorKernels* avx512_kernels() {
  // Every processor with AVX-512 has AVX2.
  static const VectorKernels kernels{Avx512::kBytes, blend<Avx512>, avx2_kernels()->transpose};
  return &kernels;
}

}  // namespace hyperiqa

#else

const hyperiqa::VectorKernels* hyperiqa::avx512_kernels() {
  return nullptr;
}

#endif
