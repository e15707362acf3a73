#include "tuning_cache.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "test_model.h"

namespace hyperiqa {
namespace {

constexpr CpuSetup kSetup{GraphMode::OneDnn, 2, 3, 8};

TEST(TuningCache, RecallsWhatItRemembered) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("new/folder/tuning.json");
  EXPECT_EQ(recall_setup(file, "a"), std::nullopt);
  remember_setup(file, "a", kSetup);
  const CpuSetup other{GraphMode::Freeze, 1, 1, 1};
  remember_setup(file, "b \"quoted\"", other);
  EXPECT_EQ(recall_setup(file, "a"), kSetup);
  EXPECT_EQ(recall_setup(file, "b \"quoted\""), other);
  EXPECT_EQ(recall_setup(file, "c"), std::nullopt);
}

TEST(TuningCache, WithoutAFileThereIsNothing) {
  EXPECT_NO_THROW(remember_setup("", "a", kSetup));
  EXPECT_EQ(recall_setup("", "a"), std::nullopt);
}

TEST(TuningCache, ADamagedFileIsReplaced) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("tuning.json");
  const char* const kDamaged[] = {
      "",
      "{",
      "[]",
      R"({"version": 99, "setups": {"a": {"graphMode": "freeze", "workers": 1, "threadsPerWorker": 1, "batchSize": 1}}})",
      R"({"version": 1, "setups": 3})",
      R"({"version": 1, "setups": {"a": 3}})",
      R"({"version": 1, "setups": {"a": {"graphMode": "magic", "workers": 1, "threadsPerWorker": 1, "batchSize": 1}}})",
      R"({"version": 1, "setups": {"a": {"graphMode": "freeze", "workers": 0, "threadsPerWorker": 1, "batchSize": 1}}})",
      R"({"version": 1, "setups": {"a": {"graphMode": "freeze", "workers": 1, "threadsPerWorker": 1e99, "batchSize": 1}}})",
      R"({"version": 1, "setups": {"a": {"graphMode": "freeze", "workers": 1, "threadsPerWorker": 1}}})"};
  for (const char* text : kDamaged) {
    std::ofstream(file) << text;
    EXPECT_EQ(recall_setup(file, "a"), std::nullopt) << text;
    remember_setup(file, "a", kSetup);
    EXPECT_EQ(recall_setup(file, "a"), kSetup) << text;
  }
}

TEST(TuningCache, AFileThatCannotBeWrittenIsLeftAlone) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder.file("file")) << "x";
  EXPECT_NO_THROW(remember_setup(folder.file("file/tuning.json"), "a", kSetup));
}

TEST(TuningCache, WritersAtTheSameTimeLeaveAWholeFile) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("tuning.json");
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&file, i] {
      for (int run = 0; run < 20; ++run) {
        remember_setup(file, "writer " + std::to_string(i), kSetup);
        recall_setup(file, "writer 0");
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  remember_setup(file, "last", kSetup);
  EXPECT_EQ(recall_setup(file, "last"), kSetup);
  size_t others = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(file).parent_path())) {
    if (entry.path() != file) ++others;
  }
  EXPECT_EQ(others, 0U) << "no temporary file is left behind";
}

}  // namespace
}  // namespace hyperiqa
