#include "scoring/scoring_worker.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <variant>

#include "execution/batch_shapes.h"
#include "model/self_check.h"
#include "support/errors.h"

namespace hyperiqa {
namespace {

std::variant<PreparedImage, Error> try_prepare(const Scheduler::Preparation& work) noexcept {
  try {
    return prepare(work.image, work.options.resize, work.options.minimum_side, work.unwanted);
  } catch (...) {
    return as_error(std::current_exception());
  }
}

}  // namespace

ScoringWorker::ScoringWorker(Scheduler& scheduler, const Scheduler::Capacity& capacity, PatchRunner& runner)
    : scheduler_(scheduler), capacity_(capacity), runner_(runner) {
  const auto size = static_cast<size_t>(capacity.batch_size);
  batch_.reserve(size);
  outcomes_.resize(size);
}

void ScoringWorker::run() noexcept {
  work([this] { score(0, static_cast<int64_t>(batch_.size())); });
}

void ScoringWorker::run_without_forwards(const Error& reason) noexcept {
  work([this, &reason] { std::ranges::fill(outcomes_, Scheduler::Outcome(reason)); });
}

template <typename Score>
void ScoringWorker::work(const Score& score) noexcept {
  for (;;) {
    const Scheduler::Work next = scheduler_.next(capacity_, batch_);
    if (std::holds_alternative<Scheduler::Stop>(next)) return;
    if (const auto* preparation = std::get_if<Scheduler::Preparation>(&next)) {
      scheduler_.prepared(*preparation, try_prepare(*preparation));
    } else {
      gather();
      scheduler_.release(batch_);
      score();
      scheduler_.complete(batch_, outcomes_);
      batch_.clear();
    }
  }
}

void ScoringWorker::gather() noexcept {
  constexpr size_t kRowBytes = kPatchSize * 3;
  for (size_t i = 0; i < batch_.size(); ++i) {
    const uint8_t* from = batch_[i].pixels;
    uint8_t* to = runner_.patch(static_cast<int64_t>(i));
    for (int64_t row = 0; row < kPatchSize; ++row, from += batch_[i].row_bytes, to += kRowBytes) {
      std::memcpy(to, from, kRowBytes);
    }
  }
}

void ScoringWorker::score(int64_t first, int64_t count) noexcept {
  try {
    const std::vector<float> scores = runner_.run(first, count);
    std::ranges::copy(scores, outcomes_.begin() + first);
  } catch (...) {
    score_in_parts(first, count, as_error(std::current_exception()));
  }
}

/**
 * A run has failed. With patches of several images each half is tried again, so that only the image at fault fails; for
 * lack of memory halves of one image as well, as a smaller batch may fit.
 */
void ScoringWorker::score_in_parts(int64_t first, int64_t count, const Error& error) noexcept {
  const bool smaller_may_do = error.code() == "ERR_OUT_OF_MEMORY" || !same_image(first, count);
  if (count == 1 || !smaller_may_do) {
    std::fill_n(outcomes_.begin() + first, count, Scheduler::Outcome(error));
    return;
  }
  const int64_t half = filled_shape(capacity_.batch_size, count / 2);
  for (int64_t done = 0; done < count;) {
    const int64_t part = filled_shape(capacity_.batch_size, std::min(half, count - done));
    const Error* known = same_image(first + done, part) ? failure_before(first + done) : nullptr;
    if (known != nullptr) {
      std::fill_n(outcomes_.begin() + first + done, part, Scheduler::Outcome(*known));
    } else {
      score(first + done, part);
    }
    done += part;
  }
}

/** Patches of an image are next to each other in a batch. */
bool ScoringWorker::same_image(int64_t first, int64_t count) const noexcept {
  return batch_[static_cast<size_t>(first)].job == batch_[static_cast<size_t>(first + count - 1)].job;
}

/** The error of the patch before, if it is of the same image. */
const Error* ScoringWorker::failure_before(int64_t index) const noexcept {
  if (index == 0 || !same_image(index - 1, 2)) return nullptr;
  return std::get_if<Error>(&outcomes_[static_cast<size_t>(index - 1)]);
}

}  // namespace hyperiqa
