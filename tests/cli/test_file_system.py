"""What a run does where files cannot be read or written as it wants."""
import json
import resource
import signal
import stat
import time

from tool import *


class FileSystem(Case):
    """Whatever the file system says: a coded error that names the file, never an internal one, and nothing left behind."""
    LONG = "n" * 300

    def setUp(self):
        super().setUp()
        self.model = self.write("m.onnx", relu())
        os.mkdir(self.path("empty"))
        os.symlink("loop", self.path("loop"))

    def everything(self):
        return sorted(os.path.join(base, n) for base, folders, files in os.walk(self.dir) for n in folders + files)

    def fails(self, *arguments, code=MODEL_ERROR, says=r"\[[a-z-]+\]\n", **more):
        before = self.everything()
        r = burin(*arguments, **more)
        self.assertEqual(r.code, code, repr(r))
        self.assertRegex(r.err, r"(?m)^[^ ]+: error: ")
        self.assertRegex(r.err, says)
        self.assertEqual(self.everything(), before, "something is left behind")
        return r

    def test_long_names(self):
        out = ("-o", self.path("out"))
        self.fails("compile", self.model, *out, "--name", self.LONG, says=r"n\.h': .*\[unwritable-output\]")
        self.fails("compile", self.model, "-o", self.path(self.LONG))
        self.fails("compile", self.model, "-o", self.path("new/er", self.LONG))
        self.fails("compile", self.path(self.LONG), says="unreadable-file")
        for option, name in (("--report", "r.json"), ("--report", "r.html"), ("--depfile", "d"), ("--dump-dir", "")):
            self.fails("compile", self.model, *out, option, self.path(self.LONG + name))
        self.fails("analyze", self.model, "--report", self.path(self.LONG + ".json"))
        for verb in (("verify", "--runner", "interpreter"), ("profile", "--target", "cortex-m4f")):
            self.fails(verb[0], self.model, *verb[1:], "--data", self.path(self.LONG), code=USAGE, says="is no folder")
        self.fails("diff", "--baseline", self.path(self.LONG), self.path(self.LONG), code=USAGE, says="n'")
        self.fails("size", self.path(self.LONG), code=USAGE, says="n'")

    def test_names_up_to_the_limit(self):
        """Temporary files need no longer names than the files."""
        name = "n" * 250
        self.compiled(self.model, "--name", name, "--report", self.path(name + ".json"))
        self.assertEqual(sorted(tree(self.path("out"))), [name + ".cpp", name + ".h"])

    def test_long_values(self):
        m = self.write("m.onnx", model([helper.make_node("Add", ["x", "k"], ["y"])], [value("x", T.FLOAT, (1, 400)), value("k", T.FLOAT, (1, 400))], [value("y", T.FLOAT, (1, 400))]))
        self.compiled(m, "--bind", "k=" + ",".join(["1"] * 400), "--depfile", self.path("d"))
        with open(self.path("d")) as f:
            self.assertNotIn("1,1", f.read())
        self.compiled(m, "--bind", "k=" + "x" * 5000, code=MODEL_ERROR, out="no")
        self.fails("compile", m, "--bind", "k=" + "x" * 5000 + ".npy", "-o", self.path("no"))

    def test_link_loops(self):
        loop = self.path("loop")
        self.fails("compile", loop, says="unreadable-file")
        self.fails("compile", self.model, "-o", loop)
        self.fails("compile", self.model, "-o", loop + "/below")
        self.fails("compile", self.model, "-o", self.path("out"), "--depfile", loop, says=r"loop': .*\[unwritable-output\]")
        self.fails("compile", self.model, "-o", self.path("out"), "--dump-dir", loop)
        self.fails("verify", self.model, "--data", loop, code=USAGE, says="is no folder")
        os.symlink("input_0.pb", self.path("empty/input_0.pb"))
        self.fails("verify", self.model, "--data", self.path("empty"), says=r"input_0\.pb': .*\[unreadable-file\]")

    def test_no_permission(self):
        m = self.path("locked/m.onnx")
        os.mkdir(self.path("locked"))
        shutil.copy(self.model, m)
        os.chmod(self.path("locked"), 0)
        self.addCleanup(os.chmod, self.path("locked"), stat.S_IRWXU)
        if os.access(self.path("locked"), os.X_OK):
            self.skipTest("this user may go anywhere")
        self.fails("compile", m)
        self.fails("compile", self.model, "-o", self.path("locked/out"))
        self.fails("verify", self.model, "--data", self.path("locked/data"), code=USAGE, says="is no folder")

    def test_temporary_folder(self):
        m = os.path.join(MODELS, "sine_int8", "model.onnx")
        for folder in (self.path("nowhere"), self.model, self.path(self.LONG), self.path("loop")):
            self.fails("verify", m, env={**os.environ, "TMPDIR": folder}, says=r"\[no-temporary-folder\]\n.*note: .*TMPDIR")

    def test_full_output(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("there is no /dev/full")
        for arguments in (("ops",), ("targets", "--format", "json"), ("analyze", self.model), ("analyze", self.model, "--format", "html"), ("--help",), ("--version",), ("compile", "--help")):
            with open("/dev/full", "w") as full:
                done = subprocess.run([BURIN, *arguments], stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, MODEL_ERROR, arguments)
            self.assertRegex(done.stderr, r"error: .*standard output.*\[unwritable-output\]")
        with open("/dev/full", "w") as full:  # there is no place where to say it
            done = subprocess.run([BURIN, "compile", self.path("none.onnx")], stderr=full)
        self.assertEqual(done.returncode, MODEL_ERROR)

    def test_devices_stay(self):
        """A device or pipe is written to, not replaced by a file."""
        fifo = self.path("pipe")
        os.mkfifo(fifo)
        reader = subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE, text=True)
        self.compiled(self.model, "--depfile", fifo)
        self.assertIn("m.onnx", reader.communicate()[0])
        self.assertTrue(stat.S_ISFIFO(os.stat(fifo).st_mode))

    def test_links_stay(self):
        self.write("real.json", b"old")
        os.symlink("real.json", self.path("link.json"))
        self.compiled(self.model, "--report", self.path("link.json"))
        self.assertTrue(os.path.islink(self.path("link.json")))
        with open(self.path("real.json")) as f:
            self.assertEqual(json.load(f)["schema"], 1)

    def test_file_limit(self):
        """A file that may not grow is like a full disk."""
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))
        before = self.everything()
        done = subprocess.run([BURIN, "compile", self.model, "-o", self.path("new/out")], preexec_fn=limit, capture_output=True, text=True)
        self.assertEqual(done.returncode, MODEL_ERROR, done.stderr)
        self.assertRegex(done.stderr, r"m\.h': .*\[unwritable-output\]")
        self.assertEqual(self.everything(), before)

    def test_new_folders_of_a_failed_run_go(self):
        os.makedirs(self.path("there/m.cpp"))
        self.fails("compile", self.model, "-o", self.path("there"), "--report", self.path("a/b/c/r.json"))
        self.fails("compile", self.model, "-o", self.path("x/y"), "--report", self.path("m.onnx/r.json"))

    def test_signals(self):
        """Stopped while it writes (the reader of a pipe keeps it waiting) or while its program runs: nothing stays, and the signal is the end."""
        os.mkdir(self.path("tmp"))
        os.mkfifo(self.path("pipe"))
        before = sorted(os.listdir(self.dir))
        slow = self.write("bin/c++", b"#!/bin/sh\nexec sleep 60\n")
        os.chmod(slow, 0o755)
        for n in ("g++", "gcc", "cc"):
            os.symlink("c++", self.path("bin", n))
        env = {**os.environ, "TMPDIR": self.path("tmp"), "PATH": self.path("bin") + ":" + os.environ["PATH"]}
        sine = os.path.join(MODELS, "sine_int8", "model.onnx")
        for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for arguments, there in ((("compile", self.model, "-o", self.path("new/er"), "--depfile", self.path("pipe")), self.path("new/er")), (("verify", sine), self.path("tmp"))):
                running = subprocess.Popen([BURIN, *arguments], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                self.assertTrue(self.soon(lambda: os.path.isdir(there) and len(tree(there)) > 1), arguments)
                running.send_signal(s)
                self.assertEqual(running.wait(30), -s, arguments)
                self.assertEqual(os.listdir(self.path("tmp")), [], arguments)
                self.assertFalse(os.path.exists(self.path("new")), arguments)
        self.assertEqual(sorted(n for n in os.listdir(self.dir) if n != "bin"), before)

    def soon(self, condition):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.02)
        return False


if __name__ == "__main__":
    main()
