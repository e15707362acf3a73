/** @file The arithmetic of boxes between MTCNN's networks, in float32 and in the order of operations of
 * facenet-pytorch.
 */
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace hyperiqa {

/** Edges in pixels, with how sure a network is. */
struct Box {
  float left = 0;
  float top = 0;
  float right = 0;
  float bottom = 0;
  float score = 0;
};

/** Offsets of the four edges, in units of the box's sides. */
using Offsets = std::array<float, 4>;

/** A part of an image: whole pixels, not empty. */
struct Window {
  int64_t left = 0;
  int64_t top = 0;
  int64_t width = 0;
  int64_t height = 0;
};

/** A function that long loops call now and then; it throws to end them. */
using Checkpoint = std::function<void()>;

/**
 * Greedy non-maximum suppression: indices of the boxes that stay, the highest score first; of equal ones the earlier. A
 * box goes if its intersection over union with one that stays is above `threshold`.
 *
 * Looks only at neighbours of about the same size, so that the time grows with the number of boxes and not with its
 * square: a threshold of at least 0.5 lets no others suppress each other.
 */
std::vector<size_t> suppress(const std::vector<Box>& boxes, double threshold, const Checkpoint& checkpoint);

/** The same with the intersection over the smaller area, and sides counted one pixel longer, for the few boxes at the
 * end; of equal scores the later goes first. */
std::vector<size_t> suppress_contained(const std::vector<Box>& boxes, float threshold);

/** The box of P-Net's window `x`, `y` (cells of a level) in the image. @param scale  scale of the level */
Box window_box(int64_t x, int64_t y, double scale, float score);

/** A proposal moved by its offsets. */
Box moved_proposal(const Box& box, const Offsets& offsets);

/** A box moved by offsets of R-Net or O-Net, whose sides count one pixel more. */
Box moved(const Box& box, const Offsets& offsets);

/** The square around the same centre with the longer side. */
Box squared(const Box& box);

/** The pixels of a box inside an image; nothing where there are none. */
std::optional<Window> pixels_of(const Box& box, int64_t width, int64_t height);

}  // namespace hyperiqa
