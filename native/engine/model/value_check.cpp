#include "model/value_check.h"

#include <algorithm>
#include <unordered_set>

#include "model/archive_error.h"

namespace hyperiqa {
namespace {

using c10::IValue;
using c10::TypeKind;

/** Recursion is bounded by the depth of the pickle (pickle_check.h). */
class Values {
 public:
  /** True for a value of the type; attributes of objects are compared, too, each object once. */
  bool fits(const IValue& value, const c10::TypePtr& type) {
    switch (type->kind()) {
      case TypeKind::TensorType:
        return value.isTensor();
      case TypeKind::NoneType:
        return value.isNone();
      case TypeKind::BoolType:
        return value.isBool();
      case TypeKind::IntType:
        return value.isInt();
      case TypeKind::FloatType:
        return value.isDouble();
      case TypeKind::StringType:
        return value.isString();
      case TypeKind::OptionalType:
        return value.isNone() || fits(value, type->containedType(0));
      case TypeKind::ListType:
        return value.isList() && fits_list(value.toListRef(), type->containedType(0));
      case TypeKind::TupleType:
        return value.isTuple() && fits_tuple(value.toTupleRef().elements(), type->containedTypes());
      case TypeKind::ClassType:
        return value.isObject() && *value.type() == *type && fits_object(value.toObjectRef());
      default:
        return false;
    }
  }

 private:
  bool fits_list(c10::ArrayRef<IValue> items, const c10::TypePtr& type) {
    return std::ranges::all_of(items, [&](const IValue& item) { return fits(item, type); });
  }

  bool fits_tuple(const c10::ivalue::TupleElements& elements, c10::ArrayRef<c10::TypePtr> types) {
    if (elements.size() != types.size()) return false;
    for (size_t i = 0; i < types.size(); ++i) {
      if (!fits(elements[i], types[i])) return false;
    }
    return true;
  }

  bool fits_object(const c10::ivalue::Object& object) {
    if (!seen_.insert(&object).second) return true;
    const auto type = object.type();
    for (size_t i = 0; i < type->numAttributes(); ++i) {
      if (fits(object.getSlot(i), type->getAttribute(i))) continue;
      damaged("the attribute " + type->getAttributeName(i) + " holds something other than a " +
              type->getAttribute(i)->annotation_str() + '.');
    }
    return true;
  }

  std::unordered_set<const c10::ivalue::Object*> seen_;
};

}  // namespace

void check_values(const torch::jit::Module& module) {
  if (!Values().fits(IValue(module._ivalue()), module.type())) damaged("its object is of another class.");
}

}  // namespace hyperiqa
