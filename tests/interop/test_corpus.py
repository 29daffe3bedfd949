"""
Files and stores written by other programs: every row of the expectation tables reads as the table says, or is
refused by name.  Never a wrong answer.
"""

import hashlib
import json
import re

import numpy as np
import pytest
import tifffile
import zarr
from pwtest.tool import data_path

# Named by the tables, and read by nobody here: to be refused by name.
REFUSED_CODECS = {"pcodec", "zfpy", "numcodecs.pcodec", "numcodecs.zfpy", "json2", "vlen-utf8", "vlen-bytes", "optional"}
NUMERIC = {"b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"}


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


def check(pw, path, expected):
    """expected: the digest of the array, or what the refusal has to name."""
    if isinstance(expected, set):
        line = pw.refuses("cat", path, says=[path.name, "not supported"])
        assert any(word in line for word in expected), line
    else:
        assert digest(pw("cat", path, "--raw").out) == expected


# The tables' readers lacked the codec: the same arrays as their neighbours, which they could read.
ZARR2_KNOWN = {
    "zarr/zarrita-js-fixtures/v2/data.zarr/1d.contiguous.zstd.i2": "ea99f710d9d0b8ba",
    "zarr/zarrs/zarr_python_compat/fletcher32.zarr": "0a36572981cd9ca9",
}


@pytest.mark.parametrize("row", rows("expected_zarr2.tsv"))
def test_zarr2(pw, row):
    path, _, dtype, _, _, _, _, compressor, filters, fill, verdict = row
    named = {compressor, *filters.split(",")} & REFUSED_CODECS
    if dtype[1:] not in NUMERIC:
        expected = {dtype}
    elif named:
        expected = named
    elif fill == "None":  # the table's reader left these voxels uninitialised; today's reads zeros
        expected = digest(zarr.open(str(data_path() / path), mode="r")[...].tobytes())
    else:
        expected = verdict.split()[1] if verdict.startswith("ok ") else ZARR2_KNOWN[path]
    check(pw, data_path() / path, expected)


@pytest.mark.parametrize("row", rows("expected_zarr3.tsv"))
def test_zarr3(pw, row):
    path, _, dtype, _, _, _, codecs, _, verdict = row
    name = json.loads(dtype)["name"] if dtype[0] == "{" else dtype
    named = set(codecs.split("|")) & REFUSED_CODECS
    if not re.fullmatch("bool|u?int(8|16|32|64)|float(16|32|64)", name):
        expected = {name}
    elif named:
        expected = named
    elif verdict.startswith("ok "):
        expected = verdict.split()[1]
    else:  # the same 10 x 10 array as its neighbours, with a codec that the table's readers lack
        assert path.startswith(("zarr/zarrs/v3/array_", "zarr/zarrs/v3_zarr_python/array_"))
        expected = "817cddd35bc80c1c"
    check(pw, data_path() / path, expected)


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
