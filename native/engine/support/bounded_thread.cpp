#include "support/bounded_thread.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace hyperiqa {

struct BoundedThread::State {
  std::mutex mutex;
  std::condition_variable ended_changed;
  bool ended = false;
  std::thread thread;
  std::shared_ptr<State> next;  ///< in the list of those that were let go of

  bool has_ended() {
    const std::scoped_lock lock(mutex);
    return ended;
  }
};

namespace {

using State = BoundedThread::State;

/** Threads that were let go of. Never destroyed: they may outlast static objects. */
struct Abandoned {
  std::mutex mutex;
  std::shared_ptr<State> first;

  /** Joins those that have ended meanwhile. @return true where some are left */
  bool sweep() {
    const std::scoped_lock lock(mutex);
    std::shared_ptr<State>* place = &first;
    while (*place) {
      if ((*place)->has_ended()) {
        (*place)->thread.join();
        const std::shared_ptr<State> rest = std::move((*place)->next);
        *place = rest;
      } else {
        place = &(*place)->next;
      }
    }
    return first != nullptr;
  }

  void add(std::shared_ptr<State> state) {
    sweep();
    const std::scoped_lock lock(mutex);
    state->next = std::move(first);
    first = std::move(state);
  }
};

Abandoned& abandoned() {
  static auto* const instance = new Abandoned;  // NOLINT(cppcoreguidelines-owning-memory)
  return *instance;
}

}  // namespace

BoundedThread::BoundedThread(std::function<void()> body) : state_(std::make_shared<State>()) {
  abandoned();  // made while there is memory
  state_->thread = std::thread([state = state_, body = std::move(body)]() mutable {
    body();
    // Destroys the body, whose content may belong to LibTorch, before the thread counts as ended.
    body = nullptr;
    const std::scoped_lock lock(state->mutex);
    state->ended = true;
    state->ended_changed.notify_all();
  });
}

BoundedThread::~BoundedThread() {
  if (state_) abandoned().add(std::move(state_));
}

std::thread::id BoundedThread::id() const noexcept {
  return state_ ? state_->thread.get_id() : std::thread::id();
}

void BoundedThread::join(Deadline deadline) noexcept {
  if (!state_) return;
  bool ended = false;
  if (id() != std::this_thread::get_id()) {
    std::unique_lock lock(state_->mutex);
    ended = state_->ended_changed.wait_until(lock, deadline, [this] { return state_->ended; });
  }
  if (ended) {
    state_->thread.join();
    state_ = nullptr;
  } else {
    abandoned().add(std::exchange(state_, nullptr));
  }
}

bool abandoned_threads() noexcept {
  return abandoned().sweep();
}

}  // namespace hyperiqa
