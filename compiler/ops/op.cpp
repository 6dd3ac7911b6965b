#include "compiler/ops/op.h"

namespace burin {

void require(bool condition, const std::string& message) {
  if (!condition) throw OpError(message);
}

}  // namespace burin
