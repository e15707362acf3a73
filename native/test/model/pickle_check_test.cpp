#include "model/pickle_check.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "model/archive_error.h"

namespace hyperiqa {
namespace {

using namespace std::string_literals;
using Kind = ArchiveError::Kind;

void check(const std::string& instructions) {
  const std::map<std::string, uint64_t, std::less<>> records{{"0", 40}, {"1", 0}};
  check_pickle("data.pkl", "\x80\x02" + instructions, [&](std::string_view key) -> std::optional<uint64_t> {
    const auto found = records.find(key);
    return found == records.end() ? std::nullopt : std::optional(found->second);
  });
}

void expect_refused(Kind kind, const std::string& words, const std::string& instructions) {
  try {
    check(instructions);
    ADD_FAILURE() << "accepted, although " << words;
  } catch (const ArchiveError& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what() << "\nlacks " << words;
  }
}

std::string text(const std::string& value) {
  return "X"s + static_cast<char>(value.size()) + "\0\0\0"s + value;
}

std::string number(int32_t value) {
  std::string result = "J";
  for (int shift = 0; shift < 32; shift += 8) result += static_cast<char>(static_cast<uint32_t>(value) >> shift);
  return result;
}

std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

std::string storage(const std::string& key, int32_t count, const std::string& type = "FloatStorage") {
  return "(" + text("storage") + global("torch", type) + text(key) + text("cpu") + number(count) + "tQ";
}

/** A tensor of two dimensions. */
std::string tensor(const std::string& of, int32_t offset, int32_t rows, int32_t columns, int32_t row, int32_t column) {
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + of + number(offset) + "(" + number(rows) +
         number(columns) + "t(" + number(row) + number(column) + "t\x89" + global("collections", "OrderedDict") +
         ")RtR";
}

std::string times(size_t count, const std::string& what) {
  std::string result;
  for (size_t i = 0; i < count; ++i) result += what;
  return result;
}

TEST(PickleCheck, WhatTorchScriptWrites) {
  EXPECT_NO_THROW(check(")."));
  EXPECT_NO_THROW(check(global("__torch__.a", "Net") + "q\0)\x81}("s + text("weight") +
                        tensor(storage("0", 10), 0, 2, 5, 5, 1) + text("training") + "\x89" + text("sizes") +
                        global("torch.jit._pickle", "build_intlist") + "(](K\1M\2\0e"s + "tRub."));
}

TEST(PickleCheck, NamesOtherThanTensorsAndClasses) {
  expect_refused(Kind::Forbidden, "os system", global("os", "system") + text("ls") + "\x85R.");
  expect_refused(Kind::Forbidden, "torch.classes", global("__torch__.torch.classes.quantized", "X") + ")\x81.");
  expect_refused(Kind::Forbidden, "restore_type_tag", global("torch.jit._pickle", "restore_type_tag") + ".");
  expect_refused(Kind::Damaged, "it calls no function", number(0) + ")R.");
  expect_refused(Kind::Damaged, "an object has no class", global("collections", "OrderedDict") + ")\x81.");
}

TEST(PickleCheck, OddInstructions) {
  for (const char code : "\x82\x8b\x8c\x93\x94IidlLoPpSUVgB20"s) {
    expect_refused(Kind::Damaged, "it has the instruction", std::string(1, code) + "aaaaaaaa.");
  }
  expect_refused(Kind::Damaged, "bytes follow", ")..");
  expect_refused(Kind::Damaged, "ends early", ")");
  expect_refused(Kind::Damaged, "ends early", "X\xff\3\0\0abc."s);
  expect_refused(Kind::Damaged, "a text is longer", "X\xff\xff\xff\xff.");
  expect_refused(Kind::Damaged, "other than one value", "NN.");
  expect_refused(Kind::Damaged, "lacks its operands", "R.");
  expect_refused(Kind::Damaged, "a mark is missing", "t.");
  expect_refused(Kind::Damaged, "the memo has no entry", "h\5.");
  expect_refused(Kind::Damaged, "the memo has a gap", "Nr\xff\xff\xff\x7f.");
  expect_refused(Kind::Damaged, "nothing to remember", "q\0."s);
}

TEST(PickleCheck, NestingAndSharing) {
  expect_refused(Kind::Damaged, "nest", ")" + times(100'000, "\x85") + ".");
  expect_refused(Kind::Damaged, "nest", times(100'000, "]") + times(99'999, "a") + ".");
  // A list that is an item of itself.
  expect_refused(Kind::Damaged, "changes after", "]q\0h\0a."s);
  // Each tuple refers to the one before it twice: 2^40 values in 160 bytes.
  std::string doubling = ")";
  for (int i = 0; i < 40; ++i) doubling += "q"s + static_cast<char>(i) + "h" + static_cast<char>(i) + "\x86";
  expect_refused(Kind::Damaged, "values", doubling + ".");
}

TEST(PickleCheck, StoragesThatAreUsedAgainAndAgain) {
  const std::string one = tensor(storage("0", 10), 0, 2, 5, 5, 1);
  EXPECT_NO_THROW(check("(" + times(4, one) + "t."));
  // LibTorch would read the record each time.
  expect_refused(Kind::Damaged, "more than 4 times", "(" + times(5, one) + "t.");
  const auto shared = [](size_t count) {
    return "(" + storage("0", 10) + "q\0"s + times(count, tensor("h\0"s, 0, 2, 5, 5, 1)) + "t.";
  };
  EXPECT_NO_THROW(check(shared(4)));
  expect_refused(Kind::Damaged, "share a storage", shared(5));
}

TEST(PickleCheck, TensorsThatReachBeyondTheirStorage) {
  const std::string whole = storage("0", 10);
  EXPECT_NO_THROW(check(tensor(whole, 2, 2, 4, 4, 1) + "."));
  EXPECT_NO_THROW(check(tensor(storage("1", 0), 0, 0, 4, 4, 1) + "."));
  expect_refused(Kind::Damaged, "outside", tensor(whole, 3, 2, 4, 4, 1) + ".");
  expect_refused(Kind::Damaged, "outside", tensor(whole, 0, 2, 4, 8, 1) + ".");
  expect_refused(Kind::Damaged, "outside", tensor(whole, -1, 2, 4, 4, 1) + ".");
  expect_refused(Kind::Damaged, "outside", tensor(whole, 11, 0, 4, 4, 1) + ".");
  expect_refused(Kind::Damaged, "outside", tensor(storage("1", 0), 0, 1, 1, 1, 1) + ".");
  expect_refused(Kind::Damaged, "larger", tensor(whole, 0, 2, 8, 4, 1) + ".");
  expect_refused(Kind::Damaged, "larger", tensor(whole, 0, 1 << 30, 1 << 30, 1 << 30, 1) + ".");
  expect_refused(Kind::Damaged, "negative", tensor(whole, 0, 2, 4, -4, 1) + ".");
  expect_refused(Kind::Damaged, "40 bytes", tensor(storage("0", 11), 0, 2, 5, 5, 1) + ".");
  expect_refused(Kind::Damaged, "40 bytes", tensor(storage("0", -1), 0, 2, 5, 5, 1) + ".");
  expect_refused(Kind::Damaged, "40 bytes", tensor(storage("0", 10, "DoubleStorage"), 0, 2, 5, 5, 1) + ".");
  expect_refused(Kind::Damaged, "missing", tensor(storage("2", 10), 0, 2, 5, 5, 1) + ".");
  expect_refused(
      Kind::Damaged, "no type",
      tensor("(" + text("storage") + global("collections", "OrderedDict") + text("0") + text("cpu") + number(10) + "tQ",
             0, 2, 5, 5, 1) +
          ".");
}

}  // namespace
}  // namespace hyperiqa
