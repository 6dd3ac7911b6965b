#!/usr/bin/env bash
# Copies this project to a temporary folder and builds it from scratch as firmware (Cortex-M4, run in QEMU; the tool is
# built for the host on the way) and as a host application, with Ninja and with Make; checks outputs and rebuilds.
# tests/package tests burin_add_model() itself.
#
#     tests/firmware/run.sh [--tool BURIN]     use this program instead of building it in the cross build
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
tool=
[ "${1-}" != --tool ] || tool=$(realpath "$2")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/models"
cp -r "$here" "$work/firmware"
cp -r "$repository/tests/models/sine_int8" "$work/models/"
model=$work/models/sine_int8/model.onnx

fail() { echo "FAIL: $*" >&2; exit 1; }
quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "$*"; }; }
configure() {  # FOLDER ARGUMENTS...
  local folder=$1; shift
  quietly cmake -S "$work/firmware" -B "$work/$folder" -DCMAKE_BUILD_TYPE=Release -DBURIN_DIR="$repository" "$@"
}
build() { quietly cmake --build "$work/$1" --parallel "$(nproc)"; }
stamps() { (cd "$work/$1" && find . \( -name '*.o' -o -name '*.obj' -o -name '*.a' -o -name 'app*' -o -path '*.burin/*' \) -type f -printf '%p %T@\n' | sort); }

# Every x y pair of the data sets (the last byte of each file) is among the lines printed.
check_output() {
  local d x y
  [ "$(wc -l <"$1")" = 256 ] || fail "$1 has $(wc -l <"$1") lines, expected 256"
  for d in "$work"/models/sine_int8/test_data_set_*; do
    x=$(tail -c 1 "$d/input_0.pb" | od -An -t d1 | tr -d ' '); y=$(tail -c 1 "$d/output_0.pb" | od -An -t d1 | tr -d ' ')
    grep -qx -- "$x $y" "$1" || fail "$1: input $x must give $y, got: $(grep -- "^$x " "$1")"
  done
}

# Nothing touched: nothing is rebuilt. The model touched: the code is generated and compiled again, and only the model's.
check_rebuilds() {
  local before after
  before=$(stamps "$1"); sleep 1.1; build "$1"; after=$(stamps "$1")
  [ "$before" = "$after" ] || { diff <(echo "$before") <(echo "$after") >&2; fail "$1: a second build rebuilt something"; }
  touch "$model"; build "$1"; after=$(stamps "$1")
  for f in ./sine.burin/sine.cpp ./sine.burin/sine.h ./libsine.a ./app; do
    [ "$(grep -F -- "$f" <<<"$before" | grep -v '\.o\(bj\)\? ')" != "$(grep -F -- "$f" <<<"$after" | grep -v '\.o\(bj\)\? ')" ] || fail "$1: touching the model did not rebuild $f"
  done
  before=$(stamps "$1"); sleep 1.1; build "$1"; after=$(stamps "$1")
  [ "$before" = "$after" ] || fail "$1: something is rebuilt again and again after the model was touched"
}

echo "-- Cortex-M4, FetchContent, Ninja${tool:+, tool given}"
configure m4 -G Ninja -DCMAKE_TOOLCHAIN_FILE="$work/firmware/cortex-m4.cmake" -DUSE_FETCHCONTENT=ON ${tool:+-DBURIN_HOST_TOOL="$tool"}
build m4
quietly ctest --test-dir "$work/m4" --no-tests=error
grep -q '^ \* .*cortex-m4f\|^// .*cortex-m4f' "$work/m4/small.burin/small.cpp" || fail "TARGET was not taken from the toolchain's flags"
[ -s "$work/m4/sine.burin/report.json" ] || fail "no report"
timeout 60 qemu-system-arm -M mps2-an386 -display none -monitor none -serial none -semihosting-config enable=on,target=native \
  -kernel "$work/m4/app.elf" </dev/null >"$work/m4.txt" || fail "QEMU: exit code $?"
check_output "$work/m4.txt"
check_rebuilds m4
tool=${tool:-$work/m4/burin-host/burin}

echo "-- host, add_subdirectory, Ninja"
configure host -G Ninja -DBURIN_HOST_TOOL="$tool"
build host
quietly ctest --test-dir "$work/host" --no-tests=error
"$work/host/app" >"$work/host.txt"
check_output "$work/host.txt"
cmp "$work/host.txt" "$work/m4.txt" || fail "host and Cortex-M4 print different values"
check_rebuilds host

echo "-- host, Unix Makefiles"
configure make -G "Unix Makefiles" -DBURIN_HOST_TOOL="$tool"
build make
"$work/make/app" | cmp - "$work/host.txt" || fail "the Makefile build prints other values"
check_rebuilds make

echo "firmware: all checks passed"
