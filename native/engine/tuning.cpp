#include "tuning.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <exception>
#include <map>
#include <mutex>
#include <numeric>
#include <sstream>
#include <thread>
#include <vector>

#include "batch_runner.h"
#include "compiled_model.h"
#include "cpu.h"
#include "errors.h"
#include "names.h"
#include "self_check.h"
#include "threads.h"

namespace hyperiqa {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kFirstBatchSize = 4;  // at which everything else is compared
constexpr int64_t kSecondBatchSize = 8;
constexpr int kRounds = 3;         // of measurement; candidates take turns, so that a disturbance does not hit only one
constexpr double kWorthIt = 1.02;  // a later candidate must be faster by this factor to replace an earlier one
constexpr std::chrono::seconds kBudget{5};  // after which only the graph modes are still compared, once each

/** One set-up, compiled, with the best rate seen so far. */
struct Candidate {
  CpuSetup setup;
  CompiledModel model;
  double patches_per_second = 0;
};

/** Seconds that a run takes. A single thread is timed by the CPU time it gets: that is what the run takes on a quiet
 *  machine, even when this one is busy. For a team of threads it would count their waiting, so there the clock counts.
 */
class Stopwatch {
 public:
  explicit Stopwatch(int threads) : single_(threads == 1), start_(now()) {}
  double seconds() const { return now() - start_; }

 private:
  double now() const {
#ifdef CLOCK_THREAD_CPUTIME_ID
    timespec time{};
    if (single_ && clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0) {
      return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
    }
#endif
    return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
  }

  bool single_;
  double start_;
};

class Tuner {
 public:
  Tuner(const torch::jit::Module& placed, const Metadata& metadata, const LoadOptions& options, int threads)
      : placed_(placed), metadata_(metadata), options_(options), threads_(threads) {}

  CpuSetup choose() {
    const int64_t batch_size = options_.batch_size > 0 ? options_.batch_size : kFirstBatchSize;
    std::vector<CpuSetup> setups;
    for (const GraphMode mode : graph_modes()) setups.push_back({mode, threads_, 1, batch_size});
    const CpuSetup best = fastest(setups);
    if (Clock::now() > deadline_) return best;

    setups = {best};
    if (options_.batch_size == 0) setups.push_back({best.graph_mode, threads_, 1, kSecondBatchSize});
    for (const int threads : larger_teams()) {
      setups.push_back({best.graph_mode, threads_ / threads, threads, batch_size});
    }
    return fastest(setups);
  }

 private:
  std::vector<GraphMode> graph_modes() const {
    if (options_.graph_mode != GraphMode::Auto) return {options_.graph_mode};
    return {GraphMode::Freeze, GraphMode::Optimize, GraphMode::OneDnn};
  }

  /** Threads of a worker, other than one each: groups of four where there are many, and all for a single worker. */
  std::vector<int> larger_teams() const {
    std::vector<int> result;
    if (threads_ >= 8) result.push_back(4);
    if (threads_ > 1) result.push_back(threads_);
    return result;
  }

  CpuSetup fastest(const std::vector<CpuSetup>& setups) {
    // Nothing to choose from: whether it works is found when it is compiled for good.
    if (setups.size() == 1) return setups[0];
    std::vector<Candidate> candidates;
    std::exception_ptr failure;
    for (const CpuSetup& setup : setups) {
      try {
        Candidate candidate = compile(setup);
        measure(candidate);
        candidates.push_back(std::move(candidate));
      } catch (...) {
        // The plainest mode comes first: where that fails as well, its words are the ones to pass on.
        if (!failure) failure = std::current_exception();
      }
    }
    if (candidates.empty()) std::rethrow_exception(failure);
    for (int round = 1; round < kRounds && Clock::now() < deadline_; ++round) {
      for (Candidate& candidate : candidates) measure(candidate);
    }
    const Candidate* best = candidates.data();
    for (const Candidate& candidate : candidates) {
      if (candidate.patches_per_second > best->patches_per_second * kWorthIt) best = &candidate;
    }
    return best->setup;
  }

