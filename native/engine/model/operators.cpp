#include "model/operators.h"

#include <algorithm>
#include <array>

namespace hyperiqa {
namespace {

/** Overloads are listed, because some of the same name do something else: `add.t` joins lists, `mul.left_t` repeats
 * them, and both can be made to grow without bound. */
constexpr auto kOperators = std::to_array<std::string_view>({
    "aten::__getitem__.t", "aten::__is__",     "aten::abs",
    "aten::add.Scalar",    "aten::add.Tensor", "aten::add.int",
    "aten::add_.Scalar",   "aten::addcmul",    "aten::avg_pool2d",
    "aten::baddbmm",       "aten::batch_norm", "aten::bmm",
    "aten::cat",           "aten::conv2d",     "aten::dim",
    "aten::div.Tensor",    "aten::eq.int",     "aten::flatten.using_ints",
    "aten::format",        "aten::gt.float",   "aten::hardtanh",
    "aten::hardtanh_",     "aten::le.float",   "aten::len.t",
    "aten::linear",        "aten::lt.float",   "aten::max_pool2d",
    "aten::mean.dim",      "aten::mul.Scalar", "aten::mul.Tensor",
    "aten::mul.int",       "aten::ne.int",     "aten::neg",
    "aten::permute",       "aten::prelu",      "aten::reciprocal",
    "aten::relu",          "aten::relu_",      "aten::select.int",
    "aten::sigmoid",       "aten::size",       "aten::slice.Tensor",
    "aten::softmax.int",   "aten::sub.Scalar", "aten::sub.int",
    "aten::tensor",        "aten::to.dtype",   "aten::unsqueeze",
    "aten::view",
});

/** Operators that code names as `ops.prim`. */
constexpr auto kPrimOperators = std::to_array<std::string_view>({"RaiseException", "device", "dtype"});

/** Nodes of graphs that stand for the language itself. */
constexpr auto kNodes = std::to_array<std::string_view>({
    "prim::CallFunction",
    "prim::CallMethod",
    "prim::Constant",
    "prim::GetAttr",
    "prim::If",
    "prim::ListConstruct",
    "prim::Loop",
    "prim::RaiseException",
    "prim::TupleConstruct",
    "prim::TupleIndex",
    "prim::TupleUnpack",
    "prim::Uninitialized",
    "prim::device",
    "prim::dtype",
    "prim::unchecked_cast",
});

}  // namespace

bool is_allowed_torch_name(std::string_view name) {
  return std::ranges::any_of(kOperators, [name](std::string_view known) {
    known.remove_prefix(std::string_view("aten::").size());
    return known.substr(0, known.find('.')) == name;
  });
}

bool is_allowed_prim_name(std::string_view name) {
  return std::ranges::find(kPrimOperators, name) != kPrimOperators.end();
}

bool is_allowed_node(std::string_view qualified) {
  return std::ranges::find(kOperators, qualified) != kOperators.end() ||
         std::ranges::find(kNodes, qualified) != kNodes.end();
}

}  // namespace hyperiqa
