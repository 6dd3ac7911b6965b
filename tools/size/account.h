// Who owns each byte of a firmware file. Pure: works on an ElfImage, whoever made it.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tools/size/image.h"

namespace burin {

enum class Kind { code, weights, data, padding };  // data: tables and variables that are no model's weights
std::string_view to_string(Kind k);

/// A run of bytes of one section with one owner. Pieces of a section are in order, without gaps or overlaps.
struct Piece {
  size_t object = 0, section = 0;  // index into the images and their sections
  uint64_t address = 0, bytes = 0;
  Kind kind = Kind::data;
  std::string model;   // empty: not Burin's
  std::string layer;   // the function or array prefix, empty: the model's interface and shared parts
  std::string symbol;  // empty: no symbol covers it
};

struct SectionTotal {
  std::string object;  // member of an archive, else empty
  std::string name;
  uint64_t bytes = 0;
  bool flash = false, ram = false;  // initialised data is both
};

/// What a symbol of generated code is: parts of _ZN<model>12_GLOBAL__N_1[6layers|7weights]<name>..., with clone
/// suffixes dropped.
struct GeneratedName {
  std::string model, space, name;  // space: "layers", "weights", or "" for what layers share
};
/// Empty model: the symbol is no such name.
GeneratedName generated_name(std::string_view symbol);

/// What is known of a model beyond the file: from its report.
struct KnownModel {
  std::vector<std::string> layers;        // functions and array prefixes, longest match wins
  std::map<std::string, int64_t> memory;  // bytes of the arena or of each pool, by what its variable is called in part
};

/// All pieces of all loaded sections: their sizes sum up to the sections'. A symbol that says no size reaches to the
/// next one.
std::vector<Piece> account(std::span<const ElfImage> images, const std::map<std::string, KnownModel>& known = {});
/// Names of the models in the images, in order.
std::vector<std::string> models_in(std::span<const ElfImage> images);

}  // namespace burin
