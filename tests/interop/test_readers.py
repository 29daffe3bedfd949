"""
What pw-stream writes, opened by the programs that users have: voxel for voxel and level for level what numpy and scipy say.  The
readers (tests/interop/readers) run in processes of their own; make check-interop runs those that CI cannot afford.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pwtest import stores, subjects
from pwtest.tool import data_path

READERS = Path(__file__).parent / "readers"
FOLDERS = {"tensorstore": "readers", "ome_zarr": "readers", "models": "readers", "zarr2": "readers-zarr2", "zarr3": None}


def start(reader, manifest):
    folder = FOLDERS[reader] and Path(sys.prefix) / FOLDERS[reader]
    if folder and not folder.is_dir():
        if os.environ.get("CI") != "true":
            pytest.skip(f"{folder} is missing: tests/run_python.sh makes it")
        raise AssertionError(f"{folder} is missing")
    command = [sys.executable, "-W", "ignore", READERS / f"read_{reader}.py", manifest]
    environment = dict(os.environ, PYTHONPATH=str(folder or ""), PYTHONDONTWRITEBYTECODE="1")
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_stores_open_in_every_reader(pw, tmp_path):
    """run, convert, pyramid and merge; OME-Zarr 0.5 and 0.4; 2-D, 3-D, with time and channels; all levels; and the strict schemas."""
    manifest = subjects.make(pw, tmp_path)
    started = {reader: start(reader, manifest) for reader in FOLDERS}
    for reader, process in started.items():
        said = process.communicate(timeout=300)[0]
        assert process.returncode == 0, f"{reader}:\n{said}"
        assert " 0 differ" in said, f"{reader}: {said}"
    if (data_path() / "validate_ngff.py").is_file():
        stores.validate(data_path(), *sorted(tmp_path.glob("*.zarr")))


def test_the_colour_is_one_that_viewers_pass_over(pw, tmp_path):
    """
    The strict schema wants one; napari shows no label but those whose colours it knows, vizarr all others black.  Not an
    integer as napari-ome-zarr sees it, and more than vizarr has a table for, which has the size of a texture squared.
    """
    np.save(tmp_path / "i.npy", np.eye(5, dtype="u1"))
    for version in ("0.5", "0.4"):
        pw("run", tmp_path / "i.npy", "--fn", "label", "-o", tmp_path / f"{version}.zarr", "--ngff", version)
        (colour,) = stores.ome(stores.label_group(tmp_path / f"{version}.zarr"))["image-label"]["colors"]
        assert isinstance(colour["label-value"], float) and 32768**2 < colour["label-value"] < 2**31
