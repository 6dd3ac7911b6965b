#include "tools/burin/cli/runner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "codegen/calls.h"
#include "codegen/layer.h"
#include "codegen/names.h"
#include "codegen/spelling.h"
#include "codegen/writer.h"
#include "compiler/embedded.h"
#include "tools/burin/cli/process.h"
#include "tools/burin/cli/tool_list.h"

namespace burin {
namespace {

// contract: the flags that all figures are measured with.
constexpr const char* kFlags =
    "-O2 -std=c++17 -fno-exceptions -fno-rtti -ffreestanding -fno-unwind-tables -fno-asynchronous-unwind-tables "
    "-ffunction-sections -fdata-sections";

/// The elements one row after the other, where rows are fed.
std::vector<std::byte> in_order(const Tensor& t, const std::optional<Feed>& feed) {
  std::vector<std::byte> r(t.bytes().begin(), t.bytes().end());
  if (!feed || feed->rows <= 1) return r;
  const Shape& s = t.shape();
  const size_t outer = size_t(elements(Shape(s.begin(), s.begin() + feed->axis))), rows = size_t(feed->rows);
  const size_t part = size_t(feed->bytes) / outer;
  for (size_t i = 0; i < outer; ++i)
    for (size_t row = 0; row < rows; ++row)
      std::ranges::copy(t.bytes().subspan((i * rows + row) * part, part),
                        r.begin() + std::ptrdiff_t((row * outer + i) * part));
  return r;
}

std::string byte_list(const std::vector<std::vector<Tensor>>& inputs, size_t i, const std::optional<Feed>& feed) {
  std::string s;
  for (const auto& set : inputs) {
    const std::vector<std::byte> bytes = in_order(set[i], feed);
    s += fmt::format("{{{}}},\n", bytes.empty() ? "0" : spelled({DType::u8, nullptr, bytes}));
  }
  return s;
}

/// A caller's buffer for --io external: aligned to its element type and no more.
std::string external_buffer(std::string_view name, const Type& t) {
  return fmt::format("alignas(16) {0} {1}_and_one[{2}];\n{0}* const {1} = {1}_and_one + 1;\n", info(t.dtype).c_type,
                     name, std::max<int64_t>(t.elements(), 1) + 1);
}

/// The arena and the state, or the pools of --memory, between bytes that must stay.
struct GuardedMemory {
  std::string declared, fill, check;
};
GuardedMemory guarded_memory(const Program& p) {
  GuardedMemory r{"constexpr unsigned kGuard = 64;\n", "", ""};
  const auto add = [&](const std::string& name, int64_t bytes) {
    const std::vector<Var> vars{{"name", name}, {"bytes", bytes}};
    r.declared += expand(R"(
        alignas(16) unsigned char guarded_$name$[kGuard + $bytes$ + kGuard];
        unsigned char* const $name$ = guarded_$name$ + kGuard;
        )",
                         vars);
    r.fill += expand("for (unsigned char& b : guarded_$name$) b = 0x5A;\n", vars);
    r.check += expand(R"(
        for (unsigned i = 0; i < kGuard; ++i)
          if (guarded_$name$[i] != 0x5A || guarded_$name$[kGuard + $bytes$ + i] != 0x5A) {
            harness_puts("GUARD\n");
            return 1;
          }
        )",
                      vars);
  };
  std::string members;
  for (int32_t pool = 0; pool < p.pieces(); ++pool) {
    const std::string name = pool_pointer(p, pool);
    add(name, p.piece_bytes(pool));
    members += (members.empty() ? "" : ", ") + name;
  }
  if (p.feed) add("state", p.state_bytes);
  if (p.pools.empty()) return r;
  r.declared += fmt::format("const {}_memory memory = {{{}}};\n", p.name, members);
  if (p.constants_pool >= 0) r.fill += fmt::format("{}_load_constants(&memory);\n", p.name);
  return r;
}

