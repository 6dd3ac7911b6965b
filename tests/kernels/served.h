// Which kernels of kernels.inc the cases of a test reached.
#pragma once
#include <map>
#include <string>

#include "codegen/layer.h"
#include "tests/catch.h"

namespace burin {

class Served {
 public:
  /// What the kernel asks of the layer; nothing where it does not serve. Kernels that no case reaches are counted too.
  template <class Layer, class Serves>
  std::optional<Work> ask(const char* kernel, const LayerView& view, Serves&& work) {
    const Layer* l = view.as<Layer>();
    REQUIRE(l);
    int& times = times_[kernel];
    const std::optional<Work> asked = work(*l, view);
    times += asked.has_value();
    return asked;
  }
  void check() const {
    for (const auto& [name, times] : times_) {
      INFO(name);
      CHECK(times >= 10);
    }
  }

 private:
  std::map<std::string, int> times_;
};

}  // namespace burin
