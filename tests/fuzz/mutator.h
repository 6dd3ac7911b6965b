// Mutations of ONNX models as models, not as bytes.
#pragma once
#include "compiler/onnx/proto.h"
#include "tests/passes/law.h"

namespace burin::fuzz {

/// One to three changes of a model: operator types, attributes, shapes, element types, constants, edges, nodes,
/// operator set version, and what it is compiled for (input.h). Says nothing of whether the result is valid.
void mutate(onnx::ModelProto& model, law::Random& random);

/// Puts the nodes of `other` behind those of `model`, with names of their own; one input of `other` may become a value
/// of `model`.
void splice(onnx::ModelProto& model, const onnx::ModelProto& other, law::Random& random);

}  // namespace burin::fuzz
