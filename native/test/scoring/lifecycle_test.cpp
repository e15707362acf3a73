/** @file Queue bounds, aborting, closing, and callbacks that call back. */
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <random>
#include <thread>

#include "engine.h"
#include "expect_error.h"
#include "score.h"
#include "test_image.h"
#include "test_model.h"

namespace hyperiqa {
namespace {

using testing::code_of;
using testing::Collector;
using testing::expect_error;
using testing::Gate;
using testing::picture;
using testing::plain;
using testing::score;
using testing::submit;
using testing::TemporaryFolder;
using testing::TestImage;
using testing::write_mean_model;

class Lifecycle : public ::testing::Test {
 protected:
  static LoadOptions options(int threads = 1, int64_t batch_size = 4) {
    static const TemporaryFolder folder;
    static const std::string path = write_mean_model(folder);
    LoadOptions options;
    options.model_path = path;
    options.trust_model = true;  // its graph asserts and allocates, which no real model does
    options.devices = {"cpu"};
    options.threads = threads;
    options.batch_size = batch_size;
    options.graph_mode = GraphMode::Freeze;
    return options;
  }
};

TEST_F(Lifecycle, TheQueueIsBoundedInImages) {
  LoadOptions bounded = options();
  bounded.max_queue_images = 3;
  const auto engine = Engine::load(bounded);
  Gate gate(*engine);
  const TestImage image = plain(2);
  std::vector<std::future<JobResult>> outcomes;
  for (int i = 0; i < 3; ++i) outcomes.push_back(submit(*engine, image));
  expect_error("ERR_QUEUE_FULL", "3 images", [&] { submit(*engine, image); });
  gate.open();
  for (auto& outcome : outcomes) EXPECT_EQ(code_of(outcome.get()), "");
  EXPECT_EQ(code_of(submit(*engine, image).get()), "") << "there is room again";
}

TEST_F(Lifecycle, TheQueueIsBoundedInBytes) {
  LoadOptions bounded = options();
  bounded.max_queue_bytes = 2 * 224 * 224 * 3 + 10;
  const auto engine = Engine::load(bounded);
  const TestImage large = plain(2, 500, 500);
  EXPECT_EQ(code_of(submit(*engine, large).get()), "") << "beyond the bound, but the queue was empty";
  Gate gate(*engine);
  const TestImage image = plain(2);
  auto first = submit(*engine, image);
  auto second = submit(*engine, image);
  expect_error("ERR_QUEUE_FULL", "bytes", [&] { submit(*engine, image); });
  gate.open();
  EXPECT_EQ(code_of(first.get()), "");
  EXPECT_EQ(code_of(second.get()), "");
}

TEST_F(Lifecycle, AnAbortedImageLeavesTheQueueAtOnce) {
  LoadOptions bounded = options();
  bounded.max_queue_images = 1;
  const auto engine = Engine::load(bounded);
  Gate gate(*engine);
  Collector collector;
  auto image = std::make_unique<TestImage>(picture(400, 300));
  const JobId id = engine->submit(image->view(), {}, collector.callback());
  EXPECT_TRUE(engine->cancel(id));
  image.reset();
  EXPECT_EQ(code_of(collector.wait_for(1).at(id)), "ERR_ABORTED") << "called back before cancel returned";
  EXPECT_FALSE(engine->cancel(id)) << "already done";
  const TestImage next = plain(3);
  auto outcome = submit(*engine, next);
  gate.open();
  EXPECT_EQ(code_of(outcome.get()), "");
  EXPECT_EQ(collector.calls().at(id), 1);
}

TEST_F(Lifecycle, AbortingWhatIsNotThere) {
  const auto engine = Engine::load(options());
  EXPECT_FALSE(engine->cancel(0));
  EXPECT_FALSE(engine->cancel(12345));
  Collector collector;
  const TestImage image = plain(3);
  const JobId id = engine->submit(image.view(), {}, collector.callback());
  collector.wait_for(1);
  EXPECT_FALSE(engine->cancel(id));
}

/** Memory that is gone once it is released: whoever reads it then ends the process, with or without sanitizers. */
class MappedPixels {
 public:
  explicit MappedPixels(size_t size)
      : size_(size), data_(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    EXPECT_NE(data_, MAP_FAILED);
  }
  ~MappedPixels() { munmap(data_, size_); }
  MappedPixels(const MappedPixels&) = delete;
  MappedPixels& operator=(const MappedPixels&) = delete;

