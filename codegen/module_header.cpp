// NAME.h of a model.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "codegen/calls.h"
#include "codegen/module_parts.h"
#include "codegen/spelling.h"
#include "codegen/writer.h"
#include "compiler/diagnostics.h"
#include "compiler/text.h"

namespace burin {

std::string c_type(const Port& p) { return std::string(info(p.type.dtype).c_type); }

std::string upper(std::string s) {
  std::ranges::transform(s, s.begin(), [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
  return s;
}

namespace {

std::string c_string(std::string_view s) {
  std::string r;
  while (!s.empty()) {
    const Character c = first_character(s);
    s.remove_prefix(c.bytes.size());
    if (c.bytes == "\"" || c.bytes == "\\" || c.bytes == "?") r += '\\';  // "??/" is a backslash in C99
    if (c.plain) r += c.bytes;
    else
      for (char byte : c.bytes) r += fmt::format("\\{:03o}", static_cast<unsigned char>(byte));
  }
  return r;
}

}  // namespace

std::string in_comment(std::string_view s) {
  std::string r;
  while (!s.empty()) {
    const Character c = first_character(s);
    s.remove_prefix(c.bytes.size());
    r += !c.plain || c.bytes == "\\" ? " " : c.bytes;
  }
  for (size_t at; (at = r.find("*/")) != r.npos;) r[at] = '+';
  for (size_t at; (at = r.find("?\?/")) != r.npos;) r[at + 2] = ' ';
  return r;
}

std::string options_in_comment(const ModuleOrigin& o) {
  return o.options.empty() ? " none" : " " + in_comment(o.options);
}

namespace {

std::string port_macros(const Port& p, const std::string& N) {
  const Type& t = p.type;
  const std::string prefix = fmt::format("{}_{}", N, upper(p.label));
  std::string dims = t.shape.empty() ? "1" : fmt::format("{}", fmt::join(t.shape, ", "));
  std::string s = expand(R"(
      #define $P$_NAME "$name$"
      #define $P$_RANK $rank$
      #define $P$_DIMS {$dims$}
      #define $P$_ELEMENTS $elements$
      #define $P$_BYTES $bytes$
      )",
                         {{"P", prefix},
                          {"name", c_string(p.name)},
                          {"rank", t.rank()},
                          {"dims", dims},
                          {"elements", t.elements()},
                          {"bytes", t.bytes()}});
  if (t.quant.per_tensor())
    s += expand(R"(
        #define $P$_SCALE $scale$
        #define $P$_ZERO_POINT $zero$
        )",
                {{"P", prefix}, {"scale", cpp(t.quant.scale[0])}, {"zero", t.quant.zero_point[0]}});
  return s;
}

}  // namespace

MemoryText memory_text(const Program& m) {
  const std::string N = upper(m.name);
  MemoryText r;
  if (m.pools.empty()) {
    r.parameter = "void *arena", r.constant = "const void *arena";
    r.macros = fmt::format("#define {0}_ARENA_BYTES {1}\n#define {0}_ARENA_ALIGN 16\n", N, m.arena_bytes);
    const std::string place = fmt::format("{0}_ARENA_BYTES bytes aligned to {0}_ARENA_ALIGN", N);
    if (m.feed)
      r.about = fmt::format(
          "The next row of a frame, of {0}_FEED_BYTES bytes; 1 when it was the last of {0}_FEED_ROWS: the output is "
          "there. `arena` has\n   {1}; what is kept between feeds lies in `state` alone.",
          N, place);
    else r.about = fmt::format("One inference. `arena` has {}; nothing is kept between calls.", place);
    r.cxx = expand(R"(
        constexpr size_t arena_bytes = $bytes$, arena_align = 16, state_bytes = $state$;

        struct alignas(16) Arena {
          unsigned char bytes[$room$];
        };
        )",
                   {{"bytes", m.arena_bytes}, {"state", m.state_bytes}, {"room", std::max<int64_t>(m.arena_bytes, 1)}});
    return r;
  }
  r.parameter = r.constant = fmt::format("const {}_memory *memory", m.name);
  r.type = fmt::format("/* Where the pools are; a pool of 0 bytes may be anywhere. */\ntypedef struct {}_memory {{\n",
                       m.name);
  r.cxx = "constexpr size_t state_bytes = 0;\n";
  for (const ProgramPool& pool : m.pools) {
    const std::string P = fmt::format("{}_POOL_{}", N, upper(pool.name)), field = pool_field(pool);
    r.macros += fmt::format("#define {0}_BYTES {1}\n#define {0}_ALIGN 16\n", P, pool.bytes);
    r.type += fmt::format("  void *{0};  /* {1}_BYTES bytes aligned to {1}_ALIGN */\n", field, P);
    r.cxx += fmt::format("constexpr size_t pool_{0}_bytes = {1}, pool_{0}_align = 16;\n", field, pool.bytes);
  }
  r.type += fmt::format("}} {}_memory;\n\n", m.name);
  r.about = "One inference. `memory` points to each pool's bytes; nothing is kept between calls.";
  if (m.constants_pool >= 0) {
    const ProgramPool& pool = m.pools[size_t(m.constants_pool)];
    const std::string P = fmt::format("{}_POOL_{}", N, upper(pool.name));
    r.macros += fmt::format("#define {}_CONSTANT_BYTES {}\n", P, m.copied_constants().size());
    r.type += expand(R"(
        /* The first $P$_CONSTANT_BYTES bytes of the pool $pool$ are a copy of $name$_constants. Make it before the first run and
           whenever the pool lost its contents. Another definition of yours takes the place of this one. */
        extern const unsigned char $name$_constants[];
        void $name$_load_constants(const $name$_memory *memory);

        )",
                     {{"P", P}, {"pool", pool.name}, {"name", m.name}});
  }
  return r;
}

