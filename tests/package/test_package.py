"""test_package.py --source DIR --build DIR: burin_add_model() from outside: keywords, paths, rebuilds, verification, a moved installation.

Every test is a project in a folder of its own whose name has spaces, and uses a package that was installed and then moved.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = BUILD = None
GENERATORS = ["Ninja", "Unix Makefiles"]
TOOLCHAIN = """set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_CXX_FLAGS_INIT "-mcpu=cortex-m3 -mthumb")
"""
MAIN = """#include "sine.h"
#include "digits.h"
static sine::Arena a;
static digits::Arena b;
int main() { sine_input_0(&a)[0] = 1; sine_run(&a); digits_input_0(&b)[0] = 1; digits_run(&b); }
"""


def run(*command, **options):
    """Exit code and everything that was said, in one line so that wrapped messages can be searched."""
    r = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    return r.returncode, re.sub(r"\s+", " ", r.stdout)


class Project(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = pathlib.Path(tempfile.mkdtemp(prefix="burin package ")).resolve()
        cls.addClassCleanup(shutil.rmtree, cls.top)
        code, text = run("cmake", "--install", BUILD, "--prefix", cls.top / "first place")
        assert code == 0, text
        (cls.top / "first place").rename(cls.top / "second place")
        cls.prefix = cls.top / "second place"
        cls.tool = cls.prefix / "bin/burin"

    def setUp(self):
        self.work = self.top / f"{self.id().rsplit('.')[-1]} project"
        self.work.mkdir()
        for model in ["sine_int8", "digits_int8"]:
            shutil.copytree(SOURCE / "tests/models" / model, self.work / model)
        (self.work / "toolchain.cmake").write_text(TOOLCHAIN)
        (self.work / "main.cpp").write_text(MAIN)

    def listing(self, text, languages="CXX", find="find_package(Burin 0.1 CONFIG REQUIRED)"):
        (self.work / "CMakeLists.txt").write_text(
            f"cmake_minimum_required(VERSION 3.22)\nproject(p LANGUAGES {languages})\nenable_testing()\n{find}\n{text}\n")

    def try_configure(self, *arguments, folder="b", generator="Ninja", find=True, env=None):
        where = [f"-DBurin_DIR={self.prefix}/share/cmake/Burin"] if find else []
        return run("cmake", "-S", self.work, "-B", self.work / folder, "-G", generator, *where, *arguments, env=env)

    def configure(self, *arguments, **options):
        code, text = self.try_configure(*arguments, **options)
        self.assertEqual(code, 0, text)
        return text

    def try_build(self, folder="b", *arguments):
        return run("cmake", "--build", self.work / folder, "--parallel", "2", *arguments)

    def build(self, folder="b", *arguments):
        code, text = self.try_build(folder, *arguments)
        self.assertEqual(code, 0, text)
        return text

    def refused(self, text, call, *arguments, **options):
        """The call stops the configuration, and the error says `text`."""
        self.listing(call)
        code, said = self.try_configure(*arguments, folder="refused", **options)
        self.assertNotEqual(code, 0, f"accepted: {call}")
        self.assertIn(text, said, call)
        self.assertIn("CMakeLists.txt", said)

    def needs(self, *programs):
        for p in programs:
            if not shutil.which(p):
                self.skipTest(f"{p} is not installed (tools/setup)")


class Keywords(Project):
    def test_wrong_calls_name_what_is_wrong(self):
        model = "MODEL sine_int8/model.onnx"
        for text, call in [
            ("unknown keyword or stray argument: TRAGET cortex-m4f", f"{model} TRAGET cortex-m4f"),
            ("unknown keyword or stray argument: sine_int8/model.onnx", "sine_int8/model.onnx"),
            ("MODEL is missing", "TARGET host"),
            ("OPTIMIZE: a value is missing", f"{model} OPTIMIZE"),
            ("OPTIMIZE fast: expected", f"{model} OPTIMIZE fast"),
            ("STATE is not supported in this version", f"{model} STATE in=out"),
            ("CALIBRATION is not supported in this version", f"{model} CALIBRATION data.npz"),
            ("BUDGET RAM : expected a number", f"{model} BUDGET RAM"),
            ("BUDGET FLASH 64KB: expected a number", f"{model} BUDGET RAM 16K FLASH 64KB"),
            ("BUDGET SPEED: expected FLASH or RAM", f"{model} BUDGET SPEED 1"),
            ("REPORT xml: expected json or html", f"{model} REPORT json xml"),
            ("IO planar: expected", f"{model} IO planar"),
            ("there is no TARGET cortex-m5; there are cortex-m0plus", f"{model} TARGET cortex-m5"),
        ]:
            with self.subTest(call):
                self.refused(text, f"burin_add_model(m {call})")
        self.refused("there is a target of this name already", f"add_library(m INTERFACE)\nburin_add_model(m {model})")

    def test_a_project_without_cxx(self):
        self.listing("burin_add_model(m MODEL sine_int8/model.onnx)", languages="C")
        code, said = self.try_configure()
        self.assertNotEqual(code, 0)
        self.assertIn("add CXX to the languages", said)

    def test_what_this_version_refuses_is_what_the_tool_refuses(self):
        """A keyword whose option the tool has by now must no longer be refused, and the reverse."""
        code, said = run(self.tool, "compile", "x.onnx", "--state", "a=b")
        self.assertEqual((code, "not supported in this version" in said), (2, True), said)
        code, said = run(self.tool, "compile", "x.onnx", "--calibration", "d.npz")
        self.assertEqual((code, "not supported in this version" in said), (2, True), said)

    def test_every_keyword_reaches_the_tool(self):
        self.listing("""burin_add_model(m MODEL digits_int8/model.onnx TARGET cortex-m3 NAME picture INPUT_DIM N=1 OPTIMIZE size
                        IO external nhwc quantized BUDGET RAM 64K REPORT json OPTIONS --diagnostics json)""")
        self.configure()
        self.build()
        report = json.loads((self.work / "b/m.burin/report.json").read_text())
        self.assertEqual((report["model"]["name"], report["target"]), ("picture", "cortex-m3"))
        header = (self.work / "b/m.burin/picture.h").read_text()
        self.assertIn("void picture_run(void *arena, const int8_t *", header)
        self.assertIn("#define PICTURE_INPUT_0_DIMS {1, 8, 8, 1}", header)
        self.assertIn("--optimize size", (self.work / "b/m.burin/picture.cpp").read_text())

    def test_bind_takes_values_and_files(self):
        shutil.copytree(SOURCE / "tests/models/sine_f32", self.work / "sine_f32")
        data = self.work / "sine_f32/test_data_set_0/input_0.pb"
        name = re.search(r"_INPUT_0_NAME \"(.*)\"", self.header_of("sine_f32"))[1]
        self.listing(f"burin_add_model(m MODEL sine_f32/model.onnx BIND {name}=sine_f32/test_data_set_0/input_0.pb)\n"
                     f"burin_add_model(n MODEL sine_f32/model.onnx BIND {name}=0.5)")
        self.configure()
        self.build()
        for m in "mn":
            self.assertIn(f"#define {m.upper()}_INPUTS 0", (self.work / f"b/{m}.burin/{m}.h").read_text())
        before = (self.work / "b/m.burin/m.cpp").stat().st_mtime_ns
        other = (self.work / "b/n.burin/n.cpp").stat().st_mtime_ns
        time.sleep(0.3)
        os.utime(data)
        self.build()
        self.assertNotEqual((self.work / "b/m.burin/m.cpp").stat().st_mtime_ns, before)
        self.assertEqual((self.work / "b/n.burin/n.cpp").stat().st_mtime_ns, other)

    def header_of(self, model):
        code, said = run(self.tool, "compile", self.work / model / "model.onnx", "-o", self.work / "out", "--name", "h")
        self.assertEqual(code, 0, said)
        return (self.work / "out/h.h").read_text()


SHARED_MAIN = """#include "both.h"
#include "sine_int8.h"
#include "picture.h"
static both::Arena arena;
int main() {
  sine_int8_input_0(&arena)[0] = 1, sine_int8_run(&arena);
  picture_input_0(&arena)[0] = 1, picture_run(&arena);
  return BOTH_ARENA_BYTES < PICTURE_ARENA_BYTES;
}
"""


class SeveralModels(Project):
    CALL = """burin_add_models(both MODELS sine_int8/model.onnx digits_int8/model.onnx:picture REPORT json BUDGET RAM 64K FLASH 1M OPTIMIZE size)
