#include "compiler/onnx/proto.h"

#include <google/protobuf/unknown_field_set.h>

namespace burin {

std::vector<std::string> field(const google::protobuf::Message& message, int number) {
  using Field = google::protobuf::FieldDescriptor;
  std::vector<std::string> all;
  const auto& reflection = *message.GetReflection();
  if (const Field* known = message.GetDescriptor()->FindFieldByNumber(number)) {
    const bool text = known->type() == Field::TYPE_STRING || known->type() == Field::TYPE_BYTES;
    if (known->is_repeated()) {
      for (int i = 0; i < reflection.FieldSize(message, known); ++i)
        all.push_back(text ? reflection.GetRepeatedString(message, known, i)
                           : reflection.GetRepeatedMessage(message, known, i).SerializePartialAsString());
    } else if (reflection.HasField(message, known)) {
      all.push_back(text ? reflection.GetString(message, known)
                         : reflection.GetMessage(message, known).SerializePartialAsString());
    }
    return all;
  }
  const auto& unknown = reflection.GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const auto& f = unknown.field(i);
    if (f.number() == number && f.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      all.push_back(f.length_delimited());
  }
  return all;
}

std::string text_field(const google::protobuf::Message& message, int number) {
  const std::vector<std::string> all = field(message, number);
  return all.empty() ? std::string() : all.back();
}

}  // namespace burin
