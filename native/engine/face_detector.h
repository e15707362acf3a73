/**
 * @file
 * The face detector; included from outside native/engine, like engine.h.
 *
 * MTCNN (Zhang et al., IEEE Signal Processing Letters 23, 2016) as facenet-pytorch computes it: an image pyramid, three
 * networks in a cascade, box arithmetic and non-maximum suppression between them. Images of any size.
 */
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine.h"

namespace hyperiqa {

struct DetectOptions {
  /** Shorter side of the smallest face that is looked for, pixels; 0: the model's own. The time grows with its inverse
   *  square. */
  double minimum_face = 0;
};

struct Point {
  float x = 0;
  float y = 0;
};

/** A face, in pixels of the image; a box may reach over its edges. */
struct Face {
  float left = 0;
  float top = 0;
  float right = 0;
  float bottom = 0;
  float confidence = 0;            ///< probability by the last network, above its threshold and up to 1
  std::array<Point, 5> landmarks;  ///< in the order of the model's `detection.landmarks`
};

struct DetectionResult {
  std::vector<Face> faces;  ///< the largest first
};

struct DetectorLoadOptions {
  std::string model_path;
  bool trust_model = false;    ///< as in LoadOptions
  std::string device = "cpu";  ///< "auto", "cpu", "cuda", "cuda:N"
  int threads = 0;             ///< images detected in at once on the CPU; 0 = one a physical core
  bool self_check = true;      ///< recompute the model's check values at load, refuse the model if they differ
  int64_t max_queue_images = 64;
  int64_t max_queue_bytes = int64_t{1} << 30;  ///< an image larger than this is accepted when the queue is empty
  StopFlag stop;                               ///< ends the load, as in LoadOptions
};

struct DetectorInfo {
  std::string metadata;  ///< hyperiqa.json of the model, as stored
  DeviceInfo device;
  std::string fallback_reason;  ///< the reason why "auto" did not choose CUDA; empty when it did or was not asked
  int workers = 0;              ///< images detected in at once
  std::optional<SelfCheck> self_check;
};

using DetectionOutcome = std::variant<DetectionResult, Error>;
/** Called once per job from a detector's thread (or from cancel()/close()); must not throw or block. */
using DetectionCallback = std::function<void(JobId, DetectionOutcome)>;

class FaceDetector : public Closeable {
 public:
  /** Loads and validates a model of kind "faces", starts the workers. Blocks. CUDA's libraries as by Engine::load.
   *  @throws Error, ERR_ABORTED after a stop */
  static std::shared_ptr<FaceDetector> load(const DetectorLoadOptions& options);

  virtual const DetectorInfo& info() const noexcept = 0;

  /** Queues an image. The callback follows exactly once, with the faces or an Error (ERR_IMAGE_TOO_LARGE,
   *  ERR_OUT_OF_MEMORY, ERR_ABORTED, ERR_DISPOSED, ERR_INTERNAL). The image's memory must outlive it.
   *  @throws Error ERR_QUEUE_FULL, ERR_DISPOSED, ERR_INVALID_ARGUMENT, ERR_IMAGE_TOO_LARGE where no memory could hold
   * it (the callback is not called then) */
  virtual JobId submit(const Image& image, const DetectOptions& options, DetectionCallback callback) = 0;

  /** Asks a job to end; its callback gets ERR_ABORTED, at once where no worker has it yet, else when its worker looks
   *  up next (some milliseconds later). Never blocks. @return false: no such job, or already done */
  virtual bool cancel(JobId id) = 0;
};

}  // namespace hyperiqa
