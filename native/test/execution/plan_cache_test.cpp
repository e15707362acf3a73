#include "execution/tuning_cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

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

TEST(TuningCache, NumbersOutOfRangeAreNoEntry) {
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
      ASSERT_NE(recall_setup(file, "a"), std::nullopt);
      const std::string before = std::string("\"") + member + "\": 4";
      text.replace(text.find(before), before.size(), std::string("\"") + member + "\": " + number);
      std::ofstream(file) << text;
      EXPECT_EQ(recall_setup(file, "a"), std::nullopt) << text;
    }
  }
}

TEST(TuningCache, IsBounded) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("tuning.json");
  for (int i = 0; i < 300; ++i) remember_setup(file, "key " + std::to_string(i), kSetup);
  EXPECT_EQ(recall_setup(file, "key 299"), kSetup) << "the newest is never the one that goes";
  int found = 0;
  for (int i = 0; i < 300; ++i) found += recall_setup(file, "key " + std::to_string(i)) == kSetup ? 1 : 0;
  EXPECT_EQ(found, 256);
  remember_setup(file, "key 299", {GraphMode::Freeze, 1, 1, 1});
  EXPECT_EQ(recall_setup(file, "key 299"), (CpuSetup{GraphMode::Freeze, 1, 1, 1}));

  const std::string entry = R"("a": {"graphMode": "freeze", "workers": 4, "threadsPerWorker": 4, "batchSize": 4})";
  const auto ignored = [&](const std::string& text, const char* why) {
    std::ofstream(file) << text;
    EXPECT_EQ(recall_setup(file, "a"), std::nullopt) << why;
    remember_setup(file, "a", kSetup);
    EXPECT_EQ(recall_setup(file, "a"), kSetup) << why;
    EXPECT_LT(std::filesystem::file_size(file), 1000U) << why;
  };
  std::string many = R"({"version": 1, "setups": {)" + entry;
  for (int i = 0; i < 256; ++i) many += ", \"" + std::to_string(i) + "\": 1";
  ignored(many + "}}", "too many entries");
  ignored(R"({"version": 1, "setups": {)" + entry + "}}" + std::string(size_t{1} << 18, ' '), "too long");
}

TEST(TuningCache, WhatIsNoFileIsNotRead) {
  // Reading a device that has no end would not end, and opening a pipe would wait for its writer.
  EXPECT_EQ(recall_setup("/dev/zero", "a"), std::nullopt);
  const testing::TemporaryFolder folder;
  EXPECT_EQ(recall_setup(folder.file(""), "a"), std::nullopt);
  const std::string pipe = folder.file("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(recall_setup(pipe, "a"), std::nullopt);
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
