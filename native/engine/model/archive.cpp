#include "model/archive.h"

#include <ATen/core/interned_strings.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/frontend/builtin_functions.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "model/archive_error.h"
#include "model/code_check.h"
#include "model/model_refusal.h"
#include "model/operators.h"
#include "model/pickle_check.h"
#include "model/zip_directory.h"
#include "support/errors.h"

namespace hyperiqa {
namespace {

// The known models have 9 kB, 6 kB, 33 kB and 120 kB.
constexpr uint64_t kMaxDescription = uint64_t{1} << 20;
constexpr uint64_t kMaxCodeRecord = uint64_t{256} << 10;
constexpr uint64_t kMaxPickle = uint64_t{1} << 20;
constexpr uint64_t kMaxCode = uint64_t{2} << 20;
constexpr uint64_t kMaxSmallRecord = 256;
/** Largest sum of the records that are kept in memory, as stored. */
constexpr uint64_t kMaxPinned = uint64_t{64} << 20;

constexpr std::string_view kDescription = "extra/hyperiqa.json";

enum class Part { Description, Code, CodeDebug, Pickle, Storage, Small, Other };

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 9 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/** @param name  within the archive's top folder */
Part part_of(std::string_view name) {
  constexpr auto kSmall = std::to_array<std::string_view>(
      {"version", "byteorder", ".data/serialization_id", ".data/version", ".format_version", ".storage_alignment"});
  if (name == kDescription) return Part::Description;
  if (name == "data.pkl" || name == "constants.pkl") return Part::Pickle;
  if (name.starts_with("code/")) {
    if (name.ends_with(".py")) return Part::Code;
    if (name.ends_with(".debug_pkl")) return Part::CodeDebug;
  }
  for (const std::string_view folder : {"data/", "constants/"}) {
    if (name.starts_with(folder) && is_number(name.substr(folder.size()))) return Part::Storage;
  }
  return std::ranges::find(kSmall, name) == kSmall.end() ? Part::Other : Part::Small;
}

/** The bytes of a file, of which some are kept in memory. */
class PinnedFile : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit PinnedFile(const std::string& path) : file_(path, std::ios::binary) {
    file_.seekg(0, std::ios::end);
    const auto end = file_.tellg();
    size_ = file_ && end > 0 ? static_cast<size_t>(end) : 0;
  }

  size_t size() const override { return size_; }

  size_t read(uint64_t position, void* buffer, size_t count, const char* /*what*/) const override {
    auto* const to = static_cast<char*>(buffer);
    if (position >= size_) return 0;
    const size_t wanted = std::min(count, size_ - static_cast<size_t>(position));
    size_t done = 0;
    while (done < wanted) {
      const uint64_t at = position + done;
      // The last piece that begins at or before this byte.
      auto piece = pinned_.upper_bound(at);
      if (piece != pinned_.begin() && std::prev(piece)->first + std::prev(piece)->second.size() > at) {
        --piece;
        const auto skip = static_cast<size_t>(at - piece->first);
        const size_t length = std::min(wanted - done, piece->second.size() - skip);
        piece->second.copy(to + done, length, skip);
        done += length;
        continue;
      }
      const size_t gap =
          piece == pinned_.end() ? wanted - done : std::min(wanted - done, static_cast<size_t>(piece->first - at));
      const size_t length = read_file(at, to + done, gap);
      done += length;
      if (length < gap) break;
    }
    return done;
  }

  /** Keeps a part of the file in memory. @throws ArchiveError where it is not there any more */
  void pin(uint64_t position, uint64_t count) {
    if (count == 0) return;
    std::string bytes(static_cast<size_t>(count), '\0');
    if (read_file(position, bytes.data(), bytes.size()) != bytes.size())
      damaged("the archive is damaged or incomplete.");
    pinned_.emplace(position, std::move(bytes));
  }

 private:
  size_t read_file(uint64_t position, char* to, size_t count) const {
    const std::scoped_lock lock(mutex_);
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(position));
    file_.read(to, static_cast<std::streamsize>(count));
    return file_.gcount() > 0 ? static_cast<size_t>(file_.gcount()) : 0;
  }

