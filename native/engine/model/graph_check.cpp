#include "model/graph_check.h"

#include <torch/csrc/jit/ir/ir.h>

#include <string>
#include <unordered_map>

#include "model/archive_error.h"
#include "model/operators.h"

namespace hyperiqa {
namespace {

namespace jit = torch::jit;

/** Most nodes of a method with all that it calls, each call counted; ResNet-50's forward has about 4,000. */
constexpr uint64_t kMaxNodes = 200'000;
constexpr int kMaxDepth = 64;  // known models have calls 9 deep

/** "aten::add.Tensor", or the kind alone of what has no overloads. */
std::string name_of(const jit::Node& node) {
  std::string name = node.kind().toQualString();
  const auto* const schema = node.maybeSchema();
  if (schema != nullptr && !schema->overload_name().empty()) name += '.' + schema->overload_name();
  return name;
}

class Graphs {
 public:
  /** Nodes of a function, those of what it calls included. */
  uint64_t size(jit::Function& function, int depth = 0) {
    const auto [entry, fresh] = sizes_.try_emplace(&function, 0);
    if (!fresh) return entry->second;
    if (depth > kMaxDepth) damaged("the calls in its code nest too deeply.");
    const jit::GraphFunction* const with_graph = jit::tryToGraphFunction(function);
    if (with_graph == nullptr) forbidden("it uses the function " + function.name() + '.');
    const uint64_t nodes = block(*with_graph->graph()->block(), function, depth, false);
    sizes_[&function] = nodes;
    return nodes;
  }

 private:
  uint64_t block(const jit::Block& in, const jit::Function& function, int depth, bool in_loop) {
    uint64_t nodes = 0;
    for (const jit::Node* const node : in.nodes()) {
      nodes += 1 + check(*node, function, depth, in_loop);
      if (nodes > kMaxNodes) damaged("its graph has more than " + std::to_string(kMaxNodes) + " nodes.");
    }
    return nodes;
  }

  /** @return nodes within this one */
  uint64_t check(const jit::Node& node, const jit::Function& function, int depth, bool in_loop) {
    const std::string name = name_of(node);
    if (!is_allowed_node(name)) forbidden("the graph of " + function.name() + " uses " + name + '.');
    const bool loop = node.kind() == c10::prim::Loop;
    const bool call = node.kind() == c10::prim::CallMethod || node.kind() == c10::prim::CallFunction;
    if (in_loop && (loop || call))
      forbidden("the graph of " + function.name() + " has a loop with loops or calls in it.");
    if (loop) check_count(node, function);
    uint64_t nodes = 0;
    for (const jit::Block* const inner : node.blocks()) nodes += block(*inner, function, depth, in_loop || loop);
    if (node.kind() == c10::prim::CallMethod) {
      const auto type = node.input(0)->type()->cast<c10::ClassType>();
      if (!type) forbidden("the graph of " + function.name() + " calls a method of no class.");
      nodes += size(type->getMethod(node.s(c10::attr::name)), depth + 1);
    } else if (node.kind() == c10::prim::CallFunction) {
      const auto type = node.input(0)->type()->cast<c10::FunctionType>();
      if (!type) forbidden("the graph of " + function.name() + " calls a value.");
      nodes += size(*type->function(), depth + 1);
    }
    return nodes;
  }

  /** The length of a list, less a number or not; and no condition. */
  static void check_count(const jit::Node& loop, const jit::Function& function) {
    const jit::Node* count = loop.input(0)->node();
    if (name_of(*count) == "aten::sub.int" && count->input(1)->node()->kind() == c10::prim::Constant) {
      count = count->input(0)->node();
    }
    const auto goes_on = [](const jit::Value& value) {
      const auto constant = jit::toIValue(&value);
      return constant && constant->isBool() && constant->toBool();
    };
    const bool bounded =
        name_of(*count) == "aten::len.t" && goes_on(*loop.input(1)) && goes_on(*loop.blocks().at(0)->outputs().at(0));
    if (!bounded) forbidden("the graph of " + function.name() + " has a loop that is not over a list.");
  }

  std::unordered_map<const jit::Function*, uint64_t> sizes_;
};

}  // namespace

void check_graphs(const torch::jit::Module& module) {
  Graphs graphs;
  for (jit::Function* const function : module._ivalue()->compilation_unit()->get_functions()) graphs.size(*function);
}

}  // namespace hyperiqa
