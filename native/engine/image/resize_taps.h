/** @file What the pixels of a resized image are made of: the weights of Pillow's antialiased bilinear filter. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace hyperiqa {

/** Weights are multiples of 2^-kWeightBits: 32 bits less the 8 of a pixel and 2 to spare. */
inline constexpr int kWeightBits = 22;

/** What an output pixel is made of: weights of consecutive input pixels, without zeros at either end. */
struct Taps {
  int64_t first = 0;  ///< input pixel
  std::vector<int32_t> weights;
};

/** The resize of one direction. */
class ResizeAxis {
 public:
  /** @param step  input pixels per output pixel; by default what the sizes give */
  ResizeAxis(int64_t input, int64_t output, std::optional<double> step);

  /** False: the size stays, and nothing is to be done. */
  bool needed() const { return needed_; }

  /** Input pixels that an output pixel is made of, at most. */
  int64_t most_taps() const;

  /** The taps of an output pixel, into `taps` to use its memory again. */
  void find(int64_t index, Taps& taps);

 private:
  int64_t input_;
  double step_;
  double reach_;  ///< half the width of the filter, input pixels
  bool needed_;
  std::vector<double> exact_;
};

inline constexpr int64_t kChannels = 3;  ///< of a pixel: red, green, blue

// A weight is 2¹⁵ · upper + lower part, so that the instruction that multiplies pairs of 16-bit numbers and adds them
// up serves for both.
inline constexpr int kLowBits = 15;
inline constexpr int32_t kLowMask = (1 << kLowBits) - 1;
inline constexpr int64_t kGroup = 4;                    ///< taps that are read at once
inline constexpr int64_t kGroupRead = 16;               ///< bytes that are read of them
inline constexpr int64_t kGroupParts = 2 * kGroup;      ///< 16-bit parts: pairs of upper ones, pairs of lower ones
inline constexpr int64_t kPartsRead = 2 * kGroupParts;  ///< that are read at once
inline constexpr int64_t kColumnsAtOnce = 4;
/** Bytes that a row in memory of ours has to spare: columns are read and written in groups. */
inline constexpr int64_t kPadding = 16;

/** The taps of consecutive output columns, one after the other. */
struct Columns {
  int64_t count = 0;
  std::vector<int64_t> first;   ///< input pixel of each column
  std::vector<size_t> offsets;  ///< of each column's weights, and the end
  std::vector<int32_t> weights;
  // For vector instructions: columns filled up to whole groups of columns, weights in groups filled up with zeros.
  std::vector<int64_t> groups;  ///< of each column
  std::vector<int16_t> parts;   ///< of the groups, one after the other
  int64_t reach = 0;            ///< bytes from the start of a row that are read
};

/** The taps of output columns [begin, end). @param in_groups  for vector instructions as well */
Columns find_columns(ResizeAxis& axis, int64_t begin, int64_t end, bool in_groups);

}  // namespace hyperiqa