/// The program: fills the inputs, runs while stack and instructions are measured, prints the outputs in hexadecimal.
std::string main_program(const Compiled& c, const std::vector<std::vector<Tensor>>& inputs) {
  const Program& g = c.program;
  const std::string name = g.name;
  const bool external = g.external_io;
  const std::string memory = g.pools.empty() ? "arena" : "&memory";
  std::string data, load, store, args = memory;
  for (size_t i = 0; i < g.inputs.size(); ++i) {
    const Type& t = g.inputs[i].type;
    // Rows are read where they are.
    const int64_t room = g.feed ? (t.bytes() + 15) / 16 * 16 : std::max<int64_t>(t.bytes(), 1);
    data += fmt::format("alignas(16) const unsigned char data_{}[][{}] = {{\n{}}};\n", i, room,
                        byte_list(inputs, i, g.feed));
    if (g.feed) continue;
    if (external) data += external_buffer(fmt::format("in_{}", i), t), args += fmt::format(", in_{}", i);
    load +=
        fmt::format("copy({}, data_{}[set], {});\n",
                    external ? fmt::format("in_{}", i) : fmt::format("{}_input_{}({})", name, i, memory), i, t.bytes());
  }
  for (size_t i = 0; i < g.outputs.size(); ++i) {
    const Type& t = g.outputs[i].type;
    if (external) data += external_buffer(fmt::format("out_{}", i), t), args += fmt::format(", out_{}", i);
    store +=
        fmt::format("harness_puts(\"OUT \");\nharness_hex({}, {});\n",
                    external ? fmt::format("out_{}", i) : fmt::format("{}_output_{}({})", name, i, memory), t.bytes());
  }
  const GuardedMemory m = guarded_memory(g);
  std::string run = fmt::format("void run() {{ {}_run({}); }}", name, args);
  if (g.feed) {
    const std::vector<Var> vars{
        {"name", name}, {"T", info(g.inputs[0].type.dtype).c_type}, {"rows", g.feed->rows}, {"bytes", g.feed->bytes}};
    run = expand(R"(
        unsigned now, ready;
        void run() {
          $name$_reset(state);
          ready = 0;
          for (unsigned row = 0; row < $rows$; ++row)
            ready = 2 * ready + unsigned($name$_feed(arena, state, reinterpret_cast<const $T$*>(data_0[now] + row * $bytes$)));
        }
        )",
                 vars);
    load = "now = set;\n";
    store = "if (ready != 1) {\n  harness_puts(\"NOT READY\\n\");\n  return 1;\n}\n" + store;
  }
  return expand(R"(
      #include "harness.h"
      #include "model/$name$.h"

      namespace {
      $memory$
      $data$
      inline void copy(void* to, const unsigned char* from, unsigned bytes) {
        for (unsigned i = 0; i < bytes; ++i) static_cast<unsigned char*>(to)[i] = from[i];
      }
      $run$
      }  // namespace

      int harness_main(void) {
        $fill$
        for (unsigned set = 0; set < $sets$; ++set) {
          $load$
          const uint32_t stack = harness_measure(run);
          harness_puts("STACK ");
          harness_dec(stack);
          harness_puts("\n");
          $store$
        }
        $check$
        return 0;
      }
      )",
                {{"name", name},
                 {"memory", m.declared},
                 {"fill", m.fill},
                 {"check", m.check},
                 {"data", data},
                 {"run", run},
                 {"sets", inputs.size()},
                 {"load", load},
                 {"store", store}});
}

std::string program(const std::string& names, const std::string& target) {
  const std::string found = find_program(words(names));
  if (found.empty())
    throw ToolError(fmt::format("no compiler for {}: {}", target, missing_tool(names)), "missing-tool");
  return found;
}

