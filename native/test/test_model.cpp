#include "test_model.h"

#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <ATen/ops/ones.h>

#include <cstdlib>
#include <iomanip>
#include <random>
#include <sstream>
#include <vector>

#include "model/detector_metadata.h"
#include "model/self_check.h"

namespace hyperiqa::testing {

TemporaryFolder::TemporaryFolder()
    : path_(std::filesystem::temp_directory_path() / ("hyperiqa-test-" + std::to_string(std::random_device{}()))) {
  std::filesystem::create_directories(path_);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string description(const std::string& check_scores) {
  return R"({
  "formatVersion": 1,
  "kind": "quality",
  "name": "test",
  "version": "1",
  "architecture": "hyperiqa",
  "backbone": "efficientnet_lite0",
  "patchSize": 224,
  "training": { "dataset": "none", "description": "not trained" },
  "licence": "MIT",
  "weightsSha256": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
  "sourceSha256": null,
  "score": { "minimum": 0, "maximum": 255, "bounded": true, "higherIsBetter": true, "meaning": "mean of a patch" },
  "protocol": {
    "name": "native",
    "decode": { "iccProfile": "srgb", "alpha": "white", "orientation": "exif" },
    "resize": { "mode": "short-side", "size": 384 },
    "minimumSide": 224,
    "crops": { "plan": "grid" }
  },
  "datasetResize": { "mode": "exact", "width": 384, "height": 512 },
  "selfCheck": { "scores": [)" +
         check_scores + R"(], "tolerance": 0.001 },
  "exporter": { "torch": "2.13.0", "hyperiqa": "0.1.0" }
})";
}

std::string detector_description() {
  std::string values = "0";
  for (size_t i = 1; i < kDetectorCheckValues; ++i) values += ", 0";
  return R"({
  "formatVersion": 1,
  "kind": "faces",
  "name": "test",
  "version": "1",
  "architecture": "mtcnn",
  "training": { "dataset": "none", "description": "not trained" },
  "licence": "MIT",
  "weightsSha256": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
  "sourceSha256": null,
  "detection": {
    "decode": { "iccProfile": "srgb", "alpha": "white", "orientation": "exif" },
    "minimumFace": 20,
    "pyramidFactor": 0.709,
    "thresholds": [0.6, 0.7, 0.7],
    "landmarks": ["leftEye", "rightEye", "nose", "leftMouth", "rightMouth"]
  },
  "selfCheck": { "values": [)" +
         values + R"(], "tolerance": 1e-4 },
  "exporter": { "torch": "2.13.0", "hyperiqa": "0.1.0" }
})";
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t found = text.find(from);
  if (found == std::string::npos) {
    ADD_FAILURE() << "the text has no " << from;
    return text;
  }
  return text.replace(found, from.size(), to);
}

const char* const kMeanForward = R"(
def forward(self, patches):
    x = patches.to(self.weight.dtype)
    low = int(patches.min())
    if low == int(patches.max()):
        if low == 255:
            x = torch.cat([x, torch.zeros([1 << 45], dtype=x.dtype)])
        assert low != 254, "broken on purpose"
        if low == 253:
            x = x * float("nan")
    return (x * self.weight).mean([1, 2, 3]).to(torch.zeros([1]).dtype)
)";

std::string mean_check_scores() {
  std::ostringstream text;
  text << std::setprecision(9);
  for (int64_t patch = 0; patch < kCheckPatches; ++patch) {
    std::vector<uint8_t> pixels(static_cast<size_t>(kPatchBytes));
    write_check_patch(patch, pixels.data());
    double sum = 0;
    for (const uint8_t value : pixels) sum += value;
    text << (patch > 0 ? ", " : "") << sum / static_cast<double>(kPatchBytes);
  }
  return text.str();
}

void write_archive(const std::string& path, const std::string& forward, const std::string& text) {
  torch::jit::Module module("__torch__.TestModel");
  module.register_parameter("weight", at::ones({1}), /*is_buffer=*/false);
  module.define(forward);
  torch::jit::ExtraFilesMap extra;
  if (!text.empty()) extra["hyperiqa.json"] = text;
  module.save(path, extra);
}

std::string write_mean_model(const TemporaryFolder& folder) {
  const std::string path = folder.file("mean.pt");
  write_archive(path, kMeanForward, description(mean_check_scores()));
  return path;
}

std::string real_model(const std::string& kind) {
  std::filesystem::path folder;
  const char* const configured = std::getenv("HYPERIQA_TEST_MODEL_DIR");
  const char* const cache = std::getenv("HYPERIQA_CACHE");
  const char* const xdg = std::getenv("XDG_CACHE_HOME");
  const char* const home = std::getenv("HOME");
  if (configured) {
    folder = configured;
  } else if (cache) {
    folder = std::filesystem::path(cache) / "test-models";
  } else if (xdg && *xdg != '\0') {
    folder = std::filesystem::path(xdg) / "hyperiqa" / "test-models";
  } else if (home) {
    folder = std::filesystem::path(home) / ".cache" / "hyperiqa" / "test-models";
  }
  const auto path = folder / ("hyperiqa-test-" + kind + ".pt");
  return std::filesystem::exists(path) ? path.string() : "";
}

}  // namespace hyperiqa::testing
