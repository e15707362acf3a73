/**
 * @file
 * The scoring engine. Code outside native/engine includes this, face_detector.h and names.h.
 *
 * Knows LibTorch (behind the implementation) and nothing of Node. One Engine owns one model on one or more devices, one
 * bounded queue, and the worker threads that empty it. Patches of different images and callers share batches.
 */
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "support/closeable.h"
#include "support/errors.h"
#include "support/stop_flag.h"

namespace hyperiqa {

inline constexpr int kMaxThreads = 1024;                 ///< largest number of CPU threads that a load takes
inline constexpr int64_t kMaxBatchSize = 1024;           ///< largest batch that a load takes, patches
inline constexpr int64_t kMaxSide = 65536;               ///< largest side that can be asked for, pixels
inline constexpr int64_t kMaxPixels = int64_t{1} << 28;  ///< largest image, before and after the resize
inline constexpr int64_t kMaxCrops = 1'000'000;          ///< largest number of crops of an image

/** Resize of an image before patches are cut (bilinear, antialiased, on 8-bit values). */
struct Resize {
  enum class Mode { None, Exact, ShortSide };
  Mode mode = Mode::None;
  int64_t width = 0;   ///< Exact only
  int64_t height = 0;  ///< Exact only
  int64_t size = 0;    ///< ShortSide only: length of the shorter side after the resize
};

/** Places at which patches are cut from the resized image. */
struct CropPlan {
  enum class Kind { Random, Grid, Pyiqa, Center };
  Kind kind = Kind::Random;
  int64_t count = 10;   ///< Random: number of crops
  int64_t rows = 0;     ///< Grid: 0 = as many as cover the image
  int64_t columns = 0;  ///< Grid: 0 = as many as cover the image
};

/** Everything that decides a score besides the pixels and the model. */
struct ScoreOptions {
  Resize resize;
  int64_t minimum_side = 224;  ///< a shorter side below this is enlarged to it
  CropPlan crops;
  uint64_t seed = 0;                         ///< Random: torch.manual_seed(seed) before the image
  std::optional<double> max_standard_error;  ///< Random: add crops until the standard error is below this …
  int64_t max_crops = 0;                     ///< … or this many crops are scored
};

/** An image as decoded: interleaved 8-bit RGB, row-major, no padding. Memory must outlive the job. */
struct Image {
  const uint8_t* data = nullptr;
  int64_t width = 0;
  int64_t height = 0;
};

struct Crop {
  int64_t x = 0;  ///< left edge in the resized image, pixels
  int64_t y = 0;  ///< top edge
  float score = 0;
};

struct ScoreResult {
  double score = 0;                      ///< mean of the crop scores
  std::optional<double> standard_error;  ///< SD(n−1)/√n for two or more random crops
  std::optional<double> spread;          ///< SD(n−1) of two or more crops of a fixed plan (grid, pyiqa)
  std::vector<Crop> crops;
  int64_t resized_width = 0;  ///< size of the image that the crops were cut from
  int64_t resized_height = 0;
  bool enlarged = false;               ///< the image was below minimum_side and was enlarged
  bool standard_error_reached = true;  ///< false: max_crops were scored and the error is still above the bound
};

/** Optimisation of the frozen graph; Auto measures the candidates once per model and CPU and remembers the choice. */
enum class GraphMode { Auto, Freeze, Optimize, OneDnn };
enum class Dtype { Fp32, Bf16, Fp16 };

/** Origin of the execution plan on the CPU: graph mode, workers, threads and batch size. */
enum class Tuning {
  Cached,     ///< measured by an earlier load or another process
  Measured,   ///< measured by this load, and stored
  NotStored,  ///< measured by this process, and it could not be stored
  Default,    ///< nothing was measured: not wanted, nothing to choose between, or no CPU among the devices
};

struct LoadOptions {
  std::string model_path;
  bool trust_model = false;  ///< run whatever the file holds: a model file is a program (SECURITY.md)
  std::vector<std::string> devices = {"auto"};  ///< "auto", "cpu", "cuda", "cuda:N"; several share the queue
  Dtype dtype = Dtype::Fp32;
  int threads = 0;                         ///< CPU threads in all; 0 = one a physical core available to the process
  int64_t batch_size = 0;                  ///< largest batch; 0 = chosen for the device
  GraphMode graph_mode = GraphMode::Auto;  ///< on CUDA Auto is Freeze, and OneDnn is refused
  /** Measure what is left to the engine. False: graph mode freeze, a worker for each thread and batches of 4 on the
   * CPU, as far as the options do not say otherwise, and nothing is read from or written to the tuning file. */
  bool tuning = true;
  std::string tuning_file;  ///< file that keeps measured execution plans; empty = none
  bool self_check = true;   ///< recompute the model's check values at load, refuse the model if they differ
  int64_t max_queue_images = 64;
  /** Largest sum of images and their resized copies; an image beyond this is accepted when nothing else is held. */
  int64_t max_queue_bytes = int64_t{1} << 30;
  StopFlag stop;  ///< ends the load, between two steps of it (at the latest after the forward under way)
};

struct SelfCheck {
  std::vector<float> expected;  ///< from the model file
  std::vector<float> actual;    ///< recomputed on this machine
  double largest_difference = 0;
  double tolerance = 0;  ///< tolerance for the dtype in use
  bool passed = false;
};

struct DeviceInfo {
  std::string id;    ///< "cpu", "cuda:0"
  std::string name;  ///< e.g. the processor's vector extensions or the GPU's name, where known
};

/** State of CUDA as seen from this process. */
struct CudaReport {
  bool available = false;
  std::string reason;  ///< when not available: CPU build, missing libraries, missing driver or no device, in words
  std::vector<DeviceInfo> devices;
};

struct EngineInfo {
  std::string metadata;             ///< hyperiqa.json of the model, as stored
  std::vector<DeviceInfo> devices;  ///< in use
  std::string fallback_reason;      ///< the reason why "auto" did not choose CUDA; empty when it did or was not asked
  Dtype dtype = Dtype::Fp32;
  GraphMode graph_mode = GraphMode::Freeze;  ///< in use, never Auto
  int workers = 0;                           ///< worker threads
  int threads_per_worker = 0;                ///< intra-op threads of each CPU worker
  int64_t batch_size = 0;
  Tuning tuning = Tuning::Default;
  std::optional<SelfCheck> self_check;  ///< result at load, when it was asked for
};

using JobId = uint64_t;
using JobResult = std::variant<ScoreResult, Error>;
/** Called once per job from an engine thread (or from cancel()/close()); must not throw or block. */
using JobCallback = std::function<void(JobId, JobResult)>;

class Engine : public Closeable {
 public:
  /** Loads and validates a model, starts the workers. Blocks for up to some seconds. On any device: opens LibTorch's
   * CUDA libraries first where there is a GPU, because they cannot be had later. @throws Error, ERR_ABORTED after a
   * stop */
  static std::shared_ptr<Engine> load(const LoadOptions& options);

