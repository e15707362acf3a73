#include "device/device.h"

#include <gtest/gtest.h>

#include "engine.h"
#include "expect_error.h"

namespace hyperiqa {
namespace {

using testing::expect_error;

TEST(Device, TheProcessorIsAlwaysThere) {
  const DeviceChoice choice = choose_devices({"cpu"});
  ASSERT_EQ(choice.devices.size(), 1U);
  EXPECT_TRUE(choice.devices[0].is_cpu());
  EXPECT_EQ(choice.fallback_reason, "");
}

TEST(Device, RefusesWhatIsNoDevice) {
  const char* const kWrong[] = {"", "gpu", "CPU", "cpu:0", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda:99999999999"};
  for (const char* name : kWrong) {
    expect_error("ERR_INVALID_ARGUMENT", "names no device", [&] { choose_devices({name}); });
  }
  expect_error("ERR_INVALID_ARGUMENT", "empty", [] { choose_devices({}); });
  expect_error("ERR_INVALID_ARGUMENT", "twice", [] { choose_devices({"cpu", "cpu"}); });
}

TEST(Device, CudaThatIsNotThereIsRefusedWithTheReason) {
  const CudaReport report = cuda_report();
  if (report.available) GTEST_SKIP() << "this machine has CUDA";
  EXPECT_FALSE(report.reason.empty());
  EXPECT_TRUE(report.devices.empty());
  for (const char* name : {"cuda", "cuda:0", "cuda:7"}) {
    expect_error("ERR_DEVICE_UNAVAILABLE", report.reason, [&] { choose_devices({name}); });
  }
}

TEST(Device, AutoFallsBackAndTellsWhy) {
  const CudaReport report = cuda_report();
  if (report.available) GTEST_SKIP() << "this machine has CUDA";
  const DeviceChoice choice = choose_devices({"auto"});
  EXPECT_TRUE(choice.devices.at(0).is_cpu());
  EXPECT_EQ(choice.fallback_reason, report.reason);
}

TEST(Device, CudaNumbersBeyondTheLastAreRefused) {
  const CudaReport report = cuda_report();
  if (!report.available) GTEST_SKIP() << "this machine has no CUDA: " << report.reason;
  expect_error("ERR_DEVICE_UNAVAILABLE", "There is no device", [] { choose_devices({"cuda:99"}); });
}

}  // namespace
}  // namespace hyperiqa
