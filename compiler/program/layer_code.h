// What an operator says of a layer with given types, or codegen of one with a chosen kernel: calls and what they read.
// Operators::call makes it; codegen/lower.cpp makes a Step of it, eval() executes it.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "compiler/program/call.h"

namespace burin {

/// What a layer does. Its calls see its inputs as x0, x1, ..., its outputs as y0, ..., its working memory as `scratch`
/// (16-byte aligned) and its constants by their names.
struct LayerCode {
  std::vector<std::string> headers = {};  // of runtime-min/kernels
  std::vector<NamedConstant> constants = {};
  std::set<size_t> packed = {};  // inputs that the constants replace
  Body body = {};
  int64_t scratch = 0;                     // bytes of working memory; of a kernel's layers its Work says it
  std::string requantize = "";             // for the report: "shift8", "" where nothing is requantized
  std::map<std::string, int> needed = {};  // channels by the cheapest sequence that serves them
  int64_t accumulator_bound = 0;           // largest |sum| that can occur; 0: not of interest
};

/// One call as the whole body, with the structs that it names.
LayerCode one_call(std::string header, Call call, std::vector<NamedStruct> structs = {});
/// What does nothing: for results without elements.
LayerCode nothing(size_t inputs, size_t outputs = 1);

/// An argument that is memory.
inline Argument pointer(std::string name) { return Pointer{std::move(name)}; }
/// x0, x1, ... of the first `inputs` inputs, then y0, after what stands before them.
std::vector<Argument> with_operands(std::vector<Argument> before, int inputs);
inline const Argument s_name = StructName{"s"}, q_name = StructName{"q"};

}  // namespace burin
