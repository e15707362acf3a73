/** @file The networks themselves: the test models of test/helpers/models.ts, in every graph mode. */
#include <gtest/gtest.h>

#include "engine.h"
#include "names.h"
#include "score.h"
#include "test_image.h"
#include "test_model.h"

namespace hyperiqa {
namespace {

using testing::picture;
using testing::real_model;
using testing::score;
using testing::submit;
using testing::TestImage;

class RealModel : public ::testing::TestWithParam<std::tuple<std::string, GraphMode>> {
 protected:
  void SetUp() override {
    path_ = real_model(std::get<0>(GetParam()));
    ASSERT_FALSE(path_.empty()) << "no test model: \"npm test -- ctest\" makes it";
  }

  std::shared_ptr<Engine> load(int threads, int64_t batch_size, Dtype dtype = Dtype::Fp32) const {
    LoadOptions options;
    options.model_path = path_;
    options.devices = {"cpu"};
    options.threads = threads;
    options.batch_size = batch_size;
    options.graph_mode = std::get<1>(GetParam());
    options.dtype = dtype;
    return Engine::load(options);
  }

  std::string path_;
};

TEST_P(RealModel, GivesItsOwnCheckScoresInEveryBatchShape) {
  const auto engine = load(1, 4);
  EXPECT_TRUE(engine->info().self_check->passed);
  EXPECT_LE(engine->info().self_check->largest_difference, engine->info().self_check->tolerance);
  EXPECT_TRUE(engine->self_check().passed);
}

TEST_P(RealModel, BatchesAndWorkersDoNotChangeAScore) {
  const auto single = load(1, 1);
  const auto many = load(2, 4);
  const TestImage images[] = {picture(384, 512), picture(300, 240), picture(224, 224)};
  ScoreOptions options;
  options.crops.count = 5;
  std::vector<std::future<JobResult>> outcomes;
  for (const TestImage& image : images) outcomes.push_back(submit(*many, image, options));
  for (size_t i = 0; i < outcomes.size(); ++i) {
    EXPECT_NEAR(std::get<ScoreResult>(outcomes[i].get()).score, score(*single, images[i], options).score, 1e-3);
  }
}

TEST_P(RealModel, RunsInBf16WithinItsTolerance) {
  const auto engine = load(1, 2, Dtype::Bf16);
  EXPECT_TRUE(engine->info().self_check->passed) << engine->info().self_check->largest_difference;
}

std::string name_of(const ::testing::TestParamInfo<RealModel::ParamType>& info) {
  return std::get<0>(info.param) + "_" + name_of(kGraphModeNames, std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(Networks, RealModel,
                         ::testing::Combine(::testing::Values("lite0", "resnet50"),
                                            ::testing::Values(GraphMode::Freeze, GraphMode::Optimize,
                                                              GraphMode::OneDnn)),
                         name_of);

}  // namespace
}  // namespace hyperiqa
