// The libFuzzer target: whatever the bytes are, compile() prints a module or throws ModelError. Everything else is a
// finding, as is what the sanitizers report and what libFuzzer's own limits on time and memory stop.
//
//     burin-fuzz [libFuzzer's options] [CORPUS...]     tools/fuzz is the way to run it
//     burin-fuzz --generate N SEED FOLDER              N models of the generator, for the corpus
//     burin-fuzz --explain FILE...                     how each is compiled and what comes of it
//     burin-fuzz --counts                              what BURIN_FUZZ_COUNTS has
//
// BURIN_FUZZ_COUNTS=FILE keeps the counts that are printed at the end there, over many processes.
// BURIN_FUZZ_EXCEPTIONS=FOLDER writes inputs that let an exception escape there and goes on; without it they end the
// run.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include "compiler/onnx/proto.h"
#include "compiler/ops/ops.h"
#include "compiler/sha256.h"
#include "tests/fuzz/generator.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/mutator.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using namespace burin;
using namespace burin::fuzz;

const std::vector<SupportedOp>& supported() {
  static const std::vector<SupportedOp> all = supported_operators();
  return all;
}

struct Counts {
  uint64_t executions = 0, printed = 0, structured = 0, structured_printed = 0, exceptions = 0;
  uint64_t operators[256] = {};  // models with that operator of supported() that were printed
};

/// In memory, or in the file that all processes of a run share.
Counts& counts() {
  static Counts* const c = [] {
    const char* path = std::getenv("BURIN_FUZZ_COUNTS");
    if (!path) return new Counts;
    const int file = ::open(path, O_RDWR | O_CREAT, 0644);
    if (file < 0 || ::ftruncate(file, sizeof(Counts)) != 0) {
      fmt::print(stderr, "burin-fuzz: cannot write {}\n", path);
      std::exit(2);
    }
    return static_cast<Counts*>(::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  }();
  return *c;
}
void add(uint64_t& count) { __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED); }

void print_counts() {
  const Counts& c = counts();
  std::string never;
  size_t printed = 0;
  for (size_t i = 0; i < supported().size(); ++i)
    if (c.operators[i]) ++printed;
    else never += " " + std::string(supported()[i].onnx);
  fmt::print(stderr, "counts: {} executions, {} printed\n", c.executions, c.printed);
  fmt::print(stderr, "counts: {} structured inputs, {} printed ({:.1f} %)\n", c.structured, c.structured_printed,
             c.structured ? 100.0 * double(c.structured_printed) / double(c.structured) : 0.0);
  fmt::print(stderr, "counts: {} of {} operators printed at least once, never:{}\n", printed, supported().size(),
             never.empty() ? " none" : never);
  fmt::print(stderr, "counts: {} exceptions\n", c.exceptions);
}

void count_operators(const std::string& bytes) {
  onnx::ModelProto model;
  model.ParsePartialFromString(bytes);
  std::set<std::string> used;
  for (const auto& n : model.graph().node()) used.insert(n.op_type());
  for (const auto& f : model.functions())
    for (const auto& n : f.node()) used.insert(n.op_type());
  for (size_t i = 0; i < supported().size(); ++i)
    if (used.count(std::string(supported()[i].onnx))) add(counts().operators[i]);
}

std::string last_structured;  // what the mutator made last
bool last_was_printed = false;
std::vector<std::string> printed_models;  // some that were printed: the mutator starts from them too
constexpr size_t kPrintedModels = 512;

/// Called by the mutator: memory that the target itself keeps looks like a leak, and libFuzzer then looks for it,
/// slowly.
void remember(const std::string& bytes) {
  if (printed_models.size() < kPrintedModels) printed_models.push_back(bytes);
  else printed_models[std::hash<std::string>()(bytes) % kPrintedModels] = bytes;
}

std::string read(const std::string& path) {
  std::ifstream f(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(f), {}};
}

int explain(int n, char** files) {
  int result = 0;
  for (int i = 0; i < n; ++i) {
    const std::string bytes = read(files[i]);
    std::string what;
    try {
      compile({bytes, "/nonexistent/fuzz.onnx", ""}, {}, context_of(bytes));
      what = "printed\n";
    } catch (const ModelError& e) {
      for (const Diagnostic& d : e.diagnostics()) what += format(d, files[i], DiagnosticStyle::text);
    } catch (const std::exception& e) {
      what = fmt::format("exception: {}\n", e.what());
      result = 1;
    }
    fmt::print("burin compile {} {}\n{}", files[i], command_line(context_of(bytes)), what);
  }
  return result;
}

int write_generated(int n, uint64_t seed, const std::string& folder) {
  std::filesystem::create_directories(folder);
  law::Random random(seed);
  int printed = 0;
  for (int i = 0; i < n; ++i) {
    onnx::ModelProto model = generate(random, int(random.between(1, 8)));
    if (random.chance(50)) model.set_model_version(random.between(0, 1 << 20));
    const std::string bytes = model.SerializeAsString();
    std::ofstream(fmt::format("{}/generated-{}-{}", folder, seed, i), std::ios::binary) << bytes;
    try {
      printed += compiles(bytes);
    } catch (const std::exception& e) {
      fmt::print(stderr, "generated-{}-{}: exception: {}\n", seed, i, e.what());
    }
  }
  fmt::print(stderr, "{} models, {} printed\n", n, printed);
  return 0;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const std::string first = *argc > 1 ? (*argv)[1] : "";
  if (first == "--generate" && *argc == 5)
    std::exit(write_generated(std::atoi((*argv)[2]), std::strtoull((*argv)[3], nullptr, 10), (*argv)[4]));
  if (first == "--explain") std::exit(explain(*argc - 2, *argv + 2));
  if (first == "--counts") print_counts(), std::exit(0);
  counts(), supported();  // made before the function that reads them is registered, so that they live longer
  std::atexit(print_counts);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const bool structured = size > 0 && bytes == last_structured;
  add(counts().executions);
  if (structured) add(counts().structured);
  try {
    if (!compiles(bytes)) return 0;
  } catch (const std::exception& e) {
    add(counts().exceptions);
    fmt::print(stderr, "exception: {}\n", e.what());
    const char* folder = std::getenv("BURIN_FUZZ_EXCEPTIONS");
    if (!folder) std::abort();
    std::ofstream(fmt::format("{}/exception-{}", folder, sha256(bytes).substr(0, 16)), std::ios::binary) << bytes;
    return 0;
  }
  add(counts().printed);
  if (structured) add(counts().structured_printed), last_was_printed = true;
  count_operators(bytes);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  if (std::exchange(last_was_printed, false)) remember(last_structured);
  law::Random random(seed);
  if (random.chance(10)) return LLVMFuzzerMutate(data, size, max_size);
  onnx::ModelProto model;
  const int64_t from = random.between(1, 100);
  const bool given = from <= 40 && model.ParsePartialFromArray(data, int(size));
  if (!given && from <= 85 && !printed_models.empty()) model.ParsePartialFromString(random.one_of(printed_models));
  else if (!given) model = generate(random, int(random.between(1, 6)));
  if (!printed_models.empty() && random.chance(5)) {
    onnx::ModelProto other;
    other.ParsePartialFromString(random.one_of(printed_models));
    splice(model, other, random);
  }
  if (from <= 92) mutate(model, random);
  std::string bytes = model.SerializePartialAsString();
  if (bytes.size() > max_size) bytes = generate(random, 2).SerializePartialAsString();
  if (bytes.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, bytes.data(), bytes.size());
  last_structured = std::move(bytes);
  return last_structured.size();
}