/// In the folder, so that compilers need no names that differ from run to run: caches of compilers then find what they
/// know.
void must(const TemporaryFolder& folder, const std::vector<std::string>& argv) {
  const ProcessResult r = run_process(argv, 600, folder.path());
  if (r.exit_code != 0)
    throw ToolError(fmt::format("'{}' failed (exit {}):\n{}", fmt::join(argv, " "), r.exit_code, r.err.substr(0, 4000)),
                    "compiler-failed");
}

std::vector<std::string> joined(std::initializer_list<std::vector<std::string>> parts) {
  std::vector<std::string> r;
  for (const auto& p : parts) r.insert(r.end(), p.begin(), p.end());
  return r;
}

/// Address of a symbol, as nm prints it; empty when there is none.
std::string address(const std::string& symbols, std::string_view symbol) {
  std::istringstream lines(symbols);
  std::string at, kind, name;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream w(line);
    if (w >> at >> kind >> name && name == symbol) return at;
  }
  return "";
}

std::vector<std::byte> from_hex(std::string_view hex) {
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::vector<std::byte> r;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) r.push_back(std::byte(digit(hex[i]) * 16 + digit(hex[i + 1])));
  return r;
}

}  // namespace

std::string build_object(const Compiled& c, const TemporaryFolder& folder) {
  const Target& t = *c.context.target;
  const std::string name = c.program.name, object = folder.file("model.o");
  write_file(folder.file(name + ".h"), c.module.header);
  write_file(folder.file(name + ".cpp"), c.module.source);
  must(folder, joined({{program(t.compiler, t.name)},
                       words(t.flags),
                       words(kFlags),
                       words(c.context.options.cflags),
                       {"-c", name + ".cpp", "-o", "model.o"}}));
  return object;
}

void try_compiler(const Target& t) {
  const TemporaryFolder folder;
  const auto base = std::ranges::find(embedded_files(), "runtime-min/base.h", &EmbeddedFile::path);
  write_file(folder.file("base.h"), base->text);
  write_file(folder.file("probe.cpp"),
             fmt::format("#include \"base.h\"\n#if !({})\n#error \"the flags do not give {}\"\n#endif\n",
                         t.guard.empty() ? "1" : t.guard, t.name));
  folder.file("probe.o");
  must(folder,
       joined({{program(t.compiler, t.name)}, words(t.flags), words(kFlags), {"-c", "probe.cpp", "-o", "probe.o"}}));
}

