// What a firmware file says of Burin's models: code bytes of every function, bytes of every weight array, stack bound
// of every run.
//
//   for (const MeasuredModel& m : measure("firmware.elf").models)   // ELF program, object or archive; any target
//     m.name, m.code_bytes, m.weight_bytes, m.layers["function"].code_bytes, m.stack_bytes (or m.stack_note: why it is
//     unknown)
//
// A layer's key is its `function` of the report (`burin compile --report x.json`). A model is recognised by its
// symbols: the C function NAME_run together with functions in NAME's unnamed namespace `layers`, arrays in `weights`,
// or NAME_input_0 / NAME_output_0. Without symbols (strip) nothing can be recognised. Throws SizeError for files that
// cannot be read; SizeUnsupported when this program was built without LLVM.
#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tools/size/account.h"

namespace burin {

/// A file that is missing, broken, or of no kind that can be read.
class SizeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
/// This program was built without LLVM and cannot read ELF files.
class SizeUnsupported : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct MeasuredLayer {
  std::string name, kernel;  // as the report says them; without a report the function's name and ""
  int64_t code_bytes = 0, weight_bytes = 0;
};

struct MeasuredModel {
  std::string name;
  int64_t code_bytes = 0;    // functions of the model, with literal pools and tables
  int64_t weight_bytes = 0;  // arrays of constants
  int64_t ram_bytes = 0;     // static variables: its arena, where it can be told (with a report)
  std::map<std::string, MeasuredLayer>
      layers;  // by function; weights whose layer shares another's function have a row of their own
  std::optional<int64_t> stack_bytes;  // most that NAME_run and all it calls can push, its own return address included
                                       // where the call pushes it
  std::string stack_note;              // why stack_bytes is not known, or what it leaves out
};

struct Measured {
  std::string file;
  std::vector<MeasuredModel> models;
  std::vector<Piece> pieces;  // every byte of every section that is loaded
  std::vector<SectionTotal> sections;
  std::vector<std::string> notes;
};

struct MeasureOptions {
  std::vector<nlohmann::json> reports;   // of `burin compile --report`: names of layers and kernels, arenas
  std::vector<std::string> stack_usage;  // .su files of gcc -fstack-usage, or folders of them
};
Measured measure(const std::string& file, const MeasureOptions& options = {});

/// The object that `burin size --format json` prints for a file.
nlohmann::json to_json(const Measured& m);

}  // namespace burin
