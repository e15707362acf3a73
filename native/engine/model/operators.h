/** @file The operators that models of hyperiqa need: those of the networks in models/, and no others. */
#pragma once

#include <string_view>

namespace hyperiqa {

/** True for the name of an allowed operator of `torch`, without namespace and overload: "conv2d". */
bool is_allowed_torch_name(std::string_view name);

/** True for an allowed operator of `ops.prim`: "RaiseException". */
bool is_allowed_prim_name(std::string_view name);

/** True for an allowed node of a graph: "prim::If", or an operator with its overload, "aten::add.Tensor". */
bool is_allowed_node(std::string_view qualified);

}  // namespace hyperiqa
