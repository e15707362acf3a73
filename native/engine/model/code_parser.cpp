#include "model/code_parser.h"

#include <algorithm>
#include <vector>

#include "model/code_cursor.h"
#include "model/operators.h"
#include "support/lower_case.h"

namespace hyperiqa {
namespace {

// Several times what the known networks need (they have at most 330 definitions and 130 statements in one).
constexpr size_t kMaxDefinitions = 1000;
constexpr size_t kMaxStatements = 2000;
constexpr size_t kMaxMembers = 512;
constexpr size_t kMaxParameters = 64;
constexpr size_t kMaxItems = 1024;
constexpr int kMaxDepth = 64;
// Tuples double where each holds the one before it twice, and LibTorch walks through all that their types name. Known
// networks make one in a function.
constexpr int kMaxTuples = 2;
constexpr size_t kMaxTupleItems = 8;
constexpr size_t kMaxTypeParts = 64;

/** "code/__torch__/A/b.py" → "__torch__.a.b." */
std::string module_of(std::string_view record) {
  constexpr std::string_view kFolder = "code/";
  constexpr std::string_view kEnding = ".py";
  record.remove_prefix(kFolder.size());
  record.remove_suffix(kEnding.size());
  std::string module(record);
  std::ranges::replace(module, '/', '.');
  return lower_case(module) + '.';
}

/** "__torch__.A.b.C" → "__torch__.a.b.C" */
std::string unit_path(const std::string& path) {
  const size_t name = path.rfind('.') + 1;
  return lower_case(path.substr(0, name)) + path.substr(name);
}

/** Recursive descent over the tokens of one record. */
class Parser : private CodeCursor {
 public:
  Parser(const std::string& record, const std::vector<Token>& tokens, std::map<std::string, CodeCheck::Unit>& units,
         CodeCheck::Names& names, size_t& definitions)
      : CodeCursor(record, tokens),
        module_(module_of(record)),
        units_(units),
        names_(names),
        definitions_(definitions) {}

  void file() {
    while (next().kind != Kind::End) {
      if (accept_word("class")) {
        class_definition();
      } else if (accept_word("def")) {
        definition(false);
      } else {
        unknown("a class or a function");
      }
    }
  }

 private:
  /** Meaning of a name in a function. Texts are for errors only: LibTorch computes with constant texts while it
   * loads, and joined again and again they grow without bound. */
  enum class Role {
    Value,
    Function,  ///< a function of the archive
    Text,      ///< as written
    Message    ///< made by `format`
  };

  /** The names of one function, and what has been counted in it. */
  struct Function {
    std::map<std::string_view, Role> roles;
    size_t statements = 0;
    int tuples = 0;
    bool in_loop = false;
  };

  void count_definition() {
    if (++definitions_ > kMaxDefinitions) {
      damage("the archive has more than " + std::to_string(kMaxDefinitions) + " classes and functions");
    }
  }

  void begin_unit(std::string_view of) {
    const auto [unit, fresh] = units_.try_emplace(module_ + std::string(of));
    if (!fresh) damage("there are two definitions of " + std::string(of));
    unit_ = &unit->second;
  }

  void class_definition() {
    count_definition();
    begin_unit(name());
    expect("(");
    // Named tuples, enumerations and interfaces have other bases.
    expect_word("Module");
    expect(")");
    expect(":");
    expect(Kind::NewLine);
    expect(Kind::Indent);
    size_t members = 0;
    while (!accept(Kind::Dedent)) {
      if (++members > kMaxMembers) damage("a class has more than " + std::to_string(kMaxMembers) + " members");
      if (accept_word("def")) {
        definition(true);
      } else {
        member();
        expect(Kind::NewLine);
      }
    }
  }

  void member() {
    if (accept_word("pass")) return;
    const std::string_view key = name();
    if (key == "__parameters__" || key == "__buffers__") {
      expect("=");
      expect("[");
      items("]", kMaxItems, [this] { string(); });
    } else if (key == "__annotations__") {
      // Written by LibTorch before an attribute whose name is no word, where that is a class's first.
      if (accept("=")) {
        expect("[");
        expect("]");
        return;
      }
      expect("[");
      const std::string_view attribute = string();
      expect("]");
      expect("=");
      attribute_type(attribute);
    } else if (is_dunder(key)) {
      forbid("a class sets " + std::string(key));
    } else {
      expect(":");
      attribute_type(key);
      if (accept("=")) literal(0);
    }
  }

