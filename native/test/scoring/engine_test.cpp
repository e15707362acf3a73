#include <gtest/gtest.h>

#include <cmath>

#include "engine.h"
#include "expect_error.h"
#include "score.h"
#include "scoring/statistics.h"
#include "test_image.h"
#include "test_model.h"

namespace hyperiqa {
namespace {

using testing::code_of;
using testing::expect_error;
using testing::picture;
using testing::plain;
using testing::score;
using testing::submit;
using testing::TemporaryFolder;
using testing::TestImage;
using testing::write_mean_model;

/** The mean of a patch, computed here. */
double mean_of_patch(const TestImage& image, const Crop& crop) {
  double sum = 0;
  for (int64_t y = crop.y; y < crop.y + 224; ++y) {
    for (int64_t i = crop.x * 3; i < (crop.x + 224) * 3; ++i)
      sum += image.pixels[static_cast<size_t>(y * image.width * 3 + i)];
  }
  return sum / (224 * 224 * 3);
}

class EngineTest : public ::testing::Test {
 protected:
  static std::shared_ptr<Engine> load(int threads, int64_t batch_size) {
    LoadOptions options;
    options.model_path = model();
    options.trust_model = true;  // its graph asserts and allocates, which no real model does
    options.devices = {"cpu"};
    options.threads = threads;
    options.batch_size = batch_size;
    options.graph_mode = GraphMode::Freeze;
    return Engine::load(options);
  }

  static const std::string& model() {
    static const TemporaryFolder folder;
    static const std::string path = write_mean_model(folder);
    return path;
  }

