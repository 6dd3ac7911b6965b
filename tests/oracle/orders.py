"""orders.py --burin PATH [--target T]... [--kernel K]... [--keep FOLDER]: kernels whose result lies over what they have read.

Which values may share memory with a kernel's input is said by the order in which the kernel reads and writes (KernelOrder in
codegen/layer.h); on the host only its C form runs. Here models of one layer, in which the plan puts the result as close over the
input as it may, run on emulated cores, all cases of a core in one program, and are compared with the oracle. A case whose plan
shares nothing counts as a failure unless it says so. Exit code 77: no emulated core.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

import oracle
from build import f32
from check import missing_tools, targets_of
from layers import S8, U8, Layer
from needs import SKIPPED

FLAGS = "-O2 -std=c++17 -fno-exceptions -fno-rtti -ffreestanding -ffunction-sections -fdata-sections".split()
QEMU = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "qemu")
KERNELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "codegen", "kernels.inc")


class Case:
    """A convolution, channels last, of one kernel. x: (height, width, channels); what: s8 or u8, then further words (see layer)."""

    def __init__(self, kernel, x, filters, window=(1, 1), what="s8", stride=(1, 1), pads=(0, 0, 0, 0), group=1):
        self.kernel, self.x, self.filters, self.window, self.what = kernel, x, filters, window, what.split()
        self.stride, self.pads, self.group = stride, pads, group
        sizes = ["x".join(map(str, n)) for n in (x, window, stride)]
        self.name = "_".join([kernel, *self.what, sizes[0], str(filters), sizes[1], "s" + sizes[2], "p" + "".join(map(str, pads)),
                              f"g{group}"])

    def layer(self):
        """s8, u8: activations; w8: uint8 weights with zero points; one: a scale for all filters; tie: exact halves; relu; f32."""
        dtype = U8 if "u8" in self.what else S8
        h, w, c = self.x
        shape = (self.filters, c // self.group, *self.window)
        attrs = dict(group=self.group, strides=list(self.stride), pads=list(self.pads))
        if "f32" in self.what:
            return self.floats(shape, attrs)
        g = Layer(self.name, dtype, "tie" in self.what)
        a, sx = g.activation("x", (1, h, w, c))
        v, sw = g.weights(shape, 0, U8 if "w8" in self.what else S8, "one" not in self.what)
        y = g.node("Conv", [g.node("Transpose", [a], perm=[0, 3, 1, 2]), v, g.bias(self.filters, f32(sx * sw), "one" not in self.what)], **attrs)
        if "relu" in self.what:
            y = g.node("Relu", [y])
        if g.tie:
            unit, zero = f32(sx * sw).max(), g.rng.choice([-2, 5]) if dtype == S8 else 120
            y = g.quantize(y, f32(2 * unit), zero, dtype)[0]
        else:
            y = g.quantize(y, dtype=dtype)[0]
        g.output(g.node("Transpose", [y], perm=[0, 2, 3, 1]))
        return g

    def floats(self, shape, attrs):
        g = Layer(self.name)
        h, w, c = self.x
        x = g.input("x", [g.rng.randint(-8, 9, size=(1, h, w, c)).astype(np.float32)])  # sums are exact in any order
        v = g.rng.randint(-4, 5, size=shape).astype(np.float32)
        y = g.node("Conv", [g.node("Transpose", [x], perm=[0, 3, 1, 2]), v, g.rng.randint(-9, 9, size=shape[0]).astype(np.float32)], **attrs)
        g.output(g.node("Transpose", [y], perm=[0, 2, 3, 1]))
        return g


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:3])}: {(done.stderr + done.stdout)[-1500:]}")
    return done.stdout


def shared_bytes(facts):
    """How far the model's result reaches over its input, or its working memory over either."""
    place = [(b["offset"], b["offset"] + b["bytes"]) for b in facts["buffers"] if b["bytes"]]
    return sum(max(0, min(a[1], b[1]) - max(a[0], b[0])) for i, a in enumerate(place) for b in place[:i])


