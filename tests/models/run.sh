#!/bin/sh
# StarDist and Cellpose for real: tests/models/run.sh IMAGES [stardist] [cellpose]
#
# Makes a virtual environment for each (from PyPI: about 2 GB for StarDist, 6 GB for Cellpose, most of it TensorFlow and
# PyTorch; 1 GB where PYTHON has PyTorch already, as /usr/bin/python3 of Debian 12 with python3-torch), trains a small model
# on annotated nuclei, segments another image whole and in tiles with the ready workers, and compares the two with pw-stream compare: of the objects that cross tiles as many must be found as of those inside.
# Not part of make check.  IMAGES is a folder with dsb2018_*.tif and stardist_*2d.tif (tests' PW_TEST_DATA/nuclei).
#
#   PW_STREAM    the tool (default: pw-stream)
#   PW_MODELS    where environments, models and results go (default: ./models-work); what is there is used again
#   PYTHON       for the environments (default: python3)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
images=$(cd "${1:?usage: run.sh IMAGES [stardist] [cellpose]}" && pwd)
shift
tool=${PW_STREAM:-pw-stream}
mkdir -p "${PW_MODELS:-models-work}"
work=$(cd "${PW_MODELS:-models-work}" && pwd)
export TF_CPP_MIN_LOG_LEVEL=2 PYTHONPATH="$here/../../python${PYTHONPATH:+:$PYTHONPATH}"
tile=1,200,200
image=$images/dsb2018_20b20ab0.tif
truth=$images/dsb2018_20b20ab0_labels.tif

# environment NAME PACKAGE...
environment() {
    name=$1
    shift
    [ -e "$work/$name-venv/ready" ] && return
    # shellcheck disable=SC2086 # nothing, or one word
    "${PYTHON:-python3}" -m venv ${system-} "$work/$name-venv"
    "$work/$name-venv/bin/pip" install -q "$@"
    touch "$work/$name-venv/ready"
}

# segment NAME FUNCTION OPTION...: whole, then in tiles
segment() {
    name=$1 function=$2
    shift 2
    PW_PYTHON=$work/$name-venv/bin/python
    export PW_PYTHON
    "$tool" run "$image" --fn "$function" --tile 1,100000,100000 --workers 1 --memory 4G -o "$work/$name-whole.zarr" \
        --overwrite --name labels 2>"$work/$name-whole.log" || { tail -n 5 "$work/$name-whole.log"; exit 1; }
    "$tool" run "$image" --fn "$function" --tile "$tile" --workers 2 --memory 4G -o "$work/$name-tiled.zarr" \
        --overwrite --name labels "$@" 2>"$work/$name-tiled.log" || { tail -n 5 "$work/$name-tiled.log"; exit 1; }
    status=0
    "$tool" compare "$work/$name-whole.zarr" "$work/$name-tiled.zarr" --crossing "$tile" --json \
        >"$work/$name-compare.json" || status=$?
    [ "$status" -eq 0 ] || [ "$status" -eq 2 ] || exit "$status"
    "$tool" compare "$truth" "$work/$name-tiled.zarr" --json >"$work/$name-truth.json" || [ $? -eq 2 ]
    "$work/$name-venv/bin/python" "$here/judge.py" "$name" "$work/$name-compare.json" "$work/$name-truth.json"
}

stardist() {
    environment stardist tensorflow-cpu stardist tifffile scikit-image
    model=$work/stardist-model/nuclei
    [ -e "$model/thresholds.json" ] ||
        "$work/stardist-venv/bin/python" "$here/train_stardist.py" "$images" "$model" >"$work/stardist-train.log" 2>&1
    segment stardist "py:pwstream.workers.stardist:segment,model=$model"
}

cellpose() {
    if "${PYTHON:-python3}" -c 'import torch' 2>/dev/null; then
        # Debian's is 1.13, which was made for numpy 1 and lacks what Cellpose 3.1 calls.
        system=--system-site-packages
        environment cellpose 'cellpose<3.1' 'numpy<2' 'opencv-python-headless<4.12' tifffile scikit-image
    else
        environment cellpose torch 'cellpose<4' tifffile scikit-image
    fi
    model=$work/cellpose-model/models/nuclei
    [ -e "$model" ] ||
        "$work/cellpose-venv/bin/python" "$here/train_cellpose.py" "$images" "$work/cellpose-model/nuclei" \
            >"$work/cellpose-train.log" 2>&1
    segment cellpose "py:pwstream.workers.cellpose:segment,model=$model,diameter=12,high=99.8"
}

[ $# -gt 0 ] || set -- stardist cellpose
for each in "$@"; do
    "$each"
done
