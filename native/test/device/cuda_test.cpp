/**
 * @file
 * The way to CUDA and through it, over the stand-ins of cuda_standin: each test in a process of its own
 * (CMakeLists.txt), because a process chooses once. Skipped where they are not there.
 */
#include <ATen/Context.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "device/device.h"
#include "engine.h"
#include "expect_error.h"
#include "face_detector.h"
#include "score.h"
#include "test_image.h"
#include "test_model.h"

namespace hyperiqa {
namespace {

using testing::expect_error;
using testing::picture;
using testing::score;
using testing::TemporaryFolder;
using testing::TestImage;
using testing::write_mean_model;

/** Two devices, unless the environment says something else. */
class CudaStandIn : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("HYPERIQA_CUDA_STANDIN") == nullptr) GTEST_SKIP() << "ctest runs this with stand-ins for CUDA";
  }

  LoadOptions on(std::vector<std::string> devices) const {
    LoadOptions options;
    options.trust_model = true;  // its graph asserts and allocates, which no real model does
    options.model_path = path_;
    options.devices = std::move(devices);
    options.threads = 1;
    options.batch_size = 4;
    return options;
  }

  /** Loads on a device and scores with it. */
  double score_on(const std::string& device) const {
    LoadOptions options = on({device});
    if (device == "cpu") options.graph_mode = GraphMode::Freeze;
    const auto engine = Engine::load(options);
    EXPECT_EQ(engine->info().devices.at(0).id, device == "auto" || device == "cuda" ? "cuda:0" : device);
    EXPECT_EQ(engine->info().fallback_reason, "");
    ScoreOptions crops;
    crops.crops.count = 7;  // a full batch, and one that is padded
    return score(*engine, picture(300, 260), crops).score;
  }

  static DetectorLoadOptions detector(const std::string& device) {
    DetectorLoadOptions options;
    options.model_path = HYPERIQA_FACE_MODEL;
    options.device = device;
    options.threads = 1;
    return options;
  }

  TemporaryFolder folder_;
  std::string path_ = write_mean_model(folder_);
};

TEST_F(CudaStandIn, AfterADetectorOnTheCpu) {
  EXPECT_EQ(FaceDetector::load(detector("cpu"))->info().device.id, "cpu");
  EXPECT_TRUE(at::Context::hasCUDART());
  EXPECT_NEAR(score_on("cuda"), score_on("cpu"), 1e-4);
}

TEST_F(CudaStandIn, AfterAScorerOnTheCpu) {
  const double expected = score_on("cpu");
  EXPECT_TRUE(at::Context::hasCUDART());
  for (const char* device : {"cuda", "cuda:1", "auto"}) EXPECT_NEAR(score_on(device), expected, 1e-4) << device;
  EXPECT_EQ(FaceDetector::load(detector("cuda:1"))->info().device.name, "Stand-in 1");
}

TEST_F(CudaStandIn, AfterTheReport) {
  const CudaReport report = cuda_report();
  EXPECT_TRUE(report.available) << report.reason;
  ASSERT_EQ(report.devices.size(), 2U);
  EXPECT_EQ(report.devices[1].id, "cuda:1");
  EXPECT_EQ(report.devices[1].name, "Stand-in 1");
  EXPECT_NEAR(score_on("cuda:1"), score_on("cpu"), 1e-4);
  expect_error("ERR_DEVICE_UNAVAILABLE", "no device cuda:2; the last one is cuda:1",
               [] { choose_devices({"cuda:2"}); });
  expect_error("ERR_INVALID_ARGUMENT", "twice", [] { choose_devices({"cuda", "cuda:0"}); });
}

TEST_F(CudaStandIn, AfterAFailedLoad) {
  LoadOptions missing = on({"cpu"});
  missing.model_path = folder_.file("none.pt");
  expect_error("ERR_MODEL_NOT_FOUND", "no model file", [&] { Engine::load(missing); });
  EXPECT_NEAR(score_on("cuda"), score_on("cpu"), 1e-4);
}

TEST_F(CudaStandIn, AfterLibTorchWasUsedByOthers) {
  EXPECT_FALSE(at::Context::hasCUDART());
  const std::string reason = "used in this process before";
  expect_error("ERR_DEVICE_UNAVAILABLE", reason, [&] { Engine::load(on({"cuda"})); });
  EXPECT_NE(Engine::load(on({"auto"}))->info().fallback_reason.find(reason), std::string::npos);
}

TEST_F(CudaStandIn, DevicesShareAQueue) {
  const auto engine = Engine::load(on({"cuda:0", "cuda:1"}));
  EXPECT_EQ(engine->info().devices.size(), 2U);
  EXPECT_EQ(engine->info().workers, 4);
  const TestImage image = picture(300, 260);
  std::vector<std::future<JobResult>> outcomes;
  for (int i = 0; i < 40; ++i) outcomes.push_back(testing::submit(*engine, image));
  const double expected = score_on("cpu");
  ScoreOptions seven;
  seven.crops.count = 7;
  EXPECT_NEAR(score(*engine, image, seven).score, expected, 1e-4);
  for (auto& outcome : outcomes) EXPECT_EQ(testing::code_of(outcome.get()), "");
}

TEST_F(CudaStandIn, GraphModesAreObeyedOrRefused) {
  const auto mode = [&](GraphMode wanted, const char* device) {
    LoadOptions options = on({device});
    options.graph_mode = wanted;
    return Engine::load(options)->info().graph_mode;
  };
  EXPECT_EQ(mode(GraphMode::Auto, "cuda"), GraphMode::Freeze);
  EXPECT_EQ(mode(GraphMode::Freeze, "cuda"), GraphMode::Freeze);
  EXPECT_EQ(mode(GraphMode::Optimize, "cuda"), GraphMode::Optimize);
  for (const char* device : {"cuda:1", "auto"}) {
    expect_error("ERR_INVALID_ARGUMENT", "CPU only", [&] { mode(GraphMode::OneDnn, device); });
  }
}

TEST_F(CudaStandIn, ADeviceThatCannotComputeIsNoChoice) {
  expect_error("ERR_DEVICE_UNAVAILABLE", "cuda cannot be used: Could not run", [&] { Engine::load(on({"cuda"})); });
  const auto engine = Engine::load(on({"auto"}));
  EXPECT_EQ(engine->info().devices.at(0).id, "cpu");
  EXPECT_NE(engine->info().fallback_reason.find("Could not run"), std::string::npos);
}

}  // namespace
}  // namespace hyperiqa
