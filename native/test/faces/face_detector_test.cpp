/** @file The detector with its real model: faces as facenet-pytorch finds them, images of any size, queue and end. */
#include "face_detector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <limits>

#include "expect_error.h"
#include "face_fixture.h"
#include "test_image.h"
#include "test_model.h"

namespace hyperiqa {
namespace {

using testing::expect_error;
using testing::floats;
using testing::photograph;
using testing::picture;
using testing::plain;
using testing::TestImage;

DetectorLoadOptions options(int threads = 1) {
  DetectorLoadOptions options;
  options.model_path = HYPERIQA_FACE_MODEL;
  options.threads = threads;
  return options;
}

std::future<DetectionOutcome> submit(FaceDetector& detector, const TestImage& image, double minimum_face = 0) {
  auto promise = std::make_shared<std::promise<DetectionOutcome>>();
  auto future = promise->get_future();
  detector.submit(image.view(), {minimum_face},
                  [promise](JobId, DetectionOutcome outcome) { promise->set_value(std::move(outcome)); });
  return future;
}

std::vector<Face> detect(FaceDetector& detector, const TestImage& image, double minimum_face = 0) {
  const DetectionOutcome outcome = submit(detector, image, minimum_face).get();
  if (const auto* error = std::get_if<Error>(&outcome)) {
    ADD_FAILURE() << error->code() << ": " << error->what();
    return {};
  }
  return std::get<DetectionResult>(outcome).faces;
}

std::string code_of(const DetectionOutcome& outcome) {
  const auto* error = std::get_if<Error>(&outcome);
  return error ? error->code() : "";
}

/** The image in the middle of a plain one. */
TestImage framed(const TestImage& image, int64_t width, int64_t height) {
  TestImage result = plain(120, width, height);
  const int64_t left = (width - image.width) / 2;
  const int64_t top = (height - image.height) / 2;
  for (int64_t row = 0; row < image.height; ++row) {
    std::memcpy(&result.pixels[static_cast<size_t>(((top + row) * width + left) * 3)],
                &image.pixels[static_cast<size_t>(row * image.width * 3)], static_cast<size_t>(image.width * 3));
  }
  return result;
}

/** Keeps the only worker of a detector busy, inside a callback, until it is opened. */
class Gate {
 public:
  explicit Gate(FaceDetector& detector) {
    auto reached = std::make_shared<std::promise<void>>();
    auto at_gate = reached->get_future();
    auto opened = opened_.get_future().share();
    detector.submit(image_.view(), {}, [opened, reached](JobId, const DetectionOutcome&) {
      reached->set_value();
      opened.wait();
    });
    at_gate.wait();
  }
  void open() { opened_.set_value(); }