  void attribute_type(std::string_view attribute) {
    const size_t start = position_;
    type(/*texts=*/true);
    for (size_t i = start; i < position_; ++i) {
      if (tokens_[i].text == "str") names_.text_attributes.emplace(attribute);
    }
  }

  void type(bool texts) {
    type_parts_ = 0;
    type_part(0, texts);
  }

  void type_part(int depth, bool texts) {
    if (depth > kMaxDepth) damage("types nest too deeply");
    if (++type_parts_ > kMaxTypeParts) damage("a type has more than " + std::to_string(kMaxTypeParts) + " parts");
    if (is_word("__torch__")) {
      archive_path();
      return;
    }
    if (next().kind != Kind::Name) unknown("a type");
    const std::string_view word = next().text;
    if (is_plain_type(word)) {
      if (word == "str" && !texts) forbid("a function uses the type str");
      take();
    } else if (is_container_type(word)) {
      take();
      expect("[");
      items("]", kMaxParameters, [&] { type_part(depth + 1, texts); });
    } else {
      forbid("it uses the type " + std::string(word));
    }
  }

  /** `__torch__.a.b.C`, a class or function of the archive. `__torch__.torch.classes` holds LibTorch's own. */
  void archive_path() {
    expect_word("__torch__");
    std::string path = "__torch__";
    int depth = 0;
    while (accept(".")) {
      if (++depth > kMaxDepth) damage("a name has too many parts");
      if (next().kind != Kind::Name) unknown("a name");
      path += '.' + std::string(take().text);
    }
    if (depth == 0) unknown("\".\"");
    if (path.starts_with("__torch__.torch.classes")) forbid("it uses the class " + path);
    unit_->references.insert(unit_path(path));
  }

  void literal(int depth) {
    if (depth > kMaxDepth) damage("values nest too deeply");
    if (accept("(")) {
      items(")", kMaxItems, [&] { literal(depth + 1); });
    } else if (accept("[")) {
      items("]", kMaxItems, [&] { literal(depth + 1); });
    } else if (accept("-")) {
      if (!accept(Kind::Number)) unknown("a number");
    } else if (!accept(Kind::Number) && !accept(Kind::String) && !accept_constant()) {
      unknown("a constant");
    }
  }

  bool accept_constant() { return accept_word("None") || accept_word("True") || accept_word("False"); }

  void definition(bool method) {
    count_definition();
    const std::string_view of = name();
    // __setstate__ runs while the archive is loaded; others run where no call is written.
    if (is_dunder(of) && of != "__len__") forbid("it defines " + std::string(of));
    if (method) {
      names_.methods.emplace(of);
    } else {
      begin_unit(of);
    }
    ++unit_->functions;
    function_ = {};
    expect("(");
    items(")", kMaxParameters, [this] {
      function_.roles.emplace(name(), Role::Value);
      if (accept(":")) type(/*texts=*/false);
      if (accept("=")) literal(0);
    });
    expect("->");
    type(/*texts=*/false);
    expect(":");
    block(0);
  }

  void block(int depth) {
    expect(Kind::NewLine);
    expect(Kind::Indent);
    while (!accept(Kind::Dedent)) {
      if (++function_.statements > kMaxStatements) {
        damage("a function has more than " + std::to_string(kMaxStatements) + " statements");
      }
      statement(depth);
    }
  }

  void statement(int depth) {
    if (accept_word("if")) {
      expression(0);
      expect(":");
      block(depth + 1);
      if (accept_word("else")) {
        expect(":");
        block(depth + 1);
      }
      return;
    }
    if (accept_word("for")) {
      loop(depth);
      return;
    }
    if (accept_word("return")) {
      if (function_.in_loop) forbid("a loop returns");
      expression(0);
    } else if (!accept_word("pass")) {
      if (is_word("while")) forbid("it has a while loop");
      if (next().kind == Kind::Name && (is_symbol("=", 1) || is_symbol(",", 1))) {
        assignment();
      } else {
        const size_t start = position_;
        expression(0);
        if (tokens_[position_ - 1].text != ")" || position_ == start + 1) unknown("a call");
      }
    }
    expect(Kind::NewLine);
  }