  const uint8_t* data() const { return static_cast<const uint8_t*>(data_); }

 private:
  size_t size_;
  void* data_;
};

/** A callback that frees an image's memory, as the owner of the image may do then. */
template <typename Pixels>
JobCallback holding(std::shared_ptr<Pixels> pixels, Collector& collector) {
  return [pixels = std::move(pixels), collect = collector.callback()](JobId id, JobResult result) mutable {
    pixels.reset();
    collect(id, std::move(result));
  };
}

TEST_F(Lifecycle, AnAbortedImageIsNotReadAfterItsCallback) {
  constexpr int64_t kSide = 2000;
  const auto engine = Engine::load(options(2));
  std::mt19937 random(7);
  Collector collector;
  ScoreOptions score_options;
  score_options.resize = {Resize::Mode::ShortSide, 0, 0, 1000};
  for (size_t i = 1; i <= 30; ++i) {
    auto pixels = std::make_shared<MappedPixels>(kSide * kSide * 3);
    const Image image{pixels->data(), kSide, kSide};
    const JobId id = engine->submit(image, score_options, holding(std::move(pixels), collector));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 15000));
    engine->cancel(id);
    collector.wait_for(i);
  }
}

TEST_F(Lifecycle, AbortingAtAnyMomentIsSafe) {
  const auto engine = Engine::load(options(3, 4));
  std::mt19937 random(5);
  Collector collector;
  constexpr size_t kJobs = 60;
  ScoreOptions score_options;
  size_t aborted = 0;
  for (size_t i = 0; i < kJobs; ++i) {
    auto image = std::make_shared<TestImage>(picture(300 + static_cast<int64_t>(random() % 300), 400));
    score_options.crops.count = 1 + static_cast<int64_t>(random() % 30);
    if (i % 3 == 0) score_options.resize = {Resize::Mode::ShortSide, 0, 0, 256};
    const Image view = image->view();
    const JobId id = engine->submit(view, score_options, holding(std::move(image), collector));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
    if (i % 2 == 0 && engine->cancel(id)) ++aborted;
  }
  const auto outcomes = collector.wait_for(kJobs);
  size_t with_code = 0;
  for (const auto& [id, outcome] : outcomes) {
    if (code_of(outcome) == "ERR_ABORTED") {
      ++with_code;
    } else {
      EXPECT_EQ(code_of(outcome), "");
    }
  }
  EXPECT_EQ(with_code, aborted);
  for (const auto& [id, calls] : collector.calls()) EXPECT_EQ(calls, 1);
}

TEST_F(Lifecycle, AFailingBatchFreesTheImageOnlyAfterTheLastReader) {
  const auto engine = Engine::load(options(3, 2));
  for (int i = 0; i < 20; ++i) {
    auto image = std::make_shared<TestImage>(plain(254, 448, 448));
    std::promise<std::string> code;
    ScoreOptions score_options;
    score_options.crops.count = 12;
    engine->submit(image->view(), score_options, [&code, image](JobId, const JobResult& result) mutable {
      image.reset();
      code.set_value(code_of(result));
    });
    image.reset();
    EXPECT_EQ(code.get_future().get(), "ERR_INTERNAL");
  }
}

