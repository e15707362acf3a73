/**
 * @file
 * Measures the overhead of the engine over LibTorch: images a second of the engine, queue and cutting included, against
 * bare forwards of the same graphs on patches that are ready, at every batch size and both ways of using the threads.
 *
 *     hyperiqa_forward MODEL [IMAGES] [CROPS] [THREADS]
 */
#include <algorithm>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <random>
#include <thread>

#include "device/cpu.h"
#include "engine.h"
#include "execution/batch_runner.h"
#include "execution/batch_shapes.h"
#include "execution/compiled_model.h"
#include "model/model.h"
#include "model/self_check.h"
#include "names.h"
#include "support/threads.h"

namespace {

using Clock = std::chrono::steady_clock;
using hyperiqa::GraphMode;

constexpr int kRuns = 5;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/** Milliseconds of CPU time of the whole process: on a busy machine a steadier measure than speed, with one thread a
 *  worker (threads of a team burn time while they wait). */
double cpu_milliseconds() {
  return 1000.0 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

struct Result {
  double patches_per_second = 0;  ///< the best of some runs
  double cpu_per_patch = 0;       ///< milliseconds, of all runs
};

/** Speed of `workers` threads that run the same graph beside each other. */
Result bare_forward(const hyperiqa::CompiledModel& model, int workers, int threads, int64_t batch_size) {
  std::vector<double> rates(static_cast<size_t>(workers), 0);
  std::vector<std::thread> pool;
  pool.reserve(rates.size());
  std::barrier start(workers);
  const double cpu = cpu_milliseconds();
  for (double& rate : rates) {
    pool.emplace_back([&] {
      const hyperiqa::ComputeScope scope(threads);
      hyperiqa::BatchRunner runner(*model.graph, at::Device(at::kCPU), batch_size);
      for (int64_t i = 0; i < batch_size; ++i) {
        hyperiqa::write_check_patch(i % hyperiqa::kCheckPatches, runner.patch(i));
      }
      start.arrive_and_wait();
      for (int run = 0; run < kRuns; ++run) {
        const auto begin = Clock::now();
        runner.run(batch_size);
        rate = std::max(rate, static_cast<double>(batch_size) / seconds_since(begin));
      }
    });
  }
  Result result;
  for (size_t i = 0; i < pool.size(); ++i) {
    pool[i].join();
    result.patches_per_second += rates[i];
  }
  result.cpu_per_patch = (cpu_milliseconds() - cpu) / static_cast<double>(int64_t{kRuns} * workers * batch_size);
  return result;
}

void print(const char* what, GraphMode mode, int workers, int threads, int64_t batch_size, const Result& result) {
  std::printf("%-7s %-8s %2d x %d threads  batch %2d  %8.2f patches/s  %7.2f ms CPU/patch\n", what,
              hyperiqa::name_of(hyperiqa::kGraphModeNames, mode), workers, threads, static_cast<int>(batch_size),
              result.patches_per_second, result.cpu_per_patch);
  std::fflush(stdout);
}

/** The best of all set-ups: the greatest speed, and the least CPU time of those with one thread a worker. */
Result best_bare_forward(const std::string& path, int threads) {
  const hyperiqa::Model model = hyperiqa::load_model(path, /*trusted=*/false);
  Result best;
  for (const GraphMode mode : {GraphMode::Freeze, GraphMode::Optimize, GraphMode::OneDnn}) {
    for (const int each : {1, threads}) {
      hyperiqa::CompiledModel compiled;
      constexpr int64_t kLargest = 16;
      hyperiqa::run_computing(each, [&] {
        torch::jit::Module module = model.module.deepcopy();
        hyperiqa::place_module(module, at::Device(at::kCPU), at::kFloat);
        compiled = hyperiqa::compile_model(module, model.metadata, mode, hyperiqa::Dtype::Fp32, at::Device(at::kCPU),
                                           hyperiqa::batch_shapes(kLargest));
      });
      for (const int64_t batch_size : hyperiqa::batch_shapes(kLargest)) {
        const Result result = bare_forward(compiled, threads / each, each, batch_size);
        print("bare", mode, threads / each, each, batch_size, result);
        best.patches_per_second = std::max(best.patches_per_second, result.patches_per_second);
        if (each == 1 && (best.cpu_per_patch == 0 || result.cpu_per_patch < best.cpu_per_patch)) {
          best.cpu_per_patch = result.cpu_per_patch;
        }
      }
      if (threads == 1) break;
    }
  }
  return best;
}

/** Speed of a loaded engine whose queue is full. */
Result engine_speed(hyperiqa::Engine& engine, int images, int64_t crops) {
  constexpr int64_t kWidth = 512;
  constexpr int64_t kHeight = 384;
  std::vector<uint8_t> pixels(kWidth * kHeight * 3);
  std::mt19937 generator(1);
  for (uint8_t& value : pixels) value = static_cast<uint8_t>(generator());
  hyperiqa::ScoreOptions options;
  options.resize = {hyperiqa::Resize::Mode::Exact, 384, 512, 0};
  options.crops.count = crops;

  Result result;
  const double cpu = cpu_milliseconds();
  for (int run = 0; run < kRuns; ++run) {
    std::mutex mutex;
    std::condition_variable changed;
    int done = 0;
    const auto begin = Clock::now();
    for (int i = 0; i < images; ++i) {
      options.seed = static_cast<uint64_t>(i);
      engine.submit({pixels.data(), kWidth, kHeight}, options,
                    [&](hyperiqa::JobId, const hyperiqa::JobResult& outcome) {
                      const std::scoped_lock lock(mutex);
                      if (const auto* error = std::get_if<hyperiqa::Error>(&outcome)) {
                        std::fprintf(stderr, "%s: %s\n", error->code().c_str(), error->what());
                        std::exit(1);
                      }
                      ++done;
                      changed.notify_one();
                    });
    }
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done == images; });
    const double rate = static_cast<double>(images * crops) / seconds_since(begin);
    result.patches_per_second = std::max(result.patches_per_second, rate);
  }
  result.cpu_per_patch = (cpu_milliseconds() - cpu) / static_cast<double>(int64_t{kRuns} * images * crops);
  return result;
}

