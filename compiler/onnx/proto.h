// ONNX's protobuf classes. Those that distributions ship may be older than the file: what they do not know is in the
// unknown fields, and field() finds it in either place.
#pragma once
#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

namespace burin {

/// Field numbers that onnx 1.12's classes lack.
constexpr int kNodeOverload = 8, kFunctionAttributeProto = 11, kFunctionOverload = 13;

/// The contents of a string or message field, known to `message`'s class or not, in the order of the file.
std::vector<std::string> field(const google::protobuf::Message& message, int number);
/// The same for an optional string.
std::string text_field(const google::protobuf::Message& message, int number);

}  // namespace burin