  Candidate compile(const CpuSetup& setup) const {
    Candidate candidate{setup, {}, 0};
    run_computing(setup.threads_per_worker, [&] {
      candidate.model =
          compile_model(placed_, metadata_, setup.graph_mode, options_.dtype, at::Device(at::kCPU), {setup.batch_size});
    });
    if (options_.self_check) require_passed(candidate.model.check);
    return candidate;
  }

  /** Patches a second of all workers together, each at its best run. On a busy machine, teams of threads wait for each
   *  other so long that they are slower by a factor of a hundred; what is hopeless is not run again. */
  void measure(Candidate& candidate) {
    const CpuSetup& setup = candidate.setup;
    if (candidate.patches_per_second > 0 && candidate.patches_per_second < best_rate_ / 2) return;
    std::vector<double> rates(static_cast<size_t>(setup.workers), 0);
    std::vector<std::exception_ptr> failures(rates.size());
    {
      std::vector<std::jthread> threads;
      threads.reserve(rates.size());
      for (size_t i = 0; i < rates.size(); ++i) {
        threads.emplace_back([&setup, &candidate, &rate = rates[i], &failure = failures[i]] {
          try {
            rate = run_once(candidate.model, setup);
          } catch (...) {
            failure = std::current_exception();
          }
        });
      }
    }
    for (const std::exception_ptr& failure : failures) {
      if (failure) std::rethrow_exception(failure);
    }
    const double sum = std::accumulate(rates.begin(), rates.end(), 0.0);
    candidate.patches_per_second = std::max(candidate.patches_per_second, sum);
    best_rate_ = std::max(best_rate_, sum);
  }

  /** Patches a second of one worker. */
  static double run_once(const CompiledModel& model, const CpuSetup& setup) {
    const ComputeScope scope(setup.threads_per_worker);
    BatchRunner runner(*model.graph, at::Device(at::kCPU), setup.batch_size);
    for (int64_t i = 0; i < setup.batch_size; ++i) write_check_patch(i % kCheckPatches, runner.patch(i));
    const Stopwatch stopwatch(setup.threads_per_worker);
    runner.run(setup.batch_size);
    return static_cast<double>(setup.batch_size) / stopwatch.seconds();
  }

  const torch::jit::Module& placed_;
  const Metadata& metadata_;
  const LoadOptions& options_;
  const int threads_;
  const Clock::time_point deadline_ = Clock::now() + kBudget;
  double best_rate_ = 0;  ///< of all candidates so far
};

/** Everything that a measurement depends on. */
std::string tuning_key(const Metadata& metadata, const LoadOptions& options, int threads) {
  std::ostringstream key;
  key << "model " << metadata.weights_sha256 << ", LibTorch " << libtorch_version() << ", " << processor_name() << ", "
      << dtype_name(options.dtype) << ", threads " << threads << ", graph " << graph_mode_name(options.graph_mode)
      << ", batch " << options.batch_size;
  return key.str();
}

bool fits(const CpuSetup& setup, const LoadOptions& options, int threads) {
  return setup.workers * setup.threads_per_worker <= threads &&
         (options.batch_size == 0 || setup.batch_size == options.batch_size) &&
         (options.graph_mode == GraphMode::Auto || setup.graph_mode == options.graph_mode);
}

}  // namespace

CpuSetup choose_cpu_setup(const torch::jit::Module& placed, const Metadata& metadata, const LoadOptions& options) {
  // Engines of one process that load at once take turns: measuring beside each other would disturb the figures.
  static std::mutex mutex;
  static std::map<std::string, CpuSetup> known;

  const int threads = options.threads > 0 ? options.threads : available_cores();
  const std::string key = tuning_key(metadata, options, threads);
  const std::scoped_lock lock(mutex);
  if (const auto found = known.find(key); found != known.end()) return found->second;
  auto setup = recall_setup(options.tuning_file, key);
  if (!setup || !fits(*setup, options, threads)) {
    setup = Tuner(placed, metadata, options, threads).choose();
    remember_setup(options.tuning_file, key, *setup);
  }
  known.emplace(key, *setup);
  return *setup;
}

}  // namespace hyperiqa
