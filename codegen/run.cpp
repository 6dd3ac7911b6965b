#include "codegen/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace burin {
namespace {

constexpr std::byte kPoison{0xA5};
constexpr size_t kGuard = 64;  // bytes on either side of each piece of memory

/// Bytes between guards, aligned as kernels may ask.
class Block {
 public:
  explicit Block(size_t size) : size_(size), memory_((size + 2 * kGuard + 15) / 16) {
    std::memset(memory_.data(), int(kPoison), memory_.size() * sizeof(memory_[0]));
  }
  std::byte* data() { return reinterpret_cast<std::byte*>(memory_.data()) + kGuard; }
  size_t size() const { return size_; }
  /// The bytes with guards.
  std::span<std::byte> all() { return {data() - kGuard, size_ + 2 * kGuard}; }

 private:
  struct alignas(16) Line {
    std::byte bytes[16];
  };
  size_t size_;
  std::vector<Line> memory_;
};

HostFunction function(const std::string& name) {
  for (const HostFunctions* table : {&conv_functions(), &element_functions(), &shape_functions()})
    if (const auto at = table->find(name); at != table->end()) return at->second;
  throw std::invalid_argument("runtime-min has no function " + name);
}

int64_t element_bytes(DType t) {
  return visit_dtype(t, [](auto e) { return int64_t(sizeof(e)); });
}

/// What the names of a step mean while it runs.
class Frame {
 public:
  explicit Frame(const Step& s) : step_(s) {}
  void add(const std::string& name, std::byte* bytes, DType dtype) { memory_.push_back({name, {bytes, dtype}}); }

  void run() {
    for (const NamedConstant& a : step_.body.arrays) add(a.name, writable(a.value), a.value.dtype);
    for (const Local& l : step_.body.locals) add(l.name, at("scratch").bytes + l.offset, l.dtype);
    for (const Call& c : step_.body.calls) c.rows ? by_rows(c) : loops(c, 0);
  }

 private:
  struct Named {
    std::string name;
    HostMemory memory;
  };
  static std::byte* writable(const Constant& c) { return const_cast<std::byte*>(c.bytes.data()); }

  const HostMemory& at(const std::string& name) const {
    // The last of a name: `y` of a loop over rows.
    const auto it = std::find_if(memory_.rbegin(), memory_.rend(), [&](const Named& n) { return n.name == name; });
    if (it == memory_.rend()) throw std::invalid_argument("nothing is called " + name);
    return it->memory;
  }
  HostMemory at(const Pointer& p) const {
    HostMemory m = at(p.name);
    int64_t elements = p.offset;
    for (size_t d = 0; d < p.strides.size(); ++d) elements += p.strides[d] * index_.at(d);
    m.bytes += elements * element_bytes(m.dtype);
    return m;
  }

  void loops(const Call& c, size_t depth) {
    if (depth == c.loops.size()) return call(c, {}, 0);
    index_.resize(depth + 1);
    for (index_[depth] = 0; index_[depth] < c.loops[depth]; ++index_[depth]) loops(c, depth + 1);
    index_.resize(depth);
  }

  void by_rows(const Call& c) {
    const RowLoop& l = *c.rows;
    if (l.n <= 0) throw std::invalid_argument("a call that makes no rows");
    const std::byte* image = at("x0").bytes;
    HostMemory y = at("y0");
    const int64_t line = l.row_in * element_bytes(l.x), result = l.row_out * element_bytes(y.dtype);
    std::vector<const void*> rows;
    for (int64_t b = 0; b < l.batch; ++b, image += l.ih * line)
      for (int32_t oy = 0; oy < l.oh; oy += l.n) {
        const int32_t n = std::min(l.n, l.oh - oy), first = oy * l.stride - l.top;
        rows.clear();
        for (int32_t r = first; r < first + l.rows(n); ++r)
          rows.push_back(r < 0 || r >= l.ih ? nullptr : image + r * line);
        rows.resize(rows.size() + kGuard);  // a kernel that asks for more finds padding, and is seen by what it writes
        memory_.push_back({"y", y});
        call(c, {rows.data(), l.x}, n);
        memory_.pop_back();
        y.bytes += n * result;
      }
  }

  void call(const Call& c, HostRows rows, int32_t n) {
    HostCall h{c, {}, [&](const std::string& name) -> const void* { return name.empty() ? nullptr : at(name).bytes; }};
    for (const Argument& a : c.arguments)
      h.values.push_back(std::visit(
          [&]<class T>(const T& v) -> HostValue {
            if constexpr (std::is_same_v<T, Literal>) return v.value;
            else if constexpr (std::is_same_v<T, Pointer>) return at(v);
            else if constexpr (std::is_same_v<T, Rows>) return rows;
            else if constexpr (std::is_same_v<T, RowCount>) return int64_t(n);
            else if constexpr (std::is_same_v<T, Null>) return HostMemory{nullptr, DType::u8};
            else if constexpr (std::is_same_v<T, StructName>) return &find(c, v.name);
            else if constexpr (std::is_same_v<T, Element>) return element(at(v.at));
            else return v;
          },
          a));
    function(c.function)(h);
  }

