#include "codegen/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "compiler/program/execute.h"

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
  const auto at = conv_functions().find(name);
  return at != conv_functions().end() ? at->second : host_function(name);
}

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
    Frame frame(function);
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
    frame.run(s.body);
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
