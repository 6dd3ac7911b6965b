"""every_file.py BURIN FOLDER...: `burin compile` on every .onnx below the folders, for a core and for the host.

It prints a module (exit 0) or says why not in a coded error (exit 1), within 10 s and 2 GB, and leaves nothing behind where it
fails. A tool that was built with sanitizers has no limit on its address space, but on each allocation. Folders that are not there are skipped.
"""
import concurrent.futures
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

BURIN, FOLDERS = sys.argv[1], sys.argv[2:]
SECONDS, BYTES = 10, 2 << 30
TARGETS = ["cortex-m4f", "host"]
SKIPPED = 77


def sanitized():
    with open(BURIN, "rb") as f:
        return b"__asan_init" in f.read()


def limits(address_space):
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if address_space:
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


def wrong(path, target, address_space):
    """What is wrong with how the tool takes the file, or None."""
    env = dict(os.environ, ASAN_OPTIONS=f"max_allocation_size_mb={BYTES >> 20}:hard_rss_limit_mb={BYTES >> 20}")
    with tempfile.TemporaryDirectory(prefix="burin-file-") as work:
        out = os.path.join(work, "out")
        command = [BURIN, "compile", path, "--name", "m", "--target", target, "-o", out]
        try:
            r = subprocess.run(command, capture_output=True, text=True, errors="replace", env=env, timeout=20 * SECONDS,
                               preexec_fn=lambda: limits(address_space))
        except subprocess.TimeoutExpired:
            return "does not end"
        if r.returncode == 0:
            return None if os.path.exists(out + "/m.cpp") else "exit 0 without a module"
        if r.returncode != 1:
            report = re.search(r"SUMMARY: .*|runtime error: .*|error: .*", r.stderr)
            return f"exit {r.returncode}: {report[0] if report else r.stderr.strip()[-200:]}"
        if not re.search(r"error: .*\[[a-z0-9-]+\]$", r.stderr, re.M):
            return f"no coded error: {r.stderr.strip()[:200]}"
        if "[out-of-memory]" in r.stderr:
            return "asks for more memory than there is"
        return f"leaves {os.listdir(out)}" if os.path.isdir(out) and os.listdir(out) else None


def main():
    folders = [pathlib.Path(f) for f in FOLDERS]
    for f in folders:
        if not f.is_dir():
            print(f"skipped: {f} is not there")
    files = sorted(str(p) for f in folders for p in f.rglob("*.onnx"))
    if not files:
        sys.exit(SKIPPED)
    address_space = not sanitized()
    jobs = [(f, t) for f in files for t in TARGETS]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda job: wrong(*job, address_space), jobs))
    failures = [(*job, r) for job, r in zip(jobs, results) if r]
    for path, target, what in failures:
        print(f"{path} for {target}: {what}")
    print(f"{len(files)} files, {len(failures)} findings")
    sys.exit(len(failures) > 0)


if __name__ == "__main__":
    main()
