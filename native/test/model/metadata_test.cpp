#include "model/metadata.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "test_model.h"

namespace hyperiqa {
namespace {

using testing::description;
using testing::expect_error;
using testing::replaced;

const std::string kValid = description("1, 2, 3, 4.5");

TEST(Metadata, ReadsAValidDescription) {
  const Metadata metadata = parse_metadata(kValid);
  EXPECT_EQ(metadata.text, kValid);
  EXPECT_EQ(metadata.minimum, 0);
  EXPECT_EQ(metadata.maximum, 255);
  EXPECT_EQ(metadata.check_scores, (std::vector<float>{1, 2, 3, 4.5F}));
  EXPECT_EQ(metadata.check_tolerance, 0.001);
  EXPECT_EQ(metadata.weights_sha256.size(), 64U);
}

TEST(Metadata, IgnoresUnknownFields) {
  EXPECT_NO_THROW(parse_metadata(replaced(kValid, "\"kind\"", "\"later\": [1], \"kind\"")));
}

TEST(Metadata, TakesEveryKnownValue) {
  const std::string sha = "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"";
  EXPECT_NO_THROW(parse_metadata(replaced(kValid, "\"sourceSha256\": null", "\"sourceSha256\": " + sha)));
  EXPECT_NO_THROW(parse_metadata(replaced(kValid, "efficientnet_lite0", "resnet50")));
  for (const char* crops :
       {R"("random", "count": 25)", R"("grid", "rows": 2, "columns": 3)", R"("pyiqa")", R"("center")"}) {
    EXPECT_NO_THROW(parse_metadata(replaced(kValid, R"("grid")", crops))) << crops;
  }
  for (const char* resize : {R"({ "mode": "none" })", R"({ "mode": "exact", "width": 1, "height": 65536 })"}) {
    EXPECT_NO_THROW(parse_metadata(replaced(kValid, R"({ "mode": "short-side", "size": 384 })", resize))) << resize;
  }
}

struct BadField {
  const char* from;
  const char* to;
  const char* words;  ///< words of the reason
};

class MetadataRefuses : public ::testing::TestWithParam<BadField> {};

TEST_P(MetadataRefuses, ABadField) {
  const BadField& bad = GetParam();
  expect_error("ERR_MODEL_FORMAT", bad.words, [&] { parse_metadata(replaced(kValid, bad.from, bad.to)); });
}

const BadField kBadFields[] = {
    {"{\n", "[\n", "no JSON"},
    {"\"formatVersion\": 1", "\"formatVersion\": 2", "newer hyperiqa"},
    {"\"formatVersion\": 1", "\"formatVersion\": \"1\"", "formatVersion must be an integer"},
    {"\"formatVersion\": 1", "\"formatVersion\": 0", "formatVersion must be an integer"},
    {"\"formatVersion\": 1", "\"formatVersion\": 1.5", "formatVersion must be an integer"},
    {"\"formatVersion\": 1,", "", "formatVersion is missing"},
    {"\"quality\"", "\"aesthetics\"", "kind is \"aesthetics\""},
    {"\"kind\": \"quality\",", "", "kind is missing"},
    {"\"name\": \"test\",", "\"name\": 3,", "name must be a string"},
    {"\"version\": \"1\",", "", "version is missing"},
    {"\"hyperiqa\",", "\"dbcnn\",", "architecture is \"dbcnn\""},
    {"efficientnet_lite0", "vgg", "backbone is \"vgg\""},
    {"\"patchSize\": 224", "\"patchSize\": 256", "patchSize must be an integer from 224 to 224"},
    {"{ \"dataset\": \"none\", \"description\": \"not trained\" }", "\"none\"", "training must be an object"},
    {"\"dataset\": \"none\",", "", "training.dataset is missing"},
    {", \"description\": \"not trained\"", "", "training.description is missing"},
    {"\"licence\": \"MIT\",", "", "licence is missing"},
    {"\"weightsSha256\": \"0", "\"weightsSha256\": \"", "weightsSha256 must be 64 hexadecimal digits"},
    {"\"weightsSha256\": \"0", "\"weightsSha256\": \"G", "weightsSha256 must be 64 hexadecimal digits"},
    {"\"sourceSha256\": null", "\"sourceSha256\": \"abc\"", "sourceSha256 must be 64 hexadecimal digits"},
    {"\"sourceSha256\": null,", "", "sourceSha256 is missing"},
    {"\"minimum\": 0", "\"minimum\": 255", "score.minimum must be below score.maximum"},
    {"\"minimum\": 0", "\"minimum\": null", "score.minimum must be a number"},
    {"\"maximum\": 255,", "", "score.maximum is missing"},
    {"\"bounded\": true", "\"bounded\": 1", "score.bounded must be true or false"},
    {"\"higherIsBetter\": true,", "", "score.higherIsBetter is missing"},
    {", \"meaning\": \"mean of a patch\"", "", "score.meaning is missing"},
    {"\"name\": \"native\",", "", "protocol.name is missing"},
    {"\"srgb\"", "\"display-p3\"", "protocol.decode.iccProfile is \"display-p3\""},
    {"\"white\"", "\"black\"", "protocol.decode.alpha is \"black\""},
    {"\"exif\"", "\"auto\"", "protocol.decode.orientation is \"auto\""},
    {"\"short-side\", \"size\": 384", "\"long-side\", \"size\": 384", "protocol.resize.mode is \"long-side\""},
    {"\"size\": 384", "\"size\": 0", "protocol.resize.size must be an integer"},
    {"\"size\": 384", "\"length\": 384", "protocol.resize.size is missing"},
    {"\"minimumSide\": 224", "\"minimumSide\": 223", "protocol.minimumSide must be an integer"},
    {"\"plan\": \"grid\"", "\"plan\": \"spiral\"", "protocol.crops.plan is \"spiral\""},
    {"\"plan\": \"grid\"", "\"plan\": \"random\"", "protocol.crops.count is missing"},
    {"\"plan\": \"grid\"", "\"plan\": \"random\", \"count\": 0", "protocol.crops.count must be an integer"},
    {"\"plan\": \"grid\"", "\"plan\": \"grid\", \"rows\": 2", "protocol.crops.columns is missing"},
    {"\"plan\": \"grid\"", "\"plan\": \"grid\", \"rows\": 2000, \"columns\": 2000", "more than a million"},
    {"\"width\": 384, ", "", "datasetResize.width is missing"},
    {"1, 2, 3, 4.5", "1, 2, 3", "selfCheck.scores must be a list of 4 numbers"},
    {"1, 2, 3, 4.5", "1, 2, 3, \"4\"", "selfCheck.scores must be a list of 4 numbers"},
    {"\"tolerance\": 0.001", "\"tolerance\": 0", "selfCheck.tolerance must be greater than 0"},
    {", \"tolerance\": 0.001", "", "selfCheck.tolerance is missing"},
    {"\"torch\": \"2.13.0\",", "", "exporter.torch is missing"},
    {", \"hyperiqa\": \"0.1.0\"", "", "exporter.hyperiqa is missing"},
};

INSTANTIATE_TEST_SUITE_P(Fields, MetadataRefuses, ::testing::ValuesIn(kBadFields));

}  // namespace
}  // namespace hyperiqa
