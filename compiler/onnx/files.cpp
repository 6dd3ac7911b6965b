#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "compiler/diagnostics.h"
#include "compiler/onnx/tensor_proto.h"

namespace burin {
namespace fs = std::filesystem;
namespace {

std::string read_range(const fs::path& path, int64_t offset, int64_t length, DiagnosticId code) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw OpError(fmt::format("cannot read '{}': {}", path.string(), std::strerror(errno)), code);
  std::string bytes(size_t(length), '\0');
  in.seekg(offset);
  in.read(bytes.data(), length);
  if (in.gcount() != length) throw OpError(fmt::format("cannot read '{}'", path.string()), code);
  return bytes;
}

bool inside(const fs::path& folder, const fs::path& path) {
  auto [rest, _] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return rest == folder.end();
}

}  // namespace

std::string read_file(const std::string& path) {
  constexpr DiagnosticId code = "unreadable-file";
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) throw OpError("no such file", code);
  if (fs::is_directory(status)) throw OpError("this is a folder, not a file", code);
  if (!fs::is_regular_file(status)) throw OpError("this is not a regular file", code);
  const auto size = fs::file_size(path, error);
  if (error) throw OpError(error.message(), code);
  return read_range(path, 0, int64_t(size), code);
}

std::string read_external(const std::string& folder, const std::string& location, int64_t offset, int64_t length) {
  constexpr DiagnosticId code = "external-data";
  auto refuse = [&](std::string_view why) {
    throw OpError(fmt::format("external data '{}' {}", location, why), code,
                  "external data must lie beside the model or in a folder below it");
  };
  const fs::path relative(location);
  if (location.empty()) throw OpError("external data without a location", code);
  if (location.find('\0') != std::string::npos) refuse("has a NUL character in its name");
  if (relative.is_absolute() || location.find('\\') != std::string::npos) refuse("is not a relative path");
  for (const fs::path& part : relative)
    if (part == "..") refuse("leaves the model's folder");
  std::error_code error;
  const fs::path root = fs::canonical(folder.empty() ? "." : folder, error);
  if (error) throw OpError(fmt::format("folder '{}': {}", folder, error.message()), code);
  const fs::path path = fs::canonical(root / relative, error);
  if (error) throw OpError(fmt::format("external data '{}': {}", location, error.message()), code);
  if (!inside(root, path)) refuse("is a link that leaves the model's folder");
  if (!fs::is_regular_file(path, error)) refuse("is not a regular file");
  const int64_t size = int64_t(fs::file_size(path, error));
  if (offset < 0 || offset > size)
    throw OpError(fmt::format("external data '{}' has {} bytes, the offset is {}", location, size, offset), code);
  if (length < 0) length = size - offset;
  if (length > size - offset)
    throw OpError(
        fmt::format("external data '{}' has {} bytes, {} at offset {} are wanted", location, size, length, offset),
        code);
  return read_range(path, offset, length, code);
}

}  // namespace burin
