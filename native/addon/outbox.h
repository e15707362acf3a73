/**
 * @file
 * Messages for another thread, and the wake-up for it. Knows nothing of Node.js.
 */
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace hyperiqa::addon {

/** Something to deliver. It is made before the work that it will tell of, so that posting it takes no memory. */
class Parcel {
 public:
  Parcel() = default;
  Parcel(const Parcel&) = delete;
  Parcel& operator=(const Parcel&) = delete;
  virtual ~Parcel() = default;

 private:
  friend class Parcels;
  std::unique_ptr<Parcel> next_;
};

/** Parcels in the order in which they were posted. */
class Parcels {
 public:
  Parcels() = default;
  Parcels(Parcels&& other) noexcept;
  Parcels& operator=(Parcels&&) = delete;
  Parcels(const Parcels&) = delete;
  Parcels& operator=(const Parcels&) = delete;
  ~Parcels();

  bool empty() const noexcept { return first_ == nullptr; }
  void push(std::unique_ptr<Parcel> parcel) noexcept;
  /** The first one, or null. */
  std::unique_ptr<Parcel> pop() noexcept;

 private:
  std::unique_ptr<Parcel> first_;
  Parcel* last_ = nullptr;
};

/**
 * Takes parcels from any thread and wakes the one that fetches them, once for all that gather until it does. A wake-up
 * that fails is repeated with the next parcel and by `wake_again`; nothing is lost meanwhile.
 */
class Outbox {
 public:
  /** @param wake  makes the other thread call `take`; false: it could not be told. Called under the lock, so that
   * `close` waits for it */
  explicit Outbox(std::function<bool()> wake) : wake_(std::move(wake)) {}

  /** After `close` the parcel is destroyed unread, on the calling thread. */
  void post(std::unique_ptr<Parcel> parcel) noexcept;

  /** Repeats a wake-up that failed. */
  void wake_again() noexcept;

  /** Everything that has gathered. */
  Parcels take() noexcept;

  /** Ends the wake-ups. @return the messages that were waiting */
  Parcels close() noexcept;

 private:
  void wake() noexcept;

  const std::function<bool()> wake_;
  std::mutex mutex_;
  Parcels parcels_;
  bool woken_ = false;  ///< and `take` not called since
  bool closed_ = false;
};

}  // namespace hyperiqa::addon
