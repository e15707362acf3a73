/** @file The weights of Pillow's antialiased bilinear filter. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace hyperiqa {

/** Weights are multiples of 2^-kWeightBits: 32 bits less the 8 of a pixel and 2 to spare. */
inline constexpr int kWeightBits = 22;

/** The weights of consecutive input pixels in an output pixel, without zeros at either end. */
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

  /** The largest number of input pixels in an output pixel. */
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

}  // namespace hyperiqa
