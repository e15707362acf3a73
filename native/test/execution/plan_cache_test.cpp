#include "execution/plan_cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "test_model.h"

namespace hyperiqa {
namespace {

constexpr ExecutionPlan kPlan{GraphMode::OneDnn, 2, 3, 8};

TEST(PlanCache, RecallsWhatItRemembered) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("new/folder/tuning.json");
  EXPECT_EQ(recall_plan(file, "a"), std::nullopt);
  EXPECT_TRUE(remember_plan(file, "a", kPlan));
  const ExecutionPlan other{GraphMode::Freeze, 1, 1, 1};
  remember_plan(file, "b \"quoted\"", other);
  EXPECT_EQ(recall_plan(file, "a"), kPlan);
  EXPECT_EQ(recall_plan(file, "b \"quoted\""), other);
  EXPECT_EQ(recall_plan(file, "c"), std::nullopt);
}

TEST(PlanCache, WithoutAFileThereIsNothing) {
  EXPECT_FALSE(remember_plan("", "a", kPlan));
  EXPECT_EQ(recall_plan("", "a"), std::nullopt);
}

TEST(PlanCache, ADamagedFileIsReplaced) {
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
    EXPECT_EQ(recall_plan(file, "a"), std::nullopt) << text;
    remember_plan(file, "a", kPlan);
    EXPECT_EQ(recall_plan(file, "a"), kPlan) << text;
  }
}

TEST(PlanCache, NumbersOutOfRangeAreNoEntry) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("tuning.json");
  const char* const kNumbers[] = {"0",    "-1",     "1025",    "1048576", "2147483648", "9223372036854775808",
                                  "1e99", "1.5",    "\"4\"",   "null",    "[4]",        "true",
                                  "-0",   "1e-300", "1e309999"};
  for (const char* member : {"workers", "threadsPerWorker", "batchSize"}) {
    for (const char* number : kNumbers) {
      std::string text =
          R"({"version": 1, "setups": {"a": {"graphMode": "freeze", "workers": 4, "threadsPerWorker": 4, "batchSize": 4}}})";
      std::ofstream(file) << text;
      ASSERT_NE(recall_plan(file, "a"), std::nullopt);
      const std::string before = std::string("\"") + member + "\": 4";
      text.replace(text.find(before), before.size(), std::string("\"") + member + "\": " + number);
      std::ofstream(file) << text;
      EXPECT_EQ(recall_plan(file, "a"), std::nullopt) << text;
    }
  }
}

TEST(PlanCache, IsBounded) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("tuning.json");
  for (int i = 0; i < 300; ++i) remember_plan(file, "key " + std::to_string(i), kPlan);
  EXPECT_EQ(recall_plan(file, "key 299"), kPlan) << "the newest is never the one that goes";
  int found = 0;
  for (int i = 0; i < 300; ++i) found += recall_plan(file, "key " + std::to_string(i)) == kPlan ? 1 : 0;
  EXPECT_EQ(found, 256);
  remember_plan(file, "key 299", {GraphMode::Freeze, 1, 1, 1});
  EXPECT_EQ(recall_plan(file, "key 299"), (ExecutionPlan{GraphMode::Freeze, 1, 1, 1}));

  const std::string entry = R"("a": {"graphMode": "freeze", "workers": 4, "threadsPerWorker": 4, "batchSize": 4})";
  const auto ignored = [&](const std::string& text, const char* why) {
    std::ofstream(file) << text;
    EXPECT_EQ(recall_plan(file, "a"), std::nullopt) << why;
    remember_plan(file, "a", kPlan);
    EXPECT_EQ(recall_plan(file, "a"), kPlan) << why;
    EXPECT_LT(std::filesystem::file_size(file), 1000U) << why;
  };
  std::string many = R"({"version": 1, "setups": {)" + entry;
  for (int i = 0; i < 256; ++i) many += ", \"" + std::to_string(i) + "\": 1";
  ignored(many + "}}", "too many entries");
  ignored(R"({"version": 1, "setups": {)" + entry + "}}" + std::string(size_t{1} << 18, ' '), "too long");
}

TEST(PlanCache, WhatIsNoFileIsNotRead) {
  // Reading a device that has no end would not end, and opening a pipe would wait for its writer.
  EXPECT_EQ(recall_plan("/dev/zero", "a"), std::nullopt);
  const testing::TemporaryFolder folder;
  EXPECT_EQ(recall_plan(folder.file(""), "a"), std::nullopt);
  const std::string pipe = folder.file("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(recall_plan(pipe, "a"), std::nullopt);
}

TEST(PlanCache, AFileThatCannotBeWrittenIsLeftAlone) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder.file("file")) << "x";
  EXPECT_FALSE(remember_plan(folder.file("file/tuning.json"), "a", kPlan));
}

TEST(PlanCache, WritersAtTheSameTimeLeaveAWholeFileWithEveryEntry) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("tuning.json");
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&file, i] {
      for (int run = 0; run < 20; ++run) {
        EXPECT_TRUE(remember_plan(file, "writer " + std::to_string(i) + " " + std::to_string(run), kPlan));
        recall_plan(file, "writer 0");
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  for (int i = 0; i < 80; ++i) {
    const std::string key = "writer " + std::to_string(i / 20) + " " + std::to_string(i % 20);
    EXPECT_EQ(recall_plan(file, key), kPlan) << key;
  }
  remember_plan(file, "last", kPlan);
  EXPECT_EQ(recall_plan(file, "last"), kPlan);
  size_t others = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(file).parent_path())) {
    if (entry.path() != file) ++others;
  }
  EXPECT_EQ(others, 0U) << "no temporary file is left behind";
}

}  // namespace
}  // namespace hyperiqa