def array(name, data):
    return f"alignas(8) const unsigned char {name}[] = {{{','.join(map(str, np.ascontiguousarray(data).tobytes()))}}};\n"


class Core:
    def __init__(self, burin, target, folder):
        self.burin, self.target, self.folder = burin, target, folder
        os.makedirs(folder, exist_ok=True)

    def keys(self):
        """What the .target file says beyond `burin targets`."""
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "targets", self.target + ".target")
        with open(path, encoding="utf-8") as f:
            return dict(line.split(None, 1) for line in f.read().splitlines() if line and not line.startswith("#") and " " in line)

    def build(self, index, case):
        """(name of the case's object, bytes that its plan shares), or (None, 0) where the kernel does not serve it, or what is wrong."""
        name, model = f"m{index}", os.path.join(self.folder, f"m{index}.onnx")
        g = case.layer()
        wanted = [oracle.run(g.proto(g.outputs), [g.data["x"][i]])[0] for i in range(g.sets())]
        with open(model, "wb") as f:
            f.write(g.proto(g.outputs, [wanted[0]]).SerializeToString())
        conv = next(n.name for n in g.nodes if n.op_type == "Conv")
        forced = [model, "--target", self.target, "--name", name, f"--kernel={conv}={case.kernel}"]
        done = subprocess.run([self.burin, "analyze", "--format", "json", *forced], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return None, 0 if "[no-kernel]" in done.stderr else done.stderr
        facts = json.loads(done.stdout)
        if [layer["kernel"] for layer in facts["layers"]] != [case.kernel]:
            return None, f"not one layer but {[layer['kernel'] for layer in facts['layers']]}"
        shared = shared_bytes(facts)
        run([self.burin, "compile", *forced, "-o", self.folder])
        source, arena = os.path.join(self.folder, name), facts["arena_bytes"]
        text = f'#include "{name}.h"\nnamespace {name}_data {{\nalignas(16) unsigned char arena[{arena} + 64];\n'
        for i, y in enumerate(wanted):
            text += array(f"x{i}", g.data["x"][i]) + array(f"y{i}", y)
        text += f"void run() {{ {name}_run(arena); }}\n}}\n"
        body = "".join(f'check("{case.name}", {name}_data::run, {name}_input_0({name}_data::arena), {name}_data::x{i}, sizeof {name}_data::x{i}, '
                       f'{name}_output_0({name}_data::arena), {name}_data::y{i}, sizeof {name}_data::y{i}, {name}_data::arena + {arena});\n'
                       for i in range(len(wanted)))
        with open(source + "_data.cpp", "w", encoding="utf-8") as f:
            f.write(f'#include "{name}.cpp"\n#include "cases.h"\n{text}void {name}_check() {{\n{body}}}\n')
        keys = self.keys()
        for part in (name + "_data",):
            run([keys["compiler"].split()[0], *keys["flags"].split(), *FLAGS, "-c", os.path.join(self.folder, part + ".cpp"), "-I", self.folder,
                 "-o", os.path.join(self.folder, part + ".o")])
        return name, shared

    def check(self, cases, jobs):
        """(cases of each kernel that share memory, cases, complaints)"""
        with open(os.path.join(self.folder, "cases.h"), "w", encoding="utf-8") as f:
            f.write(f'#include "{QEMU}/harness.h"\n' + CASES)
        names, complaints, shared = [], [], collections.Counter()
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for case, (name, found) in zip(cases, pool.map(self.build, range(len(cases)), cases)):
                if isinstance(found, str):
                    complaints.append(f"{case.name}: {found}")
                elif name:
                    names.append(name)
                    shared[case.kernel] += found > 0
        calls = "".join(f"{n}_check();\n" for n in names)
        with open(os.path.join(self.folder, "main.cpp"), "w", encoding="utf-8") as f:
            f.write('#include "cases.h"\n' + "".join(f"void {n}_check();\n" for n in names) + MAIN + f"int harness_main() {{\n{calls}return 0;\n}}\n")
        keys = self.keys()
        compiler = [keys["compiler"].split()[0], *keys["flags"].split()]
        sources = [os.path.join(self.folder, "main.cpp")] + [os.path.join(QEMU, s) for s in (keys["startup"], "harness.cpp", "memory.cpp")]
        elf = os.path.join(self.folder, "all.elf")
        run([keys["linker"].split()[0], *keys["flags"].split(), *keys.get("link-flags", "-").replace("-\n", "").split(), *FLAGS, "-nostdlib", "-I", QEMU, "-L", QEMU, "-T", keys["linker-script"],
             "-Wl,--gc-sections", *sources, *[os.path.join(self.folder, n + p) for n in names for p in ("_data.o",)], "-lgcc", "-o", elf])
        extra = [] if keys["qemu-args"].strip() == "-" else keys["qemu-args"].split()
        out = run([keys["qemu-binary"], "-M", keys["qemu"].strip(), *extra, "-display", "none", "-monitor", "none", "-serial", "none", "-chardev", "stdio,id=out",
                   "-semihosting-config", "enable=on,target=native,chardev=out", "-kernel", elf], timeout=300)
        return shared, len(names), complaints + [f"{line}: wrong" for line in sorted(set(out.split()))]


CASES = """
void check(const char* name, void (*run)(), void* in, const unsigned char* x, unsigned x_bytes, const void* out,
           const unsigned char* y, unsigned y_bytes, const unsigned char* behind);
"""
MAIN = """
void check(const char* name, void (*run)(), void* in, const unsigned char* x, unsigned x_bytes, const void* out,
           const unsigned char* y, unsigned y_bytes, const unsigned char*) {
  for (unsigned i = 0; i < x_bytes; ++i) static_cast<unsigned char*>(in)[i] = x[i];
  run();
  for (unsigned i = 0; i < y_bytes; ++i)
    if (static_cast<const unsigned char*>(out)[i] != y[i]) {
      harness_puts(name);
      harness_puts("\\n");
      return;
    }
}
"""


def convolutions(kernel, count, channels, filters, whats, group=None, windows=((3, 3), (3, 2), (1, 1), (2, 3), (1, 3))):
    """`count` shapes of many sorts, always the same ones."""
    rng = np.random.RandomState(sum(map(ord, kernel)))
    found = []
    while len(found) < count:
        k = windows[rng.randint(len(windows))]
        stride = [(1, 1), (2, 2), (1, 1), (2, 1), (1, 2)][rng.randint(5)]
        pads = tuple(int(rng.randint(0, k[i % 2])) for i in range(4))
        ow, oh = int(rng.choice([3, 4, 5, 6, 7, 9])), int(rng.choice([3, 4, 5, 6, 7]))
        h, w = (oh - 1) * stride[0] + k[0] - pads[0] - pads[2], (ow - 1) * stride[1] + k[1] - pads[1] - pads[3]
        if k == (1, 1):
            h, w = h + int(rng.randint(stride[0])), w + int(rng.randint(stride[1]))
        c = int(rng.choice(channels))
        if h < k[0] or w < k[1]:
            continue
        m = c if group else int(rng.choice(filters))
        found.append(Case(kernel, (h, w, c), m, k, whats[len(found) % len(whats)], stride, pads, c if group else 1))
    return found


def points(kernel, channels, filters, whats, sizes=((1, 9), (3, 3), (4, 5), (2, 7), (5, 3), (4, 4), (5, 7))):
    pairs = [(c, f) for c in channels for f in filters]
    return [Case(kernel, (*size, *pairs[i % len(pairs)][:1]), pairs[i % len(pairs)][1], what=whats[i % len(whats)])
            for i, size in enumerate(sizes)]


def dense(kernel, whats):
    sizes = [(4, 3), (8, 4), (12, 10), (13, 7), (64, 5), (30, 64), (128, 24), (128, 31), (192, 40)]
    return [Case(kernel, (1, 1, c), m, what=whats[i % len(whats)]) for i, (c, m) in enumerate(sizes)]


KINDS = ["s8", "u8 tie", "u8 relu", "s8 tie"]
DEPTHWISE = [(5, 5, 4, 3, (1, 1), 1), (7, 9, 8, 3, (2, 2), 1), (6, 4, 12, 3, (1, 1), 1), (9, 8, 8, 3, (1, 1), 0), (5, 7, 64, 3, (2, 2), 1),
             (4, 13, 4, 3, (1, 1), 1), (6, 6, 8, 2, (1, 1), 0), (7, 7, 8, 3, (1, 1), 1)]


def depthwise(kernel, whats, channels=None):
    found = []
    for i, (h, w, c, k, stride, p) in enumerate(DEPTHWISE):
        c = channels[i % len(channels)] if channels else c
        found.append(Case(kernel, (h, w, c), c, (k, 3), whats[i % len(whats)], stride, (p, p, p, p), c))
    return found


PLAIN = (convolutions("conv_q8_plain", 12, [1, 3, 4, 8, 12], [3, 4, 8, 12], KINDS)
         + points("conv_q8_plain", [4, 12, 3], [8, 4, 7], KINDS)
         + [Case("conv_q8_plain", (h, w, 2), 16, stride=(3, 3)) for h, w in ((4, 8), (10, 9))]
         + depthwise("conv_q8_plain", KINDS, [3, 5])[:2]
         + convolutions("depthwise_q8_plain", 8, [3, 4, 8, 12], [0], KINDS, True)
         + convolutions("conv_q8_ref", 4, [1, 3, 4], [3, 4], KINDS) + convolutions("conv_q8_w16_ref", 3, [1, 3, 4], [3, 4], ["s8 w8"])
         + convolutions("conv_f32_ref", 3, [1, 3, 4], [3, 4], ["f32"]))
W8 = ["s8 w8", "u8 w8", "u8 w8 tie"]
FEW = convolutions("conv_few_q8_dsp", 8, [1, 3, 4, 8], [1, 2, 3], KINDS)
LOOPS = (convolutions("conv_q8_dsp", 16, [1, 3, 4, 8, 12], [3, 4, 8, 12], KINDS) + points("pointwise_q8_dsp", [4, 8, 12, 64], [8, 4, 12, 7], KINDS)
         + depthwise("depthwise_q8_dsp", KINDS))
DSP = (LOOPS + FEW + convolutions("conv_q8_w16_dsp", 6, [1, 3, 4, 8], [3, 4, 8], W8) + depthwise("conv_q8_w16_dsp", W8, [3, 5, 12])[:4]
       + depthwise("depthwise_any_q8_dsp", KINDS, [3, 5, 6, 8]) + depthwise("depthwise_taps_q8_dsp", KINDS, [3, 5, 6, 8])
       + depthwise("depthwise_w16_q8_dsp", W8, [3, 5, 6, 8]) + dense("dense_q8_dsp", KINDS) + dense("dense_one_q8_dsp", ["s8 one"]))
FPU = (convolutions("conv_f32_fpu", 8, [1, 3, 4, 5], [3, 4, 7], ["f32"]) + points("conv_f32_fpu", [4, 5], [8, 3], ["f32"])
       + points("pointwise_f32_fpu", [4, 5, 12], [4, 7, 3], ["f32"]) + depthwise("depthwise_f32_fpu", ["f32"]))
MVE = (convolutions("conv_q8_mve", 14, [1, 3, 4, 8, 16, 20], [3, 4, 8, 12], KINDS[::2]) + points("conv_q8_mve", [4, 12, 64, 36], [8, 4, 64, 7], KINDS[::2])
       + points("pointwise_q8_mve", [64, 36, 48, 33], [8, 4, 64, 7], ["s8"]) + points("pointwise_q8_mve", [8, 12, 16, 40], [4, 8, 7], ["u8"])
       + convolutions("conv_rows_q8_mve", 24, [16, 32], [8, 16, 4], KINDS[::2], windows=((3, 3), (1, 3), (2, 3)))
       + depthwise("depthwise_any_q8_mve", KINDS[::2], [16, 8, 24, 20])
       + depthwise("depthwise_in_place_q8_mve", KINDS[::2], [16, 8, 24, 20, 5])
       + [Case("depthwise_in_place_q8_mve", (h, w, c), c, (k, k), what, (stride, stride), (p, p, p, p), c)
          for h, w, c, k, stride, p, what in [(25, 5, 64, 3, 1, 1, "s8"), (5, 25, 40, 3, 1, 1, "u8"), (24, 24, 16, 3, 2, 1, "s8"),
                                              (11, 9, 13, 2, 1, 1, "u8 tie"), (12, 8, 33, 3, 1, 0, "s8")]]
       + depthwise("depthwise_lines_q8_mve", KINDS[::2], [16, 8, 24, 20, 5])
       + [Case("depthwise_lines_q8_mve", (h, w, c), c, (k, k), what, (stride, stride), (p, p, p, p), c)
          for h, w, c, k, stride, p, what in [(25, 5, 64, 3, 1, 1, "s8"), (5, 25, 40, 3, 1, 1, "u8"), (24, 24, 16, 3, 2, 1, "s8"),
                                              (11, 9, 13, 2, 1, 1, "u8 tie"), (12, 8, 33, 3, 1, 0, "s8"), (9, 6, 16, 4, 1, 2, "u8"),
                                              (8, 7, 20, 3, 1, 1, "s8 relu")]]
       + [Case("depthwise_f32_mve", (h, w, c), c, (3, k), "f32", stride, (1, p, 1, p), c)
          for h, w, c, k, stride, p in [(6, 5, 4, 3, (1, 1), 1), (9, 6, 5, 3, (1, 1), 1), (12, 7, 8, 3, (2, 2), 1), (12, 9, 6, 3, (1, 1), 0),
                                        (6, 4, 12, 2, (1, 2), 0), (17, 5, 4, 5, (3, 1), 2), (7, 5, 8, 3, (1, 1), 1)]])
CORES = {"cortex-m0plus": PLAIN, "cortex-m4f": PLAIN + DSP + FPU, "cortex-m33": LOOPS[::2] + FEW[::2], "cortex-m7": LOOPS[::2], "cortex-m55": MVE}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--burin", required=True)
    parser.add_argument("--target", action="append")
    parser.add_argument("--kernel", action="append", help="only these kernels")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--keep", help="folder for what is generated")
    options = parser.parse_args()
    with open(KERNELS, encoding="utf-8") as f:
        promised = {name for name, order in re.findall(r"^CONV_(?:Q8|F32)\( *(\w+),.*?(\w+)\)$", f.read(), re.M) if order != "calls"}
    known, failed, ran, sharing, left_out = targets_of(options.burin), 0, 0, set(), False
    with tempfile.TemporaryDirectory() as temporary:
        for target in options.target or CORES:
            if missing := missing_tools(known[target], True):
                print(f"{target} left out: {', '.join(missing)} not installed")
                left_out = True
                continue
            cases = [c for c in CORES[target] if not options.kernel or c.kernel in options.kernel]
            if not cases:
                continue
            shared, count, complaints = Core(options.burin, target, os.path.join(options.keep or temporary, target)).check(cases, options.jobs)
            sharing.update(k for k, n in shared.items() if n >= 3)
            print(f"{target}: {count} cases, {sum(shared.values())} of them share memory, {len(complaints)} failures")
            for line in complaints:
                print(f"    {line}")
            ran, failed = ran + count, failed + len(complaints)
    for kernel in sorted(promised - sharing) if not (options.target or options.kernel or left_out) else ():
        print(f"{kernel}: no three cases that share memory")
        failed += 1
    return 1 if failed else SKIPPED if ran == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
