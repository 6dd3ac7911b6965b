// The order in which nodes can be imported.
#pragma once
#include <string>
#include <vector>

#include "compiler/onnx/proto.h"

namespace burin {

using ProtoNodes = std::vector<const onnx::NodeProto*>;

/// Names that a node reads: its inputs, and what its subgraphs take from outside.
std::vector<std::string> names_read(const onnx::NodeProto& node);

/// `nodes` such that each comes after those that write what it reads, otherwise in the order of the file (Kahn's
/// algorithm with a heap of indices). Names that no node writes are taken as given.
/// Throws OpError [cycle] naming the nodes of one cycle.
ProtoNodes execution_order(const ProtoNodes& nodes);

/// How messages call a node: its name, or what it writes.
std::string label(const onnx::NodeProto& node);

}  // namespace burin
