/** @file The two passes of the resize: along rows and down columns, with vector instructions where there are some. */
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "image/resize_taps.h"

namespace hyperiqa {

inline constexpr int64_t kRowsAtOnce = 4;

/** Vector instructions that the passes can use. */
enum class VectorUnit { None, Avx2, Avx512 };

/** The best that this processor has. */
VectorUnit vector_unit();

/** Two rows that are added up together: each pair of 16-bit numbers is a weight's part of either. */
struct RowPair {
  const uint8_t* first;
  const uint8_t* second;
  int32_t upper;
  int32_t lower;
};

/** The passes give the same bytes whatever they use. Belongs to one thread. */
class ResizePasses {
 public:
  explicit ResizePasses(VectorUnit unit) : unit_(unit) {}

  /** Whether columns are wanted in groups. */
  bool in_groups() const { return unit_ != VectorUnit::None; }

  /**
   * Four rows along their length.
   * @param readable  bytes from the start of each row that may be read
   * @param to        rows with kPadding bytes to spare
   */
  void across(const std::array<const uint8_t*, kRowsAtOnce>& from, int64_t readable,
              const std::array<uint8_t*, kRowsAtOnce>& to, const Columns& columns) const;

  /** An output row of `bytes`: the weighted sum of `rows`. */
  void down(const std::vector<const uint8_t*>& rows, const std::vector<int32_t>& weights, uint8_t* to, int64_t bytes);

 private:
  VectorUnit unit_;
  std::vector<RowPair> pairs_;
};

}  // namespace hyperiqa
