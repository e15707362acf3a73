#include "model/pickle_check.h"

#include <algorithm>
#include <array>
#include <deque>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "model/archive_error.h"

namespace hyperiqa {
namespace {

constexpr int kMaxDepth = 64;
/** Largest size of a value with all that it refers to, counted as often as it is referred to. */
constexpr uint64_t kMaxWeight = 1'000'000;
constexpr size_t kMaxText = 1024;
constexpr size_t kMaxDimensions = 16;
/** LibTorch reads a storage again for each time it is described, and tensors that share one are converted each. */
constexpr uint64_t kMaxShares = 4;

enum class Kind { None, Boolean, Integer, Float, Text, Tuple, List, Dictionary, Global, Storage, Object, Tensor, Mark };

/** A value that a pickle's instructions put on the stack. */
struct Value {
  // NOLINTBEGIN(readability-redundant-member-init): GCC warns of members that a designated initializer leaves out
  Kind kind = Kind::None;
  int64_t number = 0;              ///< Integer; Storage: how many elements it has
  std::string_view text = {};      ///< Text; Global: "module name"
  std::vector<size_t> items = {};  ///< Tuple, List: indices of values
  int depth = 0;
  uint64_t weight = 1;
  bool referred = false;  ///< it is in the memo
  // NOLINTEND(readability-redundant-member-init)
};

struct StorageType {
  std::string_view name;
  uint64_t bytes;
};

constexpr auto kStorages = std::to_array<StorageType>({
    {"torch BFloat16Storage", 2},
    {"torch BoolStorage", 1},
    {"torch ByteStorage", 1},
    {"torch CharStorage", 1},
    {"torch DoubleStorage", 8},
    {"torch FloatStorage", 4},
    {"torch HalfStorage", 2},
    {"torch IntStorage", 4},
    {"torch LongStorage", 8},
    {"torch ShortStorage", 2},
});

/** Bytes of an element of a storage. */
std::optional<uint64_t> element_bytes(std::string_view type) {
  for (const auto& [name, bytes] : kStorages) {
    if (name == type) return bytes;
  }
  return std::nullopt;
}

constexpr std::string_view kTensor = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view kOrdered = "collections OrderedDict";
constexpr auto kLists = std::to_array<std::string_view>(
    {"torch.jit._pickle build_boollist", "torch.jit._pickle build_doublelist", "torch.jit._pickle build_intlist"});

bool is_class(std::string_view global) {
  return global.starts_with("__torch__.") && !global.starts_with("__torch__.torch.classes");
}

bool is_known(std::string_view global) {
  return is_class(global) || global == kTensor || global == kOrdered ||
         std::ranges::find(kLists, global) != kLists.end() || element_bytes(global).has_value();
}

class Walker {
 public:
  Walker(const std::string& record, std::string_view bytes,
         const std::function<std::optional<uint64_t>(std::string_view)>& record_size)
      : record_(record), bytes_(bytes), record_size_(record_size) {}

  void run() {
    if (byte() != 0x80 || byte() != 2) fail("it is no pickle of protocol 2");
    while (step()) {
    }
    if (position_ != bytes_.size()) fail("bytes follow after its end");
    if (stack_.size() != 1) fail("it leaves other than one value");
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    damaged(record_ + " cannot be read: " + reason + " (byte " + std::to_string(position_) + ").");
  }

  std::string_view take(uint64_t count) {
    if (count > bytes_.size() - position_) fail("it ends early");
    const std::string_view taken = bytes_.substr(position_, static_cast<size_t>(count));
    position_ += static_cast<size_t>(count);
    return taken;
  }
  uint8_t byte() { return static_cast<uint8_t>(take(1)[0]); }

  /** A number of this many bytes, least significant first, without a sign. */
  uint64_t unsigned_number(size_t count) {
    uint64_t result = 0;
    size_t shift = 0;
    for (const char c : take(count)) result |= static_cast<uint64_t>(static_cast<uint8_t>(c)) << 8 * shift++;
    return result;
  }

  std::string_view line() {
    const size_t end = bytes_.find('\n', position_);
    if (end == std::string_view::npos || end - position_ > kMaxText) fail("a name does not end");
    const std::string_view text = take(end - position_);
    ++position_;
    return text;
  }

  size_t make(Value value) {
    if (value.depth > kMaxDepth) fail("its values nest more than " + std::to_string(kMaxDepth) + " deep");
    if (value.weight > kMaxWeight) fail("it describes more than " + std::to_string(kMaxWeight) + " values");
    values_.push_back(std::move(value));
    return values_.size() - 1;
  }

