#include "execution/tuning.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <exception>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "device/cpu.h"
#include "execution/batch_runner.h"
#include "execution/compiled_model.h"
#include "execution/plan_cache.h"
#include "model/self_check.h"
#include "names.h"
#include "support/errors.h"
#include "support/lock_file.h"
#include "support/threads.h"

namespace hyperiqa {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kFirstBatchSize = 4;  // the one at which everything else is compared
constexpr int64_t kSecondBatchSize = 8;
constexpr int kRounds = 3;  // rounds of measurement; candidates take turns, so that a disturbance does not hit only one
constexpr double kWorthIt = 1.02;  // a later candidate must be faster by this factor to replace an earlier one
constexpr std::chrono::milliseconds kStopInterval{
    50};                                    // interval at which a load that waits for its turn looks for a stop
constexpr std::chrono::seconds kBudget{5};  // time after which only the graph modes are still compared, once each

/** One plan, compiled, with the best rate seen so far. */
struct Candidate {
  ExecutionPlan plan;
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

/** Threads that are waited for, however the block that starts them is left. */
class JoinedThreads {
 public:
  JoinedThreads() = default;
  JoinedThreads(const JoinedThreads&) = delete;
  JoinedThreads& operator=(const JoinedThreads&) = delete;
  ~JoinedThreads() {
    for (std::thread& thread : threads_) thread.join();
  }

  template <typename Body>
  void start(Body body) {
    threads_.emplace_back(std::move(body));
  }

 private:
  std::vector<std::thread> threads_;
};

/** The values that a measurement chooses from. */
struct Choices {
  std::vector<GraphMode> graph_modes;
  std::vector<int> threads_per_worker;
  std::vector<int64_t> batch_sizes;

  size_t count() const { return graph_modes.size() * threads_per_worker.size() * batch_sizes.size(); }
};

Choices choices(const LoadOptions& options, int threads) {
  Choices result{{options.graph_mode}, {1}, {options.batch_size}};
  if (options.graph_mode == GraphMode::Auto) {
    result.graph_modes = {GraphMode::Freeze, GraphMode::Optimize, GraphMode::OneDnn};
  }
  // Besides one thread each: groups of four where there are many, and all for a single worker.
  if (threads >= 8) result.threads_per_worker.push_back(4);
  if (threads > 1) result.threads_per_worker.push_back(threads);
  if (options.batch_size == 0) result.batch_sizes = {kFirstBatchSize, kSecondBatchSize};
  return result;
}

/** The plan that others are compared with: the first of each choice, which is the plainest graph mode. */
ExecutionPlan first_plan(const Choices& possible, int threads) {
  return {possible.graph_modes[0], threads, possible.threads_per_worker[0], possible.batch_sizes[0]};
}

class Tuner {
 public:
  Tuner(const torch::jit::Module& placed, const Metadata& metadata, const LoadOptions& options, int threads)
      : placed_(placed), metadata_(metadata), options_(options), threads_(threads) {}

  /** The graph mode first, with one thread a worker and the first batch size; then the others of either with it. */
  ExecutionPlan choose() {
    const auto [graph_modes, threads_per_worker, batch_sizes] = choices(options_, threads_);
    std::vector<ExecutionPlan> plans;
    plans.reserve(graph_modes.size());
    for (const GraphMode mode : graph_modes) plans.push_back({mode, threads_, 1, batch_sizes[0]});
    const ExecutionPlan best = fastest(plans);
    if (Clock::now() > deadline_) return best;

    plans = {best};
    for (size_t i = 1; i < batch_sizes.size(); ++i) plans.push_back({best.graph_mode, threads_, 1, batch_sizes[i]});
    for (size_t i = 1; i < threads_per_worker.size(); ++i) {
      const int threads = threads_per_worker[i];
      plans.push_back({best.graph_mode, threads_ / threads, threads, batch_sizes[0]});
    }
    return fastest(plans);
  }

 private:
  ExecutionPlan fastest(const std::vector<ExecutionPlan>& plans) {
    // A single plan is not tried here: compiling it for good shows whether it works.
    if (plans.size() == 1) return plans[0];
    std::vector<Candidate> candidates;
    std::exception_ptr failure;
    for (const ExecutionPlan& plan : plans) {
      check_stop(options_.stop);
      try {
        Candidate candidate = compile(plan);
        measure(candidate);
        candidates.push_back(std::move(candidate));
      } catch (...) {
        // The plainest mode comes first: where that fails as well, its words are the ones to pass on.
        if (!failure) failure = std::current_exception();
      }
    }
    check_stop(options_.stop);
    if (candidates.empty()) std::rethrow_exception(failure);
    for (int round = 1; round < kRounds && Clock::now() < deadline_; ++round) {
      for (Candidate& candidate : candidates) {
        check_stop(options_.stop);
        measure(candidate);
      }
    }
    const Candidate* best = candidates.data();
    for (const Candidate& candidate : candidates) {
      if (candidate.patches_per_second > best->patches_per_second * kWorthIt) best = &candidate;
    }
    return best->plan;
  }

  Candidate compile(const ExecutionPlan& plan) const {
    Candidate candidate{plan, {}, 0};
    run_computing(plan.threads_per_worker, [&] {
      candidate.model = compile_model(placed_, metadata_, plan.graph_mode, options_.dtype, at::Device(at::kCPU),
                                      {plan.batch_size}, options_.stop);
    });
    if (options_.self_check) require_passed(candidate.model.check);
    return candidate;
  }

