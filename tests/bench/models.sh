#!/usr/bin/env bash
# models.sh BURIN [--update]: instructions, RAM, flash and stack of our own models against the committed baselines, per core, compiled
# with -O2 (baseline.json) and with -Os (baseline-Os.json).
#
# Exit code 3: something grew beyond the limits below; the difference is printed. --update accepts the present state.
# 77: QEMU or a cross compiler is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
burin=$1
command -v qemu-system-arm >/dev/null && command -v arm-none-eabi-g++ >/dev/null || { echo "skipped: no qemu-system-arm or arm-none-eabi-g++"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

result=0
for level in "" -Os; do
  reports=()
  for target in cortex-m0plus cortex-m4f cortex-m55; do
    for model in sine_int8 sine_f32 digits_int8 digits_f32; do
      report=$work/$model-$target$level.json
      "$burin" profile "$here/../models/$model/model.onnx" --target $target --name "${model}_${target//-/_}" ${level:+--cflags="$level"} \
        --data "$here/../models/$model/test_data_set_0" --format json >"$report" 2>"$work/log" || { rc=$?; cat "$work/log" >&2; exit $rc; }
      reports+=("$report")
    done
  done
  # The same compiler gives the same bytes; another one's may differ a little.
  "$burin" diff --baseline "$here/baseline$level.json" ${2:+"$2"} --max instructions=+2% --max ram=+2% --max flash=+2% --max stack=+32 "${reports[@]}" ||
    result=$?
done
exit $result
