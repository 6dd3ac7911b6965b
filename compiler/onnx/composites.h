// ONNX operators that have no operator of their own here: at import they become several.
#pragma once
#include <span>
#include <string_view>

namespace burin {

class OnnxNode;

struct Composite {
  std::string_view onnx;
  std::string_view becomes;  // IR operators, for the list of operators
  void (*import)(OnnxNode&);
};
std::span<const Composite> composites();

}  // namespace burin
