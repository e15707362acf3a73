#include "execution/plan_cache.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <system_error>

#include "names.h"
#include "support/json.h"
#include "support/lock_file.h"

namespace hyperiqa {
namespace {

constexpr double kVersion = 1;                 // version of the file's layout; another is treated as an empty file
constexpr size_t kMaxEntries = 256;            // more models, processors and options than one machine sees
constexpr size_t kMaxBytes = size_t{1} << 18;  // 256 entries take about 80 kB
constexpr std::chrono::seconds kPatience{5};   // with other writers, each of which takes milliseconds

std::optional<int64_t> integer(const Json& json, std::string_view key, int64_t limit) {
  const Json* member = json.find(key);
  const double* value = member ? member->number() : nullptr;
  const bool fits =
      value != nullptr && *value >= 1 && *value <= static_cast<double>(limit) && *value == std::floor(*value);
  return fits ? std::optional(static_cast<int64_t>(*value)) : std::nullopt;
}

std::optional<ExecutionPlan> parse_plan(const Json& json) {
  const Json* mode = json.find("graphMode");
  const auto workers = integer(json, "workers", kMaxThreads);
  const auto threads = integer(json, "threadsPerWorker", kMaxThreads);
  const auto batch_size = integer(json, "batchSize", kMaxBatchSize);
  if (!mode || !mode->string() || !workers || !threads || !batch_size) return std::nullopt;
  for (const auto& [name, known] : kGraphModeNames) {
    if (known != GraphMode::Auto && *mode->string() == name) {
      return ExecutionPlan{known, static_cast<int>(*workers), static_cast<int>(*threads), *batch_size};
    }
  }
  return std::nullopt;
}

/** Content of the file; empty for a file that is missing or too long, and for what is no file: a pipe would not end. */
std::string read_bounded(const std::string& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return "";
  std::ifstream stream(file, std::ios::binary);
  std::string text(kMaxBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(stream.gcount()));
  return text.size() > kMaxBytes ? "" : text;
}

std::map<std::string, ExecutionPlan> read_all(const std::string& file) {
  std::map<std::string, ExecutionPlan> plans;
  try {
    const Json json = Json::parse(read_bounded(file));
    const Json* version = json.find("version");
    const Json* entries = json.find("setups");
    if (!version || !version->number() || *version->number() != kVersion || !entries || !entries->object() ||
        entries->object()->size() > kMaxEntries) {
      return {};
    }
    for (const auto& [key, entry] : *entries->object()) {
      if (const auto plan = parse_plan(entry)) plans.emplace(key, *plan);
    }
  } catch (const JsonError&) {
    return {};  // damaged: as good as empty, and replaced at the next measurement
  }
  return plans;
}

std::string format(const std::map<std::string, ExecutionPlan>& plans) {
  std::ostringstream text;
  text << "{\n  \"version\": " << kVersion << ",\n  \"setups\": {";
  const char* separator = "\n";
  for (const auto& [key, plan] : plans) {
    text << separator << "    " << json_quote(key)
         << ": { \"graphMode\": " << json_quote(name_of(kGraphModeNames, plan.graph_mode))
         << ", \"workers\": " << plan.workers << ", \"threadsPerWorker\": " << plan.threads_per_worker
         << ", \"batchSize\": " << plan.batch_size << " }";
    separator = ",\n";
  }
  text << "\n  }\n}\n";
  return text.str();
}

void make_folder_of(const std::string& file) {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  std::error_code error;  // found again where the file is written
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
}

}  // namespace

std::optional<ExecutionPlan> recall_plan(const std::string& file, const std::string& key) {
  if (file.empty()) return std::nullopt;
  const auto plans = read_all(file);
  const auto found = plans.find(key);
  if (found == plans.end()) return std::nullopt;
  return found->second;
}

bool remember_plan(const std::string& file, const std::string& key, const ExecutionPlan& plan) {
  if (file.empty()) return false;
  make_folder_of(file);
  LockFile lock(file + ".writing");
  // A lock that is held for so long belongs to a process that has been stopped.
  if (lock.take_within(kPatience, [] { return false; }) == LockFile::State::Held) return false;
  auto plans = read_all(file);
  plans.erase(key);
  // An arbitrary entry may go: it is measured again where it is needed.
  while (plans.size() >= kMaxEntries) plans.erase(plans.begin());
  plans.emplace(key, plan);
  const std::filesystem::path temporary = file + '.' + std::to_string(std::random_device{}()) + ".tmp";
  std::ofstream stream(temporary, std::ios::binary);
  stream << format(plans);
  stream.close();
  std::error_code error;
  if (stream) std::filesystem::rename(temporary, file, error);
  if (stream && !error) return true;
  std::filesystem::remove(temporary, error);
  return false;
}

std::string measuring_lock(const std::string& file) {
  make_folder_of(file);
  return file + ".measuring";
}

}  // namespace hyperiqa
