#include "support/threads.h"

#include <ATen/Parallel.h>

#include <exception>
#include <thread>

namespace hyperiqa {

ComputeScope::ComputeScope(int threads) {
  // The first parallel operation of a thread would take over LibTorch's process-wide default, which another engine may
  // have changed; asking for the number makes that happen now, before our own setting.
  at::get_num_threads();
  at::set_num_threads(threads);
}

void QuietScope::Silence::process(const c10::Warning& /*warning*/) {}

void run_computing(int threads, const std::function<void()>& work) {
  std::exception_ptr failure;
  std::thread thread([&] {
    try {
      const ComputeScope scope(threads);
      work();
    } catch (...) {
      failure = std::current_exception();
    }
  });
  thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace hyperiqa
