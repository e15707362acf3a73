/**
 * @file
 * Time of our resize and of LibTorch's kernel, in turns on one thread: the fastest and the middle run of each.
 *
 *   hyperiqa_resize [ROUNDS]     20 by default
 */
#include <ATen/Parallel.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

#include "image/bilinear_resize.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Case {
  int64_t width;
  int64_t height;
  int64_t to_width;
  int64_t to_height;
};

constexpr Case kCases[] = {{4000, 3000, 512, 384}, {4000, 3000, 384, 512}, {1024, 768, 512, 384},
                           {1024, 768, 384, 512},  {100, 80, 280, 224},    {224, 224, 1024, 1024}};

template <typename Work>
double milliseconds(const Work& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

void report(const char* name, std::vector<double>& times) {
  std::ranges::sort(times);
  std::printf("  %s %8.3f %8.3f ms", name, times.front(), times[times.size() / 2]);
}

void measure(const Case& c, int rounds) {
  std::vector<uint8_t> pixels(static_cast<size_t>(c.width * c.height * 3));
  uint32_t state = 1;
  for (uint8_t& value : pixels) {
    state = state * 1664525 + 1013904223;
    value = static_cast<uint8_t>(state >> 24);
  }
  const hyperiqa::Image image{pixels.data(), c.width, c.height};
  std::vector<double> ours;
  std::vector<double> theirs;
  for (int round = 0; round < rounds; ++round) {
    ours.push_back(milliseconds([&] {
      std::vector<uint8_t> output(static_cast<size_t>(c.to_width * c.to_height * 3));
      hyperiqa::bilinear_resize(image, c.to_width, c.to_height, std::nullopt, output.data());
    }));
    theirs.push_back(milliseconds([&] {
      const at::Tensor input = at::from_blob(pixels.data(), {1, c.height, c.width, 3}, at::kByte).permute({0, 3, 1, 2});
      at::_upsample_bilinear2d_aa(input, {c.to_height, c.to_width}, /*align_corners=*/false)
          .permute({0, 2, 3, 1})
          .contiguous();
    }));
  }
  // int64_t is another type on each system.
  std::printf("%5d x %5d -> %5d x %5d", static_cast<int>(c.width), static_cast<int>(c.height),
              static_cast<int>(c.to_width), static_cast<int>(c.to_height));
  report("ours", ours);
  report("LibTorch", theirs);
  std::printf("\n");
}

void run(int rounds) {
  const c10::InferenceMode inference;
  at::set_num_threads(1);
  for (const Case& c : kCases) measure(c, rounds);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc > 1 ? static_cast<int>(std::strtol(argv[1], nullptr, 10)) : 20);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
