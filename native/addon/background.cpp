#include "background.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string>
#include <system_error>
#include <utility>

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

void end_all() noexcept {
  std::vector<std::weak_ptr<Background>> all;
  {
    const std::scoped_lock lock(registry().mutex);
    all.swap(registry().backgrounds);
  }
  for (const auto& weak : all) {
    if (const auto background = weak.lock()) {
      background->mailbox().close();
      background->end();
    }
  }
}

}  // namespace

void end_before_exit_handlers() {
  if (std::atexit(end_all) != 0) throw std::bad_alloc();
}

std::shared_ptr<Background> Background::create(Napi::Env env) {
  const std::shared_ptr<Background> background(new Background(env));
  const std::scoped_lock lock(registry().mutex);
  std::erase_if(registry().backgrounds, [](const auto& weak) { return weak.expired(); });
  registry().backgrounds.push_back(background);
  return background;
}

void Background::start(std::function<Mailbox::Message()> work) {
  const std::scoped_lock lock(mutex_);
  if (ended_) throw Error("ERR_DISPOSED", "The environment is ending.");
  const uint64_t task = ++last_task_;
  std::thread thread;
  try {
    thread = std::thread([this, task, work = std::move(work)]() mutable {
      Mailbox::Message message = work();
      work = nullptr;
      mailbox_.post([this, task, message = std::move(message)](Napi::Env env) {
        join(task);
        if (message) message(env);
      });
    });
  } catch (const std::system_error& error) {
    throw Error("ERR_INTERNAL", std::string("No thread could be started: ") + error.what());
  }
  tasks_.emplace(task, std::move(thread));
}

void Background::join(uint64_t task) {
  std::thread thread;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = tasks_.find(task);
    if (found == tasks_.end()) return;
    thread = std::move(found->second);
    tasks_.erase(found);
  }
  thread.join();
}

bool Background::add(const std::shared_ptr<Closeable>& engine) {
  const std::scoped_lock lock(mutex_);
  if (ended_) return false;
  std::erase_if(engines_, [](const auto& weak) { return weak.expired(); });
  engines_.push_back(engine);
  return true;
}

std::vector<std::shared_ptr<Closeable>> Background::open_engines() {
  std::vector<std::shared_ptr<Closeable>> open;
  for (const auto& weak : engines_) {
    if (auto engine = weak.lock()) open.push_back(std::move(engine));
  }
  engines_.clear();
  return open;
}

bool Background::ended() {
  const std::scoped_lock lock(mutex_);
  return ended_;
}

void Background::end() noexcept {
  const std::scoped_lock ending(ending_);
  std::vector<std::shared_ptr<Closeable>> engines;
  std::unordered_map<uint64_t, std::thread> tasks;
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    engines = open_engines();
    tasks.swap(tasks_);
  }
  stop_.request_stop();
  for (const auto& engine : engines) {
    try {
      engine->close();
    } catch (...) {  // NOLINT(bugprone-empty-catch)
      // Nobody is left to be told.
    }
  }
  for (auto& [id, thread] : tasks) thread.join();
}

}  // namespace hyperiqa::addon
