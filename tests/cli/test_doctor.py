"""burin doctor and burin diagnostics: what works with the tools on PATH, what to install, what an error means."""
import json
import resource

from tool import *

DIGITS = os.path.join(MODELS, "digits_int8", "model.onnx")
SAYS = {  # what the made-up programs answer
    "--version": "thing (Debian 15:3.4.5-1) 12.3.1 20260101",
    "--help": "options: -plugin [file=]<file>",
    "-M help": "mps2-an385 x\\nmps2-an386 x\\nmps2-an500 x\\nmps2-an505 x\\nmps3-an547 x\\nmicrobit x\\nvirt x",
}


class Doctor(Case):
    """PATH is a folder of made-up programs: the answers do not depend on what this computer has."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("bin"))
        for name in ("g++", "arm-none-eabi-g++", "clang++-19", "riscv64-unknown-elf-g++", "qemu-system-arm", "qemu-system-riscv32", "cc", "nm", "llvm-mca-19"):
            self.program(name)

    def program(self, name, body=""):
        cases = "".join(f'"{arguments}") printf "{text}\\n" ;;\n' for arguments, text in SAYS.items())
        path = self.write(f"bin/{name}", f'#!/bin/sh\n{body}\ncase "$*" in\n{cases}esac\n'.encode())
        os.chmod(path, 0o755)

    def doctor(self, *arguments, code=OK):
        r = burin("doctor", *arguments, env={"PATH": self.path("bin")})
        self.assertEqual(r.code, code, repr(r))
        self.assertEqual(r.err, "")
        return r.out

    def facts(self, *arguments, code=OK):
        j = json.loads(self.doctor("--format", "json", *arguments, code=code))
        if not j["reads_elf"]:
            self.skipTest("built without LLVM")
        return j, {t["program"]: t for t in j["tools"]}, {(v["verb"], v["runner"], v["target"]): v for v in j["verbs"]}

    def test_everything_is_there(self):
        j, tools, verbs = self.facts()
        self.assertTrue(j["works"])
        self.assertTrue(all(v["works"] and not v["without"] for v in verbs.values()), verbs)
        self.assertEqual((tools["arm-none-eabi-g++"]["version"], tools["arm-none-eabi-g++"]["path"]), ("12.3.1", self.path("bin/arm-none-eabi-g++")))
        self.assertIn(("verify", "qemu", "riscv32"), verbs)
        self.assertNotIn(("verify", "qemu", "cortex-m23"), verbs)  # no machine, whatever is installed
        text = self.doctor()
        self.assertNotRegex(text, "missing|fails|does not work")
        self.assertLess(max(map(len, text.replace(self.dir, "").splitlines())), 121)

    def test_no_qemu(self):
        os.remove(self.path("bin/qemu-system-arm"))
        j, tools, verbs = self.facts()
        self.assertFalse(j["works"])
        self.assertEqual((tools["qemu-system-arm"]["path"], tools["qemu-system-arm"]["install"]), (None, "apt install qemu-system-arm"))
        self.assertEqual(verbs["verify", "qemu", "cortex-m4f"]["problems"], ["'qemu-system-arm' is not installed"])
        for works in (("verify", "qemu", "riscv32"), ("compile --budget-flash", None, "cortex-m4f"), ("verify", "host", None), ("compile", None, None)):
            self.assertTrue(verbs[works]["works"], works)
        self.assertRegex(self.doctor(), r"(?m)^qemu-system-arm .* missing +apt install qemu-system-arm$")
        self.doctor("--target", "cortex-m4f", code=TOOL_MISSING)
        self.doctor("--target", "riscv32")

    def test_a_compiler_that_fails(self):
        self.program("arm-none-eabi-g++", 'case "$*" in *cortex-m33*) echo "x.cpp:1: error: unknown core" >&2; exit 1 ;; esac')
        self.program("riscv64-unknown-elf-g++", "echo 'cannot load libgmp.so' >&2; exit 126")
        _, tools, verbs = self.facts()
        self.assertEqual(verbs["profile", None, "cortex-m33"]["problems"], ["'arm-none-eabi-g++' 12.3.1 fails: unknown core"])
        self.assertTrue(verbs["profile", None, "cortex-m4f"]["works"])
        self.assertEqual(tools["riscv64-unknown-elf-g++"]["problem"], "'riscv64-unknown-elf-g++' fails: cannot load libgmp.so")
        self.assertRegex(verbs["compile --budget-flash", None, "riscv32"]["without"][0], "libgmp")
        r = burin("verify", DIGITS, "--target", "cortex-m33", env={"PATH": self.path("bin")})
        self.assertEqual(r.code, TOOL_MISSING, repr(r))
        self.assertRegex(r.err, r"error: 'arm-none-eabi-g\+\+ .* failed[^$]*unknown core[^$]*note: `burin doctor`")

    def test_an_emulator_that_is_too_old(self):
        self.program("qemu-system-arm", 'case "$*" in --help) exit 0 ;; "-M help") echo "microbit x"; exit 0 ;; esac')
        _, _, verbs = self.facts()
        self.assertTrue(verbs["verify", "qemu", "cortex-m0plus"]["works"])
        self.assertRegex(verbs["verify", "qemu", "cortex-m0plus"]["without"][0], "without plugins")
        self.assertRegex(verbs["verify", "qemu", "cortex-m55"]["problems"][0], "has no machine mps3-an547")
        self.assertFalse(verbs["profile", None, "cortex-m0plus"]["works"])

    def test_an_older_name(self):
        os.rename(self.path("bin/clang++-19"), self.path("bin/clang++-17"))
        _, tools, verbs = self.facts("--target", "cortex-m85")
        self.assertIn("clang++-17", tools)
        self.assertTrue(verbs["profile", None, "cortex-m85"]["works"])

    def test_nothing(self):
        shutil.rmtree(self.path("bin"))
        _, tools, verbs = self.facts()
        self.assertTrue(all(t["install"].startswith("apt install ") for t in tools.values()), tools)
        self.assertEqual({v[:2] for v, f in verbs.items() if not f["works"]}, {("verify", "host"), ("verify", "qemu"), ("profile", None)})

    def test_errors_point_here(self):
        env = {"PATH": self.path("nothing")}
        for arguments, says in ((("verify", DIGITS), r"'g\+\+' is not installed: apt install g\+\+ \[missing-tool\]\n"),
                                (("verify", DIGITS, "--target", "riscv32"), "'riscv64-unknown-elf-g\\+\\+' is not installed: apt install gcc-riscv64-unknown-elf \\[missing-tool\\]\n")):
            r = burin(*arguments, env=env)
            self.assertEqual(r.code, TOOL_MISSING, repr(r))
            self.assertRegex(r.err, rf"error: .*{says}burin: note: `burin doctor` says .*\n$")

    def test_usage(self):
        for arguments, says in ((("--format", "yaml"), "yaml"), (("--target", "cortex-m4x"), "cortex-m4f"), (("x",), "x")):
            r = burin("doctor", *arguments)
            self.assertEqual((r.code, r.out), (USAGE, ""), repr(r))
            self.assertRegex(r.err, says)


class Diagnostics(Case):
    def test_one(self):
        for word in ("no-kernel", "[no-kernel]"):
            r = burin("diagnostics", word)
            self.assertEqual(r.code, OK, repr(r))
            self.assertRegex(r.out, r"^no-kernel\n    no kernel .*\n    what to do: .*float32.*\n$")
        one, = json.loads(burin("diagnostics", "no-kernel", "--format", "json").out)
        self.assertEqual(one["id"], "no-kernel")

    def test_all(self):
        everything = json.loads(burin("diagnostics", "--format", "json").out)
        self.assertTrue(all(d["id"] and d["meaning"] and d["fix"] for d in everything))
        text = burin("diagnostics").out
        for d in everything:
            self.assertIn(f"{d['id']}\n    {d['meaning']}\n", text)

    def test_near_misses(self):
        for word, says in (("no-kernal", "did you mean no-kernel?"), ("unsuported-op", "unsupported-op"), ("unsupported-operator", "unsupported-op"),
                           ("budget", "did you mean over-budget?"), ("xyzzy", "`burin diagnostics` lists them")):
            r = burin("diagnostics", word)
            self.assertEqual((r.code, r.out), (USAGE, ""), repr(r))
            self.assertIn(f"there is no diagnostic '{word}'", r.err)
            self.assertIn(says, r.err)


class Provoked(Case):
    """Errors of the command line that no other test provokes."""

    def test_folder_that_is_gone(self):
        os.mkdir(self.path("gone"))
        done = subprocess.run(["sh", "-c", f'rmdir "{self.path("gone")}" && exec "{BURIN}" compile m.onnx'], cwd=self.path("gone"), capture_output=True, text=True)
        self.assertEqual(done.returncode, MODEL_ERROR, done.stderr)
        self.assertRegex(done.stderr, r"m\.onnx: error: .*\[file-system\]")

    def test_data_set_without_a_tensor(self):
        self.write("m.onnx", relu())
        self.write("data/output_0.pb", constant("y", np.zeros((1, 4), np.float32)))
        r = burin("verify", self.path("m.onnx"), "--data", self.path("data"), "--runner", "interpreter")
        self.assertEqual(r.code, MODEL_ERROR, repr(r))
        self.assertRegex(r.err, r"error: '.*data' has no tensor for 'x' \[missing-data\]")

    def test_memory_that_is_not_there(self):
        def limited(*arguments):
            gigabyte = 1 << 30
            return subprocess.run([BURIN, *arguments], capture_output=True, text=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (gigabyte, gigabyte)))

        if limited("--version").returncode != 0:
            self.skipTest("burin itself does not run in 1 GB of addresses")
        os.truncate(self.write("m.onnx", b""), 3 << 29)  # holes: takes no room
        done = limited("compile", self.path("m.onnx"), "-o", self.path("out"))
        self.assertEqual(done.returncode, MODEL_ERROR, done.stderr)
        self.assertRegex(done.stderr, r"m\.onnx: error: .*\[out-of-memory\]")


if __name__ == "__main__":
    main()