  static ScoreOptions random(size_t count, uint64_t seed) {
    ScoreOptions options;
    options.crops.count = static_cast<int64_t>(count);
    options.seed = seed;
    return options;
  }
};

TEST_F(EngineTest, ScoresThePatchesOfThePlan) {
  const auto engine = load(2, 4);
  const TestImage image = picture(400, 300);
  for (const CropPlan::Kind kind :
       {CropPlan::Kind::Random, CropPlan::Kind::Grid, CropPlan::Kind::Pyiqa, CropPlan::Kind::Center}) {
    ScoreOptions options = random(10, 7);
    options.crops.kind = kind;
    const ScoreResult result = score(*engine, image, options);
    const auto plan = plan_crops(options.crops, 400, 300, 7);
    ASSERT_EQ(result.crops.size(), plan.size());
    double sum = 0;
    for (size_t i = 0; i < plan.size(); ++i) {
      EXPECT_EQ(result.crops[i].x, plan[i].x);
      EXPECT_EQ(result.crops[i].y, plan[i].y);
      EXPECT_NEAR(result.crops[i].score, mean_of_patch(image, plan[i]), 1e-3);
      sum += result.crops[i].score;
    }
    EXPECT_DOUBLE_EQ(result.score, sum / static_cast<double>(plan.size()));
    EXPECT_EQ(result.standard_error.has_value(), kind == CropPlan::Kind::Random);
    EXPECT_EQ(result.spread.has_value(), kind == CropPlan::Kind::Grid || kind == CropPlan::Kind::Pyiqa);
    EXPECT_EQ(result.resized_width, 400);
    EXPECT_EQ(result.resized_height, 300);
    EXPECT_FALSE(result.enlarged);
    EXPECT_TRUE(result.standard_error_reached);
  }
}

TEST_F(EngineTest, ResizesAndEnlargesBefore) {
  const auto engine = load(1, 4);
  ScoreOptions options = random(3, 0);
  options.resize = {Resize::Mode::Exact, 384, 512, 0};
  ScoreResult result = score(*engine, picture(640, 480), options);
  EXPECT_EQ(result.resized_width, 384);
  EXPECT_EQ(result.resized_height, 512);
  EXPECT_FALSE(result.enlarged);
  result = score(*engine, plain(9, 100, 80), random(3, 0));
  EXPECT_EQ(result.resized_width, 280);
  EXPECT_EQ(result.resized_height, 224);
  EXPECT_TRUE(result.enlarged);
  EXPECT_NEAR(result.score, 9, 1e-5);
}

TEST_F(EngineTest, BatchesWorkersAndOrderDoNotChangeAScore) {
  std::vector<TestImage> images;
  for (int i = 0; i < 12; ++i) images.push_back(picture(224 + 17 * i, 230 + 31 * (i % 5)));
  std::vector<ScoreResult> expected;
  const auto single = load(1, 1);
  for (size_t i = 0; i < images.size(); ++i) expected.push_back(score(*single, images[i], random(3 + i % 7, i)));

  for (const auto& [threads, batch_size] : {std::pair{1, 16}, std::pair{2, 4}, std::pair{3, 7}}) {
    const auto engine = load(threads, batch_size);
    std::vector<std::future<JobResult>> outcomes(images.size());
    for (size_t n = images.size(); n-- > 0;) outcomes[n] = submit(*engine, images[n], random(3 + n % 7, n));
    for (size_t i = 0; i < images.size(); ++i) {
      const auto result = std::get<ScoreResult>(outcomes[i].get());
      EXPECT_NEAR(result.score, expected[i].score, 1e-3);
      ASSERT_EQ(result.crops.size(), expected[i].crops.size());
      for (size_t c = 0; c < result.crops.size(); ++c) {
        EXPECT_NEAR(result.crops[c].score, expected[i].crops[c].score, 1e-3);
      }
    }
  }
}

TEST_F(EngineTest, AddsCropsUntilTheStandardErrorIsSmall) {
  const TestImage image = picture(700, 500);
  const auto single = load(1, 1);
  const auto all = score(*single, image, random(400, 3)).crops;
  for (const auto& [threads, batch_size] : {std::pair{1, 1}, std::pair{1, 16}, std::pair{3, 4}}) {
    const auto engine = load(threads, batch_size);
    for (const size_t initial : {1, 10}) {
      for (const double bound : {0.5, 0.2, 0.1}) {
        ScoreOptions options = random(initial, 3);
        options.max_standard_error = bound;
        options.max_crops = 400;
        const ScoreResult result = score(*engine, image, options);
        const auto prefix = shortest_prefix(all, initial, bound);
        EXPECT_EQ(result.standard_error_reached, prefix.has_value());
        ASSERT_EQ(result.crops.size(), prefix.value_or(400)) << "bound " << bound;
        EXPECT_EQ(*result.standard_error < bound, prefix.has_value());
      }
    }
  }
}

TEST_F(EngineTest, StopsAtTheLargestNumberOfCrops) {
  const auto engine = load(2, 4);
  ScoreOptions options = random(4, 3);
  options.max_standard_error = 1e-9;
  options.max_crops = 23;
  const ScoreResult result = score(*engine, picture(700, 500), options);
  EXPECT_EQ(result.crops.size(), 23U);
  EXPECT_FALSE(result.standard_error_reached);
  EXPECT_GT(*result.standard_error, 1e-9);
}

TEST_F(EngineTest, IdenticalCropsReachAnyBoundAtTwo) {
  const auto engine = load(1, 4);
  ScoreOptions options = random(1, 0);
  options.max_standard_error = 1e-9;
  options.max_crops = 50;
  const ScoreResult result = score(*engine, picture(224, 224), options);
  EXPECT_EQ(result.crops.size(), 2U);
  EXPECT_TRUE(result.standard_error_reached);
}

TEST_F(EngineTest, AFailureConcernsItsOwnImagesOnly) {
  const auto engine = load(1, 1);
  EXPECT_EQ(code_of(submit(*engine, plain(255)).get()), "ERR_OUT_OF_MEMORY");
  const JobResult broken = submit(*engine, plain(254)).get();
  EXPECT_EQ(code_of(broken), "ERR_INTERNAL");
  EXPECT_NE(std::string(std::get<Error>(broken).what()).find("broken on purpose"), std::string::npos)
      << std::get<Error>(broken).what();
  EXPECT_EQ(code_of(submit(*engine, plain(253)).get()), "ERR_INTERNAL") << "NaN is no score";
  EXPECT_NEAR(score(*engine, plain(5)).score, 5, 1e-5);
}

TEST_F(EngineTest, RefusesImpossibleJobs) {
  const auto engine = load(1, 1);
  const TestImage image = plain(1);
  const auto refused = [&](const std::string& words, const Image& view, const ScoreOptions& options) {
    expect_error("ERR_INVALID_ARGUMENT", words, [&] {
      engine->submit(view, options, [](JobId, const JobResult&) { ADD_FAILURE() << "called back"; });
    });
  };
  refused("no pixels", {nullptr, 224, 224}, {});
  refused("width and height", {image.pixels.data(), 0, 224}, {});
  refused("width and height", {image.pixels.data(), 224, -1}, {});
  refused("width and height", {image.pixels.data(), int64_t{1} << 40, 1}, {});
  ScoreOptions options;
  options.resize = {Resize::Mode::Exact, 0, 5, 0};
  refused("width of the resize", image.view(), options);
  options = {};
  options.minimum_side = 100;
  refused("minimum side", image.view(), options);
  options = {};
  options.crops.count = 0;
  refused("number of crops", image.view(), options);
  options = {};
  options.max_standard_error = 0;
  options.max_crops = 20;
  refused("greater than 0", image.view(), options);
  options.max_standard_error = std::nan("");
  refused("greater than 0", image.view(), options);
  options.max_standard_error = 1;
  options.max_crops = 9;
  refused("from the initial number, 10", image.view(), options);
  options.max_crops = 20;
  options.crops.kind = CropPlan::Kind::Grid;
  refused("random crops", image.view(), options);
  options = {};
  options.crops = {CropPlan::Kind::Grid, 0, 1001, 1000};
  refused("rows times the columns", image.view(), options);
  expect_error("ERR_IMAGE_TOO_LARGE", "beyond the limit", [&] { submit(*engine, plain(1, 2, 30000)); });
  expect_error("ERR_INVALID_ARGUMENT", "callback", [&] { engine->submit(image.view(), {}, nullptr); });
}

TEST_F(EngineTest, TwoEnginesWorkBesideEachOther) {
  const auto first = load(2, 4);
  const auto second = load(1, 2);
  const TestImage image = picture(500, 300);
  std::vector<std::future<JobResult>> outcomes;
  for (int i = 0; i < 10; ++i) outcomes.push_back(submit(i % 2 == 0 ? *first : *second, image, random(5, 1)));
  const double expected = std::get<ScoreResult>(outcomes[0].get()).score;
  for (size_t i = 1; i < outcomes.size(); ++i) {
    EXPECT_NEAR(std::get<ScoreResult>(outcomes[i].get()).score, expected, 1e-3);
  }
}

}  // namespace
}  // namespace hyperiqa
