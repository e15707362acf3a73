#include <caffe2/serialize/inline_container.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "engine.h"
#include "expect_error.h"
#include "face_detector.h"
#include "model/archive.h"
#include "score.h"
#include "test_model.h"

namespace hyperiqa {
namespace {

using testing::description;
using testing::expect_error;
using testing::kMeanForward;
using testing::mean_check_scores;
using testing::replaced;
using testing::TemporaryFolder;
using testing::write_archive;
using testing::write_mean_model;

class Load : public ::testing::Test {
 protected:
  static LoadOptions options(const std::string& path) {
    LoadOptions options;
    options.model_path = path;
    options.trust_model = true;  // its graph asserts and allocates, which no real model does
    options.devices = {"cpu"};
    options.threads = 1;
    options.batch_size = 4;
    options.graph_mode = GraphMode::Freeze;
    return options;
  }

  static void expect_refused(const std::string& code, const std::string& words, const std::string& path) {
    expect_error(code, words, [&] { Engine::load(options(path)); });
  }

  std::string with_forward(const std::string& forward) const {
    const std::string path = folder_.file("forward.pt");
    write_archive(path, forward, description(mean_check_scores()));
    return path;
  }

  TemporaryFolder folder_;
};

TEST_F(Load, WhatModelsDoNotNeedIsNamed) {
  LoadOptions untrusted = options(write_mean_model(folder_));
  untrusted.trust_model = false;
  expect_error("ERR_MODEL_UNTRUSTED", "code/__torch__.py, line ", [&] { Engine::load(untrusted); });
}

TEST_F(Load, WhatWasCheckedIsWhatIsRead) {
  const std::string path = write_mean_model(folder_);
  const Archive archive = open_archive(path, /*trusted=*/true);
  const auto size = static_cast<size_t>(std::filesystem::file_size(path));
  std::string before(size, '\0');
  ASSERT_EQ(archive.content->read(0, before.data(), size, ""), size);
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary) << std::string(size, '#');
  std::string after(size, '\0');
  ASSERT_EQ(archive.content->read(0, after.data(), size, ""), size);
  // The four bytes of the model's one weight alone are blanked.
  EXPECT_EQ(std::ranges::count(after, '#'), std::ranges::count(before, '#') + 4);
  caffe2::serialize::PyTorchStreamReader reader(archive.content);
  EXPECT_TRUE(reader.hasRecord("code/__torch__.py"));
}

TEST_F(Load, AnOperatorOfTheSameNameThatDoesSomethingElse) {
  // The code says torch.add and torch.mul; with lists those join and repeat.
  LoadOptions untrusted = options(with_forward(R"(
def forward(self, x):
    return torch.mean(x.to(6), [1] + [2, 3])
)"));
  untrusted.trust_model = false;
  expect_error("ERR_MODEL_UNTRUSTED", "aten::add.t", [&] { Engine::load(untrusted); });
}

TEST_F(Load, AMissingFile) {
  expect_refused("ERR_MODEL_NOT_FOUND", "There is no model file", folder_.file("none.pt"));
}

TEST_F(Load, AFolder) {
  expect_refused("ERR_MODEL_FORMAT", "it is a folder", folder_.file(""));
}

TEST_F(Load, AnEmptyFile) {
  std::ofstream(folder_.file("empty.pt")).flush();
  expect_refused("ERR_MODEL_FORMAT", "it is empty", folder_.file("empty.pt"));
}

TEST_F(Load, AText) {
  std::ofstream(folder_.file("text.pt")) << "a text";
  expect_refused("ERR_MODEL_FORMAT", "no TorchScript archive", folder_.file("text.pt"));
}

TEST_F(Load, ATruncatedArchive) {
  const std::string path = write_mean_model(folder_);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  expect_refused("ERR_MODEL_FORMAT", "damaged or incomplete", path);
}

TEST_F(Load, ACheckpoint) {
  const std::string path = folder_.file("checkpoint.pth");
  {
    caffe2::serialize::PyTorchStreamWriter writer(path);
    writer.writeRecord("data.pkl", "xx", 2);
    writer.writeEndOfFile();
  }
  expect_refused("ERR_MODEL_FORMAT", "hyperiqa export", path);
}

TEST_F(Load, AForeignTorchScriptArchive) {
  const std::string path = folder_.file("foreign.pt");
  write_archive(path, kMeanForward, "");
  expect_refused("ERR_MODEL_FORMAT", "without hyperiqa.json", path);
}

TEST_F(Load, ABadDescription) {
  const std::string path = folder_.file("model.pt");
  write_archive(path, kMeanForward, replaced(description(mean_check_scores()), "\"quality\"", "\"other\""));
  expect_refused("ERR_MODEL_FORMAT", "kind is \"other\"", path);
}

TEST_F(Load, AGraphWithoutForward) {
  expect_refused("ERR_MODEL_FORMAT", "no method forward", with_forward("def other(self, x):\n    return x\n"));
}

TEST_F(Load, AGraphWithAnotherSignature) {
  const std::string words = "must take one tensor and return one tensor";
  expect_refused("ERR_MODEL_FORMAT", words, with_forward("def forward(self, x, y):\n    return x + y\n"));
  expect_refused("ERR_MODEL_FORMAT", words, with_forward("def forward(self, x):\n    return x, x\n"));
}

TEST_F(Load, AGraphWithAnotherResult) {
  expect_refused("ERR_MODEL_FORMAT", "float32 of shape [N]",
                 with_forward("def forward(self, x):\n    return x.to(self.weight.dtype) * self.weight\n"));
  expect_refused("ERR_MODEL_FORMAT", "float32 of shape [N]",
                 with_forward("def forward(self, x):\n    return x.to(self.weight.dtype).mean().reshape([1])\n"));
  expect_refused("ERR_MODEL_FORMAT", "float32 of shape [N]",
                 with_forward("def forward(self, x):\n    return x.flatten(1).max(1)[0]\n"));
}

TEST_F(Load, AGraphThatFails) {
  expect_refused("ERR_MODEL_FORMAT", "does not run",
                 with_forward("def forward(self, x):\n    return torch.matmul(x, torch.zeros([3, 3]))\n"));
}

TEST_F(Load, WrongCheckScores) {
  const std::string path = folder_.file("model.pt");
  write_archive(path, kMeanForward, description("1, 2, 3, 4"));
  expect_refused("ERR_MODEL_SELF_CHECK", "off by", path);
  LoadOptions unchecked = options(path);
  unchecked.self_check = false;
  const auto engine = Engine::load(unchecked);
  EXPECT_FALSE(engine->info().self_check);
  EXPECT_FALSE(engine->self_check().passed);
}

TEST_F(Load, AnUnsupportedDtype) {
  LoadOptions half = options(with_forward(R"(
def forward(self, patches):
    x = patches.to(self.weight.dtype)
    assert self.weight.dtype == torch.zeros([1]).dtype, "no half precision here"
    return x.mean([1, 2, 3])
)"));
  EXPECT_NO_THROW(Engine::load(half));
  for (const Dtype dtype : {Dtype::Bf16, Dtype::Fp16}) {
    half.dtype = dtype;
    expect_error("ERR_DTYPE_UNSUPPORTED", "cannot be computed in ", [&] { Engine::load(half); });
  }
}

TEST_F(Load, HalfPrecisionWithItsOwnTolerance) {
  LoadOptions half = options(write_mean_model(folder_));
  half.dtype = Dtype::Bf16;
  const auto engine = Engine::load(half);
  EXPECT_EQ(engine->info().dtype, Dtype::Bf16);
  EXPECT_TRUE(engine->info().self_check->passed);
  EXPECT_DOUBLE_EQ(engine->info().self_check->tolerance, 0.05 * 255);
}

TEST_F(Load, ImpossibleOptions) {
  const std::string path = write_mean_model(folder_);
  const auto refused = [&](const std::string& words, const std::function<void(LoadOptions&)>& change) {
    LoadOptions changed = options(path);
    change(changed);
    expect_error("ERR_INVALID_ARGUMENT", words, [&] { Engine::load(changed); });
  };
  refused("path of the model", [](LoadOptions& o) { o.model_path = ""; });
  refused("number of threads", [](LoadOptions& o) { o.threads = -1; });
  refused("number of threads", [](LoadOptions& o) { o.threads = 5000; });
  refused("batch size", [](LoadOptions& o) { o.batch_size = -1; });
  refused("batch size", [](LoadOptions& o) { o.batch_size = 5000; });
  refused("queue", [](LoadOptions& o) { o.max_queue_images = 0; });
  refused("queue", [](LoadOptions& o) { o.max_queue_bytes = 0; });
}

TEST_F(Load, TellsWhatIsInUse) {
  const auto engine = Engine::load(options(write_mean_model(folder_)));
  const EngineInfo& info = engine->info();
  EXPECT_EQ(info.metadata, description(mean_check_scores()));
  ASSERT_EQ(info.devices.size(), 1U);
  EXPECT_EQ(info.devices[0].id, "cpu");
  EXPECT_FALSE(info.devices[0].name.empty());
  EXPECT_EQ(info.fallback_reason, "");
  EXPECT_EQ(info.graph_mode, GraphMode::Freeze);
  EXPECT_EQ(info.workers, 1);
  EXPECT_EQ(info.threads_per_worker, 1);
  EXPECT_EQ(info.batch_size, 4);
  ASSERT_TRUE(info.self_check);
  EXPECT_TRUE(info.self_check->passed);
  EXPECT_EQ(info.self_check->expected.size(), 4U);
  EXPECT_EQ(info.self_check->actual.size(), 4U);
  EXPECT_LT(info.self_check->largest_difference, 1e-3);
  EXPECT_EQ(libtorch_version(), HYPERIQA_LIBTORCH_VERSION);
}

TEST_F(Load, MeasuresOnceAndRemembers) {
  const std::string sha = "\"weightsSha256\": \"0";
  LoadOptions measured;
  measured.devices = {"cpu"};
  measured.threads = 2;
  measured.tuning_file = folder_.file("tuning.json");
  std::ofstream(measured.tuning_file) << "damaged";
  measured.trust_model = true;
  measured.model_path = folder_.file("a.pt");
  write_archive(measured.model_path, kMeanForward, description(mean_check_scores()));
  const auto engine = Engine::load(measured);
  EXPECT_NE(engine->info().graph_mode, GraphMode::Auto);
  EXPECT_LE(engine->info().workers * engine->info().threads_per_worker, 2);
  std::ifstream file(measured.tuning_file);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(text.find("\"graphMode\""), std::string::npos) << text;

  // Another model, whose set-up the file knows: it is taken, not measured.
  const int64_t other_size = engine->info().batch_size == 4 ? 8 : 4;
  const std::string other = replaced(text, "model 0", "model f");
  std::ofstream(measured.tuning_file) << std::string(other).replace(other.find("\"batchSize\": ") + 13, 1,
                                                                    std::to_string(other_size));
  measured.model_path = folder_.file("b.pt");
  write_archive(measured.model_path, kMeanForward,
                replaced(description(mean_check_scores()), sha, "\"weightsSha256\": \"f"));
  EXPECT_EQ(Engine::load(measured)->info().batch_size, other_size);
}

TEST_F(Load, MeasuresAnewWhatNoMeasurementComesTo) {
  LoadOptions measured;
  measured.trust_model = true;
  measured.devices = {"cpu"};
  measured.threads = 2;
  measured.model_path = folder_.file("model.pt");
  measured.tuning_file = folder_.file("tuning.json");
  const auto write_model = [&](char first) {
    write_archive(measured.model_path, kMeanForward,
                  replaced(description(mean_check_scores()), "\"weightsSha256\": \"0",
                           std::string("\"weightsSha256\": \"") + first));
  };
  const auto read = [&] {
    std::ifstream file(measured.tuning_file);
    return std::string{std::istreambuf_iterator<char>(file), {}};
  };
  write_model('1');
  Engine::load(measured);
  const std::string text = read();
  const size_t begin = text.find("model 1");
  const std::string key = text.substr(begin, text.find("\": {", begin) - begin);

  // The first overflows an int in its product, the others are within the ranges.
  const char* const kAbsurd[] = {R"("workers": 2048, "threadsPerWorker": 1048576, "batchSize": 1)",
                                 R"("workers": 2, "threadsPerWorker": 1, "batchSize": 1024)",
                                 R"("workers": 1024, "threadsPerWorker": 1, "batchSize": 4)",
                                 R"("workers": 1, "threadsPerWorker": 1, "batchSize": 4)",
                                 R"("workers": 1, "threadsPerWorker": 1024, "batchSize": 4)"};
  char first = '2';  // each a model that this process has not measured yet
  for (const char* absurd : kAbsurd) {
    write_model(first);
    std::ofstream(measured.tuning_file) << R"({"version": 1, "setups": {")"
                                        << replaced(key, "model 1", std::string("model ") + first)
                                        << R"(": {"graphMode": "freeze", )" << absurd << "}}}";
    const auto engine = Engine::load(measured);
    EXPECT_EQ(engine->info().workers * engine->info().threads_per_worker, 2) << absurd;
    EXPECT_LE(engine->info().batch_size, 8) << absurd;
    EXPECT_EQ(read().find(absurd), std::string::npos) << "it is replaced in the file: " << read();
    ++first;
  }
}