add_executable(app main.cpp)
target_link_libraries(app PRIVATE both)
get_target_property(arena both BURIN_ARENA_BYTES)
get_target_property(names both BURIN_MODELS)
message(STATUS "arena ${arena} of ${names}.")"""

    def test_builds_and_runs(self):
        (self.work / "main.cpp").write_text(SHARED_MAIN)
        for generator in GENERATORS:
            with self.subTest(generator):
                self.listing(self.CALL)
                shutil.rmtree(self.work / "b", ignore_errors=True)
                said = self.configure(generator=generator)
                self.build()
                self.assertEqual(run(self.work / "b/app")[0], 0)
                header = (self.work / "b/both.burin/both.h").read_text()
                arena = re.search(r"BOTH_ARENA_BYTES (\d+)", header)[1]
                self.assertIn(f"arena {arena} of sine_int8;picture.", said)
                report = json.loads((self.work / "b/both.burin/report.json").read_text())
                self.assertEqual([m["model"]["name"] for m in report["models"]], ["sine_int8", "picture"])
                self.assertIn("--optimize size", report["models"][0]["options"])
                before = (self.work / "b/app").stat().st_mtime_ns
                self.build()
                self.assertEqual((self.work / "b/app").stat().st_mtime_ns, before)

    def test_cross_compiling(self):
        self.needs("arm-none-eabi-g++")
        self.listing("burin_add_models(both MODELS sine_int8/model.onnx digits_int8/model.onnx)")
        self.configure(f"-DCMAKE_TOOLCHAIN_FILE={self.work}/toolchain.cmake")
        self.build()
        self.assertIn("cortex-m3", (self.work / "b/both.burin/both.cpp").read_text())

    def test_wrong_calls_name_what_is_wrong(self):
        models = "MODELS sine_int8/model.onnx digits_int8/model.onnx"
        for text, call in [
            ("MODELS is missing", "TARGET host"),
            ("unknown keyword or stray argument: VERYFY x", "VERYFY x " + models),
            (f"MODELS {self.work}/nowhere.onnx: there is no such file", models + " nowhere.onnx"),
            ("the names sine_int8, SINE_INT8 must differ", "MODELS sine_int8/model.onnx digits_int8/model.onnx:SINE_INT8"),
            ("must differ from each other and from m,", models + ":M"),
            ("REPORT html: expected json", models + " REPORT html"),
            ("STATE is not supported in this version", models + " STATE in=out"),
            ("BUDGET SPEED: expected FLASH or RAM", models + " BUDGET SPEED 1"),
        ]:
            with self.subTest(call):
                self.refused(text, f"burin_add_models(m {call})")


class Paths(Project):
    def test_wrong_paths_are_named(self):
        self.refused(f"MODEL {self.work}/nowhere.onnx: there is no such file", "burin_add_model(m MODEL nowhere.onnx)")
        self.refused(f"MODEL {self.work}/sine_int8: there is no such file", "burin_add_model(m MODEL sine_int8)")
        self.refused(f"VERIFY {self.work}/sine_int8: there is no such folder with input_0.pb",
                     "burin_add_model(m MODEL sine_int8/model.onnx VERIFY sine_int8)")
        self.refused(f"BIND {self.work}/x.npy: there is no such file", "burin_add_model(m MODEL sine_int8/model.onnx BIND x=x.npy)")

    def test_wrong_tools_are_named(self):
        call = "burin_add_model(m MODEL sine_int8/model.onnx)"
        self.refused("BURIN_HOST_TOOL is '/nowhere/burin': there is no such file", call, "-DBURIN_HOST_TOOL=/nowhere/burin")
        shutil.rmtree(self.work / "refused")
        self.refused(f"BURIN_HOST_TOOL is '{self.work}/main.cpp', which does not run here", call, f"-DBURIN_HOST_TOOL={self.work}/main.cpp")
        shutil.rmtree(self.work / "refused")
        script = self.work / "old burin"
        script.write_text("#!/bin/sh\necho burin 0.0.9\n")
        script.chmod(0o755)
        self.listing(call)
        self.assertIn("of version 0.0.9; these CMake files are of", self.configure(f"-DBURIN_HOST_TOOL={script}"))

    def test_a_package_without_its_tool_is_not_found(self):
        shutil.copytree(self.prefix / "share", self.work / "half/share")
        self.listing("", find="find_package(Burin CONFIG REQUIRED)")
        code, said = self.try_configure(f"-DBurin_DIR={self.work}/half/share/cmake/Burin", find=False)
        self.assertNotEqual(code, 0)
        self.assertIn(f"the tool {self.work}/half/bin/burin is missing", said)

    def test_versions(self):
        for asked, accepted in [("0.1", True), ("0.1.0", True), ("0.2", False), ("1.0", False), ("0.1.9", False), ("0.0.1", False)]:
            with self.subTest(asked):
                self.listing("", find=f"find_package(Burin {asked} CONFIG REQUIRED)")
                shutil.rmtree(self.work / "b", ignore_errors=True)
                code, said = self.try_configure()
                self.assertEqual(code == 0, accepted, said)

    def test_found_through_the_search_path_when_cross_compiling(self):
        self.needs("arm-none-eabi-g++")
        self.listing("burin_add_model(sine MODEL sine_int8/model.onnx)")
        env = dict(os.environ, PATH=f"{self.prefix}/bin:{os.environ['PATH']}")
        self.configure(f"-DCMAKE_TOOLCHAIN_FILE={self.work}/toolchain.cmake", find=False, env=env)
        self.build()
        self.assertIn("cortex-m3", (self.work / "b/sine.burin/sine.cpp").read_text())

    def test_the_build_folder_is_a_package(self):
        self.listing("burin_add_model(sine MODEL sine_int8/model.onnx)")
        self.configure(f"-DBurin_DIR={BUILD}", find=False)
        self.build()


class Builds(Project):
    CALLS = """burin_add_model(sine MODEL sine_int8/model.onnx VERIFY sine_int8/test_data_set_0 REPORT json)
