#include "engine.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "device/cpu.h"
#include "device/cuda.h"
#include "device/device.h"
#include "execution/batch_runner.h"
#include "execution/batch_shapes.h"
#include "execution/compiled_model.h"
#include "execution/tuning.h"
#include "model/model.h"
#include "model/self_check.h"
#include "scoring/scheduler.h"
#include "scoring/scoring_worker.h"
#include "support/errors.h"
#include "support/threads.h"
#include "support/workers.h"

namespace hyperiqa {
namespace {

constexpr int64_t kCudaBatchSize = 64;
constexpr int kCudaWorkers = 2;  // a device: one gathers patches while the other computes

/** A model on one device, and how its workers run. */
struct Deployment {
  at::Device device;
  CompiledModel model;
  ExecutionPlan plan;
  Tuning tuning = Tuning::Default;  ///< origin of the plan
};

/** Everything that a worker thread needs; it keeps this alive itself, so that an engine may be dropped from a callback.
 */
struct Core {
  Core(Metadata metadata_of_model, EngineInfo engine_info, std::vector<Deployment> on_devices, Scheduler::Limits limits,
       int64_t step)
      : metadata(std::move(metadata_of_model)),
        info(std::move(engine_info)),
        deployments(std::move(on_devices)),
        scheduler(limits, info.workers, step) {}

  const Metadata metadata;
  const EngineInfo info;
  const std::vector<Deployment> deployments;
  Scheduler scheduler;
};

/** Body of a worker thread. If LibTorch cannot be set up on the thread, its jobs are told so. */
void work(const Deployment& deployment, ScoringWorker& worker) noexcept {
  try {
    const ComputeScope scope(deployment.plan.threads_per_worker);
    worker.run();
  } catch (...) {
    worker.run_without_forwards(as_error(std::current_exception()));
  }
}

class EngineOnWorkers : public Engine {
 public:
  explicit EngineOnWorkers(std::shared_ptr<Core> core) : core_(std::move(core)) {
    try {
      for (const Deployment& deployment : core_->deployments) {
        for (int i = 0; i < deployment.plan.workers; ++i) start_worker(deployment);
      }
    } catch (...) {
      Closeable::close();
      throw;
    }
  }

  EngineOnWorkers(const EngineOnWorkers&) = delete;
  EngineOnWorkers& operator=(const EngineOnWorkers&) = delete;
  ~EngineOnWorkers() override { Closeable::close(); }

  const EngineInfo& info() const noexcept override { return core_->info; }

  JobId submit(const Image& image, const ScoreOptions& options, JobCallback callback) override {
    return core_->scheduler.submit(image, options, std::move(callback));
  }

  bool cancel(JobId id) override { return core_->scheduler.cancel(id); }

  SelfCheck self_check() override {
    if (workers_.closing()) throw Error("ERR_DISPOSED", "The scorer has been disposed of.");
    const Deployment& first = core_->deployments.front();
    SelfCheck result;
    try {
      run_computing(first.plan.threads_per_worker, [&] {
        result = check_model(first.model, core_->metadata, core_->info.dtype, first.device, first.plan.batch_size);
      });
    } catch (...) {
      throw as_error(std::current_exception());
    }
    return result;
  }

  void request_close() noexcept override { core_->scheduler.stop(); }

  using Closeable::close;
  void close(Deadline deadline) override {
    workers_.close([this] { core_->scheduler.stop(); }, [this] { core_->scheduler.dispose(); }, deadline);
  }

 private:
  void start_worker(const Deployment& deployment) {
    const int64_t batch_size = deployment.plan.batch_size;
    const Scheduler::Capacity capacity{batch_size, deployment.device.is_cpu()};
    auto runner = std::make_shared<BatchRunner>(*deployment.model.graph, deployment.device, batch_size);
    auto worker = std::make_shared<ScoringWorker>(core_->scheduler, capacity, *runner);
    workers_.start([core = core_, &deployment, runner, worker] { work(deployment, *worker); });
  }

