/** @file Model files made on the spot, so small that tests on the engine's own behaviour take no time. */
#pragma once

#include <filesystem>
#include <string>

namespace hyperiqa::testing {

/** A folder of the running test's own, removed at the end. */
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/** A valid description of a model; `check_scores` as JSON numbers separated by commas. */
std::string description(const std::string& check_scores);

/** A valid description of a face detector. */
std::string detector_description();

/** Replaces the first occurrence of `from` in a text; fails the test if there is none. */
std::string replaced(std::string text, const std::string& from, const std::string& to);

/** The body of a forward(self, patches) whose score is the mean of a patch. Patches of one value throughout are
 * signals: 255 allocates more than any machine has, 254 raises an exception, 253 gives NaN. */
extern const char* const kMeanForward;

/** Check scores of a model with `kMeanForward`, computed from the definition of the check patches. */
std::string mean_check_scores();

/** Writes an archive with a scripted module.
 *  @param text  hyperiqa.json; empty: the archive gets none */
void write_archive(const std::string& path, const std::string& forward, const std::string& text);

/** Writes a valid model with `kMeanForward` and returns its path. */
std::string write_mean_model(const TemporaryFolder& folder);

/** Path of a model that the set-up of vitest makes (test/helpers/models.ts), e.g. "lite0"; empty if there is none. */
std::string real_model(const std::string& kind);

}  // namespace hyperiqa::testing
