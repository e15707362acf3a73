#include "outbox.h"

#include <utility>

namespace hyperiqa::addon {

Parcels::Parcels(Parcels&& other) noexcept
    : first_(std::move(other.first_)), last_(std::exchange(other.last_, nullptr)) {}

Parcels::~Parcels() {
  // One by one: a chain of owners would be destroyed by a recursion as deep as it is long.
  while (pop()) {
  }
}

void Parcels::push(std::unique_ptr<Parcel> parcel) noexcept {
  std::unique_ptr<Parcel>& end = last_ != nullptr ? last_->next_ : first_;
  last_ = parcel.get();
  end = std::move(parcel);
}

std::unique_ptr<Parcel> Parcels::pop() noexcept {
  std::unique_ptr<Parcel> parcel = std::move(first_);
  if (parcel) first_ = std::move(parcel->next_);
  if (!first_) last_ = nullptr;
  return parcel;
}

void Outbox::post(std::unique_ptr<Parcel> parcel) noexcept {
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  parcels_.push(std::move(parcel));
  wake();
}

void Outbox::wake_again() noexcept {
  const std::scoped_lock lock(mutex_);
  if (!closed_ && !parcels_.empty()) wake();
}

Parcels Outbox::take() noexcept {
  const std::scoped_lock lock(mutex_);
  woken_ = false;
  return std::move(parcels_);
}

Parcels Outbox::close() noexcept {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  return std::move(parcels_);
}

void Outbox::wake() noexcept {
  if (woken_) return;
  try {
    woken_ = wake_();
  } catch (...) {
    woken_ = false;
  }
}

}  // namespace hyperiqa::addon