  static HostValue element(const HostMemory& m) {
    return visit_dtype(m.dtype, [&](auto e) -> HostValue {
      std::memcpy(&e, m.bytes, sizeof(e));
      if constexpr (std::is_same_v<decltype(e), float>) return e;
      else return int64_t(e);
    });
  }
  const Struct& find(const Call& c, const std::string& name) const {
    for (const auto* structs : {&c.structs, &step_.body.structs})
      if (const auto it = std::ranges::find(*structs, name, &NamedStruct::name); it != structs->end()) return it->value;
    throw std::invalid_argument("no struct is called " + name);
  }

  const Step& step_;
  std::vector<Named> memory_;
  std::vector<int32_t> index_;  // of the call's loops
};

class Machine {
 public:
  explicit Machine(const Program& p) : p_(p), arena_(size_t(p.arena_bytes)) {
    for (const Buffer& b : p.buffers)
      if (b.space == Space::port) callers_.emplace(&b, size_t(b.bytes));
  }

  std::vector<Tensor> run(const std::vector<Tensor>& inputs) {
    verify(p_);
    if (inputs.size() != p_.inputs.size()) throw std::invalid_argument("another number of inputs");
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].bytes().size() != size_t(p_.inputs[i].type.bytes()))
        throw std::invalid_argument(fmt::format("input {} has another size", i));
      std::ranges::copy(inputs[i].bytes(), bytes(p_.inputs[i].at));
    }
    for (size_t i = 0; i < p_.steps.size(); ++i) step(int(i));
    std::vector<Tensor> r;
    for (const Port& port : p_.outputs) {
      Tensor t(port.type);
      std::copy_n(bytes(port.at), t.bytes().size(), t.bytes().begin());
      r.push_back(std::move(t));
    }
    return r;
  }

 private:
  std::byte* bytes(BufferId id) {
    const Buffer& b = p_[id];
    return b.space == Space::port ? callers_.at(&b).data() : arena_.data() + b.offset;
  }

  /// The arena's bytes that one of the buffers has.
  template <class F>
  std::vector<bool> covered(F&& by) const {
    std::vector<bool> r(arena_.size() + 2 * kGuard);
    for (size_t i = 0; i < p_.buffers.size(); ++i)
      if (const Buffer& b = p_.buffers[i]; b.space == Space::arena && by(b, BufferId(int32_t(i))))
        std::fill_n(r.begin() + int64_t(kGuard) + b.offset, b.bytes, true);
    return r;
  }

  void step(int now) {
    const Step& s = p_.steps[size_t(now)];
    const auto fail = [&](const std::string& what) {
      throw PlanError(fmt::format("step '{}' ({}): {}", s.facts.name, s.facts.kernel, what));
    };
    std::vector<BufferId> writes;
    Frame frame(s);
    for (const Parameter& a : s.parameters) {
      if (const auto* c = std::get_if<ConstantId>(&a.at)) {
        frame.add(a.name, const_cast<std::byte*>(p_[*c].bytes.data()), p_[*c].dtype);
        continue;
      }
      const BufferId id = std::get<BufferId>(a.at);
      if (p_[id].space == Space::arena && p_[id].offset % 4 != 0)
        fail(fmt::format("'{}' does not begin at a whole word", label(p_, p_[id])));
      if (a.written) writes.push_back(id);
      frame.add(a.name, bytes(id), a.dtype.value_or(DType::u8));
    }
    // What nobody needs from here on is gone, and nothing that lives on may lie where this step writes.
    const std::vector<bool> live = covered([&](const Buffer& b, BufferId id) {
      return b.first <= now && now <= b.last && (b.first < now || !std::ranges::count(writes, id));
    });
    const std::span<std::byte> all = arena_.all();
    for (size_t i = kGuard; i < kGuard + arena_.size(); ++i)
      if (!live[i]) all[i] = kPoison;
    for (const BufferId id : writes)
      for (const Buffer& b : p_.buffers)
        if (&b != &p_[id] && b.space == Space::arena && p_[id].space == Space::arena && b.first <= now &&
            now < b.last && b.bytes > 0 && p_[id].bytes > 0 && b.offset < p_[id].offset + p_[id].bytes &&
            p_[id].offset < b.offset + b.bytes)
          fail(fmt::format("writes '{}' where '{}' is still needed", label(p_, p_[id]), label(p_, b)));
    const std::vector<bool> written =
        covered([&](const Buffer&, BufferId id) { return std::ranges::count(writes, id) > 0; });
    const std::vector<std::byte> before(all.begin(), all.end());
    frame.run();
    for (size_t i = 0; i < all.size(); ++i)
      if (!written[i] && all[i] != before[i])
        fail(fmt::format("wrote byte {} of the arena, which is not its own", int64_t(i) - int64_t(kGuard)));
    for (auto& [buffer, block] : callers_) {
      const std::span<std::byte> guarded = block.all();
      for (size_t i = 0; i < kGuard; ++i)
        if (guarded[i] != kPoison || guarded[guarded.size() - 1 - i] != kPoison)
          fail(fmt::format("wrote beside the caller's '{}'", buffer->name));
    }
  }

  const Program& p_;
  Block arena_;
  std::unordered_map<const Buffer*, Block> callers_;
};

}  // namespace

std::vector<Tensor> run(const Program& p, const std::vector<Tensor>& inputs) { return Machine(p).run(inputs); }

}  // namespace burin