  /** `for i in range(torch.len(list)):` or `range(torch.sub(torch.len(list), 2))`, with neither calls of the archive's
   * functions nor loops inside: lists are short, so loops are. */
  void loop(int depth) {
    if (function_.in_loop) forbid("loops are nested");
    assign(name(), Role::Value);
    expect_word("in");
    expect_word("range");
    expect("(");
    const auto torch = [this](std::string_view called) {
      expect_word("torch");
      expect(".");
      expect_word(called);
      expect("(");
    };
    const auto length = [&] {
      torch("len");
      name();
      expect(")");
    };
    if (is_word("torch") && is_symbol(".", 1) && next(2).text == "sub") {
      torch("sub");
      length();
      expect(",");
      if (!accept(Kind::Number)) unknown("a number");
      expect(")");
    } else {
      length();
    }
    expect(")");
    expect(":");
    function_.in_loop = true;
    block(depth + 1);
    function_.in_loop = false;
  }

  void assignment() {
    std::vector<std::string_view> targets;
    while (!accept("=")) {
      if (targets.size() == kMaxItems) damage("too many values are assigned at once");
      targets.push_back(name());
      if (!accept(",")) {
        expect("=");
        break;
      }
    }
    const Role role = assigned_value();
    if (targets.size() > 1 && role != Role::Value) forbid("one value is assigned to several names");
    for (const std::string_view target : targets) assign(target, role);
  }

  Role assigned_value() {
    if (accept(Kind::String)) return Role::Text;
    if (accept_format()) return Role::Message;
    const size_t start = position_;
    expression(0);
    const bool path = tokens_[start].text == "__torch__" && tokens_[position_ - 1].kind == Kind::Name;
    return path ? Role::Function : Role::Value;
  }

  void assign(std::string_view target, Role role) {
    const auto [known, fresh] = function_.roles.emplace(target, role);
    if (!fresh && known->second != role) forbid("the name " + std::string(target) + " changes its meaning");
    // Assigned in a branch that is not taken, another name would still be the built-in function, `str` for example.
    if (role == Role::Function && !is_generated(target)) forbid("it names a function " + std::string(target));
  }

  bool is(std::string_view name, Role role) const {
    const auto known = function_.roles.find(name);
    return known != function_.roles.end() && known->second == role;
  }

  bool accept_text() {
    if (accept(Kind::String)) return true;
    if (next().kind != Kind::Name || !is(next().text, Role::Text)) return false;
    take();
    return true;
  }

  /** `torch.format("{} …", values)`, whose values are no texts. */
  bool accept_format() {
    if (!is_word("torch") || !is_symbol(".", 1) || next(2).text != "format") return false;
    if (function_.in_loop) forbid("a loop formats text");
    position_ += 3;
    expect("(");
    if (!accept_text()) unknown("a text");
    if (!accept(")")) {
      expect(",");
      items(")", kMaxItems, [this] { expression(1); });
    }
    return true;
  }

  /** Text and kind of an error. */
  void message() {
    if (accept_text() || accept_format()) return;
    if (next().kind != Kind::Name || !is(next().text, Role::Message)) unknown("a text");
    take();
  }

  /** An operand and what follows it: attributes, elements and calls of methods, each one deeper in LibTorch's tree. */
  void expression(int depth) {
    primary(depth);
    for (int links = depth;; ++links) {
      if (links > kMaxDepth) damage("expressions nest too deeply");
      if (accept(".")) {
        const std::string_view attribute = name();
        if (!is_symbol("(")) {
          read(attribute);
          continue;
        }
        if (function_.in_loop) forbid("a loop calls the method " + std::string(attribute));
        names_.calls.try_emplace(std::string(attribute), CodePlace{record_, next().line});
        arguments(depth + 1);
      } else if (accept("[")) {
        expression(depth + 1);
        expect("]");
      } else if (is_symbol("(")) {
        forbid("it calls a value");
      } else {
        return;
      }
    }
  }