int run(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: hyperiqa_forward MODEL [IMAGES] [CROPS] [THREADS]\n");
    return 2;
  }
  const int images = argc > 2 ? std::stoi(argv[2]) : 8;
  const int64_t crops = argc > 3 ? std::stoi(argv[3]) : 10;
  hyperiqa::LoadOptions options;
  options.model_path = argv[1];
  options.devices = {"cpu"};
  options.threads = argc > 4 ? std::stoi(argv[4]) : hyperiqa::available_cores();
  options.max_queue_images = images;

  auto begin = Clock::now();
  const auto engine = hyperiqa::Engine::load(options);
  const double first_load = seconds_since(begin);
  begin = Clock::now();
  hyperiqa::Engine::load(options);
  const hyperiqa::EngineInfo& info = engine->info();
  std::printf("processor %s, %d threads\n", info.devices[0].name.c_str(), options.threads);
  std::printf("load %.2f s with measuring, %.2f s without; self-check off by %g of %g\n", first_load,
              seconds_since(begin), info.self_check->largest_difference, info.self_check->tolerance);
  const Result ours = engine_speed(*engine, images, crops);
  engine->close();
  print("engine", info.graph_mode, info.workers, info.threads_per_worker, info.batch_size, ours);
  std::printf("engine: %.3f images/s of %d crops\n", ours.patches_per_second / static_cast<double>(crops),
              static_cast<int>(crops));

  const Result best = best_bare_forward(argv[1], options.threads);
  std::printf("engine: %.1f %% of the speed of the best bare forward, %.1f %% of its CPU time\n",
              100 * ours.patches_per_second / best.patches_per_second, 100 * ours.cpu_per_patch / best.cpu_per_patch);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
