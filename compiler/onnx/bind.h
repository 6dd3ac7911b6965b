// Values given on the command line: --bind NAME=VALUE|FILE.pb|FILE.npy.
#pragma once
#include <string>
#include <string_view>

#include "compiler/ir/tensor.h"

namespace burin {

/// An extent that is not known (in the type that parse_binding takes).
constexpr int64_t kOpenExtent = -1;

/// True where `text` is the name of a .pb or .npy file rather than a list of numbers.
bool names_a_file(std::string_view text);

/// The value that `text` gives an input of `type`: a comma list with as many numbers as the shape has elements (one
/// open extent follows from their count; a leading one is 1 if several are open), or a file whose element type and rank
/// agree. Throws OpError [invalid-binding].
Tensor parse_binding(std::string_view text, const Type& type);

/// A NumPy array file, format versions 1 to 3; Fortran order is brought into C order. Throws OpError [invalid-binding].
Tensor parse_npy(std::string_view bytes);

}  // namespace burin
