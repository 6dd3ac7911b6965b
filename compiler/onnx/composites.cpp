#include "compiler/onnx/composites.h"

#include <fmt/format.h>

#include <cmath>

#include "compiler/onnx/node.h"

namespace burin {
namespace {

/// y = (x - mean) / sqrt(var + epsilon) * scale + bias, as one factor and one term per channel, which fold-batch-norm
/// then moves into the convolution before them.
void import_batch_normalization(OnnxNode& node) {
  const double epsilon = double(node.real("epsilon", 1e-5f));
  node.ignore({"momentum", "is_test", "consumed_inputs"});
  if (node.integer("training_mode", 0) != 0)
    throw OpError("attribute training_mode is set", "unsupported-attribute", "export the model for inference");
  if (node.integer("spatial", 1) != 1) throw OpError("attribute spatial 0 is not supported", "unsupported-attribute");
  const Type& x = node.type(0);
  require(x.rank() >= 2, fmt::format("input 0 has rank {}, there is no channel axis", x.rank()));
  const int64_t channels = x.shape[1];
  const Tensor* c[5] = {};
  for (size_t i = 1; i < 5; ++i) {
    c[i] = node.constant(i);
    if (!c[i])
      throw OpError(fmt::format("input {} is computed at run time", i), "dynamic-weights",
                    "export the model for inference: its statistics are constants then");
    require(c[i]->shape() == Shape{channels},
            fmt::format("input {} has shape [{}], not [{}]: one number for each channel", i, to_string(c[i]->shape()),
                        channels));
  }
  Shape shape(size_t(x.rank()) - 1, 1);
  shape[0] = channels;
  Tensor factor(real_type(DType::f32, shape)), term(real_type(DType::f32, shape));
  for (int64_t i = 0; i < channels; ++i) {
    const double f = c[1]->real(i) / std::sqrt(c[4]->real(i) + epsilon);
    factor.set_real(i, f);
    term.set_real(i, c[2]->real(i) - c[3]->real(i) * f);
  }
  const ValueId scaled =
      node.emit(Binary{BinaryKind::mul, {}}, {node.input(0), node.constant_value(std::move(factor))});
  node.result(node.emit(Binary{BinaryKind::add, {}}, {scaled, node.constant_value(std::move(term))}));
}

constexpr Composite kComposites[] = {
    {"BatchNormalization", "mul, add", import_batch_normalization},
};

}  // namespace

std::span<const Composite> composites() { return kComposites; }

}  // namespace burin
