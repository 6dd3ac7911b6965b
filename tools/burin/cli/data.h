// Data sets beside a model: ONNX's test_data_set_N folders, as what to run a model on.
#pragma once
#include "compiler/onnx/data_set.h"
#include "tools/burin/cli/cli.h"

namespace burin {

/// `named`, else every test_data_set_N beside the model from 0 on. Throws UsageError for a folder that is not there.
std::vector<std::string> data_folders(const ModelOptions& model, const std::vector<std::string>& named);
/// The tensor of a data set that belongs to an input or output: by name, else by position.
const Tensor& pick(const std::vector<NamedTensor>& all, const std::string& name, size_t position,
                   const std::string& folder);

/// What a data set's tensor is of a value that --io-layout and --io-type may have changed at the edge: as the file has
/// it, which counts where both are possible, or as the code has it. Extents of one may be missing.
enum class DataForm { file, code, neither };
DataForm data_form(const Type& data, const Type& file, const Type& code);
/// The value behind the operators that trim-io left to the caller.
Tensor through(const Edges::Steps& steps, Tensor value);

using Bindings = std::map<std::string, Tensor>;
/// Compiles with the values that decide shapes taken from the data set; they are added to `bind`.
Compiled compile_for(const ModelOptions& o, const std::vector<NamedTensor>& inputs, Bindings& bind);
/// Says which inputs were bound.
void print_bindings(const Bindings& bind, const std::string& folder, const ModelOptions& o);
/// One tensor for each input that remains, as the code takes it. Throws ModelError [wrong-data].
std::vector<Tensor> model_inputs(const Compiled& c, const std::vector<NamedTensor>& data, const Bindings& bind,
                                 const std::string& folder);

}  // namespace burin
