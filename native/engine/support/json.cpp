#include "support/json.h"

#include <charconv>
#include <cstdint>
#include <locale>
#include <sstream>
#include <unordered_set>

namespace hyperiqa {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json document() {
    Json result = value(0);
    skip_space();
    if (position_ != text_.size()) fail("text after the end");
    return result;
  }

 private:
  static constexpr int kMaxDepth = 64;

  [[noreturn]] void fail(const std::string& what) const {
    throw JsonError(what + " at byte " + std::to_string(position_));
  }

  bool at_end() const { return position_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[position_]; }

  void skip_space() {
    while (!at_end() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++position_;
  }

  bool accept(std::string_view word) {
    if (!text_.substr(position_).starts_with(word)) return false;
    position_ += word.size();
    return true;
  }

  void expect(char wanted) {
    skip_space();
    if (peek() != wanted || at_end()) fail(std::string("'") + wanted + "' expected");
    ++position_;
  }

  Json value(int depth) {
    if (depth > kMaxDepth) fail("nested too deeply");
    skip_space();
    switch (peek()) {
      case '{':
        return {object(depth)};
      case '[':
        return {array(depth)};
      case '"':
        return {string()};
      default:
        if (accept("true")) return {true};
        if (accept("false")) return {false};
        if (accept("null")) return {nullptr};
        return {number()};
    }
  }

  Json::Object object(int depth) {
    Json::Object members;
    std::unordered_set<std::string> keys;
    expect('{');
    skip_space();
    if (accept("}")) return members;
    do {
      skip_space();
      if (peek() != '"') fail("a key in quotes expected");
      std::string key = string();
      if (!keys.insert(key).second) fail("the key \"" + key + "\" occurs twice");
      expect(':');
      Json member = value(depth + 1);
      members.emplace_back(std::move(key), std::move(member));
      skip_space();
    } while (accept(","));
    expect('}');
    return members;
  }

  Json::Array array(int depth) {
    Json::Array items;
    expect('[');
    skip_space();
    if (accept("]")) return items;
    do {
      items.push_back(value(depth + 1));
      skip_space();
    } while (accept(","));
    expect(']');
    return items;
  }

  void digits() {
    if (peek() < '0' || peek() > '9') fail("a digit expected");
    while (peek() >= '0' && peek() <= '9') ++position_;
  }

  double number() {
    const size_t start = position_;
    accept("-");
    if (peek() == '\0' || (peek() != '0' && (peek() < '1' || peek() > '9'))) fail("a value expected");
    if (!accept("0")) digits();
    if (accept(".")) digits();
    if (accept("e") || accept("E")) {
      if (!accept("+")) accept("-");
      digits();
    }
    // Avoids std::from_chars, which libc++ has had for floating point since LLVM 20 only.
    std::istringstream stream(std::string(text_.substr(start, position_ - start)));
    stream.imbue(std::locale::classic());
    double result = 0;
    if (!(stream >> result)) fail("a number out of range");
    return result;
  }

  uint32_t hex4() {
    uint32_t result = 0;
    const char* begin = text_.data() + position_;
    if (text_.size() - position_ < 4) fail("four hexadecimal digits expected");
    const auto [end, error] = std::from_chars(begin, begin + 4, result, 16);
    if (error != std::errc() || end != begin + 4) fail("four hexadecimal digits expected");
    position_ += 4;
    return result;
  }

  static void append_utf8(std::string& out, uint32_t code) {
    const auto byte = [&out](uint32_t bits) { out.push_back(static_cast<char>(bits)); };
    if (code < 0x80) {
      byte(code);
    } else if (code < 0x800) {
      byte(0xC0 | code >> 6);
      byte(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      byte(0xE0 | code >> 12);
      byte(0x80 | (code >> 6 & 0x3F));
      byte(0x80 | (code & 0x3F));
    } else {
      byte(0xF0 | code >> 18);
      byte(0x80 | (code >> 12 & 0x3F));
      byte(0x80 | (code >> 6 & 0x3F));
      byte(0x80 | (code & 0x3F));
    }
  }

  uint32_t escaped_code_point() {
    uint32_t code = hex4();
    if (code >= 0xDC00 && code < 0xE000) fail("half a surrogate pair");
    if (code >= 0xD800 && code < 0xDC00) {
      if (!accept("\\u")) fail("half a surrogate pair");
      const uint32_t low = hex4();
      if (low < 0xDC00 || low >= 0xE000) fail("half a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    return code;
  }

  std::string string() {
    std::string result;
    ++position_;  // the opening quote
    for (;;) {
      if (at_end()) fail("a string without its closing quote");
      const char next = text_[position_++];
      if (next == '"') return result;
      if (static_cast<unsigned char>(next) < 0x20) fail("a control character in a string");
      if (next != '\\') {
        result.push_back(next);
        continue;
      }
      const char escape = peek();
      ++position_;
      switch (escape) {
        case '"':
        case '\\':
        case '/':
          result.push_back(escape);
          break;
        case 'b':
          result.push_back('\b');
          break;
        case 'f':
          result.push_back('\f');
          break;
        case 'n':
          result.push_back('\n');
          break;
        case 'r':
          result.push_back('\r');
          break;
        case 't':
          result.push_back('\t');
          break;
        case 'u':
          append_utf8(result, escaped_code_point());
          break;
        default:
          --position_;
          fail("an unknown escape in a string");
      }
    }
  }

  std::string_view text_;
  size_t position_ = 0;
};

}  // namespace

Json Json::parse(std::string_view text) {
  return Parser(text).document();
}

const Json* Json::find(std::string_view key) const {
  if (const auto* members = object()) {
    for (const auto& [name, member] : *members) {
      if (name == key) return &member;
    }
  }
  return nullptr;
}

std::string json_quote(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const auto code = static_cast<unsigned char>(c);
      result += "\\u00";
      result += {kDigits[code >> 4], kDigits[code & 15]};
    } else {
      result.push_back(c);
    }
  }
  return result + '"';
}

}  // namespace hyperiqa
