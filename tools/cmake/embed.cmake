# cmake -DOUT=file.cpp -DROOT=dir -DFILES=a;b -P embed.cmake: the files as strings of embedded_files().
# Raw strings are cut into pieces, because compilers limit the length of one literal. The lengths are those of the arrays:
# finding the ends of so many characters in a constant expression takes more steps than clang allows.
set(text "#include \"compiler/embedded.h\"\n\n#include <fmt/format.h>\n\n#include <algorithm>\n\n#include \"compiler/diagnostics.h\"\n\nnamespace burin {\nnamespace {\n")
set(list "")
set(number 0)
string(REPLACE "," ";" FILES "${FILES}")
foreach(f ${FILES})
  file(READ "${ROOT}/${f}" content)
  string(LENGTH "${content}" length)
  string(APPEND text "constexpr char kFile${number}[] =  // ${f}\n")
  set(at 0)
  while(at LESS length)
    string(SUBSTRING "${content}" ${at} 8000 piece)
    string(APPEND text "    R\"burin~(${piece})burin~\"\n")
    math(EXPR at "${at} + 8000")
  endwhile()
  string(APPEND text "    \"\";\n")
  string(APPEND list "    {\"${f}\", {kFile${number}, sizeof kFile${number} - 1}},\n")
  math(EXPR number "${number} + 1")
endforeach()
string(APPEND text "constexpr EmbeddedFile kFiles[] = {\n${list}};\n}  // namespace\n
std::span<const EmbeddedFile> embedded_files() { return kFiles; }
std::string_view embedded(std::string_view path) {
  const auto* it = std::ranges::find(kFiles, path, &EmbeddedFile::path);
  if (it == std::end(kFiles)) throw InternalError(fmt::format(\"'{}' is not embedded\", path));
  return it->text;
}
}  // namespace burin\n")
file(WRITE "${OUT}" "${text}")
