// What the function of a layer does, as a value: calls of functions of runtime-min with everything decided. The printer
// spells it, compiler/program/text.h writes and reads it, codegen/run.h executes it on the host.
//
// Names stand for memory. x0, x1, ... are the layer's inputs, y0, ... its outputs, `scratch` its working memory, and
// constants have names too: these are arguments of the function (Step::arguments). Arrays and locals are its own.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "compiler/program/constant.h"

namespace burin {

/// A value of an enum of runtime-min: "RequantKind", "shift8".
struct Enumerator {
  std::string type, name;
  bool operator==(const Enumerator&) const = default;
};
/// An array of constants by its name; "" is a null pointer.
struct ArrayName {
  std::string name;
  bool operator==(const ArrayName&) const = default;
};
/// A member of a struct: a number (int32_t, int64_t), a uint32_t, a bool, the first elements of an array (the others
/// are 0), an enum, a pointer.
using Field = std::variant<int64_t, uint32_t, bool, std::vector<int32_t>, Enumerator, ArrayName>;

/// A struct of runtime-min by value.
struct Struct {
  std::string type;  // "ConvShape"
  std::vector<Field> fields;
  bool operator==(const Struct&) const = default;
};

/// How a text writes what C++ and the text of programs write differently.
struct FieldNotation {
  std::string_view open, close;  // around the elements of an array
  std::string_view scope;        // in front of an enum
  std::string (*pointer)(const std::string& array);
};
/// The fields, with commas between them.
std::string joined_fields(const Struct& s, const FieldNotation& n);

/// For std::visit: one function for each alternative.
template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

/// "BinaryShape" of burin::BinaryShape.
template <class T>
constexpr std::string_view type_name() {
  std::string_view s = __PRETTY_FUNCTION__;  // "... [with T = burin::BinaryShape; ...]"
  s.remove_prefix(s.find("T = ") + 4);
  s = s.substr(0, s.find_first_of(";]"));
  const size_t colon = s.rfind(':');
  return colon == s.npos ? s : s.substr(colon + 1);
}

/// Names of an enum's values, in order. Specialized where a struct has one (compiler/program/structs.h).
template <class E>
constexpr std::array<std::string_view, 0> enumerators = {};

/// Reads or writes the members of a struct, in order: fields(struct, f) calls f(member) for each, and
/// f(array, count) for the elements of an array that count. A struct of int32_t members needs no such function.
template <class T, class F>
void each_field(T& s, F&& f) {
  if constexpr (requires { fields(s, f); }) {
    fields(s, f);
  } else {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % sizeof(int32_t) == 0);
    auto words = std::bit_cast<std::array<int32_t, sizeof(T) / sizeof(int32_t)>>(s);
    for (int32_t& word : words) f(word);
    if constexpr (!std::is_const_v<T>) s = std::bit_cast<T>(words);
  }
}

/// A struct of runtime-min as a value. `pointer` is the name of the array that its pointer means.
template <class T>
Struct struct_of(const T& s, const std::string& pointer = "") {
  Struct r{std::string(type_name<T>()), {}};
  T copy = s;
  each_field(copy, [&]<class M>(M& member, auto... count) {
    if constexpr (sizeof...(count) > 0) r.fields.push_back(std::vector<int32_t>(member, member + (count, ...)));
    else if constexpr (std::is_enum_v<M>)
      r.fields.push_back(Enumerator{std::string(type_name<M>()), std::string(enumerators<M>[size_t(member)])});
    else if constexpr (std::is_pointer_v<M>) r.fields.push_back(ArrayName{pointer});
    else if constexpr (std::is_same_v<M, bool>) r.fields.push_back(member);
    else if constexpr (std::is_same_v<M, uint32_t>) r.fields.push_back(member);
    else r.fields.push_back(int64_t(member));
  });
  return r;
}

/// The other way. Throws std::invalid_argument where the fields are not those of T; `pointer(name)` finds arrays.
template <class T, class P>
T struct_from(const Struct& s, P&& pointer) {
  T r{};
  size_t i = 0;
  const auto next = [&]<class F>(std::type_identity<F>) -> const F& {
    const F* f = i < s.fields.size() ? std::get_if<F>(&s.fields[i]) : nullptr;
    if (!f || s.type != type_name<T>()) throw std::invalid_argument(s.type + " is no " + std::string(type_name<T>()));
    ++i;
    return *f;
  };
  each_field(r, [&]<class M>(M& member, auto... count) {
    if constexpr (sizeof...(count) > 0) {
      const auto& values = next(std::type_identity<std::vector<int32_t>>{});
      if (values.size() > std::size(member)) throw std::invalid_argument(s.type + " has too many elements");
      std::copy(values.begin(), values.end(), member);
    } else if constexpr (std::is_enum_v<M>) {
      const auto& name = next(std::type_identity<Enumerator>{}).name;
      const auto at = std::find(enumerators<M>.begin(), enumerators<M>.end(), name);
      if (at == enumerators<M>.end()) throw std::invalid_argument(name + " is no " + std::string(type_name<M>()));
      member = M(at - enumerators<M>.begin());
    } else if constexpr (std::is_pointer_v<M>) {
      member = static_cast<M>(pointer(next(std::type_identity<ArrayName>{}).name));
    } else if constexpr (std::is_same_v<M, bool> || std::is_same_v<M, uint32_t>) {
      member = next(std::type_identity<M>{});
    } else {
      member = M(next(std::type_identity<int64_t>{}));
    }
  });
  if (i != s.fields.size())
    throw std::invalid_argument(s.type + " has more fields than " + std::string(type_name<T>()));
  return r;
}