burin_add_model(digits MODEL digits_int8/model.onnx)
add_executable(app main.cpp)
target_link_libraries(app PRIVATE sine digits)"""

    def stamps(self):
        made = [p for p in (self.work / "b").rglob("*") if p.is_file() and (p.suffix in (".o", ".a", ".cpp", ".h", ".json") or p.name == "app") and
                "CompilerId" not in str(p)]
        return {str(p.relative_to(self.work / "b")): p.stat().st_mtime_ns for p in made}

    def rebuilt(self, touched):
        """What a build makes again after `touched` got a new time."""
        before = self.stamps()
        time.sleep(0.3)
        for path in touched:
            os.utime(path)
        self.build()
        after = self.stamps()
        self.assertEqual(before.keys(), after.keys())
        changed = {n for n in after if after[n] != before[n]}
        time.sleep(0.3)
        self.build()
        self.assertEqual(self.stamps(), after, "the next build makes something again")
        return {n for n in changed if not n.startswith("CMakeFiles/app.dir")}

    def test_only_what_depends_is_rebuilt(self):
        for generator in GENERATORS:
            self.needs("ninja" if generator == "Ninja" else "make")
            with self.subTest(generator):
                self.listing(self.CALLS)
                shutil.rmtree(self.work / "b", ignore_errors=True)
                self.configure(generator=generator)
                self.build()
                self.assertEqual(run(self.work / "b/app")[0], 0)
                self.assertEqual(self.rebuilt([]), set())
                sine = {"sine.burin/sine.cpp", "sine.burin/sine.h", "sine.burin/report.json", "libsine.a", "app",
                        "CMakeFiles/sine.dir/sine.burin/sine.cpp.o"}
                self.assertEqual(self.rebuilt([self.work / "sine_int8/model.onnx"]), sine)
                self.assertEqual(self.rebuilt([self.work / "main.cpp"]), {"app"})

    def test_a_model_with_a_second_file(self):
        """What the depfile tells: the external data is no argument of the call."""
        shutil.copytree(SOURCE / "tests/models/external_data", self.work / "external_data")
        others = [p for p in (self.work / "external_data").iterdir() if p.is_file() and p.name != "model.onnx" and p.suffix != ".json"]
        self.assertTrue(others)
        for generator in GENERATORS:
            with self.subTest(generator):
                self.listing("burin_add_model(e MODEL external_data/model.onnx)\nburin_add_model(sine MODEL sine_int8/model.onnx)")
                shutil.rmtree(self.work / "b", ignore_errors=True)
                self.configure(generator=generator)
                self.build()
                self.assertEqual(self.rebuilt([]), set())
                changed = self.rebuilt(others[:1])
                self.assertIn("e.burin/e.cpp", changed)
                self.assertNotIn("sine.burin/sine.cpp", changed)

    def test_a_model_that_the_build_makes(self):
        self.listing("""add_custom_command(OUTPUT made.onnx COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_CURRENT_SOURCE_DIR}/sine_int8/model.onnx made.onnx
                                           DEPENDS sine_int8/model.onnx VERBATIM)
