/** @file The directory of a zip archive (APPNOTE.TXT 6.3.10), read strictly. */
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace hyperiqa {

struct ZipRecord {
  std::string name;    ///< in full, with the archive's top folder
  uint64_t start = 0;  ///< offset of its data in the file
  uint64_t stored_size = 0;
  uint64_t size = 0;      ///< after decompression, as the directory claims; LibTorch allocates no more
  uint32_t checksum = 0;  ///< CRC-32 of its data after decompression
  bool compressed = false;
};

/** Reads up to `size` bytes at an offset of a file; returns how many there were. */
using ReadAt = std::function<size_t(uint64_t offset, void* buffer, size_t size)>;

/**
 * The records of an archive, in the order of their data.
 *
 * Readers of zip archives disagree about odd ones, so these are refused: bytes before the first record or after the
 * end, records that overlap or whose own headers contradict the directory, encryption, several disks, folders, names
 * that lead out of the archive or differ in case only (LibTorch looks records up whatever their case), more than 10,000
 * records.
 *
 * Memory is bounded by the directory's size, which is limited too.
 *
 * @throws ArchiveError
 */
std::vector<ZipRecord> read_zip_directory(const ReadAt& read, uint64_t file_size);

/** CRC-32 as zip archives have it (polynomial 0xEDB88320, reflected). */
uint32_t crc32(std::string_view bytes);

}  // namespace hyperiqa
