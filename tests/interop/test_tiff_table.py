"""
TIFF files of other programs: `pw-stream cat --raw` gives, for every row of expected_tiff.tsv, the bytes that
tifffile or Pillow gave.  Data are as stored; where Pillow shows them instead (stretches 2 and 4 bits to 0..255,
inverts what is white at zero, casts, puts samples last), the same is done to what is compared, and to nothing else.
"""

import hashlib
import re

import numpy as np
import pytest
from pwtest.tool import data_path

PILLOW = re.compile(r"pillow-frame0\[(\w+)\(([\d, ]+)\)\] (\w+)")


def rows():
    table = data_path() / "expected_tiff.tsv"
    if not table.is_file():
        return []
    lines = [line.split("\t") for line in table.read_text().splitlines() if line and not line.startswith("#")]
    return [pytest.param(*line, id=line[0]) for line in lines]


ROWS = rows()


def test_the_table_is_there():
    if not data_path().is_dir():
        pytest.skip(f"no test images at {data_path()} (PW_TEST_DATA)")
    assert len(ROWS) >= 156


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def layout_number(layout, prefix):
    return int(next(word.removeprefix(prefix) for word in layout.split() if re.fullmatch(prefix + r"\d+", word)))


def as_pillow_shows(image, layout, dtype, shape):
    """The stored samples as Pillow's frame 0 has them."""
    bits = layout_number(layout, "b")
    if image.shape != shape:
        image = np.moveaxis(image, 0, -1)
    if bits in (1, 2, 4) and layout_number(layout, "ph") in (0, 1):
        greatest = 2**bits - 1
        image = image.astype(np.uint8)
        if layout_number(layout, "ph") == 0:
            image = greatest - image
        return image * (255 // greatest)
    return image.astype(dtype)


@pytest.mark.parametrize("path, dtype, axes, shape, layout, libtiff, verdict", ROWS)
def test_row(pw, path, dtype, axes, shape, layout, libtiff, verdict):
    shape = tuple(map(int, shape.split("x")))
    data = pw("cat", data_path() / path, "--raw").out
    assert len(data) == np.dtype(dtype).itemsize * np.prod(shape)
    image = np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).reshape(shape)
    if verdict.startswith("tifffile "):
        assert digest(image) == verdict.split()[1]
    elif pillow := PILLOW.fullmatch(verdict):
        frame = tuple(map(int, pillow[2].split(", ")))
        assert digest(as_pillow_shows(image, layout, pillow[1], frame)) == pillow[3]
    else:
        assert verdict == "no independent reader here"
