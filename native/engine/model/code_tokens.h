/** @file Splits the code of an archive into tokens. */
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hyperiqa {

struct Token {
  enum class Kind { Name, Number, String, Symbol, NewLine, Indent, Dedent, End };
  Kind kind = Kind::End;
  std::string_view text;  ///< a string without its quotes, a symbol as written
  int line = 0;
};

/** A fault in code, and its line. */
[[noreturn]] void code_damaged(const std::string& record, int line, const std::string& reason);
[[noreturn]] void code_forbidden(const std::string& record, int line, const std::string& reason);

/** The tokens of a record, with NewLine, Indent and Dedent as in Python; inside brackets there are none of them. The
 *  texts point into `text`. @throws ArchiveError */
std::vector<Token> tokenize(const std::string& record, std::string_view text);

}  // namespace hyperiqa