TEST_F(Lifecycle, ClosingEndsEveryJob) {
  for (const int threads : {1, 3}) {
    const auto engine = Engine::load(options(threads));
    Collector collector;
    const TestImage image = picture(500, 400);
    constexpr size_t kJobs = 30;
    for (size_t i = 0; i < kJobs; ++i) engine->submit(image.view(), {}, collector.callback());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    engine->close();
    const auto outcomes = collector.wait_for(kJobs);
    for (const auto& [id, outcome] : outcomes) {
      EXPECT_TRUE(code_of(outcome).empty() || code_of(outcome) == "ERR_DISPOSED") << code_of(outcome);
    }
    for (const auto& [id, calls] : collector.calls()) EXPECT_EQ(calls, 1);
    expect_error("ERR_DISPOSED", "disposed", [&] { submit(*engine, image); });
    EXPECT_FALSE(engine->cancel(1));
    engine->close();
  }
}

TEST_F(Lifecycle, ClosingFromSeveralThreads) {
  const auto engine = Engine::load(options(2));
  Collector collector;
  const TestImage image = picture(500, 400);
  for (int i = 0; i < 10; ++i) engine->submit(image.view(), {}, collector.callback());
  std::vector<std::thread> closers;
  for (int i = 0; i < 3; ++i) {
    closers.emplace_back([&] {
      engine->close();
      EXPECT_EQ(collector.calls().size(), 10U) << "close returns when everything has ended";
    });
  }
  for (std::thread& closer : closers) closer.join();
}

TEST_F(Lifecycle, DroppingAnEngineThatIsAtWork) {
  auto engine = Engine::load(options(2));
  Collector collector;
  const TestImage image = picture(500, 400);
  for (int i = 0; i < 10; ++i) engine->submit(image.view(), {}, collector.callback());
  engine.reset();
  EXPECT_EQ(collector.calls().size(), 10U);
}

TEST_F(Lifecycle, CallbacksMaySubmitAndCancel) {
  const auto engine = Engine::load(options());
  const TestImage image = picture(300, 300);
  std::promise<std::string> last;
  std::atomic<int> aborted = 0;
  const JobCallback count = [&aborted](JobId, const JobResult& result) {
    if (code_of(result) == "ERR_ABORTED") ++aborted;
  };
  const JobCallback finish = [&last](JobId, const JobResult& result) { last.set_value(code_of(result)); };
  engine->submit(image.view(), {}, [&](JobId id, const JobResult&) {
    EXPECT_FALSE(engine->cancel(id)) << "a job that is calling back is done";
    const JobId victim = engine->submit(image.view(), {}, count);
    EXPECT_TRUE(engine->cancel(victim));
    engine->submit(image.view(), {}, finish);
  });
  EXPECT_EQ(last.get_future().get(), "");
  EXPECT_EQ(aborted, 1);
}

TEST_F(Lifecycle, ACallbackThatThrowsHarmsNobody) {
  const auto engine = Engine::load(options());
  const TestImage image = plain(4);
  engine->submit(image.view(), {}, [](JobId, const JobResult&) { throw std::runtime_error("in a callback"); });
  EXPECT_NEAR(score(*engine, image).score, 4, 1e-5);
}

TEST_F(Lifecycle, ClosingFromACallback) {
  const TestImage image = plain(4);
  const auto engine = Engine::load(options(2));
  Collector collector;
  std::promise<void> closed;
  engine->submit(image.view(), {}, [&](JobId, const JobResult&) {
    engine->close();
    closed.set_value();
  });
  for (int i = 0; i < 5; ++i) {
    try {
      engine->submit(image.view(), {}, collector.callback());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "ERR_DISPOSED");
    }
  }
  closed.get_future().wait();
  engine->close();
  expect_error("ERR_DISPOSED", "disposed", [&] { submit(*engine, image); });
}

TEST_F(Lifecycle, TheLastReferenceMayBeDroppedByACallback) {
  const TestImage image = plain(4);
  auto engine = Engine::load(options());
  std::promise<void> dropped;
  Engine& alias = *engine;
  auto holder = std::make_shared<std::shared_ptr<Engine>>(std::move(engine));
  alias.submit(image.view(), {}, [holder, &dropped](JobId, const JobResult&) {
    *holder = nullptr;
    dropped.set_value();
  });
  dropped.get_future().wait();
}

}  // namespace
}  // namespace hyperiqa
