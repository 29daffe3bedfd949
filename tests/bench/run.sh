#!/bin/sh
# make bench: pw-stream beside the usual ways; see bench.py for what is measured and --help for options.
#
#   tests/bench/run.sh [--only 2d,3d,large,resolve,reading,convert,files,pyramid-large] [--no-peers] [--reps N] ...
#
# The first time it makes the images (8 GB of disk, and 25 GB more for files and pyramid-large, which are left out where there
# is no such room) and a virtual environment with the other programs, which needs the network once; --only resolve needs
# neither.  Environment:
#   PW_STREAM      the tool (default ./pw-stream)
#   PW_BENCH_DIR   where images, outputs and the environment go (default tests/bench-work in the current directory)
#   PYTHON, CC     a Python >= 3.11, a C compiler
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tool=${PW_STREAM:-./pw-stream}
work=${PW_BENCH_DIR:-$(pwd)/tests/bench-work}
PYTHON=${PYTHON:-python3}
CC=${CC:-cc}

[ -x "$tool" ] || {
    echo "bench: $tool is missing: build it, or set PW_STREAM" >&2
    exit 1
}
mkdir -p "$work"

# build PROGRAM SOURCE [FLAG...]
build() {
    program=$1 source=$2
    shift 2
    [ "$work/$program" -nt "$source" ] && return 0
    # shellcheck disable=SC2086 # CC may have arguments
    $CC -std=c11 -D_GNU_SOURCE -O3 -ffp-contract=off -o "$work/$program" "$source" "$@"
}
build measure "$here/../lib/measure.c"

PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
case " $* " in
*" --only resolve "*) exec "$PYTHON" "$here/bench.py" --tool "$tool" --work "$work" "$@" ;;
esac

zstd=$(pkg-config --cflags --libs libzstd 2>/dev/null || echo -lzstd)
# shellcheck disable=SC2086 # several flags
build bench_gen "$here/bench_gen.c" $zstd -lm -pthread
build labels_gen "$here/labels_gen.c"

# image NAME SHAPE CHUNK SEED: made under another name first, so that half of one is never used.
image() {
    [ -d "$work/$1.zarr" ] && [ "$work/$1.zarr" -nt "$work/bench_gen" ] && return 0
    echo "bench: making the $1 image ($2)" >&2
    rm -rf "$work/$1.zarr" "$work/$1.new" "$work/large.zarr" "$work"/keep-*-"$1.zarr"
    "$work/bench_gen" "$work/$1.new" "$2" "$3" "$4"
    touch "$work/$1.new"
    mv "$work/$1.new" "$work/$1.zarr"
}
image 2d 1x16384x16384 1x1024x1024 1
image 3d 256x2048x2048 64x256x256 2

venv=$work/venv
if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    echo "bench: installing the programs to compare with into $venv" >&2
    "$PYTHON" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/requirements.txt"
fi

exec "$venv/bin/python" "$here/bench.py" --tool "$tool" --work "$work" "$@"