std::string run_signature(const Program& m, const std::string& memory, const std::string& state) {
  if (m.feed)
    return fmt::format("int {}_feed({}, void *{}, const {} *row)", m.name, memory, state, c_type(m.inputs[0]));
  std::string args = memory;
  if (m.external_io)
    for (const Port* p : m.ports()) args += fmt::format(", {}{} *{}", p->output ? "" : "const ", c_type(*p), p->label);
  return fmt::format("void {}_run({})", m.name, args);
}

namespace {

/// What the header says of rows that are fed, in C and in C++.
struct FeedText {
  std::string macros, functions, cxx;
};
FeedText feed_text(const Program& m, const std::string& N) {
  if (!m.feed) return {};
  const std::vector<Var> vars{{"N", N},
                              {"name", m.name},
                              {"rows", m.feed->rows},
                              {"bytes", m.feed->bytes},
                              {"room", std::max<int64_t>(m.state_bytes, 1)},
                              {"T", c_type(m.inputs[0])}};
  return {expand(R"(
              #define $N$_FEED_ROWS $rows$
              #define $N$_FEED_BYTES $bytes$
              )",
                 vars),
          expand(R"(
              /* Begins a frame. `state` has $N$_STATE_BYTES bytes aligned to $N$_STATE_ALIGN. */
              void $name$_reset(void *state);
              )",
                 vars),
          expand(R"(
              constexpr size_t feed_rows = $rows$, feed_bytes = $bytes$;

              struct alignas(16) State {
                unsigned char bytes[$room$];
              };

              inline void reset(State& state) { $name$_reset(state.bytes); }
              /// The next row; true when it was the last one of its frame, and the output is there.
              inline bool feed(Arena& arena, State& state, const $T$* row) {
                return $name$_feed(arena.bytes, state.bytes, row) != 0;
              }
              )",
                 vars)};
}

/// Inline helpers that go between real numbers and a quantized port.
std::string conversions(const Port& p) {
  const Type& t = p.type;
  if (!t.quant.per_tensor() || !is_byte(t.dtype)) return "";
  return expand(R"(
      /// The stored value nearest to a real one (halves to even, saturating), and the real one that a stored value stands for.
      inline $T$ quantize_$label$(float real) {
        float v = real / $scale$;
        v = v > 1024.0f ? 1024.0f : v > -1024.0f ? v : -1024.0f;  // also for NaN
        int32_t q = static_cast<int32_t>(v);
        const float rest = v - static_cast<float>(q);
        if (rest > 0.5f || (rest == 0.5f && q % 2 != 0)) ++q;
        if (rest < -0.5f || (rest == -0.5f && q % 2 != 0)) --q;
        q += $zero$;
        return static_cast<$T$>(q < $lo$ ? $lo$ : q > $hi$ ? $hi$ : q);
      }
      inline float dequantize_$label$($T$ stored) { return static_cast<float>(stored - ($zero$)) * $scale$; }
      )",
                {{"T", c_type(p)},
                 {"label", p.label},
                 {"scale", cpp(t.quant.scale[0])},
                 {"zero", t.quant.zero_point[0]},
                 {"lo", info(t.dtype).lo},
                 {"hi", info(t.dtype).hi}});
}

}  // namespace

