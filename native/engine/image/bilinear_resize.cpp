#include "image/bilinear_resize.h"

#include <algorithm>
#include <vector>

#include "image/resize_taps.h"

namespace hyperiqa {
namespace {

constexpr int64_t kRingBytes = int64_t{8} << 20;
constexpr int64_t kNarrowestStrip = 64;

/** Rows of a strip, resized along their length on demand, and kept for as long as an output row may need them. */
class NarrowRows {
 public:
  /** @param kept  rows that an output row may need */
  NarrowRows(const Image& image, ResizePasses& passes, const Columns& columns, int64_t kept)
      : image_(image),
        passes_(passes),
        columns_(columns),
        at_once_(rows_at_once(image.height)),
        rows_((kept / at_once_ + 2) * at_once_),
        pitch_(columns.count * kChannels),
        bytes_(static_cast<size_t>(rows_ * pitch_)) {}

  /** @param first  the first row that is still of use; never goes back */
  const uint8_t* row(int64_t y, int64_t first) {
    next_ = std::max(next_, first / at_once_ * at_once_);
    while (next_ <= y) {
      const int64_t input_pitch = image_.width * kChannels;
      const uint8_t* from = image_.data + next_ * input_pitch + columns_.first_pixel * kChannels;
      const int64_t rows = std::min(at_once_, image_.height - next_);
      passes_.across(from, input_pitch, rows, place(next_), pitch_, columns_);
      next_ += at_once_;
    }
    return place(y);
  }

 private:
  /** Row y takes the place of row y − rows_. */
  uint8_t* place(int64_t y) { return bytes_.data() + y % rows_ * pitch_; }

  const Image& image_;
  ResizePasses& passes_;
  const Columns& columns_;
  int64_t at_once_;
  int64_t rows_;
  int64_t pitch_;
  std::vector<uint8_t> bytes_;
  int64_t next_ = 0;  ///< row to be resized next
};

/** One resize, strip by strip. */
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
      return !given_up();
    }
    const int64_t kept = down_.needed() ? down_.most_taps() : 1;
    const int64_t limit = std::max(kRingBytes / (kept * kChannels), kNarrowestStrip);
    for (int64_t begin = 0; begin < width_ && !given_up();) {
      const Columns columns = find_columns(across_, begin, width_, limit);
      uint8_t* to = output + begin * kChannels;
      if (!down_.needed()) {
        only_across(columns, to);
      } else if (down_comes_first()) {
        down_then_across(columns, to);
      } else {
        across_then_down(columns, kept, to);
      }
      begin += columns.count;
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

  void only_across(const Columns& columns, uint8_t* to) {
    const int64_t at_once = rows_at_once(height_);
    for (int64_t y = 0; y < height_ && !given_up(); y += at_once) {
      passes_.across(input_row(y) + columns.first_pixel * kChannels, image_.width * kChannels,
                     std::min(at_once, height_ - y), to + y * width_ * kChannels, width_ * kChannels, columns);
    }
  }

  void across_then_down(const Columns& columns, int64_t kept, uint8_t* to) {
    NarrowRows rows(image_, passes_, columns, kept);
    for (int64_t y = 0; y < height_ && !given_up(); ++y, to += width_ * kChannels) {
      blend(y, to, columns.count * kChannels, [&](int64_t row) { return rows.row(row, taps_.first); });
    }
  }

  void down_then_across(const Columns& columns, uint8_t* to) {
    const int64_t at_once = rows_at_once(height_);
    const int64_t pitch = (columns.end_pixel - columns.first_pixel) * kChannels;
    std::vector<uint8_t> low(static_cast<size_t>(at_once * pitch));
    for (int64_t y = 0; y < height_ && !given_up(); y += at_once) {
      const int64_t rows = std::min(at_once, height_ - y);
      for (int64_t r = 0; r < rows; ++r) {
        blend(y + r, low.data() + r * pitch, pitch,
              [&](int64_t row) { return input_row(row) + columns.first_pixel * kChannels; });
      }
      passes_.across(low.data(), pitch, rows, to + y * width_ * kChannels, width_ * kChannels, columns);
    }
  }

  const Image& image_;
  int64_t width_;
  int64_t height_;
  ResizePasses passes_;
  const std::atomic<bool>* unwanted_;
  ResizeAxis across_;
  ResizeAxis down_;
  Taps taps_;                         ///< taps of the row being made
  std::vector<const uint8_t*> rows_;  ///< the rows that it is made of
};

}  // namespace

bool bilinear_resize(const Image& image, int64_t width, int64_t height, std::optional<double> step, uint8_t* output,
                     VectorUnit unit, const std::atomic<bool>* unwanted) {
  return Resizer(image, width, height, step, unit, unwanted).run(output);
}

}  // namespace hyperiqa
