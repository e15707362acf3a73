#include "model/zip_directory.h"

#include <algorithm>
#include <array>
#include <set>

#include "model/archive_error.h"
#include "support/lower_case.h"

namespace hyperiqa {
namespace {

constexpr uint64_t kEndSize = 22;
constexpr uint64_t kEnd64LocatorSize = 20;
constexpr uint64_t kEnd64Size = 56;
constexpr uint64_t kEntrySize = 46;
constexpr uint64_t kLocalSize = 30;

constexpr uint64_t kEndMark = 0x06054b50;
constexpr uint64_t kEnd64LocatorMark = 0x07064b50;
constexpr uint64_t kEnd64Mark = 0x06064b50;
constexpr uint64_t kEntryMark = 0x02014b50;
constexpr uint64_t kLocalMark = 0x04034b50;

constexpr uint64_t kMaxRecords = 10'000;
constexpr uint64_t kMaxDirectory = uint64_t{4} << 20;
constexpr size_t kMaxName = 512;
constexpr uint64_t kUnknown32 = 0xFFFFFFFF;
constexpr uint64_t kUnknown16 = 0xFFFF;

// General purpose bits that mean no difference to a reader: how hard it was compressed, that sizes follow the data, too
// (the directory has them), and UTF-8 names.
constexpr uint64_t kHarmlessFlags = 0x0002 | 0x0004 | 0x0008 | 0x0800;

constexpr uint64_t kStored = 0;
constexpr uint64_t kDeflated = 8;

/** Bit of the external attributes, as MS-DOS has them, that marks a folder. */
constexpr uint64_t kFolder = 0x10;

/** Numbers are stored with their least significant byte first. */
uint64_t number(std::string_view bytes, uint64_t offset, size_t size) {
  uint64_t result = 0;
  for (size_t i = size; i-- > 0;) result = result << 8 | static_cast<uint8_t>(bytes[static_cast<size_t>(offset) + i]);
  return result;
}

std::string read_bytes(const ReadAt& read, uint64_t offset, uint64_t size) {
  std::string bytes(static_cast<size_t>(size), '\0');
  if (read(offset, bytes.data(), bytes.size()) != bytes.size()) damaged("the archive is damaged or incomplete.");
  return bytes;
}

struct Directory {
  uint64_t start = 0;
  uint64_t size = 0;
  uint64_t records = 0;
};

Directory find_directory(const ReadAt& read, uint64_t file_size) {
  if (file_size < kEndSize) damaged("the archive is damaged or incomplete.");
  uint64_t end_at = file_size - kEndSize;
  const std::string end = read_bytes(read, end_at, kEndSize);
  // A comment could hold a second end, and readers differ in which one they take.
  if (number(end, 0, 4) != kEndMark || number(end, 20, 2) != 0) {
    damaged("the archive is damaged or incomplete, or something follows after its end.");
  }
  Directory directory{.start = number(end, 16, 4), .size = number(end, 12, 4), .records = number(end, 10, 2)};
  uint64_t disks = number(end, 4, 4);
  uint64_t records_here = number(end, 8, 2);

  if (end_at >= kEnd64LocatorSize + kEnd64Size) {
    const std::string locator = read_bytes(read, end_at - kEnd64LocatorSize, kEnd64LocatorSize);
    if (number(locator, 0, 4) == kEnd64LocatorMark) {
      end_at -= kEnd64LocatorSize + kEnd64Size;
      const std::string end64 = read_bytes(read, end_at, kEnd64Size);
      const bool whole = number(locator, 8, 8) == end_at && number(end64, 0, 4) == kEnd64Mark &&
                         number(end64, 4, 8) == kEnd64Size - 12;
      if (!whole) damaged("the end of the archive is damaged.");
      const Directory wide{
          .start = number(end64, 48, 8), .size = number(end64, 40, 8), .records = number(end64, 32, 8)};
      const auto agree = [](uint64_t narrow, uint64_t full, uint64_t unknown) {
        return narrow == unknown || narrow == full;
      };
      if (!agree(directory.start, wide.start, kUnknown32) || !agree(directory.size, wide.size, kUnknown32) ||
          !agree(directory.records, wide.records, kUnknown16)) {
        damaged("the two ends of the archive contradict each other.");
      }
      if (!agree(records_here, number(end64, 24, 8), kUnknown16)) damaged("the archive lies on several disks.");
      records_here = number(end64, 24, 8);
      disks |= number(end64, 16, 8);
      directory = wide;
    }
  }
  if (disks != 0 || records_here != directory.records) damaged("the archive lies on several disks.");
  if (directory.records > kMaxRecords) {
    damaged("the archive has more than " + std::to_string(kMaxRecords) + " records.");
  }
  if (directory.size > kMaxDirectory) damaged("the directory of the archive is too large.");
  if (directory.start > end_at || directory.size != end_at - directory.start) {
    damaged("the directory of the archive is not where its end says.");
  }
  return directory;
}

void check_name(std::string_view name) {
  const auto printable = [](char c) { return c > ' ' && c <= '~' && c != '\\' && c != ':'; };
  bool good = !name.empty() && name.size() <= kMaxName && std::ranges::all_of(name, printable);
  for (size_t start = 0; good && start <= name.size();) {
    const size_t end = std::min(name.find('/', start), name.size());
    const std::string_view part = name.substr(start, end - start);
    good = !part.empty() && part != "." && part != "..";
    start = end + 1;
  }
  if (!good) damaged("the archive has a record with a name that is not allowed.");
}

struct Entry {
  ZipRecord record;
  uint64_t header = 0;
};

/** @param entry  begins at the entry, with all its bytes */
Entry parse_entry(std::string_view entry) {
  const uint64_t flags = number(entry, 8, 2);
  const uint64_t method = number(entry, 10, 2);
  Entry result;
  result.record.name = entry.substr(kEntrySize, number(entry, 28, 2));
  const std::string what = "the archive's record " + result.record.name;
  check_name(result.record.name);
  if ((flags & ~kHarmlessFlags) != 0) damaged(what + " is encrypted or of another unusual kind.");
  if (method != kStored && method != kDeflated) damaged(what + " is compressed in an unknown way.");
  result.record.compressed = method == kDeflated;
  result.record.checksum = static_cast<uint32_t>(number(entry, 16, 4));
  result.record.stored_size = number(entry, 20, 4);
  result.record.size = number(entry, 24, 4);
  result.header = number(entry, 42, 4);
  if (number(entry, 34, 2) != 0) damaged("the archive lies on several disks.");
  if (result.record.size == kUnknown32 || result.record.stored_size == kUnknown32 || result.header == kUnknown32) {
    damaged(what + " is larger than 4 GiB.");
  }
  if (!result.record.compressed && result.record.size != result.record.stored_size) damaged(what + " has two sizes.");
  // LibTorch gives memory as it finds it for records that are folders or have no data.
  if ((number(entry, 38, 4) & kFolder) != 0) damaged(what + " is a folder.");
  if (result.record.stored_size == 0 && result.record.size != 0) damaged(what + " has no data.");
  return result;
}

/** Sets where the data start, after the record's own header. */
void locate_data(const ReadAt& read, Entry& entry) {
  const std::string header = read_bytes(read, entry.header, kLocalSize);
  const uint64_t name_size = number(header, 26, 2);
  const std::string what = "the archive's record " + entry.record.name;
  const bool agrees = number(header, 0, 4) == kLocalMark && name_size == entry.record.name.size() &&
                      (number(header, 8, 2) == kDeflated) == entry.record.compressed &&
                      read_bytes(read, entry.header + kLocalSize, name_size) == entry.record.name;
  if (!agrees) damaged(what + " is not where the directory says.");
  entry.record.start = entry.header + kLocalSize + name_size + number(header, 28, 2);
}

}  // namespace

std::vector<ZipRecord> read_zip_directory(const ReadAt& read, uint64_t file_size) {
  const Directory directory = find_directory(read, file_size);
  const std::string bytes = read_bytes(read, directory.start, directory.size);
  std::string_view rest = bytes;
  std::vector<Entry> entries;
  std::set<std::string> names;
  for (uint64_t i = 0; i < directory.records; ++i) {
    if (rest.size() < kEntrySize || number(rest, 0, 4) != kEntryMark)
      damaged("the directory of the archive is damaged.");
    const uint64_t size = kEntrySize + number(rest, 28, 2) + number(rest, 30, 2) + number(rest, 32, 2);
    if (rest.size() < size) damaged("the directory of the archive is damaged.");
    entries.push_back(parse_entry(rest.substr(0, static_cast<size_t>(size))));
    const std::string& name = entries.back().record.name;
    if (!names.insert(lower_case(name)).second) damaged("the archive has two records named " + name + ".");
    locate_data(read, entries.back());
    rest.remove_prefix(static_cast<size_t>(size));
  }
  if (!rest.empty()) damaged("the directory of the archive is damaged.");

  std::ranges::sort(entries, {}, &Entry::header);
  uint64_t free = 0;
  std::vector<ZipRecord> records;
  for (Entry& entry : entries) {
    if (entry.header < free || (records.empty() && entry.header != 0)) damaged("records of the archive overlap.");
    free = entry.record.start + entry.record.stored_size;
    if (free > directory.start) damaged("the archive's record " + entry.record.name + " reaches beyond its end.");
    records.push_back(std::move(entry.record));
  }
  return records;
}

uint32_t crc32(std::string_view bytes) {
  static const auto kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < table.size(); ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xEDB88320U : 0U);
      table[i] = value;
    }
    return table;
  }();
  uint32_t result = 0xFFFFFFFFU;
  for (const char c : bytes) result = kTable[(result ^ static_cast<uint8_t>(c)) & 0xFFU] ^ (result >> 8);
  return ~result;
}

}  // namespace hyperiqa
