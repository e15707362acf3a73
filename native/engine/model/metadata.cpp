#include "model/metadata.h"

#include <utility>

#include "engine.h"
#include "model/fields.h"
#include "model/self_check.h"
#include "names.h"
#include "support/json.h"

namespace hyperiqa {
namespace {

void check_resize(const Fields& resize) {
  const Resize::Mode mode = resize.one_of("mode", kResizeModeNames);
  if (mode == Resize::Mode::Exact) {
    resize.integer("width", 1, kMaxSide);
    resize.integer("height", 1, kMaxSide);
  } else if (mode == Resize::Mode::ShortSide) {
    resize.integer("size", 1, kMaxSide);
  }
}

void check_crops(const Fields& crops) {
  const CropPlan::Kind plan = crops.one_of("plan", kCropPlanNames);
  if (plan == CropPlan::Kind::Random) {
    crops.integer("count", 1, kMaxCrops);
  } else if (plan == CropPlan::Kind::Grid && (crops.has("rows") || crops.has("columns"))) {
    const double rows = crops.integer("rows", 1, kMaxCrops);
    const double columns = crops.integer("columns", 1, kMaxCrops);
    if (rows * columns > static_cast<double>(kMaxCrops))
      refuse_metadata(crops.name("rows") + " times columns is more than a million");
  }
}

void check_protocol(const Fields& protocol) {
  protocol.string("name");
  check_decode(protocol.object("decode"));
  check_resize(protocol.object("resize"));
  protocol.integer("minimumSide", kPatchSize, kMaxSide);
  check_crops(protocol.object("crops"));
}

}  // namespace

Metadata parse_metadata(const std::string& text) {
  const Json json = parse_description(text);
  const Fields fields(json, "");
  Metadata result;
  result.text = text;
  result.weights_sha256 = check_common_fields(fields);
  if (fields.string("kind") == "faces") {
    refuse_metadata("kind is \"faces\": the model finds faces and gives no scores; load it as a face detector");
  }
  fields.one_of("kind", {"quality"});
  fields.one_of("architecture", {"hyperiqa"});
  fields.one_of("backbone", {"resnet50", "efficientnet_lite0"});
  fields.integer("patchSize", kPatchSize, kPatchSize);
  check_protocol(fields.object("protocol"));
  check_resize(fields.object("datasetResize"));

  const Fields score = fields.object("score");
  result.minimum = score.number("minimum");
  result.maximum = score.number("maximum");
  if (result.minimum >= result.maximum) refuse_metadata("score.minimum must be below score.maximum");
  score.boolean("bounded");
  score.boolean("higherIsBetter");
  score.string("meaning");

  auto check = read_check_values(fields, "scores", kCheckPatches);
  result.check_scores = std::move(check.values);
  result.check_tolerance = check.tolerance;
  return result;
}

}  // namespace hyperiqa
