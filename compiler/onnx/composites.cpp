#include "compiler/onnx/composites.h"

#include <fmt/format.h>

#include <cmath>

#include "compiler/ops/elements.h"

namespace burin {
namespace {

/// y = (x - mean) / sqrt(var + epsilon) * scale + bias: with statistics that are known as one factor and one term per
/// channel, which fold-batch-norm then moves into the convolution before them, else operator by operator.
void import_batch_normalization(OnnxNode& node) {
  const double epsilon = double(node.real("epsilon", 1e-5f));
  node.ignore({"momentum", "is_test", "consumed_inputs"});
  if (node.integer("training_mode", 0) != 0)
    throw OpError("attribute training_mode is set", "unsupported-attribute", "export the model for inference");
  if (node.integer("spatial", 1) != 1) throw OpError("attribute spatial 0 is not supported", "unsupported-attribute");
  const Type x = node.type(0);
  require(x.rank() >= 2, fmt::format("input 0 has rank {}, there is no channel axis", x.rank()));
  const int64_t channels = x.shape[1];
  Shape shape(size_t(x.rank()) - 1, 1);  // broadcasts along axis 1
  shape[0] = channels;
  const Tensor* c[5] = {};
  ValueId v[5] = {computable(node, node.input(0))};
  bool known = true;
  for (size_t i = 1; i < 5; ++i) {
    require(node.type(i).shape == Shape{channels},
            fmt::format("input {} has shape [{}] for {} channels", i, to_string(node.type(i).shape), channels));
    c[i] = node.constant(i);
    known &= c[i] != nullptr;
  }
  auto binary = [&](BinaryKind kind, ValueId a, ValueId b) { return node.emit(Binary{kind, {}}, {a, b}); };
  if (known) {
    Tensor factor(real_type(DType::f32, shape)), term(real_type(DType::f32, shape));
    for (int64_t i = 0; i < channels; ++i) {
      const double f = c[1]->real(i) / std::sqrt(c[4]->real(i) + epsilon);
      factor.set_real(i, f);
      term.set_real(i, c[2]->real(i) - c[3]->real(i) * f);
    }
    const DType work = computing_type(x.dtype);
    auto constant = [&](Tensor t) {
      const ValueId r = node.constant_value(std::move(t));
      return work == DType::f32 ? r : node.emit(Cast{work}, {r});
    };
    const ValueId scaled = binary(BinaryKind::mul, v[0], constant(std::move(factor)));
    return result_as(node, 0, binary(BinaryKind::add, scaled, constant(std::move(term))), x.dtype);
  }
  for (size_t i = 1; i < 5; ++i) v[i] = reshape(node, computable(node, node.input(i)), shape);
  const DType t = node.graph()[v[4]].type.dtype;
  const ValueId deviation =
      node.emit(Unary{UnaryKind::sqrt}, {binary(BinaryKind::add, v[4], scalar(node, t, epsilon))});
  const ValueId scaled =
      binary(BinaryKind::mul, binary(BinaryKind::sub, v[0], v[3]), binary(BinaryKind::div, v[1], deviation));
  result_as(node, 0, binary(BinaryKind::add, scaled, v[2]), x.dtype);
}

constexpr Composite kComposites[] = {
    {"BatchNormalization", "mul, add", import_batch_normalization},
};

}  // namespace

std::span<const Composite> composites() { return kComposites; }

}  // namespace burin
