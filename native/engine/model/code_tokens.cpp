#include "model/code_tokens.h"

#include "model/archive_error.h"

namespace hyperiqa {
namespace {

constexpr size_t kMaxName = 256;
constexpr size_t kMaxNumber = 64;
constexpr size_t kMaxString = 1024;
constexpr size_t kMaxBlocks = 16;
constexpr int kMaxBrackets = 64;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_name(char c) {
  return is_name_start(c) || is_digit(c);
}

class Tokenizer {
 public:
  Tokenizer(const std::string& record, std::string_view text) : record_(record), text_(text) {}

  std::vector<Token> run() {
    while (position_ < text_.size()) line_of_code();
    if (brackets_ != 0) damage("brackets are not closed");
    for (; indents_.size() > 1; indents_.pop_back()) put(Token::Kind::Dedent, {});
    put(Token::Kind::End, {});
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void damage(const std::string& reason) const { code_damaged(record_, line_, reason); }
  [[noreturn]] void forbid(const std::string& reason) const { code_forbidden(record_, line_, reason); }

  char peek(size_t ahead = 0) const { return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0'; }

  void put(Token::Kind kind, std::string_view text) { tokens_.push_back({.kind = kind, .text = text, .line = line_}); }

  std::string_view take(size_t length) {
    const std::string_view taken = text_.substr(position_, length);
    position_ += length;
    return taken;
  }

  /** Skips up to and with the next line break; inside brackets that is no end of a statement. */
  void line_of_code() {
    size_t spaces = 0;
    while (peek() == ' ') ++position_, ++spaces;
    const bool blank = peek() == '\n' || position_ == text_.size();
    if (!blank && brackets_ == 0) indent_to(spaces);
    while (position_ < text_.size() && peek() != '\n') token();
    if (position_ < text_.size()) ++position_;
    if (!blank && brackets_ == 0) put(Token::Kind::NewLine, {});
    ++line_;
  }

  void indent_to(size_t spaces) {
    if (spaces > indents_.back()) {
      if (indents_.size() > kMaxBlocks) damage("blocks nest too deeply");
      indents_.push_back(spaces);
      put(Token::Kind::Indent, {});
      return;
    }
    for (; spaces < indents_.back(); indents_.pop_back()) put(Token::Kind::Dedent, {});
    if (spaces != indents_.back()) damage("the indentation fits no block");
  }

  void token() {
    const char c = peek();
    if (c == ' ') {
      ++position_;
    } else if (is_name_start(c)) {
      name();
    } else if (is_digit(c)) {
      number();
    } else if (c == '"') {
      string();
    } else {
      symbol();
    }
  }

  void name() {
    size_t length = 1;
    while (is_name(peek(length))) ++length;
    if (length > kMaxName) damage("a name is longer than " + std::to_string(kMaxName) + " characters");
    // A letter before a quote makes another kind of string, f"…" for example.
    if (peek(length) == '"') forbid("a string has a prefix");
    put(Token::Kind::Name, take(length));
  }

  /** Decimal numbers as they are written: digits, with a point and an exponent or without. */
  void number() {
    size_t length = 0;
    const auto digits = [&] {
      while (is_digit(peek(length))) ++length;
    };
    digits();
    if (peek(length) == '.') {
      ++length;
      digits();
    }
    if (peek(length) == 'e' || peek(length) == 'E') {
      ++length;
      if (peek(length) == '+' || peek(length) == '-') ++length;
      if (!is_digit(peek(length))) damage("a number has no exponent");
      digits();
    }
    if (length > kMaxNumber) damage("a number is longer than " + std::to_string(kMaxNumber) + " characters");
    if (is_name(peek(length)) || peek(length) == '.' || peek(length) == '"') forbid("a number of an unknown kind");
    put(Token::Kind::Number, take(length));
  }

  void string() {
    size_t length = 1;
    for (;; ++length) {
      const char c = peek(length);
      if (c == '"') break;
      if (c == '\\' && peek(length + 1) >= ' ') {
        ++length;
      } else if (position_ + length >= text_.size() || c == '\n' || c == '\\') {
        damage("a string is not closed");
      }
      if (length > kMaxString) damage("a string is longer than " + std::to_string(kMaxString) + " characters");
    }
    // Three quotes open a string of several lines.
    if (peek(length + 1) == '"') forbid("two strings stand side by side");
    put(Token::Kind::String, text_.substr(position_ + 1, length - 1));
    position_ += length + 1;
  }

  void symbol() {
    constexpr std::string_view kSymbols = "()[],:=.-";
    const char c = peek();
    if (c == '-' && peek(1) == '>') {
      put(Token::Kind::Symbol, take(2));
      return;
    }
    if (kSymbols.find(c) == std::string_view::npos) {
      if (c >= ' ' && c <= '~') forbid(std::string("it uses the symbol \"") + c + '"');
      forbid("it has a character that is not ASCII text");
    }
    if (c == '(' || c == '[') {
      if (++brackets_ > kMaxBrackets) damage("brackets nest more than " + std::to_string(kMaxBrackets) + " deep");
    } else if (c == ')' || c == ']') {
      if (--brackets_ < 0) damage("a bracket is closed that was not opened");
    }
    put(Token::Kind::Symbol, take(1));
  }

  const std::string& record_;
  std::string_view text_;
  size_t position_ = 0;
  int line_ = 1;
  int brackets_ = 0;
  std::vector<size_t> indents_{0};
  std::vector<Token> tokens_;
};

std::string at(const std::string& record, int line) {
  return record + ", line " + std::to_string(line) + ": ";
}

}  // namespace

void code_damaged(const std::string& record, int line, const std::string& reason) {
  damaged("its code cannot be read (" + at(record, line) + reason + ").");
}

void code_forbidden(const std::string& record, int line, const std::string& reason) {
  forbidden(at(record, line) + reason + '.');
}

std::vector<Token> tokenize(const std::string& record, std::string_view text) {
  return Tokenizer(record, text).run();
}

}  // namespace hyperiqa
