// Small random ONNX models of every operator that the compiler reads, nearly all of them valid.
#pragma once
#include "compiler/onnx/proto.h"
#include "tests/passes/law.h"

namespace burin::fuzz {

/// A model of one to two inputs and up to `operators` operators: in float32, or with Quantize and Dequantize around and
/// integer operators between them.
onnx::ModelProto generate(law::Random& random, int operators);

/// Appends up to `operators` operators to a model, which read any of its values; what they compute becomes outputs.
/// False, and nothing is changed, where the compiler refuses the model.
bool grow(onnx::ModelProto& model, law::Random& random, int operators);

}  // namespace burin::fuzz