/// Memory by its name: element `offset` + the sum of strides[d] * index of the call's loop d.
struct Pointer {
  std::string name;
  int64_t offset = 0;
  std::vector<int64_t> strides = {};
  bool operator==(const Pointer&) const = default;
};
/// The number that lies there.
struct Element {
  Pointer at;
  bool operator==(const Element&) const = default;
};
/// A struct of the body, or of the call, by its name.
struct StructName {
  std::string name;
  bool operator==(const StructName&) const = default;
};
/// One number of an element type.
struct Literal {
  Constant value;
  bool operator==(const Literal&) const = default;
};
/// In a call that is driven by rows: the pointers to its input rows, and how many output rows it makes.
struct Rows {
  bool operator==(const Rows&) const = default;
};
struct RowCount {
  bool operator==(const RowCount&) const = default;
};
/// Where the loop accumulates: the number of the call's first input row.
struct FirstRow {
  bool operator==(const FirstRow&) const = default;
};
struct Null {
  bool operator==(const Null&) const = default;
};
using Argument = std::variant<int64_t, float, Literal, StructName, Pointer, Element, Rows, RowCount, FirstRow, Null>;

/// A name and what it stands for inside a layer's function.
struct NamedStruct {
  std::string name;
  Struct value;
  bool in_flash = false;  // calls that are not inlined read it there, not from the stack
  bool operator==(const NamedStruct&) const = default;
};
struct NamedConstant {
  std::string name;
  Constant value;
  bool operator==(const NamedConstant&) const = default;
};

/// Rows of a value, by the name of its memory. In a ring row r lies where row r % ring would.
struct RowPlace {
  std::string name;
  int32_t ring = 0;  // rows; 0: the whole value
  int32_t row = 0;   // elements of one, where the loop does not say
  // A row of so many planes is as many runs of it, so many elements apart.
  int32_t planes = 1, plane = 0;
  bool operator==(const RowPlace&) const = default;
};

/// The loop over rows: n output rows a call, image by image. The call sees `rows`, pointers to the input rows that it
/// reads (null where they are padding), and `y`, where its output begins. A loop that accumulates goes over the input
/// rows instead, n of them a call, none of them padding; `y` is then the one row that the image's last call makes.
struct RowLoop {
  int64_t batch = 1;
  int32_t ih = 0, row_in = 0;              // input rows, elements of one
  int32_t oh = 0, row_out = 0;             // output rows, elements of one
  int32_t stride = 1, reach = 1, top = 0;  // rows between outputs, rows that one output reads, padding above
  int32_t n = 1;                           // output rows a call; the last call makes what is left
  DType x = DType::i8;                     // of `in`, which it reads
  bool accumulates = false;
  RowPlace in = {"x0"}, out = {"y0"};
  std::vector<RowPlace> beside = {};  // where the body goes by rows: read as `in`, of the same type
  /// Input rows that `count` rows of the loop read.
  int32_t rows(int32_t count) const { return accumulates ? count : (count - 1) * stride + reach; }
  /// Rows that the loop goes over.
  int32_t height() const { return accumulates ? ih : oh; }
  bool operator==(const RowLoop&) const = default;
};

/// Shape, requantization and zero point are read from a table of the layer, a ConvFacts
/// (runtime-min/kernels/conv_facts.h), so that layers of other shapes share the code (--optimize size).
struct SharedFacts {
  std::string table;          // name of the constant
  int32_t row_pointers = 64;  // input rows that the code has room for
  bool fours = false;         // channels come in fours, and are counted so
  bool operator==(const SharedFacts&) const = default;
};

/// One call, or what its loops make of it.
struct Call {
  std::string function;            // of runtime-min: "conv_q8_dsp"; "__builtin_..." for copies and fills
  std::vector<std::string> types;  // template arguments: "fn_add", "el_i8", "true", "2", "int8_t"
  std::vector<Argument> arguments;
  std::vector<NamedStruct> structs = {};   // for this call alone
  std::vector<int32_t> loops = {};         // how often, outermost first
  std::optional<RowLoop> rows = {};        // or by rows
  std::optional<SharedFacts> shared = {};  // rows: s, q, n and the number come from a table
  bool operator==(const Call&) const = default;
};

/// Memory inside another: a typed view of working memory.
struct Local {
  std::string name;
  DType dtype;
  int64_t offset = 0;  // bytes into `scratch`
  bool operator==(const Local&) const = default;
};

/// What the function of a layer does. Equal bodies on arguments of equal types are one function.
struct Body {
  std::vector<NamedStruct> structs = {};
  std::vector<NamedConstant> arrays = {};  // short ones, of int32_t, that the compiler folds
  std::vector<Local> locals = {};
  std::vector<Call> calls = {};
  std::vector<std::string> unused = {};  // arguments that nothing reads
  // The calls make one row of images, each turn the next: what in, beside and out name is then that row.
  std::optional<RowLoop> row = {};
  bool operator==(const Body&) const = default;
};

}  // namespace burin