burin_add_model(m MODEL ${CMAKE_CURRENT_BINARY_DIR}/made.onnx)""")
        for generator in GENERATORS:
            with self.subTest(generator):
                shutil.rmtree(self.work / "b", ignore_errors=True)
                self.configure(generator=generator)
                self.build()

    def test_models_of_several_folders_share_the_tool(self):
        (self.work / "sub").mkdir()
        (self.work / "sub/CMakeLists.txt").write_text("find_package(Burin CONFIG REQUIRED)\nburin_add_model(digits MODEL ../digits_int8/model.onnx)\n")
        self.listing("add_subdirectory(sub)\nburin_add_model(sine MODEL sine_int8/model.onnx)\n"
                     "add_executable(app main.cpp)\ntarget_link_libraries(app PRIVATE sine digits)", find="find_package(Burin CONFIG REQUIRED)")
        for generator in GENERATORS:
            with self.subTest(generator):
                shutil.rmtree(self.work / "b", ignore_errors=True)
                self.configure(generator=generator)
                self.build()
                self.assertEqual(run(self.work / "b/app")[0], 0)

    def test_ninja_multi_config(self):
        self.listing(self.CALLS)
        self.configure(generator="Ninja Multi-Config")
        self.build("b", "--config", "Release")
        self.assertEqual(run(self.work / "b/Release/app")[0], 0)


class Reports(Project):
    def test_kinds(self):
        self.listing("burin_add_model(m MODEL digits_int8/model.onnx REPORT json html)")
        self.configure()
        code, said = self.try_build()
        if "HTML reports are not supported in this version" in said:
            self.assertNotEqual(code, 0)
            self.skipTest("this burin writes no .html reports")
        self.assertEqual(code, 0, said)
        self.assertIn("<html", (self.work / "b/m.burin/report.html").read_text())
        self.assertEqual(json.loads((self.work / "b/m.burin/report.json").read_text())["schema"], 1)


class Verify(Project):
    def test_passes_and_fails(self):
        shutil.copytree(self.work / "sine_int8/test_data_set_0", self.work / "wrong answer")
        output = self.work / "wrong answer/output_0.pb"
        data = output.read_bytes()
        output.write_bytes(data[:-1] + bytes([data[-1] ^ 0x55]))  # the last byte is the value
        self.listing("burin_add_model(right MODEL sine_int8/model.onnx VERIFY sine_int8/test_data_set_0 sine_int8/test_data_set_1)\n"
                     "burin_add_model(wrong MODEL sine_int8/model.onnx VERIFY \"wrong answer\" sine_int8/test_data_set_1)")
        self.configure()
        self.build()
        code, said = run("ctest", "--test-dir", self.work / "b", "--output-on-failure")
        self.assertNotEqual(code, 0)
        self.assertRegex(said, r"right\.verify \.+ Passed")
        self.assertRegex(said, r"wrong\.verify \.+\*\*\*Failed")
        self.build("b", "--target", "right_verify")
        self.assertNotEqual(self.try_build("b", "--target", "wrong_verify")[0], 0)

    def test_runs_in_qemu_when_cross_compiling(self):
        self.needs("arm-none-eabi-g++", "qemu-system-arm")
        self.listing("burin_add_model(sine MODEL sine_int8/model.onnx VERIFY sine_int8/test_data_set_0)")
        self.configure(f"-DCMAKE_TOOLCHAIN_FILE={self.work}/toolchain.cmake")
        self.build()
        code, said = run("ctest", "--test-dir", self.work / "b", "-V")
        self.assertEqual(code, 0, said)
        self.assertRegex(said, r"--target[\" ]+cortex-m3")


class Budgets(Project):
    def test_ram(self):
        self.listing("burin_add_model(m MODEL digits_int8/model.onnx BUDGET RAM 300)")
        self.configure()
        code, said = self.try_build()
        self.assertNotEqual(code, 0)
        self.assertIn("more than --budget-ram 300", said)
        self.listing("burin_add_model(m MODEL digits_int8/model.onnx BUDGET RAM 4K)")
        self.build()

    def test_flash_of_the_library(self):
        has_flash = "--budget-flash" in run(self.tool, "size", "--help")[1]
        for generator in GENERATORS:
            with self.subTest(generator):
                shutil.rmtree(self.work / "b", ignore_errors=True)
                self.listing("burin_add_model(m MODEL digits_int8/model.onnx BUDGET FLASH 100 RAM 4K)")
                self.configure("-DCMAKE_BUILD_TYPE=Release", generator=generator)
                code, said = self.try_build()
                self.assertNotEqual(code, 0, said)
                if not has_flash:
                    self.assertIn("'size' is not supported in this version", said)
                    continue
                self.assertIn("over-budget", said)
                self.assertNotEqual(self.try_build()[0], 0, "the second build forgets the budget")
                self.listing("burin_add_model(m MODEL digits_int8/model.onnx BUDGET FLASH 1M RAM 4K)")
                self.build()

    def test_flash_of_a_cross_compiled_library(self):
        self.needs("arm-none-eabi-g++")
        if "--budget-flash" not in run(self.tool, "size", "--help")[1]:
            self.skipTest("this burin has no `size`")
        size = "add_custom_target(size ALL COMMAND Burin::burin size --format json -o size.json $<TARGET_FILE:m> VERBATIM)\nadd_dependencies(size m)"
        self.listing(f"burin_add_model(m MODEL digits_int8/model.onnx NAME d BUDGET FLASH 1M REPORT json)\n{size}")
        self.configure(f"-DCMAKE_TOOLCHAIN_FILE={self.work}/toolchain.cmake", "-DCMAKE_BUILD_TYPE=Release")
        self.build()
        self.assertIn("d", (self.work / "b/m.burin/size.txt").read_text())
        flash = json.loads((self.work / "b/size.json").read_text())["models"][0]["flash"]
        for over, accepted in [(0, True), (-1, False)]:
            limit = flash["code"] + flash["weights"] + over
            self.listing(f"burin_add_model(m MODEL digits_int8/model.onnx NAME d BUDGET FLASH {limit} REPORT json)")
            code, said = self.try_build()
            self.assertEqual(code == 0, accepted, said)

    def test_flash_of_another_cores_code_is_not_checked_on_the_host(self):
        self.listing("burin_add_model(m MODEL digits_int8/model.onnx TARGET cortex-m4f BUDGET FLASH 100)")
        self.assertIn("BUDGET FLASH is not checked in this build", self.configure())
        self.build()


class Packages(Project):
    def test_contents_work(self):
        self.needs("dpkg-deb", "dpkg-shlibdeps")
        out = self.work / "packages"
        code, said = run("cpack", "-B", out, cwd=BUILD)
        self.assertEqual(code, 0, said)
        [deb], [tgz] = out.glob("*.deb"), out.glob("*.tar.gz")
        depends = subprocess.run(["dpkg-deb", "-f", deb, "Depends"], capture_output=True, text=True).stdout
        self.assertRegex(depends, r"libc6 \(>= .*libprotobuf")
        self.assertEqual(run("dpkg-deb", "-x", deb, self.work / "deb")[0], 0)
        (self.work / "tgz").mkdir()
        self.assertEqual(run("tar", "-xzf", tgz, "-C", self.work / "tgz", "--strip-components=1")[0], 0)
        self.listing("burin_add_model(sine MODEL sine_int8/model.onnx)")
        for prefix in [self.work / "deb/usr", self.work / "tgz"]:
            with self.subTest(prefix.name):
                for file in ["doc/burin/LICENSE", "doc/burin/docs/guide.md"]:
                    self.assertTrue((prefix / "share" / file).exists(), file)
                shutil.rmtree(self.work / "b", ignore_errors=True)
                self.configure(f"-DCMAKE_PREFIX_PATH={prefix}", find=False)
                self.build()


class Properties(Project):
    SAY = """foreach(p ARENA_BYTES STATE_BYTES WEIGHT_BYTES MACS NAME TARGET MODEL HEADER SOURCE REPORT)
  get_target_property(v m BURIN_${p})
  message(STATUS "${p}=<${v}>")
