/** @file A request to stop something, shared by threads. */
#pragma once

#include <atomic>
#include <memory>

namespace hyperiqa {

/** A request that is made once and that every copy of the flag sees. Any thread. Does what std::stop_source does, which
 *  Apple's libc++ does not have. */
class StopFlag {
 public:
  StopFlag() : state_(std::make_shared<State>()) {}

  /** A flag that can be set by itself, and is set whenever this one is. */
  StopFlag child() const {
    StopFlag flag;
    flag.state_->parent = state_;
    return flag;
  }

  void request_stop() const noexcept { state_->requested = true; }

  bool stop_requested() const noexcept {
    for (const State* state = state_.get(); state != nullptr; state = state->parent.get()) {
      if (state->requested) return true;
    }
    return false;
  }

 private:
  struct State {
    std::atomic<bool> requested = false;
    std::shared_ptr<const State> parent;
  };

  std::shared_ptr<State> state_;
};

}  // namespace hyperiqa
