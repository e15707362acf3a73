#include "model/code_check.h"

#include <gtest/gtest.h>

#include <string>

#include "model/archive_error.h"

namespace hyperiqa {
namespace {

using Kind = ArchiveError::Kind;

/** The names that the tests use and that LibTorch's `aten` has. */
bool is_operator(const std::string& name) {
  return name == "save" || name == "format";
}

void check(const std::string& code) {
  CodeCheck checks(is_operator);
  checks.add("code/__torch__/test.py", code);
  checks.finish();
}

/** A function with these statements, each a line. */
std::string function(const std::string& statements) {
  return "def f(x: Tensor) -> Tensor:\n" + statements + "  return x\n";
}

void expect_refused(Kind kind, const std::string& words, const std::string& code) {
  try {
    check(code);
    ADD_FAILURE() << "accepted: " << code.substr(0, 200);
  } catch (const ArchiveError& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what() << "\nlacks " << words;
  }
}

std::string times(size_t count, const std::string& text) {
  std::string result;
  for (size_t i = 0; i < count; ++i) result += text;
  return result;
}

TEST(CodeCheck, WhatNetworksAreWrittenAs) {
  EXPECT_NO_THROW(check(R"(class Net(Module):
  __parameters__ = ["weight", ]
  __buffers__ = []
  weight : Tensor
  __annotations__ = []
  __annotations__["0"] = __torch__.torch.nn.modules.conv.Conv2d
  padding : Final[Tuple[int, int]] = (0, -1)
  def forward(self: __torch__.Net,
    x: Tensor,
    eps: float=1.0000000000000001e-05) -> Tuple[Tensor, Tensor]:
    _0 = __torch__.helper
    _1 = getattr(self, "0")
    y = (_1).forward(torch.add(x, 1.), )
    a, b, = _0(y, [1, -2], )
    if torch.eq(ops.prim.dtype(a), 7):
      c = annotate(List[int], [])
    else:
      ops.prim.RaiseException(torch.format("size {}", torch.size(x)), "builtins.ValueError")
      c = torch.size(a)
    for i in range(torch.sub(torch.len(c), 2)):
      d = torch.mul(c[torch.add(i, 2)], 2)
    return (a, torch.to(b, dtype=7))
  def __len__(self: __torch__.Net) -> int:
    return 3
def helper(x: Tensor,
    sizes: List[int]) -> Tuple[Tensor, Tensor]:
  return (x, torch.view(x, sizes))
)"));
}

TEST(CodeCheck, OperatorsThatAreNotOnTheList) {
  expect_refused(Kind::Forbidden, "torch.save", function("  torch.save(x, \"/tmp/file\")\n"));
  expect_refused(Kind::Forbidden, "line 2: it uses torch.from_file",
                 function("  y = torch.from_file(\"/etc/passwd\", False, 10)\n"));
  expect_refused(Kind::Forbidden, "ops.aten.save", function("  ops.aten.save(x, \"file\")\n"));
  expect_refused(Kind::Forbidden, "ops.image.read_file", function("  y = ops.image.read_file(\"file\")\n"));
  expect_refused(Kind::Forbidden, "ops.prim.Print", function("  ops.prim.Print(x)\n"));
  expect_refused(Kind::Forbidden, "it calls print", function("  print(x)\n"));
  expect_refused(Kind::Forbidden, "it calls fork", function("  y = fork(x)\n"));
  expect_refused(Kind::Forbidden, "torch.manual_seed", function("  torch.manual_seed(1)\n"));
  expect_refused(Kind::Forbidden, "\"(\" is expected", function("  y = torch.relu\n"));
  expect_refused(Kind::Forbidden, "torch.ops", function("  y = torch.ops.aten.save(x)\n"));
}

TEST(CodeCheck, OperatorsInOtherWords) {
  expect_refused(Kind::Forbidden, "it calls the method save", function("  (x).save(x, )\n"));
  expect_refused(
      Kind::Forbidden, "it calls the method save",
      "class A(Module):\n  def save(self: __torch__.A) -> int:\n    return 1\n" + function("  (x).save(x, )\n"));
  expect_refused(Kind::Forbidden, "it calls the method wait", function("  y = (x).wait()\n"));
  expect_refused(Kind::Forbidden, "it calls a value", function("  getattr(x, \"save\")(\"file\")\n"));
  expect_refused(Kind::Forbidden, "it calls s", function("  s = getattr(x, \"save\")\n  s(\"file\")\n"));
  expect_refused(Kind::Forbidden, "it calls a value", function("  (torch.relu(x))(x)\n"));
  expect_refused(Kind::Forbidden, "a name is expected", function("  torch = x\n  torch.save(x)\n"));
  expect_refused(Kind::Forbidden, "changes its meaning", function("  _0 = __torch__.f\n  _0 = x\n  y = _0(x)\n"));
  expect_refused(Kind::Forbidden, "changes its meaning", function("  x = __torch__.f\n  y = x(x)\n"));
  expect_refused(Kind::Forbidden, "it names a function str",
                 function("  if torch.eq(torch.dim(x), 1):\n    str = __torch__.f\n  y = str(1)\n"));
  expect_refused(Kind::Forbidden, "torch.classes", function("  y = __torch__.torch.classes.quantized.X(x)\n"));
}

TEST(CodeCheck, WhatRunsWithoutACall) {
  const std::string method =
      "class A(Module):\n  def NAME(self: __torch__.A, x: Tensor) -> NoneType:\n    return None\n";
  for (const std::string name : {"__setstate__", "__getstate__", "__init__", "__enter__", "__add__", "__del__"}) {
    std::string code = method;
    expect_refused(Kind::Forbidden, "it defines " + name, code.replace(code.find("NAME"), 4, name));
  }
}

TEST(CodeCheck, TheRestOfTheLanguage) {
  expect_refused(Kind::Forbidden, "while", function("  while True:\n    pass\n"));
  expect_refused(Kind::Forbidden, "\"torch\" is expected", function("  for i in range(1000000000):\n    pass\n"));
  expect_refused(Kind::Forbidden, "loops are nested",
                 function("  for i in range(torch.len(x)):\n    for j in range(torch.len(x)):\n      pass\n"));
  expect_refused(Kind::Forbidden, "a loop calls", function("  for i in range(torch.len(x)):\n    y = (x).forward()\n"));
  expect_refused(Kind::Forbidden, "\"with\"", function("  with x:\n    pass\n"));
  expect_refused(Kind::Forbidden, "\"raise\"", function("  raise x\n"));
  expect_refused(Kind::Forbidden, "\"lambda\"", function("  y = lambda x: x\n"));
  expect_refused(Kind::Forbidden, "\"not\"", function("  y = not x\n"));
  expect_refused(Kind::Forbidden, "symbol \"+\"", function("  y = x + x\n"));
  expect_refused(Kind::Forbidden, "symbol \"*\"", function("  y = f(*x)\n"));
  expect_refused(Kind::Forbidden, "symbol \"@\"", "@ignore\n" + function(""));
  expect_refused(Kind::Forbidden, "symbol \"#\"", function("  # type: () -> None\n"));
  expect_refused(Kind::Forbidden, "symbol \"{\"", function("  y = {}\n"));
  expect_refused(Kind::Forbidden, "prefix", function("  y = f\"{x}\"\n"));
  expect_refused(Kind::Forbidden, "side by side", function("  y = \"\"\"a\"\"\"\n"));
  expect_refused(Kind::Forbidden, "not ASCII", function("  \xC3\xA4 = x\n"));
  expect_refused(Kind::Forbidden, "\"Module\"", "class A(NamedTuple):\n  x : int\n");
  expect_refused(Kind::Forbidden, "the type Any", "def f(x: Any) -> Tensor:\n  return x\n");
  expect_refused(Kind::Forbidden, "a class or a function", "import os\n");
  expect_refused(Kind::Forbidden, "sets __forward_hooks__", "class A(Module):\n  __forward_hooks__ = []\n");
}

TEST(CodeCheck, NestingOfEveryKind) {
  constexpr size_t kDeep = 100'000;
  const auto deep = [](const std::string& open, const std::string& inner, const std::string& close) {
    return function("  y = " + times(kDeep, open) + inner + times(kDeep, close) + "\n");
  };
  expect_refused(Kind::Damaged, "brackets nest", deep("(", "x", ")"));
  expect_refused(Kind::Damaged, "brackets nest", deep("[", "x", "]"));
  expect_refused(Kind::Damaged, "brackets nest", deep("torch.relu(", "x", ")"));
  expect_refused(Kind::Damaged, "nest too deeply", deep("", "x", "[0]"));
  expect_refused(Kind::Damaged, "nest too deeply", deep("", "x", ".y"));
  expect_refused(Kind::Damaged, "nest too deeply", deep("", "x", ".forward()"));
  expect_refused(Kind::Damaged, "too many parts", deep("", "__torch__", ".y"));
  expect_refused(Kind::Damaged, "brackets nest", "def f(x: " + times(kDeep, "List[") + "int" + times(kDeep, "]"));
  expect_refused(Kind::Forbidden, "a number is expected", deep("-", "1", ""));
  expect_refused(Kind::Forbidden, "not \"not\"", deep("not ", "x", ""));
  std::string blocks;
  for (size_t i = 1; i < 1000; ++i) blocks += std::string(2 * i, ' ') + "if x:\n";
  expect_refused(Kind::Damaged, "blocks nest", function(blocks));
}

TEST(CodeCheck, Lengths) {
  expect_refused(Kind::Damaged, "statements", function(times(3000, "  pass\n")));
  expect_refused(Kind::Damaged, "items", function("  y = [" + times(2000, "1, ") + "]\n"));
  expect_refused(Kind::Damaged, "a string is longer", function("  y = \"" + times(2000, "a") + "\"\n"));
  expect_refused(Kind::Damaged, "a number is longer", function("  y = " + times(2000, "1") + "\n"));
  expect_refused(Kind::Damaged, "a name is longer", function("  " + times(2000, "y") + " = x\n"));
  expect_refused(Kind::Damaged, "members", "class A(Module):\n" + times(600, "  x : int\n"));
  expect_refused(Kind::Damaged, "classes and functions", [] {
    std::string code;
    for (int i = 0; i < 1001; ++i) code += "def f" + std::to_string(i) + "(x: Tensor) -> Tensor:\n  return x\n";
    return code;
  }());
}

TEST(CodeCheck, ChainsAndCircles) {
  const auto chain = [](int length) {
    std::string code = "def f0(x: Tensor) -> Tensor:\n  return x\n";
    for (int i = 1; i < length; ++i) {
      code += "def f" + std::to_string(i) + "(x: Tensor) -> Tensor:\n  return __torch__.test.f" +
              std::to_string(i - 1) + "(x, )\n";
    }
    return code;
  };
  EXPECT_NO_THROW(check(chain(32)));
  expect_refused(Kind::Damaged, "a chain of more than", chain(33));
  expect_refused(Kind::Damaged, "a chain of more than", chain(900));
  std::string classes = "class A0(Module):\n  x : int\n";
  for (int i = 1; i < 33; ++i) {
    classes += "class A" + std::to_string(i) + "(Module):\n  x : __torch__.test.A" + std::to_string(i - 1) + "\n";
  }
  expect_refused(Kind::Damaged, "a chain of more than", classes);
  expect_refused(Kind::Damaged, "in a circle",
                 "class A(Module):\n  x : __torch__.test.B\nclass B(Module):\n  x : __torch__.test.A\n");
  expect_refused(Kind::Damaged, "two definitions", function("") + function(""));
}

TEST(CodeCheck, TextsAreForErrorsOnly) {
  EXPECT_NO_THROW(check(function(R"(  _0 = "a size of {}"
  _1 = torch.format("{} and {}", torch.dim(x), [1, 2])
  if torch.eq(torch.dim(x), 1):
    ops.prim.RaiseException(torch.format(_0, 1), "builtins.ValueError")
  else:
    ops.prim.RaiseException(_1)
)")));
  // LibTorch computes constant texts while it loads, and each of these doubles.
  expect_refused(Kind::Forbidden, "computes with a text", function("  y = torch.add(\"a\", \"a\")\n"));
  expect_refused(Kind::Forbidden, "computes with a text", function("  s = \"a\"\n  y = torch.add(s, s)\n"));
  expect_refused(Kind::Forbidden, "computes with a text", function("  s = \"a\"\n  y = torch.format(\"{}\", s)\n"));
  expect_refused(Kind::Forbidden, "computes with a text",
                 function("  s = torch.format(\"{}\", 1)\n  y = torch.format(\"{}\", s)\n"));
  expect_refused(Kind::Forbidden, "a text is expected",
                 function("  s = torch.format(\"{}\", 1)\n  y = torch.format(s, 1)\n"));
  expect_refused(Kind::Forbidden, "computes with a text", function("  y = [\"a\"]\n"));
  expect_refused(Kind::Forbidden, "computes with a text", function("  y = (\"a\", 1)\n"));
  expect_refused(Kind::Forbidden, "computes with a text", function("  s = \"a\"\n  y = s\n"));
  expect_refused(Kind::Forbidden, "computes with a text", function("  s = \"a\"\n  return s\n"));
  expect_refused(Kind::Forbidden, "computes with a text", function("  y = torch.relu(torch.format(\"{}\", 1))\n"));
  expect_refused(Kind::Forbidden, "several names", function("  s, t = \"a\"\n"));
  expect_refused(Kind::Forbidden, "changes its meaning", function("  s = \"a\"\n  s = x\n"));
  expect_refused(Kind::Forbidden, "a text is expected", function("  ops.prim.RaiseException(x)\n"));
  expect_refused(Kind::Forbidden, "a loop formats",
                 function("  for i in range(torch.len(x)):\n    ops.prim.RaiseException(torch.format(\"\"))\n"));
  expect_refused(Kind::Forbidden, "the type str", "def f(x: str) -> int:\n  return 1\n");
  expect_refused(Kind::Forbidden, "the type str", "def f(x: int) -> Tuple[int, List[str]]:\n  return x\n");
  expect_refused(Kind::Forbidden, "the type str", function("  y = annotate(Optional[str], None)\n"));
}

TEST(CodeCheck, TextsInAttributesAreNotRead) {
  const std::string texts =
      "class A(Module):\n  name : str\n  mode : Final[str] = \"zeros\"\n"
      "  __annotations__[\"0\"] = Tuple[int, Optional[str]]\n  other : int\n";
  EXPECT_NO_THROW(check(texts + function("  y = (x).other\n")));
  expect_refused(Kind::Forbidden, "it reads the text name", texts + function("  y = torch.add((x).name, (x).name)\n"));
  expect_refused(Kind::Forbidden, "it reads the text mode", function("  y = (x).mode\n") + texts);
  expect_refused(Kind::Forbidden, "it reads the text 0", texts + function("  y = getattr(x, \"0\")\n"));
  expect_refused(Kind::Forbidden, "it reads the text name", texts + function("  y = getattr(x, \"name\")\n"));
}

TEST(CodeCheck, TypesThatDouble) {
  std::string doubling = "  t0 = (x, x)\n";
  for (int i = 0; i < 40; ++i) {
    const std::string t = "t" + std::to_string(i);
    doubling.append("  t").append(std::to_string(i + 1)).append(" = (");
    doubling.append(t).append(", ").append(t).append(")\n");
  }
  expect_refused(Kind::Damaged, "tuples", function(doubling));
  expect_refused(Kind::Damaged, "tuples", function("  a = (x,)\n  b = (a, )\n  c = (b,)\n"));
  EXPECT_NO_THROW(check(function("  a = ((((x))))\n  b = (a, x)\n")));
  expect_refused(Kind::Damaged, "items", function("  a = (x, x, x, x, x, x, x, x, x)\n"));
  expect_refused(Kind::Damaged, "parts",
                 "def f(x: Tuple[" + times(40, "Tuple[int, int], ") + "int]) -> Tensor:\n  return x\n");
}

TEST(CodeCheck, RecordsThatDifferInCase) {
  const auto expect_circle = [](const std::string& first, const std::string& second) {
    CodeCheck checks(is_operator);
    checks.add("code/__torch__/Upper/A.py", first);
    checks.add("code/__torch__/lower.py", second);
    try {
      checks.finish();
      ADD_FAILURE() << "accepted";
    } catch (const ArchiveError& error) {
      EXPECT_NE(std::string(error.what()).find("in a circle"), std::string::npos) << error.what();
    }
  };
  expect_circle("class A(Module):\n  x : __torch__.LOWER.B\n", "class B(Module):\n  x : __torch__.upper.a.A\n");
  // The names themselves do have a case.
  EXPECT_NO_THROW(check(function("") + "def F(x: Tensor) -> Tensor:\n  return x\n"));
}

TEST(CodeCheck, CutOffAnywhere) {
  const std::string code = function("  y = torch.add(x, [1, 2][0])\n  if y:\n    z = (x).f\n  else:\n    pass\n");
  EXPECT_NO_THROW(check(code));
  for (size_t length = 1; length < code.size() - 1; ++length) {
    try {
      check(code.substr(0, length));
    } catch (const ArchiveError&) {  // NOLINT(bugprone-empty-catch)
      // Must be a program still, or be refused; never a crash.
    }
  }
}

}  // namespace
}  // namespace hyperiqa