  void read(std::string_view attribute) {
    names_.reads.try_emplace(std::string(attribute), CodePlace{record_, next().line});
  }

  void arguments(int depth) {
    expect("(");
    items(")", kMaxItems, [&] {
      if (next().kind == Kind::Name && is_symbol("=", 1)) {
        name();
        take();
      }
      expression(depth);
    });
  }

  void primary(int depth) {
    if (depth > kMaxDepth) damage("expressions nest too deeply");
    if (accept("(")) {
      bracketed(depth);
    } else if (accept("[")) {
      items("]", kMaxItems, [&] { expression(depth + 1); });
    } else if (accept("-")) {
      if (!accept(Kind::Number)) unknown("a number");
    } else if (accept(Kind::Number) || accept_constant()) {
      return;
    } else if (next().kind == Kind::String) {
      forbid("it computes with a text");
    } else if (next().kind == Kind::Name) {
      named(depth);
    } else {
      unknown("a value");
    }
  }

  /** `(value)` or a tuple. */
  void bracketed(int depth) {
    const size_t count = items(")", kMaxTupleItems, [&] { expression(depth + 1); });
    if (count == 1 && tokens_[position_ - 2].text != ",") return;
    if (++function_.tuples > kMaxTuples) damage("a function has more than " + std::to_string(kMaxTuples) + " tuples");
  }

  void named(int depth) {
    if (accept_word("torch")) {
      expect(".");
      torch_call(depth);
    } else if (accept_word("ops")) {
      expect(".");
      if (next().kind != Kind::Name) unknown("a name");
      const std::string space(take().text);
      expect(".");
      if (next().kind != Kind::Name) unknown("a name");
      const std::string operation(next().text);
      if (space != "prim" || !is_allowed_prim_name(operation)) forbid_operator("ops." + space + "." + operation);
      take();
      if (operation == "RaiseException") {
        expect("(");
        items(")", 2, [this] { message(); });
      } else {
        arguments(depth + 1);
      }
    } else if (is_word("__torch__")) {
      archive_path();
      if (is_symbol("(")) archive_call(depth);
    } else if (is_word("annotate") || is_word("unchecked_cast")) {
      take();
      expect("(");
      type(/*texts=*/false);
      expect(",");
      expression(depth + 1);
      expect(")");
    } else if (accept_word("getattr")) {
      expect("(");
      expression(depth + 1);
      expect(",");
      read(string());
      expect(")");
    } else if (is_symbol("(", 1)) {
      if (!is(next().text, Role::Function)) forbid("it calls " + std::string(next().text));
      take();
      archive_call(depth);
    } else {
      if (is(next().text, Role::Text) || is(next().text, Role::Message)) forbid("it computes with a text");
      name();
    }
  }

  void archive_call(int depth) {
    if (function_.in_loop) forbid("a loop calls a function");
    arguments(depth + 1);
  }

  void torch_call(int depth) {
    if (next().kind != Kind::Name) unknown("a name");
    const std::string_view operation = next().text;
    if (!is_allowed_torch_name(operation)) forbid_operator("torch." + std::string(operation));
    take();
    if (operation == "format") forbid("it computes with a text");
    arguments(depth + 1);
  }

  [[noreturn]] void forbid_operator(const std::string& operation) const { forbid("it uses " + operation); }

  const std::string module_;
  std::map<std::string, CodeCheck::Unit>& units_;
  CodeCheck::Unit* unit_ = nullptr;
  CodeCheck::Names& names_;
  size_t& definitions_;
  size_t type_parts_ = 0;
  Function function_;
};

}  // namespace

void parse_code(const std::string& record, std::string_view text, std::map<std::string, CodeCheck::Unit>& units,
                CodeCheck::Names& names, size_t& definitions) {
  const std::vector<Token> tokens = tokenize(record, text);
  Parser(record, tokens, units, names, definitions).file();
}

}  // namespace hyperiqa
