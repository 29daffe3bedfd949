"""
TIFF files written by other programs: every row of the expectation table reads as tifffile reads it, or is
refused by name.  Never a wrong answer.  (test_zarr_tables.py does the same for zarr.)
"""

import hashlib

import numpy as np
import pytest
import tifffile
from pwtest.tool import data_path


def rows(table):
    path = data_path() / table
    if not path.is_file():
        return []
    lines = [line.split("\t") for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return [pytest.param(line, id=line[0]) for line in lines]


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def cat(pw, path):
    """The raw bytes of the array, or None when it was refused, by name and in one line."""
    result = pw.any("cat", path, "--raw")
    if result.code == 0:
        assert result.err == ""
        return result.out
    pw.refuses("cat", path, says=path.name)
    return None


@pytest.mark.parametrize("row", rows("expected_tiff.tsv"))
def test_tiff(pw, row):
    path, dtype, axes, _, layout, libtiff, _ = row
    path = data_path() / path
    try:
        image = tifffile.imread(path)
    except Exception as error:  # whatever the independent reader cannot do is not ours to judge
        cat(pw, path)
        pytest.skip(f"tifffile: {error}")
    got = cat(pw, path)
    depth = int(next(word[1:] for word in layout.split() if word[0] == "b" and word[1:].isdigit()))
    lossless = not any(f"comp{c} " in layout for c in (3, 4, 6, 7))
    one_channel = set(axes) <= set("IQZYX")
    must = libtiff == "ok" and depth in (8, 16, 32, 64) and one_channel and lossless
    if got is None:
        assert not must, f"{path} must be read: {pw.any('cat', path, '--raw').err}"
        pytest.skip("refused by name; not among the TIFFs that must be read")
    little = image.astype(image.dtype.newbyteorder("<"))
    accepted = {digest(np.ascontiguousarray(little).tobytes())}
    if axes in ("SYX", "YXS"):  # samples may come first or last
        moved = np.moveaxis(little, 0, -1) if axes == "SYX" else np.moveaxis(little, -1, 0)
        accepted.add(digest(np.ascontiguousarray(moved).tobytes()))
    if "ph0" in layout and depth == 1:  # white is zero: stored bits or their meaning
        accepted.add(digest(np.ascontiguousarray(~little).tobytes()))
    assert digest(got) in accepted