std::string print_header(const Program& m, const std::string& head, std::string_view build) {
  const std::string &name = m.name, N = upper(name);
  const bool external = m.external_io, pools = !m.pools.empty();
  const MemoryText memory = memory_text(m);
  const std::string cxx_type = pools ? name + "_memory" : "Arena", cxx_memory = pools ? "memory" : "arena",
                    cxx_argument = pools ? "&memory" : "arena.bytes";
  std::string macros, accessors, cxx;
  for (const Port* port : m.ports()) {
    const Port& p = *port;
    macros += port_macros(p, N);
    const std::string type = to_string(p.type);
    if (!external && !(m.feed && !p.output)) {
      accessors += p.output ? fmt::format("/* {}: valid until the {} next used */\nconst {} *{}_{}({});\n", type,
                                          pools ? "pools are" : "arena is", c_type(p), name, p.label, memory.constant)
                            : fmt::format("/* {}: fill before each run; the run may overwrite it */\n{} *{}_{}({});\n",
                                          type, c_type(p), name, p.label, memory.parameter);
      cxx += fmt::format("inline Span<{0}{1}> {2}({3}{4}& {5}) {{ return {{{6}_{2}({7}), {8}}}; }}\n",
                         p.output ? "const " : "", c_type(p), p.label, p.output || pools ? "const " : "", cxx_type,
                         cxx_memory, name, cxx_argument, p.type.elements());
    }
    cxx += conversions(p);
  }
  if (m.constants_pool >= 0)
    cxx +=
        fmt::format("inline void load_constants(const {0}_memory& memory) {{ {0}_load_constants(&memory); }}\n", name);
  std::string run_params = fmt::format("{}{}& {}", pools ? "const " : "", cxx_type, cxx_memory),
              run_args = cxx_argument;
  if (external)
    for (const Port* p : m.ports()) {
      run_params += fmt::format(", {}{}* {}", p->output ? "" : "const ", c_type(*p), p->label);
      run_args += ", " + p->label;
    }
  const FeedText feed = feed_text(m, N);
  const std::string run_cxx =
      m.feed ? feed.cxx : fmt::format("inline void run({}) {{ {}_run({}); }}\n", run_params, name, run_args);
  Writer w;
  w.raw(head);
  w.emit(R"(
      #ifndef $N$_BURIN_H
      #define $N$_BURIN_H

      #include <stddef.h>
      #include <stdint.h>

      #define $N$_BURIN_ABI 1
      #define $N$_BUILD $build$
      $memory_macros$
      #define $N$_STATE_BYTES $state$
      #define $N$_STATE_ALIGN 16
      #define $N$_INPUTS $inputs$
      #define $N$_OUTPUTS $outputs$
      $feed_macros$
      $macros$

      #ifdef __cplusplus
      extern "C" {
      #endif

      $memory_type$
      $accessors$
      $reset$
      /* $about$ */
      $run$;

      #ifdef __cplusplus
      }  /* extern "C" */

      namespace $name$ {

      $memory_cxx$

      template <class T>
      struct Span {
        T* data;
        size_t size;
        T& operator[](size_t i) const { return data[i]; }
        T* begin() const { return data; }
        T* end() const { return data + size; }
      };

      $cxx$
      $run_cxx$

      }  // namespace $name$
      #endif

      #endif  /* $N$_BURIN_H */
      )",
         {{"N", N},
          {"name", name},
          {"build", build},
          {"memory_macros", memory.macros},
          {"memory_type", memory.type},
          {"about", memory.about},
          {"memory_cxx", memory.cxx},
          {"inputs", m.inputs.size()},
          {"outputs", m.outputs.size()},
          {"macros", macros},
          {"accessors", accessors},
          {"run", run_signature(m, memory.parameter)},
          {"cxx", cxx},
          {"run_cxx", run_cxx},
          {"state", m.state_bytes},
          {"feed_macros", feed.macros},
          {"reset", feed.functions}});
  return w.take();
}

}  // namespace burin
