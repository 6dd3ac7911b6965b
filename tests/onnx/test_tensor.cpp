// Tensors in every encoding, external data, and values of --bind.
#include "tests/catch.h"

#include <sys/stat.h>

#include "compiler/limits.h"
#include "compiler/onnx/bind.h"
#include "compiler/onnx/tensor_proto.h"
#include "tests/onnx/builder.h"

namespace burin {
namespace {

using namespace test;
using onnx::TensorProto;

TensorProto proto(int type, const std::vector<int64_t>& dims) {
  TensorProto t;
  return Builder::tensor(t, "t", type, dims);
}
std::string code(auto&& f) {
  try {
    f();
  } catch (const OpError& e) {
    return e.code();
  }
  return "none";
}
std::string raw(std::initializer_list<int> bytes) { return {bytes.begin(), bytes.end()}; }

TEST_CASE("typed fields", "[onnx]") {
  for (int type : {2, 3, 4, 5, 6}) {  // uint8, int8, uint16, int16, int32 share int32_data
    TensorProto p = proto(type, {2});
    p.add_int32_data(type == 2 || type == 4 ? 200 : -100), p.add_int32_data(7);
    CHECK(read_tensor(p, "").integers() == std::vector<int64_t>{type == 2 || type == 4 ? 200 : -100, 7});
  }
  TensorProto b = proto(9, {2});
  b.add_int32_data(1), b.add_int32_data(0);
  CHECK(read_tensor(b, "").integers() == std::vector<int64_t>{1, 0});
  for (int type : {12, 13}) {
    TensorProto p = proto(type, {1});
    p.add_uint64_data(4'000'000'000);
    CHECK(read_tensor(p, "").integers() == std::vector<int64_t>{4'000'000'000});
  }
  TensorProto d = proto(11, {});
  d.add_double_data(0.1);
  CHECK(read_tensor(d, "").real(0) == 0.1);
  TensorProto h = proto(10, {1});  // float16: bit patterns
  h.add_int32_data(0x3C00);
  CHECK(read_tensor(h, "").real(0) == 1.0);
  TensorProto bf = proto(16, {1});
  bf.add_int32_data(0x4040);
  CHECK(read_tensor(bf, "").real(0) == 3.0);
}

TEST_CASE("raw data", "[onnx]") {
  TensorProto p = proto(6, {2});
  p.set_raw_data(raw({1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF}));
  CHECK(read_tensor(p, "").integers() == std::vector<int64_t>{1, -1});
  TensorProto b = proto(9, {2});
  b.set_raw_data(raw({5, 0}));
  CHECK(read_tensor(b, "").integers() == std::vector<int64_t>{1, 0});
  TensorProto none = proto(1, {0, 4});
  CHECK(read_tensor(none, "").elements() == 0);
}

TEST_CASE("int4 is packed, low half first", "[onnx]") {
  for (const bool in_raw : {true, false}) {
    TensorProto p = proto(22, {3});
    if (in_raw) p.set_raw_data(raw({0x2F, 0x98}));
    else p.add_int32_data(0x2F), p.add_int32_data(0x98);
    const Tensor t = read_tensor(p, "");
    CHECK(t.integers() == std::vector<int64_t>{-1, 2, -8});
    CHECK(int(t.bytes()[1]) == 8);  // the half that no element has is zero
    p.set_data_type(21);
    CHECK(read_tensor(p, "").integers() == std::vector<int64_t>{15, 2, 8});
  }
}

TEST_CASE("tensors that are wrong", "[onnx]") {
  TensorProto p = proto(1, {2});
  p.add_float_data(1);
  CHECK(code([&] { read_tensor(p, ""); }) == "invalid-model");
  p = proto(1, {2}), p.set_raw_data("1234567");
  CHECK(code([&] { read_tensor(p, ""); }) == "invalid-model");
  CHECK(code([&] { read_tensor(proto(1, {-1}), ""); }) == "invalid-model");
  CHECK(code([&] { read_tensor(proto(1, {int64_t{1} << 33, int64_t{1} << 33}), ""); }) == "too-large");
  CHECK(code([&] { read_tensor(proto(1, {int64_t{1} << 31}), ""); }) == "too-large");
  CHECK(code([&] { read_tensor(proto(1, {0, int64_t{1} << 31}), ""); }) == "too-large");
  CHECK(read_tensor(proto(1, {0, int64_t{1} << 20}), "").elements() == 0);
  for (int type : {0, 8, 14, 17, 23, 99, -1})
    CHECK(code([&] { read_tensor(proto(type, {}), ""); }) == "unsupported-type");
  p = proto(1, {}), p.mutable_segment();
  CHECK(code([&] { read_tensor(p, ""); }) == "unsupported-encoding");
}

TEST_CASE("no memory is asked for before a tensor is known to be there", "[onnx]") {
  // All of it together would be 20 GB.
  for (int type : {1, 11, 3, 22}) CHECK(code([&] { read_tensor(proto(type, {INT32_MAX}), ""); }) == "invalid-model");
  TensorProto p = proto(1, {INT32_MAX});
  p.add_float_data(1);
  CHECK(code([&] { read_tensor(p, ""); }) == "invalid-model");
  p = proto(1, {4}), p.set_raw_data(std::string(16, 'x'));
  ModelLimits limits;
  limits.memory = 31;
  Spending spent(limits);
  CHECK(read_tensor(p, "", &spent).elements() == 4);
  spent.hold(16);
  CHECK(code([&] { read_tensor(p, "", &spent); }) == "limit");
  spent.release(1);
  CHECK(read_tensor(p, "", &spent).elements() == 4);
}

TEST_CASE("a sparse tensor is as large as it is dense", "[onnx]") {
  onnx::SparseTensorProto s;
  s.add_dims(1 << 30);
  Builder::tensor(*s.mutable_values(), "v", 1, {1}).add_float_data(5);
  Builder::tensor(*s.mutable_indices(), "", 7, {1}).add_int64_data(3);
  CHECK(code([&] { read_tensor(s, ""); }) == "limit");
  s.set_dims(0, 100);
  ModelLimits limits;
  limits.folded_bytes = 399;
  Spending little(limits);
  CHECK(code([&] { read_tensor(s, "", &little); }) == "limit");
  limits.folded_bytes = 400;
  Spending enough(limits);
  CHECK(read_tensor(s, "", &enough).real(3) == 5);
}

TEST_CASE("sparse tensors become dense", "[onnx]") {
  onnx::SparseTensorProto s;
  for (int64_t d : {2, 3}) s.add_dims(d);
  auto& v = Builder::tensor(*s.mutable_values(), "v", 1, {2});
  v.add_float_data(5), v.add_float_data(7);
  auto set = [&](const std::vector<int64_t>& dims, const std::vector<int64_t>& indices) {
    s.mutable_indices()->Clear();
    auto& i = Builder::tensor(*s.mutable_indices(), "", 7, dims);
    for (int64_t x : indices) i.add_int64_data(x);
  };
  const Tensor want = Tensor::of<float>(DType::f32, {2, 3}, {0, 5, 0, 0, 0, 7});
  set({2}, {1, 5});
  CHECK(read_tensor(s, "") == want);
  set({2, 2}, {0, 1, 1, 2});
  CHECK(read_tensor(s, "") == want);
  set({2}, {1, 6});
  CHECK(code([&] { read_tensor(s, ""); }) == "invalid-model");
  set({2, 2}, {0, 1, 1, 3});
  CHECK(code([&] { read_tensor(s, ""); }) == "invalid-model");
  set({3}, {0, 1, 2});
  CHECK(code([&] { read_tensor(s, ""); }) == "invalid-model");
}

TEST_CASE("external data stay in the model's folder", "[onnx]") {
  Folder folder, outside;
  folder.write("data.bin", "abcdefgh");
  outside.write("secret.bin", "abcdefgh");
  ::mkdir((folder / "sub").c_str(), 0755);
  folder.write("sub/data.bin", "ABCD");
  REQUIRE(::symlink((outside / "secret.bin").c_str(), (folder / "link.bin").c_str()) == 0);
  REQUIRE(::symlink("data.bin", (folder / "inner.bin").c_str()) == 0);
  const std::string root = folder / ".";
  CHECK(read_external(root, "data.bin", 0, -1) == "abcdefgh");
  CHECK(read_external(root, "data.bin", 2, 3) == "cde");
  CHECK(read_external(root, "sub/data.bin", 0, 4) == "ABCD");
  CHECK(read_external(root, "./inner.bin", 7, 1) == "h");
  CHECK(read_external(root, "data.bin", 8, 0).empty());
  auto refused = [&](const std::string& location, int64_t offset = 0, int64_t length = 1) {
    return code([&] { read_external(root, location, offset, length); }) == "external-data";
  };
  CHECK(refused("data.bin", 0, 9));
  CHECK(refused("data.bin", 8, 1));
  CHECK(refused("data.bin", 9, 0));
  CHECK(refused("data.bin", -1, 1));
  CHECK(refused("data.bin", 1, INT64_MAX));
  CHECK(refused(""));
  CHECK(refused("missing.bin"));
  CHECK(refused("sub"));
  CHECK(refused("link.bin"));
  CHECK(refused(outside / "secret.bin"));
  CHECK(refused("sub/../data.bin"));
  CHECK(refused("../" + std::filesystem::path(outside / "x").parent_path().filename().string() + "/secret.bin"));

  TensorProto p = proto(3, {4});
  p.set_data_location(TensorProto::EXTERNAL);
  auto entry = [&](const char* key, const char* value) {
    auto* e = p.add_external_data();
    e->set_key(key), e->set_value(value);
  };
  entry("location", "data.bin"), entry("offset", "1");
  CHECK(read_tensor(p, root).integers() == std::vector<int64_t>{'b', 'c', 'd', 'e'});
  entry("length", "3");
  CHECK(code([&] { read_tensor(p, root); }) == "invalid-model");
  entry("length", "-4");
  CHECK(code([&] { read_tensor(p, root); }) == "external-data");
}

TEST_CASE("bound values as text", "[onnx]") {
  auto integers = [](const char* text, Type t) { return parse_binding(text, t).integers(); };
  CHECK(integers("1, -2,+3", {DType::i32, {3}, {}}) == std::vector<int64_t>{1, -2, 3});
  CHECK(integers("7", {DType::i64, {}, {}}) == std::vector<int64_t>{7});
  CHECK(integers("true,false,1,0", {DType::boolean, {4}, {}}) == std::vector<int64_t>{1, 0, 1, 0});
  CHECK(integers("", {DType::i64, {0}, {}}).empty());
  CHECK(parse_binding("1.5,-inf", {DType::f32, {2}, {}}).real(0) == 1.5);
  CHECK(parse_binding("18446744073709551615", {DType::u64, {}, {}}).as<uint64_t>()[0] == UINT64_MAX);
  CHECK(parse_binding("1,2,3,4", {DType::i8, {kOpenExtent, 2}, {}}).shape() == Shape{2, 2});
  CHECK(parse_binding("1,2,3,4", {DType::i8, {kOpenExtent, kOpenExtent}, {}}).shape() == Shape{1, 4});
  auto refused = [](const char* text, Type t) { return code([&] { parse_binding(text, t); }) == "invalid-binding"; };
  CHECK(refused("1,2", {DType::i32, {3}, {}}));
  CHECK(refused("1,,2", {DType::i32, {3}, {}}));
  CHECK(refused("1.5", {DType::i32, {}, {}}));
  CHECK(refused("128", {DType::i8, {}, {}}));
  CHECK(refused("-1", {DType::u8, {}, {}}));
  CHECK(refused("x", {DType::f32, {}, {}}));
  CHECK(refused("1,2,3", {DType::i8, {2, kOpenExtent}, {}}));
}

std::string npy(const std::string& descr, bool fortran, const std::string& shape, const std::string& data) {
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': (" + shape + "), }\n";
  return std::string("\x93NUMPY\x01\x00", 8) + char(header.size()) + char(0) + header + data;
}

TEST_CASE("bound values from files", "[onnx]") {
  Folder folder;
  const std::string six = raw({1, 2, 3, 4, 5, 6});
  CHECK(parse_npy(npy("|i1", false, "2, 3", six)) == Tensor::of<int8_t>(DType::i8, {2, 3}, {1, 2, 3, 4, 5, 6}));
  CHECK(parse_npy(npy("|i1", true, "2, 3", six)) == Tensor::of<int8_t>(DType::i8, {2, 3}, {1, 3, 5, 2, 4, 6}));
  CHECK(parse_npy(npy("<i2", false, "3,", six)) == Tensor::of<int16_t>(DType::i16, {3}, {0x201, 0x403, 0x605}));
  CHECK(parse_npy(npy("|b1", false, "", raw({1}))).shape().empty());
  auto refused = [](const std::string& bytes) { return code([&] { parse_npy(bytes); }) == "invalid-binding"; };
  const std::string good = npy("|i1", false, "2, 3", six);
  for (size_t n = 0; n < good.size(); ++n) CHECK(refused(good.substr(0, n)));
  CHECK(refused(npy(">i2", false, "3,", six)));
  CHECK(refused(npy("<c8", false, "3,", six)));
  CHECK(refused(npy("|i1", false, "7,", six)));
  CHECK(refused(npy("|i1", false, "-6,", six)));

  folder.write("v.npy", good);
  CHECK(parse_binding(folder / "v.npy", {DType::i8, {kOpenExtent, kOpenExtent}, {}}).shape() == Shape{2, 3});
  CHECK(code([&] { parse_binding(folder / "v.npy", {DType::u8, {2, 3}, {}}); }) == "invalid-binding");
  TensorProto p = proto(7, {1});
  p.add_int64_data(42);
  folder.write("v.pb", p.SerializeAsString());
  CHECK(parse_binding(folder / "v.pb", {DType::i64, {1}, {}}).integers() == std::vector<int64_t>{42});
  CHECK(code([&] { parse_binding(folder / "missing.pb", {DType::i64, {1}, {}}); }) == "unreadable-file");
}

}  // namespace
}  // namespace burin