  /** Patches a second of all workers together, each at its best run. On a busy machine, teams of threads wait for each
   *  other so long that they are slower by a factor of a hundred; what is hopeless is not run again. */
  void measure(Candidate& candidate) {
    const ExecutionPlan& plan = candidate.plan;
    if (candidate.patches_per_second > 0 && candidate.patches_per_second < best_rate_ / 2) return;
    std::vector<double> rates(static_cast<size_t>(plan.workers), 0);
    std::vector<std::exception_ptr> failures(rates.size());
    {
      JoinedThreads threads;
      for (size_t i = 0; i < rates.size(); ++i) {
        threads.start([&plan, &candidate, &rate = rates[i], &failure = failures[i]] {
          try {
            rate = run_once(candidate.model, plan);
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
  static double run_once(const CompiledModel& model, const ExecutionPlan& plan) {
    const ComputeScope scope(plan.threads_per_worker);
    BatchRunner runner(*model.graph, at::Device(at::kCPU), plan.batch_size);
    for (int64_t i = 0; i < plan.batch_size; ++i) write_check_patch(i % kCheckPatches, runner.patch(i));
    const Stopwatch stopwatch(plan.threads_per_worker);
    runner.run(plan.batch_size);
    return static_cast<double>(plan.batch_size) / stopwatch.seconds();
  }

  const torch::jit::Module& placed_;
  const Metadata& metadata_;
  const LoadOptions& options_;
  const int threads_;
  const Clock::time_point deadline_ = Clock::now() + kBudget;
  double best_rate_ = 0;  ///< best rate of all candidates so far
};

/** Everything that a measurement depends on. */
std::string tuning_key(const Metadata& metadata, const LoadOptions& options, int threads) {
  std::ostringstream key;
  key << "model " << metadata.weights_sha256 << ", LibTorch " << libtorch_version() << ", " << processor_name() << ", "
      << name_of(kDtypeNames, options.dtype) << ", threads " << threads << ", graph "
      << name_of(kGraphModeNames, options.graph_mode) << ", batch " << options.batch_size;
  return key.str();
}

/** True for a plan that the measurement could have come to. Another, out of a damaged file, could cost minutes of
 * warming up or thousands of threads. */
bool could_be_chosen(const ExecutionPlan& plan, const Choices& possible, int threads) {
  const auto& [graph_modes, threads_per_worker, batch_sizes] = possible;
  return std::ranges::count(graph_modes, plan.graph_mode) > 0 &&
         std::ranges::count(threads_per_worker, plan.threads_per_worker) > 0 &&
         plan.workers == threads / plan.threads_per_worker && std::ranges::count(batch_sizes, plan.batch_size) > 0;
}

/** State that the engines of a process share. Never destroyed: a load may outlast static objects. */
struct Measurements {
  std::mutex mutex;
  std::condition_variable freed;
  bool taken = false;
  std::map<std::string, ExecutionPlan> known;  // whoever has the turn reads and writes it
};

Measurements& measurements() {
  static auto* const instance = new Measurements;  // NOLINT(cppcoreguidelines-owning-memory)
  return *instance;
}

/** Engines of one process that load at once take turns: measuring beside each other would disturb the figures. */
class Turn {
 public:
  /** Waits for the turn. @throws Error ERR_ABORTED after a stop */
  explicit Turn(const StopFlag& stop) {
    std::unique_lock lock(measurements().mutex);
    do {
      check_stop(stop);
    } while (!measurements().freed.wait_for(lock, kStopInterval, [] { return !measurements().taken; }));
    measurements().taken = true;
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    {
      const std::scoped_lock lock(measurements().mutex);
      measurements().taken = false;
    }
    // Wakes all of them: a single one may have been stopped, and would not pass the turn on.
    measurements().freed.notify_all();
  }
};

}  // namespace

TunedPlan cpu_plan(const torch::jit::Module& placed, const Metadata& metadata, const LoadOptions& options,
                   std::chrono::milliseconds patience) {
  const int threads = options.threads > 0 ? options.threads : available_cores();
  const Choices possible = choices(options, threads);
  if (!options.tuning || possible.count() == 1) return {first_plan(possible, threads), Tuning::Default};
  const std::string key = tuning_key(metadata, options, threads);
  const auto recall = [&] {
    auto plan = recall_plan(options.tuning_file, key);
    return plan && could_be_chosen(*plan, possible, threads) ? plan : std::nullopt;
  };

  const Turn turn(options.stop);
  std::map<std::string, ExecutionPlan>& known = measurements().known;
  if (const auto found = known.find(key); found != known.end()) {
    // This load may have another file than the one before, or a file that can be written by now.
    const bool stored = recall() || remember_plan(options.tuning_file, key, found->second);
    return {found->second, stored ? Tuning::Cached : Tuning::NotStored};
  }
  auto plan = recall();
  std::optional<LockFile> lock;
  if (!plan && !options.tuning_file.empty()) {
    lock.emplace(measuring_lock(options.tuning_file));
    lock->take_within(patience, [&] {
      check_stop(options.stop);
      plan = recall();
      return plan.has_value();
    });
    // The holder before has stored its plan before it let go.
    if (!plan) plan = recall();
  }
  const bool cached = plan.has_value();
  if (!cached) plan = Tuner(placed, metadata, options, threads).choose();
  known.emplace(key, *plan);
  if (cached) return {*plan, Tuning::Cached};
  return {*plan, remember_plan(options.tuning_file, key, *plan) ? Tuning::Measured : Tuning::NotStored};
}

}  // namespace hyperiqa