  std::shared_ptr<Core> core_;
  Workers workers_;
};

void check_options(const LoadOptions& options) {
  const auto refuse = [](const std::string& reason) { throw Error("ERR_INVALID_ARGUMENT", reason); };
  if (options.model_path.empty()) refuse("The path of the model is empty.");
  if (options.threads < 0 || options.threads > kMaxThreads) {
    refuse("The number of threads must be from 1 to " + std::to_string(kMaxThreads) + ", or 0 to have it chosen.");
  }
  if (options.batch_size < 0 || options.batch_size > kMaxBatchSize) {
    refuse("The batch size must be from 1 to " + std::to_string(kMaxBatchSize) + ", or 0 to have it chosen.");
  }
  if (options.max_queue_images < 1 || options.max_queue_bytes < 1) {
    refuse("The queue must hold at least one image and one byte.");
  }
}

void check_graph_mode(GraphMode mode, const std::vector<at::Device>& devices) {
  if (mode != GraphMode::OneDnn) return;
  const auto found = std::ranges::find_if_not(devices, &at::Device::is_cpu);
  if (found == devices.end()) return;
  throw Error("ERR_INVALID_ARGUMENT", "The graph mode \"onednn\" exists on the CPU only, and the device is " +
                                          found->str() +
                                          R"(. Use "auto", "freeze" or "optimize", or the device "cpu".)");
}

/** Compiles for good. Where the graph mode was left to us and the one chosen (perhaps long ago, from the tuning file)
 * does not work, plain freezing is the way out. */
CompiledModel compile_checked(const torch::jit::Module& placed, const Metadata& metadata, const LoadOptions& options,
                              at::Device device, ExecutionPlan& plan) {
  CompiledModel model;
  const auto compile = [&] {
    run_computing(plan.threads_per_worker, [&] {
      model = compile_model(placed, metadata, plan.graph_mode, options.dtype, device, batch_shapes(plan.batch_size),
                            options.stop);
    });
    if (options.self_check) require_passed(model.check);
  };
  try {
    compile();
  } catch (const Error&) {
    check_stop(options.stop);
    if (options.graph_mode != GraphMode::Auto || plan.graph_mode == GraphMode::Freeze) throw;
    plan.graph_mode = GraphMode::Freeze;
    compile();
  }
  return model;
}

Deployment deploy(torch::jit::Module module, const Metadata& metadata, const LoadOptions& options, at::Device device) {
  place_module(module, device, scalar_type(options.dtype));
  TunedPlan tuned;
  ExecutionPlan& plan = tuned.plan;
  if (device.is_cpu()) {
    tuned = cpu_plan(module, metadata, options);
  } else {
    use_exact_cuda();
    // The measurement is the CPU's.
    plan.graph_mode = options.graph_mode == GraphMode::Auto ? GraphMode::Freeze : options.graph_mode;
    plan.workers = kCudaWorkers;
    plan.batch_size = options.batch_size > 0 ? options.batch_size : kCudaBatchSize;
  }
  CompiledModel model = compile_checked(module, metadata, options, device, plan);
  return {device, std::move(model), plan, tuned.origin};
}

std::shared_ptr<Engine> load_engine(const LoadOptions& options) {
  check_options(options);
  const DeviceChoice choice = choose_devices(options.devices);
  check_graph_mode(options.graph_mode, choice.devices);
  check_stop(options.stop);
  Model model = load_model(options.model_path, options.trust_model);

  EngineInfo info;
  info.metadata = model.metadata.text;
  info.fallback_reason = choice.fallback_reason;
  info.dtype = options.dtype;
  std::vector<Deployment> deployments;
  int64_t step = 0;
  for (size_t i = 0; i < choice.devices.size(); ++i) {
    check_stop(options.stop);
    const bool last = i + 1 == choice.devices.size();
    torch::jit::Module module = last ? std::move(model.module) : model.module.deepcopy();
    deployments.push_back(deploy(std::move(module), model.metadata, options, choice.devices[i]));
    const Deployment& deployment = deployments.back();
    info.devices.push_back(describe_device(deployment.device));
    info.workers += deployment.plan.workers;
    if (deployment.device.is_cpu()) info.tuning = deployment.tuning;
    // Crops to add at least, when an image needs more: two for each CPU worker, or a batch of an accelerator.
    step += deployment.device.is_cpu() ? int64_t{2} * deployment.plan.workers : deployment.plan.batch_size;
  }
  const ExecutionPlan& first = deployments.front().plan;
  info.graph_mode = first.graph_mode;
  info.threads_per_worker = first.threads_per_worker;
  info.batch_size = first.batch_size;
  if (options.self_check) info.self_check = deployments.front().model.check;

  const Scheduler::Limits limits{options.max_queue_images, options.max_queue_bytes};
  auto core = std::make_shared<Core>(std::move(model.metadata), std::move(info), std::move(deployments), limits, step);
  return std::make_shared<EngineOnWorkers>(std::move(core));
}

}  // namespace

std::shared_ptr<Engine> Engine::load(const LoadOptions& options) {
  // Uses a thread of its own, so that nothing LibTorch keeps per thread stays behind on the caller's.
  std::shared_ptr<Engine> engine;
  try {
    open_cuda();
    run_computing(1, [&] { engine = load_engine(options); });
  } catch (...) {
    throw as_error(std::current_exception());
  }
  return engine;
}

}  // namespace hyperiqa
