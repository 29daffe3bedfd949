"""
TIFF files of writers beside tifffile: GDAL, libtiff's tools and what cameras and scripts leave out.  They are written here tag by
tag; the oracle is the array that was written.
"""

import json

import numpy as np
import pytest
import tifffile
from pwtest.tool import EXIT_FAILED


def noise(shape, dtype):
    return np.random.default_rng(7).integers(1, 120, shape).astype(dtype)


def info(pw, path, *options):
    return json.loads(pw("info", path, "--json", *options).text)


def read(pw, path, *options):
    described = info(pw, path, *options)
    data = pw("cat", path, "--raw", *options).out
    return np.frombuffer(data, np.dtype(described["dtype"]).newbyteorder("<")).reshape(described["shape"])


def overwrite(path, **tags):
    """Changes values of tags of the first page, which stay of the same number."""
    with tifffile.TiffFile(path, mode="r+") as tif:
        for name, value in tags.items():
            tif.pages[0].tags[name].overwrite(value)


def leave_out(path, page, tile):
    """Makes the tile one that is not stored: offset 0 and count 0, as GDAL has it."""
    with tifffile.TiffFile(path, mode="r+") as tif:
        for name in "TileOffsets", "TileByteCounts":
            values = list(page(tif).tags[name].value)
            values[tile] = 0
            page(tif).tags[name].overwrite(values)


@pytest.mark.parametrize("dtype,text,value", [("u2", "7", 7), ("i2", "-9999", -9999), ("f4", "nan", np.nan), ("f8", "-3.4e+38", -3.4e38),
                                              ("u1", "-9999", 0)])
def test_tiles_left_out_are_what_means_no_data(pw, tmp_path, dtype, text, value):
    """GDAL's tag, of the image and of its smaller level; a value that the type has not is 0."""
    image, small = noise((96, 96), dtype), noise((48, 48), dtype)
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as out:
        tag = [(42113, 2, len(text) + 1, text, True)]
        out.write(image, tile=(32, 32), compression="deflate", subifds=1, extratags=tag, metadata=None)
        out.write(small, tile=(32, 32), compression="deflate", subfiletype=1, metadata=None)
    leave_out(path, lambda tif: tif.pages[0], 4)
    leave_out(path, lambda tif: tif.pages[0].pages[0], 0)
    image[32:64, 32:64] = value
    small[:32, :32] = value
    assert np.array_equal(read(pw, path), image, equal_nan=dtype[0] == "f")
    assert np.array_equal(read(pw, path, "--level", "1"), small, equal_nan=dtype[0] == "f")


def test_jbig_of_more_than_one_bit_is_refused(pw, tmp_path):
    """libtiff writes such files, and reads from them less than there was."""
    tifffile.imwrite(tmp_path / "a.tif", noise((30, 40), "u1"), photometric="minisblack")
    overwrite(tmp_path / "a.tif", Compression=34661)
    pw.refuses("cat", tmp_path / "a.tif", says="JBIG, which is for one bit per pixel", code=EXIT_FAILED)