RunResult build_and_run(const Compiled& c, const std::vector<std::vector<Tensor>>& inputs, bool host,
                        const MarkFunctions& mark) {
  const Target& t = host ? *find_target("host") : *c.context.target;
  if (!host && t.qemu.empty())
    throw UsageError(
        fmt::format("code for {} can be compiled but there is no machine to run it on; use --runner interpreter",
                    t.name),
        "no-emulator");
  const TemporaryFolder folder;
  const std::string name = c.program.name;
  // In a folder of its own, so that no name of a model is one of ours.
  std::error_code failed;  // the first file in it says why
  std::filesystem::create_directory(folder.file("model"), failed);
  write_file(folder.file("model/" + name + ".h"), c.module.header);
  write_file(folder.file("model/" + name + ".cpp"), c.module.source);
  write_file(folder.file("main.cpp"), main_program(c, inputs));
  std::vector<std::string> sources{"model/" + name + ".cpp", "main.cpp", t.key("startup")};
  if (!host) sources.insert(sources.end(), {"harness.cpp", "memory.cpp"});
  for (const EmbeddedFile& f : embedded_files())
    if (f.path.starts_with("tools/qemu/")) write_file(folder.file(std::string(f.path.substr(11))), f.text);

  const std::string compiler = program(t.compiler, t.name), linker = program(t.key("linker"), t.name);
  std::vector<std::string> objects;
  for (const std::string& s : sources) {
    objects.push_back(fmt::format("{}.o", objects.size()));
    folder.file(objects.back());
    must(folder, joined({{compiler},
                         words(t.flags),
                         words(kFlags),
                         words(c.context.options.cflags),
                         host ? std::vector<std::string>{"-DBURIN_PORTABLE"} : std::vector<std::string>{},
                         {"-I", ".", "-c", s, "-o", objects.back()}}));
  }
  const std::string elf = folder.file("program.elf");
  if (host) must(folder, joined({{linker}, objects, {"-o", elf}}));
  else
    must(folder, joined({{linker},
                         words(t.key("link-flags")),
                         {"-nostdlib", "-L", ".", "-T", t.key("linker-script"), "-Wl,--gc-sections"},
                         objects,
                         {"-lgcc", "-o", elf}}));

  std::vector<std::string> argv{elf};
  const std::string counts = folder.file("counts.txt");
  if (!host) {
    if (find_program({t.key("qemu-binary")}).empty())
      throw ToolError(missing_tool(t.key("qemu-binary")), "missing-tool");
    argv = joined({{t.key("qemu-binary"), "-M", t.qemu},
                   words(t.key("qemu-args")),
                   {"-display", "none", "-monitor", "none", "-serial", "none", "-chardev", "stdio,id=out",
                    "-semihosting-config", "enable=on,target=native,chardev=out", "-kernel", elf}});
    // The plugin that counts instructions is an addition: without a C compiler or plugins the run is as good.
    const std::string cc = find_program(words(kCounterCompiler)), nm = find_program(words(kSymbolLister));
    if (!cc.empty() && !nm.empty() &&
        run_process(
            {cc, "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-o", folder.file("roi.so"), folder.file("roi.c")})
                .exit_code == 0) {
      const std::string symbols = run_process({nm, elf}).out;
      std::string plugin = fmt::format("{},begin=0x{},end=0x{},out={}", folder.file("roi.so"),
                                       address(symbols, "harness_begin"), address(symbols, "harness_end"), counts);
      if (mark) {
        const Marks marks = mark(elf);
        write_file(folder.file("marks.txt"), fmt::format("{:x}\n", fmt::join(marks.functions, "\n")));
        write_file(folder.file("parts.txt"), fmt::format("{}\n", fmt::join(marks.parts, "\n")));
        plugin +=
            fmt::format(",marks={},order={},parts={}", folder.file("marks.txt"), folder.file("parts.txt"), marks.most);
      }
      argv.insert(argv.end(), {"-plugin", plugin});
    }
  }
  const ProcessResult run = run_process(argv, 1200);
  if (run.timed_out) throw ToolError("the program did not end within 20 minutes", "program-failed");
  if (run.exit_code != 0)
    throw ToolError(fmt::format("the program failed (exit {}): {}", run.exit_code,
                                run.out.find("GUARD") != run.out.npos ? "bytes around the arena were overwritten"
                                                                      : (run.err + run.out).substr(0, 2000)),
                    "program-failed");

  RunResult r;
  std::istringstream lines(run.out);
  std::vector<Tensor> outputs;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("STACK ")) r.stack = std::max<int64_t>(r.stack, std::stoll(line.substr(6)));
    if (!line.starts_with("OUT ")) continue;
    const Type& type = c.program.outputs[outputs.size()].type;
    std::vector<std::byte> bytes = from_hex(std::string_view(line).substr(4));
    if (int64_t(bytes.size()) != type.bytes())
      throw ToolError("the program printed an output of another size", "program-failed");
    outputs.emplace_back(type, std::move(bytes));
    if (outputs.size() == c.program.outputs.size()) r.outputs.push_back(std::move(outputs)), outputs.clear();
  }
  if (r.outputs.size() != inputs.size())
    throw ToolError("the program ended before it printed all outputs", "program-failed");
  if (std::ifstream f(counts); f) {
    std::string word;
    int64_t total = 0;
    if (f >> word >> total) r.instructions = total / std::max<int64_t>(1, int64_t(inputs.size()));
    for (Executed e; mark && f >> std::hex >> e.address >> std::dec >> e.count >> e.part;) r.executed.push_back(e);
  }
  return r;
}

}  // namespace burin
