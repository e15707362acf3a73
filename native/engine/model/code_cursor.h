/** @file A place in the tokens of a record, and the steps that a parser makes from it. */
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "model/code_tokens.h"
#include "model/code_words.h"

namespace hyperiqa {

/** Base of a parser. `accept` goes on where the next token is the one asked for; `expect` refuses any other. */
class CodeCursor {
 protected:
  using Kind = Token::Kind;

  CodeCursor(const std::string& record, const std::vector<Token>& tokens) : record_(record), tokens_(tokens) {}

  [[noreturn]] void damage(const std::string& reason) const { code_damaged(record_, next().line, reason); }
  [[noreturn]] void forbid(const std::string& reason) const { code_forbidden(record_, next().line, reason); }

  [[noreturn]] void unknown(const std::string& wanted) const {
    const Token& token = next();
    switch (token.kind) {
      case Kind::Name:
      case Kind::Symbol:
        forbid(wanted + " is expected, not \"" + std::string(token.text) + '"');
      case Kind::Number:
      case Kind::String:
        forbid(wanted + " is expected, not a number or string");
      default:
        forbid(wanted + " is expected");
    }
  }

  const Token& next(size_t ahead = 0) const { return tokens_[std::min(position_ + ahead, tokens_.size() - 1)]; }

  const Token& take() {
    const Token& token = next();
    if (position_ + 1 < tokens_.size()) ++position_;
    return token;
  }

  bool is_symbol(std::string_view symbol, size_t ahead = 0) const {
    return next(ahead).kind == Kind::Symbol && next(ahead).text == symbol;
  }
  bool is_word(std::string_view word) const { return next().kind == Kind::Name && next().text == word; }

  bool accept(std::string_view symbol) {
    if (!is_symbol(symbol)) return false;
    take();
    return true;
  }
  bool accept_word(std::string_view word) {
    if (!is_word(word)) return false;
    take();
    return true;
  }
  bool accept(Kind kind) {
    if (next().kind != kind) return false;
    take();
    return true;
  }

  void expect(std::string_view symbol) {
    if (!accept(symbol)) unknown('"' + std::string(symbol) + '"');
  }
  void expect_word(std::string_view word) {
    if (!accept_word(word)) unknown('"' + std::string(word) + '"');
  }
  void expect(Kind kind) {
    if (!accept(kind)) unknown(kind == Kind::NewLine ? "the end of the line" : "another indentation");
  }

  std::string_view name() {
    if (next().kind != Kind::Name || is_reserved_word(next().text)) unknown("a name");
    return take().text;
  }
  std::string_view string() {
    if (next().kind != Kind::String) unknown("a string");
    return take().text;
  }

  /** Items separated by commas, with a comma after the last one or without, up to the closing symbol.
   *  @return their number */
  template <typename Item>
  size_t items(std::string_view closing, size_t maximum, const Item& item) {
    size_t count = 0;
    while (!accept(closing)) {
      if (++count > maximum) damage("a list has more than " + std::to_string(maximum) + " items");
      item();
      if (!accept(",")) {
        expect(closing);
        break;
      }
    }
    return count;
  }

  const std::string& record_;
  const std::vector<Token>& tokens_;
  size_t position_ = 0;
};

}  // namespace hyperiqa
