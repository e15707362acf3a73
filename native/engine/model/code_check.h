/**
 * @file
 * The code of a TorchScript archive, read as text before LibTorch sees it.
 *
 * LibTorch's parser and compiler recurse on the native stack and evaluate constant expressions while they load, so
 * neither may see code that nobody has looked at. What is accepted is the small language in which TorchScript writes
 * networks down again (torch/csrc/jit/serialization/python_print.cpp): classes of modules, functions, assignments, if,
 * calls with arguments; no operator symbols, no while, for only over the length of a list.
 */
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace hyperiqa {

/** Place of a name in the code, for messages. */
struct CodePlace {
  std::string record;
  int line = 0;
};

/** Checks all code of one archive: `add` for each record, then `finish`. */
class CodeCheck {
 public:
  /** @param is_operator  true where LibTorch has an operator or built-in function of this name in `aten` */
  explicit CodeCheck(std::function<bool(const std::string&)> is_operator) : is_operator_(std::move(is_operator)) {}

  /** Reads one record, in time linear in its length and with bounded recursion.
   *  @throws ArchiveError for code that is too long or nests too deeply (Damaged) or is not in the language (Forbidden)
   */
  void add(const std::string& record, std::string_view text);

  /** Checks that only methods of the archive's own classes are called as methods, and that none of them is named as an
   * operator is: `x.save(...)` calls `aten::save` where x is a tensor, whatever classes there are. Checks as well that
   * no text in an attribute is read, and that classes and functions neither refer to each other in a circle nor in a
   * long chain: LibTorch compiles what is referred to first.
   *  @throws ArchiveError */
  void finish() const;

  /** A class or a function outside of classes. */
  struct Unit {
    int functions = 0;                 ///< number of functions in it
    std::set<std::string> references;  ///< paths that it names, as units are
  };

  /** Names that mean something wherever they stand. */
  struct Names {
    std::set<std::string> methods;
    std::set<std::string> text_attributes;
    std::map<std::string, CodePlace> calls;  ///< as methods
    std::map<std::string, CodePlace> reads;  ///< as attributes
  };

 private:
  int chain(const std::string& path, std::map<std::string, int>& known) const;

  std::function<bool(const std::string&)> is_operator_;
  /** Classes by their paths, "__torch__.a.b.C", with the module in lower case: LibTorch finds `__torch__.a` in the
   * record "code/__torch__/A.py", too. */
  std::map<std::string, Unit> units_;
  Names names_;
  size_t definitions_ = 0;
};

}  // namespace hyperiqa