  mutable std::mutex mutex_;
  mutable std::ifstream file_;
  size_t size_ = 0;
  std::map<uint64_t, std::string> pinned_;
};

void require_file(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) throw Error("ERR_MODEL_NOT_FOUND", "There is no model file " + path + ".");
  if (std::filesystem::is_directory(status)) refuse_model(path, "it is a folder.");
  // A pipe or a device would be waited for.
  if (!std::filesystem::is_regular_file(status)) refuse_model(path, "it is not a regular file.");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error("ERR_MODEL_NOT_FOUND", "The model file " + path + " cannot be opened for reading.");
  std::array<char, 4> start{};
  file.read(start.data(), start.size());
  if (file.gcount() == 0) refuse_model(path, "it is empty.");
  if (std::string_view(start.data(), 2) != "PK") {
    refuse_model(path,
                 "it is no TorchScript archive. Checkpoints (.pkl, .pth) must be exported first: hyperiqa export.");
  }
}

/** The records by their names within the top folder, each with what it is. */
class Records {
 public:
  explicit Records(std::vector<ZipRecord> records) {
    for (ZipRecord& record : records) {
      const size_t slash = record.name.find('/');
      const std::string folder = record.name.substr(0, slash);
      if (records_.empty()) folder_ = folder;
      if (slash == std::string::npos || folder != folder_) damaged("its records lie in more than one folder.");
      std::string name = record.name.substr(slash + 1);
      records_.emplace(std::move(name), std::move(record));
    }
  }

  const ZipRecord* find(const std::string& name) const {
    const auto found = records_.find(name);
    return found == records_.end() ? nullptr : &found->second;
  }

  /** Positions of the storages' data, in the order of the file. */
  std::vector<std::pair<uint64_t, uint64_t>> storages() const {
    std::vector<std::pair<uint64_t, uint64_t>> ranges;
    for (const auto& [name, record] : records_) {
      if (part_of(name) == Part::Storage) ranges.emplace_back(record.start, record.stored_size);
    }
    std::ranges::sort(ranges);
    return ranges;
  }

  /** Checks the name of a record and its size. @throws ArchiveError */
  void check(bool trusted) const {
    uint64_t code = 0;
    for (const auto& entry : records_) {
      // No structured binding, which clang before 16 cannot capture.
      const std::string& name = entry.first;
      const ZipRecord& record = entry.second;
      const auto limit = [&](uint64_t bytes) {
        if (record.size > bytes) {
          damaged("its record " + name + " has " + std::to_string(record.size) + " bytes, and " +
                  std::to_string(bytes) + " are the most.");
        }
      };
      switch (part_of(name)) {
        case Part::Description:
          limit(kMaxDescription);
          break;
        case Part::Code:
          limit(trusted ? kMaxPinned : kMaxCodeRecord);
          code += record.size;
          if (!trusted && code > kMaxCode) damaged("its code has more than " + std::to_string(kMaxCode) + " bytes.");
          break;
        case Part::Pickle:
          limit(trusted ? kMaxPinned : kMaxPickle);
          break;
        case Part::Small:
          limit(kMaxSmallRecord);
          break;
        case Part::Storage:
          if (record.compressed) damaged("its record " + name + " is compressed.");
          break;
        case Part::CodeDebug:  // never read
          break;
        case Part::Other:
          if (!trusted && !name.starts_with("extra/")) forbidden("it has the record " + name + ".");
          break;
      }
    }
  }

  auto begin() const { return records_.begin(); }
  auto end() const { return records_.end(); }

 private:
  std::string folder_;
  std::map<std::string, ZipRecord> records_;
};