TEST_F(Load, CanBeStopped) {
  LoadOptions stopped = options(write_mean_model(folder_));
  stopped.graph_mode = GraphMode::Auto;
  stopped.tuning_file = folder_.file("tuning.json");
  {
    const StopFlag source;
    source.request_stop();
    stopped.stop = source;
    expect_error("ERR_ABORTED", "given up", [&] { Engine::load(stopped); });
  }
  // Forwards of a hundred matrix products each, so that the measurement is under way when the stop comes.
  stopped.model_path = folder_.file("slow.pt");
  write_archive(stopped.model_path, R"(
def forward(self, patches):
    x = patches.to(self.weight.dtype)
    y = torch.ones([512, 512])
    for i in range(100):
        y = torch.matmul(y, y) / 512.0
    return x.mean([1, 2, 3]) * y[0, 0]
)",
                description(mean_check_scores()));
  const StopFlag source;
  stopped.stop = source;
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    source.request_stop();
  });
  // A second load, which waits for its turn to measure, is given up, too.
  std::string second_code;
  std::thread second([&] {
    try {
      Engine::load(stopped);
    } catch (const Error& error) {
      second_code = error.code();
    }
  });
  expect_error("ERR_ABORTED", "given up", [&] { Engine::load(stopped); });
  stopper.join();
  second.join();
  EXPECT_EQ(second_code, "ERR_ABORTED");
  EXPECT_FALSE(std::filesystem::exists(stopped.tuning_file)) << "half a measurement is none";

  DetectorLoadOptions detector;
  detector.model_path = HYPERIQA_FACE_MODEL;
  detector.stop = source;
  expect_error("ERR_ABORTED", "given up", [&] { FaceDetector::load(detector); });
}

TEST_F(Load, SelfCheckCanBeRepeated) {
  const auto engine = Engine::load(options(write_mean_model(folder_)));
  const SelfCheck check = engine->self_check();
  EXPECT_TRUE(check.passed);
  EXPECT_LT(check.largest_difference, 1e-3);
  engine->close();
  expect_error("ERR_DISPOSED", "disposed", [&] { engine->self_check(); });
}

}  // namespace
}  // namespace hyperiqa
