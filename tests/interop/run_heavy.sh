#!/bin/sh
# What pw-stream writes, opened by the programs that are too large for make check: zarrita on node, napari-ome-zarr with
# napari, and neuroglancer in a headless Chromium; and by the readers of make check once more.  make check-interop calls it with
#
#   srcdir       the source tree (absolute)
#   PW_STREAM    the tool (absolute)
#   PW_INTEROP   where environments, stores and pictures go (default: ./interop-work); environments are used again
#   PYTHON       a Python 3 that can make virtual environments
#   CHROMIUM     the browser (default: chromium; Debian: apt install chromium)
#
# It needs node and npm, and the network once: 1 GB of packages.  The pictures are left in pictures/, to be looked at.
set -u
srcdir=${srcdir:?} tool=${PW_STREAM:?}
mkdir -p "${PW_INTEROP:-interop-work}"
work=$(cd "${PW_INTEROP:-interop-work}" && pwd)
readers=$srcdir/tests/interop/readers
export PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore
failed=0

fail() {
    echo "check-interop: $1" >&2
    exit 1
}

# environment NAME PACKAGE...
environment() {
    name=$1
    shift
    [ -e "$work/$name/ready" ] && return
    rm -rf "${work:?}/$name"
    "${PYTHON:-python3}" -m venv "$work/$name" || fail "no virtual environment (Debian: apt install python3-venv)"
    "$work/$name/bin/pip" install -q --disable-pip-version-check "$@" || fail "pip could not install $*"
    touch "$work/$name/ready"
}

# judged COMMAND...: what it says is printed, and counts
judged() {
    "$@" || failed=$((failed + 1))
}

environment napari napari==0.9.2 napari-ome-zarr==0.10.0 neuroglancer==2.41.2 tensorstore==0.1.86 tifffile==2026.3.3 \
    scipy==1.17.1 ome-zarr==0.18.0 ome-zarr-models==1.7 scikit-image==0.26.0
environment zarr2 zarr==2.18.7
if [ ! -e "$work/npm/ready" ]; then
    mkdir -p "$work/npm"
    (cd "$work/npm" && npm install --silent --no-audit --no-fund --prefix . zarrita@0.7.5 @zarrita/storage@0.2.0) || fail "npm could not install zarrita"
    touch "$work/npm/ready"
fi

rm -rf "$work/stores" "$work/pictures"
mkdir -p "$work/stores"
PYTHONPATH=$srcdir/tests/lib "$work/napari/bin/python" "$srcdir/tests/lib/pwtest/subjects.py" "$tool" "$work/stores" >/dev/null ||
    fail "the stores could not be written"
manifest=$work/stores/manifest.json
for reader in zarr3 tensorstore ome_zarr models napari; do
    judged "$work/napari/bin/python" "$readers/read_$reader.py" "$manifest"
done
judged "$work/zarr2/bin/python" "$readers/read_zarr2.py" "$manifest"
cp "$readers/read_zarrita.mjs" "$work/npm/"
judged node "$work/npm/read_zarrita.mjs" "$manifest"
judged "$work/napari/bin/python" "$readers/browser.py" "$tool" "$srcdir/share/nuclei.tif" "$work/pictures"

[ "$failed" -eq 0 ] || fail "$failed of 8 readers differ"
echo "check-interop: 8 readers passed"