  void push(Value value) { stack_.push_back(make(std::move(value))); }

  size_t pop() {
    if (stack_.empty() || values_[stack_.back()].kind == Kind::Mark) fail("an instruction lacks its operands");
    const size_t index = stack_.back();
    stack_.pop_back();
    return index;
  }

  Value& top(Kind wanted, const char* what) {
    if (stack_.empty() || values_[stack_.back()].kind != wanted) fail(std::string("there is no ") + what);
    return values_[stack_.back()];
  }

  /** The values that have been put on the stack since the last mark. */
  std::vector<size_t> since_mark() {
    std::vector<size_t> items;
    while (!stack_.empty() && values_[stack_.back()].kind != Kind::Mark) {
      items.push_back(stack_.back());
      stack_.pop_back();
    }
    if (stack_.empty()) fail("a mark is missing");
    stack_.pop_back();
    std::ranges::reverse(items);
    return items;
  }

  void contain(Value& container, const std::vector<size_t>& items) const {
    if (container.referred) fail("a value changes after something has referred to it");
    for (const size_t index : items) {
      const Value& item = values_[index];
      container.depth = std::max(container.depth, item.depth + 1);
      container.weight += item.weight;
      if (container.weight > kMaxWeight) fail("it describes more than " + std::to_string(kMaxWeight) + " values");
    }
    if (container.depth > kMaxDepth) fail("its values nest more than " + std::to_string(kMaxDepth) + " deep");
  }

  void push_tuple(std::vector<size_t> items) {
    Value tuple{.kind = Kind::Tuple};
    contain(tuple, items);
    tuple.items = std::move(items);
    push(std::move(tuple));
  }

  void push_items(size_t count) {
    std::vector<size_t> items(count);
    for (size_t i = count; i-- > 0;) items[i] = pop();
    push_tuple(std::move(items));
  }

  void append(const std::vector<size_t>& items) {
    Value& list = top(Kind::List, "list to append to");
    contain(list, items);
    list.items.insert(list.items.end(), items.begin(), items.end());
  }

  void set(const std::vector<size_t>& items) {
    if (items.size() % 2 != 0) fail("a key has no value");
    contain(top(Kind::Dictionary, "dictionary to fill"), items);
  }

  /** One instruction. @return false at the end of the pickle */
  bool step() {
    const size_t start = position_;
    const char code = take(1)[0];
    switch (code) {
      case '.':
        return false;
      case '(':
        push({.kind = Kind::Mark});
        break;
      case 'N':
        push({.kind = Kind::None});
        break;
      case '\x88':
      case '\x89':
        push({.kind = Kind::Boolean, .number = code == '\x88' ? 1 : 0});
        break;
      case 'K':
        push_integer(static_cast<int64_t>(unsigned_number(1)));
        break;
      case 'M':
        push_integer(static_cast<int64_t>(unsigned_number(2)));
        break;
      case 'J':
        push_integer(static_cast<int32_t>(static_cast<uint32_t>(unsigned_number(4))));
        break;
      case '\x8a':
        // TorchScript writes 64-bit numbers with all their bytes.
        if (byte() != 8) fail("a long number has other than 8 bytes");
        push_integer(static_cast<int64_t>(unsigned_number(8)));
        break;
      case 'G':
        take(8);
        push({.kind = Kind::Float});
        break;
      case 'X': {
        const uint64_t length = unsigned_number(4);
        if (length > kMaxText) fail("a text is longer than " + std::to_string(kMaxText) + " bytes");
        push({.kind = Kind::Text, .text = take(length)});
        break;
      }
      case ')':
        push_tuple({});
        break;
      case '\x85':
        push_items(1);
        break;
      case '\x86':
        push_items(2);
        break;
      case '\x87':
        push_items(3);
        break;
      case 't':
        push_tuple(since_mark());
        break;
      case ']':
        push({.kind = Kind::List});
        break;
      case 'a':
        append({pop()});
        break;
      case 'e':
        append(since_mark());
        break;
      case '}':
        push({.kind = Kind::Dictionary});
        break;
      case 's': {
        const size_t value = pop();
        const size_t key = pop();
        set({key, value});
        break;
      }
      case 'u':
        set(since_mark());
        break;
      case 'c':
        global();
        break;
      case 'q':
        remember(unsigned_number(1));
        break;
      case 'r':
        remember(unsigned_number(4));
        break;
      case 'h':
        recall(unsigned_number(1));
        break;
      case 'j':
        recall(unsigned_number(4));
        break;
      case 'Q':
        storage(pop());
        break;
      case 'R':
        reduce();
        break;
      case '\x81':
        new_object();
        break;
      case 'b':
        build();
        break;
      default:
        position_ = start;
        fail("it has the instruction " + std::to_string(static_cast<uint8_t>(code)) +
             ", which model files do not need");
    }
    return true;
  }

