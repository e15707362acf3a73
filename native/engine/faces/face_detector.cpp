#include "face_detector.h"

#include <exception>
#include <utility>

#include "device/cpu.h"
#include "device/cuda.h"
#include "device/device.h"
#include "faces/cascade.h"
#include "faces/detection_queue.h"
#include "model/model.h"
#include "model/self_check.h"
#include "support/errors.h"
#include "support/threads.h"
#include "support/workers.h"

namespace hyperiqa {
namespace {

/** Everything that a worker thread needs; it keeps this alive itself, so that a detector may be dropped from a
 * callback. */
struct Core {
  Core(Cascade cascade_of_model, double smallest_face, DetectorInfo detector_info, DetectionQueue::Limits limits)
      : cascade(std::move(cascade_of_model)),
        minimum_face(smallest_face),
        info(std::move(detector_info)),
        queue(limits) {}

  const Cascade cascade;
  const double minimum_face;  ///< default where the options name none
  const DetectorInfo info;
  DetectionQueue queue;
};

DetectionOutcome try_detect(const Core& core, const DetectionQueue::Job& job) noexcept {
  const double minimum_face = job.options.minimum_face > 0 ? job.options.minimum_face : core.minimum_face;
  const auto checkpoint = [&job] {
    if (job.unwanted) throw Error("ERR_ABORTED", "The detection was given up.");
  };
  try {
    return DetectionResult{core.cascade.detect(job.image, minimum_face, checkpoint)};
  } catch (...) {
    return as_error(std::current_exception());
  }
}

/** Body of a worker thread. If LibTorch cannot be set up on the thread, its jobs are told so. */
void work(Core& core) noexcept {
  try {
    const ComputeScope scope(1);
    while (const auto job = core.queue.next()) core.queue.finish(job, try_detect(core, *job));
  } catch (...) {
    const Error reason = as_error(std::current_exception());
    while (const auto job = core.queue.next()) core.queue.finish(job, reason);
  }
}

class DetectorOnWorkers : public FaceDetector {
 public:
  explicit DetectorOnWorkers(std::shared_ptr<Core> core) : core_(std::move(core)) {
    try {
      for (int i = 0; i < core_->info.workers; ++i) {
        workers_.start([core = core_] { work(*core); });
      }
    } catch (...) {
      Closeable::close();
      throw;
    }
  }

  DetectorOnWorkers(const DetectorOnWorkers&) = delete;
  DetectorOnWorkers& operator=(const DetectorOnWorkers&) = delete;
  ~DetectorOnWorkers() override { Closeable::close(); }

  const DetectorInfo& info() const noexcept override { return core_->info; }

  JobId submit(const Image& image, const DetectOptions& options, DetectionCallback callback) override {
    return core_->queue.submit(image, options, std::move(callback));
  }

  bool cancel(JobId id) override { return core_->queue.cancel(id); }

  void request_close() noexcept override { core_->queue.stop(); }

  using Closeable::close;
  void close(Deadline deadline) override {
    workers_.close([this] { core_->queue.stop(); }, [this] { core_->queue.dispose(); }, deadline);
  }

 private:
  std::shared_ptr<Core> core_;
  Workers workers_;
};

void check_options(const DetectorLoadOptions& options) {
  const auto refuse = [](const std::string& reason) { throw Error("ERR_INVALID_ARGUMENT", reason); };
  if (options.model_path.empty()) refuse("The path of the model is empty.");
  if (options.threads < 0 || options.threads > kMaxThreads) {
    refuse("The number of threads must be from 1 to " + std::to_string(kMaxThreads) + ", or 0 to have it chosen.");
  }
  if (options.max_queue_images < 1 || options.max_queue_bytes < 1) {
    refuse("The queue must hold at least one image and one byte.");
  }
}

std::shared_ptr<FaceDetector> load_detector(const DetectorLoadOptions& options) {
  check_options(options);
  const DeviceChoice choice = choose_devices({options.device});
  const at::Device device = choice.devices.front();
  if (!device.is_cpu()) use_exact_cuda();
  check_stop(options.stop);
  const DetectorModel model = load_detector_model(options.model_path, options.trust_model);
  check_stop(options.stop);
  CascadeNetworks networks(model, device);
  check_stop(options.stop);

  DetectorInfo info;
  info.metadata = model.metadata.text;
  info.device = describe_device(device);
  info.fallback_reason = choice.fallback_reason;
  info.workers = !device.is_cpu() ? 1 : options.threads > 0 ? options.threads : available_cores();
  if (options.self_check) {
    info.self_check = networks.check(model.metadata);
    require_passed(*info.self_check);
  }
  const DetectionQueue::Limits limits{options.max_queue_images, options.max_queue_bytes};
  auto core = std::make_shared<Core>(Cascade(std::move(networks), model.metadata), model.metadata.minimum_face,
                                     std::move(info), limits);
  return std::make_shared<DetectorOnWorkers>(std::move(core));
}

}  // namespace

std::shared_ptr<FaceDetector> FaceDetector::load(const DetectorLoadOptions& options) {
  // Uses a thread of its own, so that nothing LibTorch keeps per thread stays behind on the caller's.
  std::shared_ptr<FaceDetector> detector;
  try {
    open_cuda();
    run_computing(1, [&] { detector = load_detector(options); });
  } catch (...) {
    throw as_error(std::current_exception());
  }
  return detector;
}

}  // namespace hyperiqa
