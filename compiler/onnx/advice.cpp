#include "compiler/onnx/advice.h"

#include <algorithm>

namespace burin {
namespace {

/// Operators, separated by spaces; "*" at the end of a word stands for anything, alone for all of a domain. The first
/// row that names an operator counts.
struct OperatorAdvice {
  std::string_view domain, ops, advice;
};
constexpr OperatorAdvice kOperators[] = {
    {"com.microsoft", "QuantizeLinear DequantizeLinear",
     "ONNX Runtime's quantizer writes these for 4 and 16 bits below operator set 21: convert the float model first "
     "(onnx.version_converter.convert_version(model, 21)) and quantize again, or quantize to 8 bits"},
    {"com.microsoft", "QLinear* QGemm",
     "ONNX Runtime's quantizer writes these: quantize_static(..., quant_format=QuantFormat.QDQ) writes standard "
     "operators"},
    {"com.microsoft", "Dynamic* MatMulInteger* MatMulNBits",
     "dynamic and weight-only quantization: use quantize_static(..., quant_format=QuantFormat.QDQ) instead"},
    {"com.microsoft", "*",
     "ONNX Runtime's graph optimizations make these: take the model as it was exported, or save it with "
     "SessionOptions.graph_optimization_level = ORT_ENABLE_BASIC"},
    {"com.microsoft.nchwc", "*",
     "ONNX Runtime's layout optimization makes these: save the model with SessionOptions.graph_optimization_level = "
     "ORT_ENABLE_BASIC"},
    {"ai.onnx.ml", "Scaler Normalizer Imputer Binarizer",
     "do this step in front of the model: fit and export the rest of the pipeline on features that are prepared "
     "already"},
    {"ai.onnx.ml", "Linear*",
     "it is one product: write coef_ and intercept_ as a Gemm (onnx.helper.make_node), with a Softmax or Sigmoid "
     "behind "
     "it for probabilities"},
    {"ai.onnx.ml", "ZipMap LabelEncoder ArrayFeatureExtractor",
     "cut the model at the scores: to_onnx(..., options={'zipmap': False}), then onnx.utils.extract_model(whole, part, "
     "inputs, ['probabilities'])"},
    {"ai.onnx.ml", "*",
     "trees, support vectors and encoders of scikit-learn and its like are not in this version: an MLPClassifier or "
     "MLPRegressor on prepared features compiles"},
    {"", "ConvInteger MatMulInteger DynamicQuantizeLinear",
     "dynamic quantization: use quantize_static(..., quant_format=QuantFormat.QDQ), which writes QuantizeLinear and "
     "DequantizeLinear"},
    {"", "LSTM GRU RNN",
     "export the recurrence unrolled: Keras: unroll=True; PyTorch: the cell (LSTMCell, GRUCell) in a loop over the "
     "steps"},
    {"", "Loop Scan SequenceMap", "export the model with the loop unrolled"},
    {"", "LayerNormalization GroupNormalization RMSNormalization",
     "export for operator set 16, where exporters write it as operators that are supported: torch.onnx.export(..., "
     "opset_version=16, dynamo=False)"},
    {"", "InstanceNormalization MeanVarianceNormalization LpNormalization LRN",
     "write it with mean, subtraction, multiplication and square root (in PyTorch: x.mean(dim, keepdim=True)), and "
     "export again"},
    {"", "Resize Upsample",
     "nearest by a whole factor is Unsqueeze, Expand and Reshape (PyTorch: x[:, :, :, None, :, None].expand(...)."
     "reshape(...)); or resize in front of the model"},
    {"", "ConvTranspose",
     "an upsampling by Unsqueeze, Expand and Reshape followed by a Conv does the same kind of work"},
    {"", "DepthToSpace SpaceToDepth",
     "it is Reshape, Transpose and Reshape: write it so (PyTorch: x.reshape(...).permute(...).reshape(...))"},
    {"", "TopK", "with k = 1 use ArgMax and ReduceMax; otherwise choose among the scores in the firmware"},
    {"", "NonMaxSuppression Unique Compress RoiAlign MaxRoiPool NonZero",
     "its result depends on data: cut the model before it (onnx.utils.extract_model) and do the rest in the firmware"},
    {"", "OneHot", "it is an Equal of the index with a constant 0, 1, 2, ... and a Cast"},
    {"", "CumSum Trilu Einsum Det", "write it as a MatMul or Mul with a constant matrix, and export again"},
    {"", "Random* Bernoulli Multinomial", "export the model for inference: it must not depend on random numbers"},
    {"", "String* TfIdfVectorizer RegexFullMatch",
     "strings are not for microcontrollers: tokenize in front of the model"},
    {"", "Sequence* Split*Sequence Concat*Sequence Optional*",
     "export the model with tensors in place of sequences and optionals"},
    {"", "*",
     "`burin ops` lists the operators that are supported; write it with those, or cut the model there "
     "(onnx.utils.extract_model) and do the rest in the firmware"},
    {"*", "*", "export the model with ONNX's own operators, or with a function of those for it (ModelProto.functions)"},
};

/// Whether `pattern` (a word that may end in "*", or have one inside) stands for `name`.
bool matches(std::string_view pattern, std::string_view name) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  const std::string_view front = pattern.substr(0, star), back = pattern.substr(star + 1);
  return name.size() >= front.size() + back.size() && name.starts_with(front) && name.ends_with(back);
}

bool names(std::string_view patterns, std::string_view name) {
  while (!patterns.empty()) {
    const size_t end = std::min(patterns.find(' '), patterns.size());
    if (matches(patterns.substr(0, end), name)) return true;
    patterns.remove_prefix(std::min(end + 1, patterns.size()));
  }
  return false;
}

}  // namespace

std::string_view advice_for_operator(std::string_view domain, std::string_view op) {
  return std::ranges::find_if(kOperators,
                              [&](const OperatorAdvice& a) { return matches(a.domain, domain) && names(a.ops, op); })
      ->advice;
}

}  // namespace burin
