#!/bin/sh
# Runs the Python tests: run_python.sh [pytest argument...]; without arguments all of tests/prop,
# tests/cli, tests/interop and tests/stress.  make check calls it in the build directory with
#
#   srcdir        the source tree (absolute)
#   PW_STREAM     the tool to test (absolute)
#   PYTHON        a Python 3 that can make virtual environments
#   PW_VENV       where the virtual environment is or goes; default tests/venv in the build directory
#   PW_TEST_JOBS  how many tests run at a time; default one for each processor
#   PW_TEST_DATA  optional: a folder of further real images (nuclei/, cells/, em/, zarr/, tiff/, expected_*.tsv);
#                 tests that need it skip without it
#
# tests/readers*.txt become folders of the environment, each for tests that run programs in a process of their own.
# The environment is made once and needs the network once.  Without Python or network the tests are skipped with the
# reason, except where CI=true.
set -u
srcdir=${srcdir:?}
PYTHON=${PYTHON:-python3}
venv=${PW_VENV:-$(pwd)/tests/venv}
requirements=$srcdir/tests/requirements.txt

refuse() {
    if [ "${CI-}" = true ]; then
        echo "python tests: $1, and CI needs them" >&2
        exit 1
    fi
    echo "python tests: SKIP: $1"
    exit 0
}

make_venv() {
    command -v "$PYTHON" >/dev/null 2>&1 || refuse "there is no Python 3 (Debian: apt install python3 python3-venv)"
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        refuse "$("$PYTHON" --version) is too old, 3.11 is needed"
    echo "python tests: installing the packages of tests/requirements.txt into $venv"
    rm -f "$venv/requirements.txt"
    if ! "$PYTHON" -m venv "$venv" >"$venv.log" 2>&1; then
        tail -n 3 "$venv.log" >&2
        refuse "$PYTHON cannot make a virtual environment (Debian: apt install python3-venv)"
    fi
    if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" >"$venv.log" 2>&1; then
        tail -n 3 "$venv.log" >&2
        refuse "pip could not install the packages (no network?); all it said is in $venv.log"
    fi
    # Written last: an environment that was interrupted half-way is completed the next time.
    cp "$requirements" "$venv/requirements.txt"
}

# make_folder LIST: its packages and nothing else, where only those look who are told.
make_folder() {
    list=$srcdir/tests/$1.txt
    folder=$venv/$1
    cmp -s "$list" "$folder/list.txt" && return
    rm -rf "$folder"
    if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder" -r "$list" \
        >"$venv.log" 2>&1; then
        tail -n 3 "$venv.log" >&2
        refuse "pip could not install tests/$1.txt (no network?); all it said is in $venv.log"
    fi
    cp "$list" "$folder/list.txt"
}

mkdir -p "$(dirname "$venv")"
cmp -s "$requirements" "$venv/requirements.txt" || make_venv
make_folder readers
make_folder readers-zarr2

if [ $# -eq 0 ]; then
    for suite in prop cli interop stress; do
        ls "$srcdir/tests/$suite"/test_*.py >/dev/null 2>&1 && set -- "$@" "$srcdir/tests/$suite"
    done
fi
if [ $# -eq 0 ]; then
    echo "python tests: no test file in tests/prop, tests/cli, tests/interop, tests/stress" >&2
    exit 1
fi

# The source tree may be read-only (make distcheck): no bytecode and no pytest cache in it.
export PYTHONDONTWRITEBYTECODE=1
exec "$venv/bin/python" -m pytest -q -p no:cacheprovider --rootdir="$srcdir/tests" -ra \
    -n "${PW_TEST_JOBS:-$(nproc 2>/dev/null || echo 2)}" "$@"
