// What a kernel's constants are said to take, against what it packs.
#include "tests/catch.h"

#include <filesystem>
#include <set>
#include <string>

#include "codegen/costs.h"
#include "codegen/layers/conv.h"
#include "codegen/layers/conv_share.h"
#include "compiler/onnx/tensor_proto.h"
#include "tools/burin/driver.h"

namespace burin {
namespace {

template <class W>
int64_t bytes_of(const PackedConv<W>& p) {
  return int64_t(p.weights.size() * sizeof(W) + p.params.size() * sizeof(int32_t));
}
int64_t bytes_of(const PackedF32& p) { return int64_t((p.weights.size() + p.bias.size()) * sizeof(float)); }

/// 3x3, stride 1, one group.
template <class Conv>
Conv conv_3x3(int32_t ic, int32_t oc) {
  Conv c{};
  c.s.ic = ic, c.s.oc = oc, c.s.kh = c.s.kw = 3, c.s.sh = c.s.sw = c.s.dh = c.s.dw = c.s.groups = 1;
  c.taps = 9 * ic;
  return c;
}

/// Kernels that no layer of tests/models asks for.
void check_others(std::set<std::string>& met) {
  for (const int32_t oc : {4, 8, 12, 20}) {
    ConvF32 f = conv_3x3<ConvF32>(8, oc);
    const std::vector<float> weights(size_t(oc * f.taps)), bias(static_cast<size_t>(oc));
    f.weights = weights;
    for (const auto& b : {std::vector<float>(), bias}) {
      f.bias = b;
      CHECK(winograd_f32_fpu_bytes(f) == bytes_of(pack_winograd_f32_fpu(f)));
      CHECK(winograd_f32_mve_bytes(f) == bytes_of(pack_winograd_f32_mve(f)));
    }
  }
  for (const int32_t ic : {16, 32})
    for (const RequantKind kind : {RequantKind::shift8, RequantKind::plain, RequantKind::wide}) {
      ConvQ8 q = conv_3x3<ConvQ8>(ic, 6);
      q.weights.resize(size_t(6 * q.taps));
      q.requant.device.kind = kind;
      q.requant.params.resize(size_t(6 * words_per_channel(kind)));
      q.mve_requant = q.requant;
      CHECK(winograd_q8_w8_dsp_bytes(q) == bytes_of(pack_winograd_q8_w8_dsp(q)));
      CHECK(conv_rows_q8_mve_bytes(q) == bytes_of(pack_conv_rows_q8_mve(q)));
    }
  met.insert({"winograd_f32_fpu", "winograd_f32_mve", "winograd_q8_w8_dsp", "conv_rows_q8_mve"});
  met.insert("pointwise_sparse_q8");  // is counted by packing
}

TEST_CASE("constants are counted as they are packed, for every kernel that serves a layer", "[costs]") {
  std::set<std::string> met;
  for (const auto& folder : std::filesystem::directory_iterator(BURIN_SOURCE_DIR "/tests/models")) {
    const std::string path = (folder.path() / "model.onnx").string();
    if (!std::filesystem::exists(path)) continue;
    for (const char* target : {"cortex-m0plus", "cortex-m4f", "cortex-m55"})
      for (const auto goal : {Options::Optimize::speed, Options::Optimize::size}) {
        Context context;
        context.target = find_target(target);
        context.options.optimize = goal;
        context.options.name = "m";
        const Compiled c = compile({read_file(path), path, ""}, {}, context);
        const LiveSteps live(c.graph);
        for (const Node& n : c.graph.nodes) {
          if (!n.kernel) continue;
          const LayerView v(c.graph, n, *context.target, context.options, &live);
          for (const Kernel& k : kernels()) {
            if (!context.target->has(k.needs)) continue;
            const std::optional<Work> work = k.work(v);
            if (!work) continue;
            Node other = planned(n, k, *work);
            other.sharing = alone(v, *work);
            const LayerView with(v, other);
            int64_t packed = 0;
            for (const NamedConstant& constant : k.lower(with).constants) packed += constant.value.size();
            INFO(path << ", " << target << ": '" << n.name << "' by " << k.name);
            CHECK(constant_bytes(with) == packed);
            met.insert(std::string(k.name));
          }
        }
      }
  }
  check_others(met);
  for (const Kernel& k : kernels()) {
    INFO(k.name << " serves no layer of tests/models");
    CHECK((!k.packed_bytes || met.count(std::string(k.name))));
  }
}

}  // namespace
}  // namespace burin