  virtual const EngineInfo& info() const noexcept = 0;

  /** Queues an image. The callback follows exactly once, with a result or an Error; the image's memory must outlive it.
   *  @throws Error ERR_QUEUE_FULL, ERR_DISPOSED, ERR_INVALID_ARGUMENT, ERR_IMAGE_TOO_LARGE (the callback is not called
   *    then) */
  virtual JobId submit(const Image& image, const ScoreOptions& options, JobCallback callback) = 0;

  /** Takes a job out of the queue; its callback gets ERR_ABORTED, at once where no worker reads the image, else when
   * the worker is done with it. Never blocks. @return false: no such job, or already done */
  virtual bool cancel(JobId id) = 0;

  /** Recomputes the model's check values on the engine's first device. Blocks. @throws Error */
  virtual SelfCheck self_check() = 0;
};

/** Version of the LibTorch that the engine was built for, three numbers with points between. */
std::string libtorch_version();

/** Looks for CUDA; opens libtorch_cuda where it lies beside libtorch_cpu. Never throws. */
CudaReport cuda_report();

/** The positions that a plan cuts from an image of this size, in order. Exposed for tests and tools.
 *  @throws Error ERR_INVALID_ARGUMENT for an image smaller than a patch or an impossible plan */
std::vector<Crop> plan_crops(const CropPlan& plan, int64_t width, int64_t height, uint64_t seed);

}  // namespace hyperiqa
