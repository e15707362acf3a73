#include "image/bilinear_resize.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "image/resize_taps.h"

namespace hyperiqa {
namespace {

constexpr int64_t kRingBytes = int64_t{8} << 20;
constexpr int64_t kNarrowestStrip = 64;

/** Rows in a ring: row y takes the place of row y − `rows`. */
class Ring {
 public:
  Ring(int64_t rows, int64_t row_bytes)
      : rows_(rows), pitch_(row_bytes + kPadding), bytes_(static_cast<size_t>(rows * pitch_)) {}

  uint8_t* row(int64_t y) { return bytes_.data() + y % rows_ * pitch_; }

 private:
  int64_t rows_;
  int64_t pitch_;
  std::vector<uint8_t> bytes_;
};

/** Along the rows first: rows of the output's width on demand, kept as long as an output row may need them. */
class NarrowRows {
 public:
  NarrowRows(const Image& image, const ResizePasses& passes, Columns columns, int64_t kept)
      : image_(image),
        passes_(passes),
        columns_(std::move(columns)),
        ring_(kept + kRowsAtOnce, columns_.count * kChannels) {}

  /** @param first  the first row that is still of use; never goes back */
  const uint8_t* row(int64_t y, int64_t first) {
    next_ = std::max(next_, first);
    while (next_ <= y) {
      std::array<const uint8_t*, kRowsAtOnce> from{};
      std::array<uint8_t*, kRowsAtOnce> to{};
      const int64_t row_bytes = image_.width * kChannels;
      const int64_t last = std::min(next_ + kRowsAtOnce, image_.height) - 1;
      for (int64_t r = 0; r < kRowsAtOnce; ++r, ++next_) {
        // Beyond the last row: that row again, into a place that nobody reads.
        from[static_cast<size_t>(r)] = image_.data + std::min(next_, last) * row_bytes;
        to[static_cast<size_t>(r)] = ring_.row(next_);
      }
      passes_.across(from, (image_.height - last) * row_bytes, to, columns_);
    }
    return ring_.row(y);
  }

 private:
  const Image& image_;
  const ResizePasses& passes_;
  Columns columns_;
  Ring ring_;
  int64_t next_ = 0;  ///< row to be resized next
};

/** One resize: what its passes have in common. */
class Resizer {
 public:
  Resizer(const Image& image, int64_t width, int64_t height, std::optional<double> step, VectorUnit unit,
          const std::atomic<bool>* unwanted)
      : image_(image),
        width_(width),
        height_(height),
        passes_(unit),
        unwanted_(unwanted),
        across_(image.width, width, step),
        down_(image.height, height, step) {}

  /** @return false: it was given up */
  bool run(uint8_t* output) {
    if (!across_.needed()) {
      only_down(output);
    } else if (!down_.needed() || !down_comes_first()) {
      across_then_down(output);
    } else {
      down_then_across(output);
    }
    return !given_up();
  }

 private:
  /** Pillow 13's rule; earlier releases always went along the rows first. */
  bool down_comes_first() const {
    return image_.height > height_ && image_.height - height_ > 2 * (image_.width - width_);
  }

  bool given_up() const { return unwanted_ != nullptr && unwanted_->load(std::memory_order_relaxed); }

  const uint8_t* input_row(int64_t y) const { return image_.data + y * image_.width * kChannels; }

  /** An output row out of input rows. @param row  gives a row by its number */
  template <typename Row>
  void blend(int64_t y, uint8_t* to, int64_t bytes, const Row& row) {
    down_.find(y, taps_);
    rows_.clear();
    const auto count = static_cast<int64_t>(taps_.weights.size());
    for (int64_t i = 0; i < count; ++i) rows_.push_back(row(taps_.first + i));
    passes_.down(rows_, taps_.weights, to, bytes);
  }

  void only_down(uint8_t* output) {
    const int64_t bytes = width_ * kChannels;
    for (int64_t y = 0; y < height_ && !given_up(); ++y) {
      blend(y, output + y * bytes, bytes, [this](int64_t row) { return input_row(row); });
    }
  }

  void across_then_down(uint8_t* output) {
    const int64_t kept = down_.needed() ? down_.most_taps() : 1;
    const int64_t strip = std::max(kRingBytes / ((kept + kRowsAtOnce) * kChannels), kNarrowestStrip);
    for (int64_t begin = 0; begin < width_; begin += strip) {
      const int64_t end = std::min(begin + strip, width_);
      const int64_t bytes = (end - begin) * kChannels;
      NarrowRows rows(image_, passes_, columns(begin, end), kept);
      uint8_t* to = output + begin * kChannels;
      for (int64_t y = 0; y < height_ && !given_up(); ++y, to += width_ * kChannels) {
        if (down_.needed()) {
          blend(y, to, bytes, [&](int64_t row) { return rows.row(row, taps_.first); });
        } else {
          std::memcpy(to, rows.row(y, y), static_cast<size_t>(bytes));
        }
      }
    }
  }

  void down_then_across(uint8_t* output) {
    const Columns all = columns(0, width_);
    Ring low(kRowsAtOnce, image_.width * kChannels);
    Ring done(kRowsAtOnce, width_ * kChannels);
    std::array<const uint8_t*, kRowsAtOnce> from{};
    std::array<uint8_t*, kRowsAtOnce> to{};
    for (int64_t y = 0; y < height_ && !given_up(); y += kRowsAtOnce) {
      for (int64_t r = 0; r < kRowsAtOnce; ++r) {
        // Beyond the last row: that row again, into a place that nobody reads.
        blend(std::min(y + r, height_ - 1), low.row(r), image_.width * kChannels,
              [this](int64_t row) { return input_row(row); });
        from[static_cast<size_t>(r)] = low.row(r);
        to[static_cast<size_t>(r)] = done.row(r);
      }
      passes_.across(from, image_.width * kChannels + kPadding, to, all);
      for (int64_t r = 0; r < std::min(kRowsAtOnce, height_ - y); ++r) {
        std::memcpy(output + (y + r) * width_ * kChannels, done.row(r), static_cast<size_t>(width_ * kChannels));
      }
    }
  }

  Columns columns(int64_t begin, int64_t end) { return find_columns(across_, begin, end, passes_.in_groups()); }

  const Image& image_;
  int64_t width_;
  int64_t height_;
  ResizePasses passes_;
  const std::atomic<bool>* unwanted_;
  ResizeAxis across_;
  ResizeAxis down_;
  Taps taps_;                         ///< of the row being made
  std::vector<const uint8_t*> rows_;  ///< that it is made of
};

}  // namespace

bool bilinear_resize(const Image& image, int64_t width, int64_t height, std::optional<double> step, uint8_t* output,
                     VectorUnit unit, const std::atomic<bool>* unwanted) {
  return Resizer(image, width, height, step, unit, unwanted).run(output);
}

}  // namespace hyperiqa