/** Keeps all of the file in memory except the data of storages, so that it cannot change after it was checked. */
void pin_all_but(PinnedFile& file, const std::vector<std::pair<uint64_t, uint64_t>>& storages) {
  uint64_t sum = 0;
  uint64_t position = 0;
  const auto pin_to = [&](uint64_t end) {
    if (end <= position) return;
    sum += end - position;
    if (sum > kMaxPinned) damaged("it has more than " + std::to_string(kMaxPinned) + " bytes besides its weights.");
    file.pin(position, end - position);
  };
  for (const auto& [start, size] : storages) {
    pin_to(start);
    position = start + size;
  }
  pin_to(file.size());
}

/** Reads a record and checks its length and checksum, because LibTorch compares neither. */
std::string text_of(const Records& records, caffe2::serialize::PyTorchStreamReader& reader, const std::string& name) {
  const auto [data, size] = reader.getRecord(name);
  std::string text(static_cast<const char*>(data.get()), size);
  const ZipRecord* const record = records.find(name);
  if (record == nullptr || record->size != size || record->checksum != crc32(text)) {
    damaged("the archive is damaged or incomplete: the checksum of " + name + " is another one.");
  }
  return text;
}

bool is_operator(const std::string& name) {
  if (is_allowed_torch_name(name)) return false;
  const auto symbol = c10::Symbol::aten(name);
  return !torch::jit::getAllOperatorsFor(symbol).empty() || !torch::jit::getAllBuiltinFunctionsFor(symbol).empty();
}

void check_code(const Records& records, caffe2::serialize::PyTorchStreamReader& reader) {
  CodeCheck check(is_operator);
  for (const auto& [name, record] : records) {
    if (part_of(name) == Part::Code) check.add(name, text_of(records, reader, name));
  }
  check.finish();
}

void check_pickles(const Records& records, caffe2::serialize::PyTorchStreamReader& reader) {
  for (const std::string base : {"constants", "data"}) {
    check_pickle(base + ".pkl", text_of(records, reader, base + ".pkl"),
                 [&](std::string_view key) -> std::optional<uint64_t> {
                   const ZipRecord* const record = records.find(base + '/' + std::string(key));
                   return record == nullptr ? std::nullopt : std::optional(record->size);
                 });
  }
}

Archive open_checked(const std::string& path, bool trusted) {
  const auto file = std::make_shared<PinnedFile>(path);
  const ReadAt read = [&file](uint64_t offset, void* buffer, size_t size) {
    return file->read(offset, buffer, size, "");
  };
  // Once to know what to keep, once more in what was kept.
  const Records before(read_zip_directory(read, file->size()));
  pin_all_but(*file, before.storages());
  const Records records(read_zip_directory(read, file->size()));
  if (records.find("constants.pkl") == nullptr) {
    damaged("it is a PyTorch checkpoint, not a TorchScript archive. Export it first: hyperiqa export.");
  }
  if (records.find("data.pkl") == nullptr) damaged("the archive is damaged or incomplete.");
  if (records.find(std::string(kDescription)) == nullptr) {
    damaged(
        "it is a TorchScript archive without hyperiqa.json. Model files are made by hyperiqa export or "
        "models/export.py.");
  }
  // Another, older format, which LibTorch still reads.
  if (records.find("model.json") != nullptr) damaged("it is of a format before PyTorch 1.4.");
  records.check(trusted);
  if (before.storages() != records.storages()) damaged("the file changes while it is read.");

  caffe2::serialize::PyTorchStreamReader reader(file);
  if (!trusted) {
    check_code(records, reader);
    check_pickles(records, reader);
  }
  return {.content = file, .description = text_of(records, reader, std::string(kDescription))};
}

}  // namespace

Archive open_archive(const std::string& path, bool trusted) {
  require_file(path);
  try {
    return open_checked(path, trusted);
  } catch (const ArchiveError& error) {
    refuse_model(path, error);
  } catch (const c10::Error& error) {
    refuse_model(path, "the archive is damaged or incomplete (" + plain_message(error) + ").");
  } catch (const std::logic_error& error) {
    // Numbers in small records that LibTorch reads with the standard library.
    refuse_model(path, std::string("the archive is damaged or incomplete (") + error.what() + ").");
  }
}

}  // namespace hyperiqa
