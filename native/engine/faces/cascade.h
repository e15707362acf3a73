/** @file MTCNN's cascade: from the pixels of an image of any size to its faces. */
#pragma once

#include <vector>

#include "face_detector.h"
#include "faces/boxes.h"
#include "faces/cascade_networks.h"
#include "model/detector_metadata.h"

namespace hyperiqa {

/** Results are those of facenet-pytorch's MTCNN(keep_all=True), but for the last digits. Thread-safe. */
class Cascade {
 public:
  Cascade(CascadeNetworks networks, const DetectorMetadata& metadata);

  /**
   * Faces of an image, the largest first.
   *
   * Memory beside the image is bounded whatever its size: the levels of the pyramid are computed in tiles, and the
   * crops in batches.
   *
   * @param checkpoint  called between tiles and batches; may throw to end the detection
   * @throws Error ERR_IMAGE_TOO_LARGE for more than kMaxPixels, or a level with more than a million proposals
   */
  std::vector<Face> detect(const Image& image, double minimum_face, const Checkpoint& checkpoint) const;

 private:
  struct Proposals;

  Proposals propose(const Image& image, double minimum_face, const Checkpoint& checkpoint) const;
  Proposals propose_at(const Image& image, double scale, const Checkpoint& checkpoint) const;
  std::vector<Box> refined(const Image& image, const std::vector<Box>& boxes, const Checkpoint& checkpoint) const;
  std::vector<Face> decided(const Image& image, const std::vector<Box>& boxes, const Checkpoint& checkpoint) const;

  CascadeNetworks networks_;
  double pyramid_factor_;
  std::array<float, 3> thresholds_;
};

}  // namespace hyperiqa
