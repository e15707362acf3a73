/** @file The two passes of the resize: along rows and down columns, with vector instructions where there are some. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "image/resize_taps.h"
#include "image/vector_kernels.h"

namespace hyperiqa {

inline constexpr int64_t kChannels = 3;  ///< bytes of a pixel: red, green, blue

/** Vector instructions that the passes can use. */
enum class VectorUnit { None, Avx2, Avx512 };

/** The best that this processor has. */
VectorUnit vector_unit();

/** A strip of output columns with their taps, one column after the other. */
struct Columns {
  int64_t begin = 0;
  int64_t count = 0;
  int64_t first_pixel = 0;      ///< input pixels that the taps reach
  int64_t end_pixel = 0;        ///< the one after them
  std::vector<int64_t> first;   ///< input pixel of each column
  std::vector<size_t> offsets;  ///< start of each column's weights, and the end
  std::vector<int32_t> weights;
  std::vector<PairWeights> pairs;  ///< the weights of each column in pairs, the last one filled up with 0
};

/** A strip from column `begin` on: at most `limit` columns, and no more than fit beside each other into a processor's
 *  cache. */
Columns find_columns(ResizeAxis& axis, int64_t begin, int64_t end, int64_t limit);

/** Number of rows of an image to pass to `across` at once, so that vector instructions can take them, the last ones
 * too. */
int64_t rows_at_once(int64_t height);

/** The passes give the same bytes whatever they use. Belongs to one thread. */
class ResizePasses {
 public:
  explicit ResizePasses(VectorUnit unit);

  /**
   * Rows along their length.
   * @param from  pixel `columns.first_pixel` of the first row
   * @param to    pixel `columns.begin` of the first row
   */
  void across(const uint8_t* from, int64_t from_pitch, int64_t rows, uint8_t* to, int64_t to_pitch,
              const Columns& columns);

  /** An output row of `bytes`: the weighted sum of `rows`. Adds a row where their number is odd. */
  void down(std::vector<const uint8_t*>& rows, const std::vector<int32_t>& weights, uint8_t* to, int64_t bytes);

 private:
  void across_transposed(const uint8_t* from, int64_t from_pitch, int64_t rows, uint8_t* to, int64_t to_pitch,
                         const Columns& columns);

  const VectorKernels* kernels_;  ///< null: plain arithmetic
  std::vector<PairWeights> pairs_;
  std::vector<const uint8_t*> rows_;
  std::vector<uint8_t> upright_;  ///< input rows as columns
  std::vector<uint8_t> resized_;  ///< output rows as columns
};

}  // namespace hyperiqa
