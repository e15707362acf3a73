/** @file The weighted sum of rows, for any width of vector; included by the files that are compiled for one. */
#pragma once

#include <cstdint>

#include "image/vector_kernels.h"

namespace hyperiqa {

/**
 * One block of V::kBytes bytes. Exact, because nothing overflows: weights are not negative and add up to 2²², less a
 * little for rounding, so the sum of the upper parts is at most 2⁷, and 2⁷ · 255 < 2¹⁵.
 */
template <typename V>
inline void blend_block(const uint8_t* const* rows, const PairWeights* weights, int64_t pairs, uint8_t* to,
                        int64_t start) {
  using Register = V::Register;
  constexpr int kResultBits = 22;
  const Register zero = V::zero();
  const Register half = V::repeat(1U << (kResultBits - 1));
  Register upper[2] = {zero, zero};
  Register lower[4] = {half, half, half, half};
  for (int64_t p = 0; p < pairs; ++p) {
    const Register upper_weights = V::repeat(weights[p].upper);
    const Register lower_weights = V::repeat(weights[p].lower);
    const Register first = V::load(rows[2 * p] + start);
    const Register second = V::load(rows[2 * p + 1] + start);
    const Register left = V::interleave_low_bytes(first, second);
    const Register right = V::interleave_high_bytes(first, second);
    upper[0] = V::add_byte_products(upper[0], left, upper_weights);
    upper[1] = V::add_byte_products(upper[1], right, upper_weights);
    lower[0] = V::add_word_products(lower[0], V::interleave_low_bytes(left, zero), lower_weights);
    lower[1] = V::add_word_products(lower[1], V::interleave_high_bytes(left, zero), lower_weights);
    lower[2] = V::add_word_products(lower[2], V::interleave_low_bytes(right, zero), lower_weights);
    lower[3] = V::add_word_products(lower[3], V::interleave_high_bytes(right, zero), lower_weights);
  }
  const auto finish = [](Register up, Register low0, Register low1) {
    const Register carried =
        V::narrow_to_words(V::template shift_right32<kLowerBits>(low0), V::template shift_right32<kLowerBits>(low1));
    return V::template shift_right16<kResultBits - kLowerBits>(V::add_words(up, carried));
  };
  V::store(to + start, V::narrow_to_bytes(finish(upper[0], lower[0], lower[1]), finish(upper[1], lower[2], lower[3])));
}

/** The last block may overlap the one before. @param bytes  V::kBytes or more */
template <typename V>
inline void blend(const uint8_t* const* rows, const PairWeights* weights, int64_t pairs, uint8_t* to, int64_t bytes) {
  const int64_t last = bytes - V::kBytes;
  for (int64_t start = 0; start < last; start += V::kBytes) blend_block<V>(rows, weights, pairs, to, start);
  blend_block<V>(rows, weights, pairs, to, last);
}

}  // namespace hyperiqa