  void push_integer(int64_t number) { push({.kind = Kind::Integer, .number = number}); }

  void global() {
    const size_t start = position_;
    const size_t space = position_ + line().size();
    line();
    // The two lines as one text, with the line break between them as the separator.
    const std::string_view both = bytes_.substr(start, position_ - 1 - start);
    std::string& name = names_.emplace_back(both);
    name[space - start] = is_class_module(both.substr(0, space - start)) ? '.' : ' ';
    if (!is_known(name))
      forbidden(record_ + " names " + name + ", which is neither a tensor nor a class of the archive.");
    // Referred to from the start: a name never changes.
    push({.kind = Kind::Global, .text = name, .referred = true});
  }

  static bool is_class_module(std::string_view module) {
    return module == "__torch__" || module.starts_with("__torch__.");
  }

  void remember(uint64_t number) {
    // LibTorch numbers them one after the other and fills the gaps; one that jumps ahead would cost memory.
    if (number > memo_.size()) fail("the memo has a gap");
    if (stack_.empty() || values_[stack_.back()].kind == Kind::Mark) fail("there is nothing to remember");
    Value& value = values_[stack_.back()];
    const bool open = value.kind == Kind::List || value.kind == Kind::Dictionary;
    value.referred = value.referred || open || value.kind == Kind::Object;
    if (number == memo_.size()) {
      memo_.push_back(stack_.back());
    } else {
      memo_[static_cast<size_t>(number)] = stack_.back();
    }
  }

  void recall(uint64_t number) {
    if (number >= memo_.size()) fail("the memo has no entry " + std::to_string(number));
    stack_.push_back(memo_[static_cast<size_t>(number)]);
  }

  const Value& argument(const Value& tuple, size_t index, Kind kind, const char* what) const {
    if (index >= tuple.items.size() || values_[tuple.items[index]].kind != kind) {
      fail(std::string(what) + " is described otherwise than expected");
    }
    return values_[tuple.items[index]];
  }

  /** ('storage', type, key, 'cpu', number of elements) */
  void storage(size_t description) {
    constexpr const char* kWhat = "a storage";
    const Value& tuple = values_[description];
    if (tuple.kind != Kind::Tuple || tuple.items.size() != 5) fail("a storage is described otherwise than expected");
    if (argument(tuple, 0, Kind::Text, kWhat).text != "storage") fail("it refers to something other than a storage");
    const Value& type = argument(tuple, 1, Kind::Global, kWhat);
    const std::optional<uint64_t> bytes = element_bytes(type.text);
    if (!bytes) fail("a storage has no type");
    const std::string_view key = argument(tuple, 2, Kind::Text, kWhat).text;
    if (argument(tuple, 3, Kind::Text, kWhat).text != "cpu") fail("a storage is not on the CPU");
    const int64_t count = argument(tuple, 4, Kind::Integer, kWhat).number;
    const std::optional<uint64_t> size = record_size_(key);
    if (!size) fail("the record of storage \"" + std::string(key) + "\" is missing");
    if (count < 0 || static_cast<uint64_t>(count) > *size / *bytes || static_cast<uint64_t>(count) * *bytes != *size) {
      fail("storage \"" + std::string(key) + "\" has " + std::to_string(*size) + " bytes, not " +
           std::to_string(count) + " elements of " + std::to_string(*bytes));
    }
    if (++descriptions_[key] > kMaxShares) {
      fail("storage \"" + std::string(key) + "\" is described more than " + std::to_string(kMaxShares) + " times");
    }
    storage_elements_ += static_cast<uint64_t>(count);
    push({.kind = Kind::Storage, .number = count});
  }

  void reduce() {
    const size_t arguments = pop();
    const size_t function = pop();
    if (values_[function].kind != Kind::Global || values_[arguments].kind != Kind::Tuple) fail("it calls no function");
    const std::string_view name = values_[function].text;
    const Value& tuple = values_[arguments];
    if (name == kTensor) {
      tensor(tuple);
    } else if (name == kOrdered && tuple.items.empty()) {
      push({.kind = Kind::Dictionary});
    } else if (std::ranges::find(kLists, name) != kLists.end()) {
      list(name, tuple);
    } else {
      fail("it calls " + std::string(name) + " in an unknown way");
    }
  }

