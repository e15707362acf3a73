#include "model/detector_metadata.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "model/metadata.h"
#include "test_model.h"

namespace hyperiqa {
namespace {

using testing::detector_description;
using testing::expect_error;
using testing::replaced;

const std::string kValid = detector_description();

TEST(DetectorMetadata, ReadsAValidDescription) {
  const DetectorMetadata metadata = parse_detector_metadata(kValid);
  EXPECT_EQ(metadata.text, kValid);
  EXPECT_EQ(metadata.minimum_face, 20);
  EXPECT_EQ(metadata.pyramid_factor, 0.709);
  EXPECT_EQ(metadata.thresholds, (std::array<float, 3>{0.6F, 0.7F, 0.7F}));
  EXPECT_EQ(metadata.check_values.size(), kDetectorCheckValues);
  EXPECT_EQ(metadata.check_tolerance, 1e-4);
}

TEST(DetectorMetadata, KindsAreToldApart) {
  expect_error("ERR_MODEL_FORMAT", "finds faces and gives no scores", [] { parse_metadata(kValid); });
  expect_error("ERR_MODEL_FORMAT", "gives scores and finds no faces",
               [] { parse_detector_metadata(testing::description("1, 2, 3, 4")); });
  expect_error("ERR_MODEL_FORMAT", "kind is \"cats\"",
               [] { parse_detector_metadata(replaced(kValid, "\"faces\"", "\"cats\"")); });
}

struct BadField {
  const char* from;
  const char* to;
  const char* words;
};

class DetectorMetadataRefuses : public ::testing::TestWithParam<BadField> {};

TEST_P(DetectorMetadataRefuses, ABadField) {
  const BadField& bad = GetParam();
  expect_error("ERR_MODEL_FORMAT", bad.words, [&] { parse_detector_metadata(replaced(kValid, bad.from, bad.to)); });
}

const BadField kBadFields[] = {
    {"{\n", "[\n", "no JSON"},
    {"\"formatVersion\": 1", "\"formatVersion\": 2", "newer hyperiqa"},
    {"\"mtcnn\",\n  \"training\"", "\"yunet\",\n  \"training\"", "architecture is \"yunet\""},
    {"\"minimumFace\": 20", "\"minimumFace\": 11", "detection.minimumFace must be an integer from 12"},
    {"0.709", "1.5", "detection.pyramidFactor must be above"},
    {"[0.6, 0.7, 0.7]", "[0.6, 0.7]", "detection.thresholds must be a list of 3 numbers"},
    {"[0.6, 0.7, 0.7]", "[0.6, 0.7, 1]", "between 0 and 1"},
    {"\"nose\", ", "", "detection.landmarks must be a list of 5 names"},
    {"\"orientation\": \"exif\"", "\"orientation\": \"up\"", "detection.decode.orientation"},
    {"\"tolerance\": 1e-4", "\"tolerance\": 0", "selfCheck.tolerance"},
    {"\"values\": [0, ", "\"values\": [", "selfCheck.values must be a list of 100 numbers"},
};

INSTANTIATE_TEST_SUITE_P(Fields, DetectorMetadataRefuses, ::testing::ValuesIn(kBadFields));

}  // namespace
}  // namespace hyperiqa
