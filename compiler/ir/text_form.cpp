#include "compiler/ir/text_form.h"

namespace burin {

DType read_dtype(Cursor& c) {
  const std::string s = c.identifier();
  const auto t = dtype_of_name(s);
  if (!t) c.fail(fmt::format("there is no element type '{}'", s));
  return *t;
}

Type read_type(Cursor& c) {
  Type t;
  t.dtype = read_dtype(c);
  c.expect("[");
  if (!c.accept("]")) {
    do t.shape.push_back(c.number<int64_t>());
    while (c.accept("x"));
    c.expect("]");
  }
  if (!c.accept("{")) return t;
  if (c.accept("axis=")) {
    t.quant.axis = c.number<int>();
    if (t.quant.axis < 0 || t.quant.axis >= t.rank()) c.fail("the axis of the scales is out of range");
  }
  do t.quant.scale.push_back(c.number<float>());
  while (c.accept(";"));
  c.expect(",");
  do t.quant.zero_point.push_back(c.number<int32_t>());
  while (c.accept(";"));
  c.expect("}");
  const size_t wanted = t.quant.axis < 0 ? 1 : size_t(t.shape[size_t(t.quant.axis)]);
  if (t.quant.scale.size() != wanted || t.quant.zero_point.size() != wanted)
    c.fail(fmt::format("{} scales and {} zero points where {} are wanted", t.quant.scale.size(),
                       t.quant.zero_point.size(), wanted));
  return t;
}

std::vector<std::byte> from_base64(std::string_view s, const Cursor& c) {
  std::vector<std::byte> r;
  uint32_t v = 0, bits = 0;
  for (char d : s) {
    if (d == '=' || d == ' ' || d == '\t' || d == '\r' || d == '\n') continue;
    const int digit = d >= 'A' && d <= 'Z'   ? d - 'A'
                      : d >= 'a' && d <= 'z' ? d - 'a' + 26
                      : d >= '0' && d <= '9' ? d - '0' + 52
                      : d == '+'             ? 62
                      : d == '/'             ? 63
                                             : -1;
    if (digit < 0) c.fail("this is not base64");
    v = v << 6 | uint32_t(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      r.push_back(std::byte(v >> bits & 255));
    }
  }
  return r;
}

std::string base64(std::span<const std::byte> bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string r;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t v = 0;
    for (size_t k = 0; k < 3; ++k) v = v << 8 | (i + k < bytes.size() ? uint32_t(bytes[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) r += i + k > bytes.size() ? '=' : digits[v >> (18 - 6 * k) & 63];
  }
  return r;
}

std::string quoted(std::string_view s) {
  std::string r(1, '"');
  for (char c : s) {
    if (c == '"' || c == '\\') r += fmt::format("\\{}", c);
    else if (static_cast<unsigned char>(c) < 32 || c == 127)
      r += fmt::format("\\x{:02x}", int(static_cast<unsigned char>(c)));
    else r += c;
  }
  r += '"';
  return r;
}

std::string word(std::string_view s) {
  auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '.' ||
           c == '/' || c == '-';
  };
  return !s.empty() && s != "_" && std::ranges::all_of(s, plain) ? std::string(s) : quoted(s);
}

}  // namespace burin