  void list(std::string_view name, const Value& tuple) {
    if (tuple.items.size() != 1) fail("a list is described otherwise than expected");
    const Value& items = argument(tuple, 0, Kind::List, "a list");
    const Kind wanted = name.ends_with("intlist")      ? Kind::Integer
                        : name.ends_with("doublelist") ? Kind::Float
                                                       : Kind::Boolean;
    if (!std::ranges::all_of(items.items, [&](size_t item) { return values_[item].kind == wanted; })) {
      fail("a list has items of another type");
    }
    push({.kind = Kind::Object, .depth = items.depth, .weight = items.weight});
  }

  /** (storage, offset, sizes, strides, requires_grad, OrderedDict()) */
  void tensor(const Value& tuple) {
    constexpr const char* kWhat = "a tensor";
    if (tuple.items.size() != 6) fail("a tensor is described otherwise than expected");
    const int64_t elements = argument(tuple, 0, Kind::Storage, kWhat).number;
    int64_t last = argument(tuple, 1, Kind::Integer, kWhat).number;
    const Value& sizes = argument(tuple, 2, Kind::Tuple, kWhat);
    const Value& strides = argument(tuple, 3, Kind::Tuple, kWhat);
    argument(tuple, 4, Kind::Boolean, kWhat);
    if (argument(tuple, 5, Kind::Dictionary, kWhat).weight != 1) fail("a tensor has hooks");
    if (sizes.items.size() != strides.items.size() || sizes.items.size() > kMaxDimensions) {
      fail("a tensor has sizes and strides that do not fit together");
    }
    if (last < 0 || last > elements) fail("a tensor lies outside its storage");
    bool empty = false;
    for (size_t i = 0; i < sizes.items.size(); ++i) {
      const int64_t size = argument(sizes, i, Kind::Integer, kWhat).number;
      const int64_t stride = argument(strides, i, Kind::Integer, kWhat).number;
      if (size < 0 || stride < 0) fail("a tensor has a negative size or stride");
      if (size > std::numeric_limits<int32_t>::max()) fail("a tensor is larger than its storage");
      empty = empty || size == 0;
    }
    int64_t count = 1;
    for (size_t i = 0; i < sizes.items.size() && !empty; ++i) {
      const int64_t size = values_[sizes.items[i]].number;
      const int64_t stride = values_[strides.items[i]].number;
      if (size == 1) continue;
      // Both stay far from overflow: neither may exceed the storage.
      if (size > elements || stride > elements || count > elements / size) fail("a tensor is larger than its storage");
      count *= size;
      if (stride > 0 && size - 1 > (elements - last) / stride) fail("a tensor lies outside its storage");
      last += (size - 1) * stride;
    }
    if (!empty && last >= elements) fail("a tensor lies outside its storage");
    if (!empty) tensor_elements_ += static_cast<uint64_t>(count);
    if (tensor_elements_ > kMaxShares * storage_elements_) fail("too many tensors share a storage");
    push({.kind = Kind::Tensor});
  }

  void new_object() {
    const size_t arguments = pop();
    const size_t type = pop();
    if (values_[arguments].kind != Kind::Tuple || !values_[arguments].items.empty()) fail("an object has arguments");
    if (values_[type].kind != Kind::Global || !is_class(values_[type].text)) fail("an object has no class");
    push({.kind = Kind::Object});
  }

  void build() {
    const size_t state = pop();
    if (values_[state].kind != Kind::Dictionary) fail("an object is filled with something other than a dictionary");
    contain(top(Kind::Object, "object to fill"), {state});
  }

  const std::string& record_;
  std::string_view bytes_;
  const std::function<std::optional<uint64_t>(std::string_view)>& record_size_;
  size_t position_ = 0;
  std::vector<Value> values_;
  std::vector<size_t> stack_;
  std::vector<size_t> memo_;
  std::deque<std::string> names_;
  std::map<std::string_view, uint64_t> descriptions_;  ///< number for each storage, by its key
  uint64_t storage_elements_ = 0;
  uint64_t tensor_elements_ = 0;
};

}  // namespace

void check_pickle(const std::string& record, std::string_view bytes,
                  const std::function<std::optional<uint64_t>(std::string_view)>& record_size) {
  Walker(record, bytes, record_size).run();
}

}  // namespace hyperiqa