 private:
  TestImage image_ = plain(1, 8, 8);
  std::promise<void> opened_;
};

void expect_faces(const std::vector<Face>& faces, const Json& list) {
  const auto& expected = *list.array();
  ASSERT_EQ(faces.size(), expected.size());
  for (size_t i = 0; i < faces.size(); ++i) {
    const std::vector<float> box = floats(*expected[i].find("box"));
    EXPECT_NEAR(faces[i].left, box[0], 0.05);
    EXPECT_NEAR(faces[i].top, box[1], 0.05);
    EXPECT_NEAR(faces[i].right, box[2], 0.05);
    EXPECT_NEAR(faces[i].bottom, box[3], 0.05);
    EXPECT_NEAR(faces[i].confidence, *expected[i].find("confidence")->number(), 1e-4);
    const auto& landmarks = *expected[i].find("landmarks")->array();
    for (size_t j = 0; j < landmarks.size(); ++j) {
      EXPECT_NEAR(faces[i].landmarks[j].x, floats(landmarks[j])[0], 0.05);
      EXPECT_NEAR(faces[i].landmarks[j].y, floats(landmarks[j])[1], 0.05);
    }
  }
}

TEST(FaceDetector, FindsTheFacesThatFacenetFinds) {
  const auto detector = FaceDetector::load(options());
  const Json fixture = testing::face_fixture();
  expect_faces(detect(*detector, photograph()), *fixture.find("faces"));
}

TEST(FaceDetector, TilesDoNotShow) {
  // The finest level, 0.6 of the image, takes several tiles of 256 windows, 512 pixels; facenet-pytorch has none.
  const auto detector = FaceDetector::load(options());
  const Json fixture = testing::face_fixture();
  expect_faces(detect(*detector, framed(photograph(), 1940, 1220)), *fixture.find("framed_1940x1220"));
}

TEST(FaceDetector, ChecksItself) {
  const auto detector = FaceDetector::load(options());
  const DetectorInfo& info = detector->info();
  ASSERT_TRUE(info.self_check);
  EXPECT_TRUE(info.self_check->passed) << info.self_check->largest_difference;
  EXPECT_EQ(info.device.id, "cpu");
  EXPECT_EQ(info.workers, 1);
  EXPECT_NE(info.metadata.find("\"faces\""), std::string::npos);
}

TEST(FaceDetector, TheSmallestFaceDecidesWhereThePyramidBegins) {
  const auto detector = FaceDetector::load(options());
  EXPECT_EQ(detect(*detector, photograph(), 60).size(), 2U);
  EXPECT_EQ(detect(*detector, photograph(), 181).size(), 0U) << "no face of that size fits into 240×180 pixels";
}

TEST(FaceDetector, ImagesOfAnySizeAreDone) {
  const auto detector = FaceDetector::load(options());
  for (const auto& [width, height] : {std::pair{1, 1}, {11, 300}, {20, 20}, {21, 20}, {33, 1000}, {5000, 24}}) {
    EXPECT_LE(detect(*detector, picture(width, height)).size(), 1U) << width << "×" << height;
  }
  EXPECT_EQ(detect(*detector, plain(255, 200, 100)).size(), 0U);
}

TEST(FaceDetector, WorkersAndOrderChangeNothing) {
  const auto one = FaceDetector::load(options(1));
  const auto three = FaceDetector::load(options(3));
  const TestImage image = photograph();
  const std::vector<Face> expected = detect(*one, image);
  std::vector<std::future<DetectionOutcome>> outcomes;
  for (int i = 0; i < 6; ++i) outcomes.push_back(submit(*three, image));
  for (auto& outcome : outcomes) {
    const auto faces = std::get<DetectionResult>(outcome.get()).faces;
    ASSERT_EQ(faces.size(), expected.size());
    for (size_t i = 0; i < faces.size(); ++i) {
      EXPECT_EQ(faces[i].left, expected[i].left);
      EXPECT_EQ(faces[i].confidence, expected[i].confidence);
    }
  }
}

TEST(FaceDetector, RefusesWhatIsNoImageOrNoOption) {
  const auto detector = FaceDetector::load(options());
  const TestImage image = plain(1);
  expect_error("ERR_INVALID_ARGUMENT", "no pixels", [&] { detector->submit({}, {}, [](JobId, const auto&) {}); });
  expect_error("ERR_INVALID_ARGUMENT", "from 12", [&] { submit(*detector, image, 5); });
  expect_error("ERR_INVALID_ARGUMENT", "from 12", [&] { submit(*detector, image, std::nan("")); });
  expect_error("ERR_INVALID_ARGUMENT", "callback", [&] { detector->submit(image.view(), {}, nullptr); });
}

TEST(FaceDetector, RefusesImagesBeyondTheLimit) {
  const auto detector = FaceDetector::load(options());
  // Never read: the size alone is too large.
  const TestImage image{std::vector<uint8_t>(3), 20'000, 20'000};
  EXPECT_EQ(code_of(submit(*detector, image).get()), "ERR_IMAGE_TOO_LARGE");
  constexpr int64_t kLongest = std::numeric_limits<int32_t>::max();
  const Image uncountable{image.pixels.data(), kLongest, kLongest};
  expect_error("ERR_IMAGE_TOO_LARGE", "any memory",
               [&] { detector->submit(uncountable, {}, [](JobId, const auto&) {}); });
}

TEST(FaceDetector, RefusesOtherFiles) {
  const testing::TemporaryFolder folder;
  const auto load = [](const std::string& path) {
    DetectorLoadOptions wrong = options();
    wrong.trust_model = true;  // what the code does is not what is refused here
    wrong.model_path = path;
    FaceDetector::load(wrong);
  };
  expect_error("ERR_MODEL_NOT_FOUND", "no model file", [&] { load(folder.file("none.pt")); });
  expect_error("ERR_MODEL_FORMAT", "finds no faces", [&] { load(testing::write_mean_model(folder)); });
  testing::write_archive(folder.file("empty.pt"), testing::kMeanForward, testing::detector_description());
  expect_error("ERR_MODEL_FORMAT", "no network proposal", [&] { load(folder.file("empty.pt")); });
  expect_error("ERR_MODEL_FORMAT", "load it as a face detector", [] {
    LoadOptions scoring;
    scoring.model_path = HYPERIQA_FACE_MODEL;
    scoring.devices = {"cpu"};
    Engine::load(scoring);
  });
  DetectorLoadOptions wrong = options();
  wrong.threads = -1;
  expect_error("ERR_INVALID_ARGUMENT", "threads", [&] { FaceDetector::load(wrong); });
}

TEST(FaceDetector, TheQueueIsBounded) {
  DetectorLoadOptions bounded = options();
  bounded.max_queue_images = 2;
  const auto detector = FaceDetector::load(bounded);
  Gate gate(*detector);
  const TestImage image = plain(1, 30, 30);
  auto first = submit(*detector, image);
  auto second = submit(*detector, image);
  expect_error("ERR_QUEUE_FULL", "2 images", [&] { submit(*detector, image); });
  gate.open();
  EXPECT_EQ(code_of(first.get()), "");
  EXPECT_EQ(code_of(second.get()), "");
}

TEST(FaceDetector, AWaitingImageIsCancelledAtOnce) {
  const auto detector = FaceDetector::load(options());
  Gate gate(*detector);
  const TestImage image = plain(1, 30, 30);
  std::promise<DetectionOutcome> promise;
  const JobId id = detector->submit(
      image.view(), {}, [&promise](JobId, DetectionOutcome outcome) { promise.set_value(std::move(outcome)); });
  EXPECT_TRUE(detector->cancel(id));
  EXPECT_EQ(code_of(promise.get_future().get()), "ERR_ABORTED");
  EXPECT_FALSE(detector->cancel(id));
  EXPECT_FALSE(detector->cancel(12345));
  gate.open();
}

TEST(FaceDetector, AnImageUnderWayIsGivenUp) {
  const auto detector = FaceDetector::load(options());
  // An image whose tiles take some seconds.
  const TestImage image = picture(6000, 4000);
  std::promise<DetectionOutcome> promise;
  const JobId id = detector->submit(
      image.view(), {12}, [&promise](JobId, DetectionOutcome outcome) { promise.set_value(std::move(outcome)); });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_TRUE(detector->cancel(id));
  EXPECT_EQ(code_of(promise.get_future().get()), "ERR_ABORTED");
  EXPECT_EQ(detect(*detector, photograph()).size(), 2U) << "the worker goes on";
}

TEST(FaceDetector, ClosingEndsWhatIsUnderWayAndWhatWaits) {
  const auto detector = FaceDetector::load(options());
  const TestImage image = picture(6000, 4000);
  auto under_way = submit(*detector, image, 12);
  auto waiting = submit(*detector, image, 12);
  detector->close();
  EXPECT_EQ(code_of(under_way.get()), "ERR_DISPOSED");
  EXPECT_EQ(code_of(waiting.get()), "ERR_DISPOSED");
  expect_error("ERR_DISPOSED", "disposed", [&] { submit(*detector, image); });
  detector->close();
}

TEST(FaceDetector, CanBeClosedAndDroppedFromACallback) {
  auto detector = FaceDetector::load(options());
  const TestImage image = plain(1, 30, 30);
  std::promise<void> done;
  detector->submit(image.view(), {}, [&detector, &done](JobId, const DetectionOutcome&) {
    detector->close();
    detector.reset();
    done.set_value();
  });
  done.get_future().wait();
  EXPECT_EQ(detector, nullptr);
}

TEST(FaceDetector, ACallbackThatThrowsHarmsNobody) {
  const auto detector = FaceDetector::load(options());
  const TestImage image = plain(1, 30, 30);
  detector->submit(image.view(), {}, [](JobId, const DetectionOutcome&) { throw std::runtime_error("no"); });
  EXPECT_EQ(detect(*detector, photograph()).size(), 2U);
}

}  // namespace
}  // namespace hyperiqa