endforeach()
"""

    def properties(self, text):
        return dict(re.findall(r"-- (\w+)=<([^>]*)>", text))

    def test_figures_are_those_of_the_header_and_the_report(self):
        self.listing("burin_add_model(m MODEL digits_int8/model.onnx NAME d TARGET cortex-m4f OPTIMIZE ram REPORT json)\n" + self.SAY)
        p = self.properties(self.configure())
        self.build()
        header = (self.work / "b/m.burin/d.h").read_text()
        self.assertIn(f"#define D_ARENA_BYTES {p['ARENA_BYTES']}\n", header.replace("  ", "\n"))
        report = json.loads(pathlib.Path(p["REPORT"]).read_text())
        self.assertEqual([p[k] for k in ("ARENA_BYTES", "STATE_BYTES", "WEIGHT_BYTES", "MACS")],
                         [str(v) for v in (report["arena_bytes"], report["state_bytes"], report["flash"]["weights"], report["macs"])])
        self.assertEqual((p["NAME"], p["TARGET"], p["MODEL"]), ("d", "cortex-m4f", str(self.work / "digits_int8/model.onnx")))
        self.assertTrue(pathlib.Path(p["HEADER"]).exists() and pathlib.Path(p["SOURCE"]).exists())

    def test_they_follow_the_model(self):
        self.listing("burin_add_model(m MODEL digits_int8/model.onnx)\n" + self.SAY)
        before = self.properties(self.configure())["ARENA_BYTES"]
        self.build()
        time.sleep(0.3)
        shutil.copyfile(self.work / "sine_int8/model.onnx", self.work / "digits_int8/model.onnx")
        after = self.properties(self.build())
        self.assertIn("ARENA_BYTES", after, "the project was not configured again")
        self.assertNotEqual(after["ARENA_BYTES"], before)

    def test_a_model_that_cannot_be_compiled_has_none(self):
        (self.work / "digits_int8/model.onnx").write_bytes(b"not a model")
        self.listing("burin_add_model(m MODEL digits_int8/model.onnx)\n" + self.SAY)
        self.assertEqual(self.properties(self.configure())["ARENA_BYTES"], "v-NOTFOUND")
        code, said = self.try_build()
        self.assertNotEqual(code, 0)
        self.assertIn("[not-onnx]", said)

    def test_the_tool_is_a_target(self):
        self.listing("add_custom_target(list ALL COMMAND Burin::burin targets VERBATIM)")
        self.configure()
        self.assertIn("cortex-m4f", self.build())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True, type=pathlib.Path)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    args, rest = parser.parse_known_args()
    SOURCE, BUILD = args.source.resolve(), args.build.resolve()
    for variable in ("BURIN_HOST_TOOL", "DESTDIR", "CMAKE_TOOLCHAIN_FILE", "CMAKE_GENERATOR"):
        os.environ.pop(variable, None)
    unittest.main(argv=[sys.argv[0]] + rest)
