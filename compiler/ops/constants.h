// ONNX operators whose results are known at compile time: Constant, Shape, Size, ConstantOfShape, Range, NonZero,
// EyeLike. They make constants and never appear in the graph; all shape arithmetic of exporters starts from them.
#pragma once
#include <string_view>

namespace burin {

class OnnxNode;

/// True for the operators that import_constant_op() takes.
bool is_constant_op(std::string_view onnx_op);

/// Makes the constant. Throws OpError where it depends on values that are not known before run time.
void import_constant_op(OnnxNode& node);

}  // namespace burin
