#include "background.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#ifdef _WIN32
#include <process.h>
#else
#include <unistd.h>
#endif

namespace hyperiqa::addon {

namespace {

/** The backgrounds of all environments of the process. Never destroyed: the exit handler reads it. */
struct Registry {
  std::mutex mutex;
  std::vector<std::weak_ptr<Background>> backgrounds;
};

Registry& registry() {
  static auto* const instance = new Registry;  // NOLINT(cppcoreguidelines-owning-memory)
  return *instance;
}

void end_all(int status) noexcept {
  std::vector<std::weak_ptr<Background>> all;
  {
    const std::scoped_lock lock(registry().mutex);
    all.swap(registry().backgrounds);
  }
  const Deadline deadline = std::chrono::steady_clock::now() + kCloseGrace;
  for (const auto& weak : all) {
    if (const auto background = weak.lock()) {
      background->mailbox().close();
      background->end(deadline);
    }
  }
  // Further handlers and static destructors would take away what those threads use.
  if (abandoned_threads()) _exit(status);
}

#ifndef __GLIBC__
std::atomic<int> exit_status = 0;
#endif

}  // namespace

void note_exit_status([[maybe_unused]] int status) noexcept {
#ifndef __GLIBC__
  exit_status = status;
#endif
}

void end_before_exit_handlers() {
#ifdef __GLIBC__
  const int failure = on_exit([](int status, void* /*unused*/) { end_all(status); }, nullptr);
#else
  const int failure = std::atexit([] { end_all(exit_status); });
#endif
  if (failure != 0) throw std::bad_alloc();
}

std::shared_ptr<Background> Background::create(Napi::Env env) {
  const std::shared_ptr<Background> background(new Background(env));
  const std::scoped_lock lock(registry().mutex);
  std::erase_if(registry().backgrounds, [](const auto& weak) { return weak.expired(); });
  registry().backgrounds.push_back(background);
  return background;
}

void Background::Task::run(Napi::Env env) {
  background_->join(number_);
  done(env);
}

void Background::start(std::unique_ptr<Task> task) {
  const std::scoped_lock lock(mutex_);
  if (ended_) throw Error("ERR_DISPOSED", "The environment is ending.");
  const uint64_t number = ++last_task_;
  task->background_ = this;
  task->number_ = number;
  // A function must be copyable, what it holds here is not.
  const auto holder = std::make_shared<std::unique_ptr<Task>>(std::move(task));
  try {
    tasks_.emplace(number, BoundedThread([self = shared_from_this(), holder] {
                     (*holder)->work();
                     self->mailbox_.post(std::move(*holder));
                   }));
  } catch (const std::system_error& error) {
    throw Error("ERR_INTERNAL", std::string("No thread could be started: ") + error.what());
  }
}

void Background::join(uint64_t task) noexcept {
  std::unordered_map<uint64_t, BoundedThread>::node_type node;
  {
    const std::scoped_lock lock(mutex_);
    node = tasks_.extract(task);
  }
  // The task has posted its message, the last thing that it does, so it is about to end.
  if (node) node.mapped().join(std::chrono::steady_clock::now() + kCloseGrace);
}

bool Background::add(const std::shared_ptr<Closeable>& engine) {
  const std::scoped_lock lock(mutex_);
  if (ended_) return false;
  std::erase_if(engines_, [](const auto& weak) { return weak.expired(); });
  engines_.push_back(engine);
  return true;
}

bool Background::ended() {
  const std::scoped_lock lock(mutex_);
  return ended_;
}

void Background::end(Deadline deadline) noexcept {
  const std::unique_lock ending(ending_, deadline);
  std::vector<std::weak_ptr<Closeable>> engines;
  std::unordered_map<uint64_t, BoundedThread> tasks;
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    engines.swap(engines_);
    tasks.swap(tasks_);
  }
  stop_.request_stop();
  // Asked all at once, so that they use the same time.
  for (const auto& weak : engines) {
    if (const auto engine = weak.lock()) engine->request_close();
  }
  for (const auto& weak : engines) {
    try {
      if (const auto engine = weak.lock()) engine->close(deadline);
    } catch (...) {  // NOLINT(bugprone-empty-catch)
      // Swallows the error: the environment is ending, and with it everybody who could be told.
    }
  }
  for (auto& [id, thread] : tasks) thread.join(deadline);
}

}  // namespace hyperiqa::addon
