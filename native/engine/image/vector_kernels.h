/**
 * @file
 * The resize's inner loops in vector instructions.
 *
 * Each implementation is a file of its own, compiled for its instructions. Such a file calls no inline function of the
 * standard library: the linker keeps one copy of those, and the rest of the program must not run one that was compiled
 * for instructions the processor may lack.
 */
#pragma once

#include <cstdint>

namespace hyperiqa {

/** The weights of two rows, w = 2¹⁵ · upper + lower, each part repeated as the instructions want it. */
struct PairWeights {
  uint32_t upper;  ///< bytes: first, second, first, second
  uint32_t lower;  ///< 16-bit numbers: first, second
};

inline constexpr int kLowerBits = 15;

struct VectorKernels {
  int64_t fewest_bytes;  ///< smallest row that `blend` takes

  /** Writes the weighted sum of 2 · `pairs` rows, rounded to 8 bits. */
  void (*blend)(const uint8_t* const* rows, const PairWeights* weights, int64_t pairs, uint8_t* to, int64_t bytes);

  /** Transposes a matrix of bytes: `from` has `rows` rows, `to` gets `columns` rows. A pitch is the distance of rows.
   */
  void (*transpose)(const uint8_t* from, int64_t from_pitch, int64_t rows, int64_t columns, uint8_t* to,
                    int64_t to_pitch);
};

/** Null where the compiler was not told to use these instructions, e.g. on ARM. */
const VectorKernels* avx2_kernels();
const VectorKernels* avx512_kernels();

}  // namespace hyperiqa
