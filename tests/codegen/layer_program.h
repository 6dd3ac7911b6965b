// A C++ program of layers: each is a node on its own, printed by the kernel that select-kernels takes. Building and
// running it once gives the results of all layers, to be compared with what the operators' eval() says.
#pragma once
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "compiler/ir/graph.h"

namespace burin {

struct Operand {
  Tensor value;
  bool constant = false;
};

/// A kernel of any core, by its C twin, and how many rows a call.
struct ByKernel {
  std::string kernel;  // empty: the one that select-kernels takes on the host
  int32_t rows = 0;    // 0: as select-kernels says
};

class LayerProgram {
 public:
  /// A node `op` of these operands with a result of type `y`. Throws ModelError where no kernel serves it.
  void add(std::string name, Op op, std::vector<Operand> in, Type y, const ByKernel& by = {});

  size_t size() const { return layers_.size(); }
  const std::string& name(size_t i) const { return layers_[i].name; }
  const std::string& kernel(size_t i) const { return layers_[i].kernel; }
  const Tensor& expected(size_t i) const { return layers_[i].expected; }
  /// Forms of requantization and kernels that occur.
  const std::set<std::string>& forms() const { return forms_; }
  const std::set<std::string>& kernels() const { return kernels_; }

  /// The layers alone: what a device would get.
  std::string layers() const;
  /// Compiles `layers()` with a main() in `folder` and runs it. Every array is a block of its own on the heap, and
  /// results are filled with 0xA5 before. Throws std::runtime_error with the compiler's or the program's messages.
  std::vector<Tensor> run(const std::filesystem::path& folder, const std::string& compiler) const;

 private:
  struct Layer {
    std::string name, kernel, function, call;
    Tensor expected;
  };
  std::vector<Layer> layers_;
  std::set<std::string> headers_, forms_, kernels_;
};

std::string read_file(const std::filesystem::path& path);
/// Throws std::runtime_error with what the command wrote to `messages` where it fails.
void shell(const std::string& command, const std::filesystem::path& messages);

/// Bit for bit, but for NaN, of which there are several, and the unused half of the last byte of 4-bit elements.
bool equal(const Tensor& a, const Tensor& b);

}  // namespace burin
