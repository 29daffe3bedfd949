"""
Real microscopy and EM images: otsu equals scikit-image, components equal scipy, voxel for voxel, whatever the tile.
"""

import numpy as np
import pytest
import tifffile
from pwtest import images
from pwtest.tool import data_path

TILES = ("17", "64", "100", "whole")


def found_images():
    """Every TIFF of nuclei, cells and em; HDF5 and zipped series are other formats."""
    return sorted(str(p.relative_to(data_path())) for f in ("nuclei", "cells", "em") for p in (data_path() / f).glob("*.tif"))


def is_labels(name):
    return any(word in name for word in ("_labels", "mask", "fragments"))


IMAGES = found_images()
LABEL_IMAGES = [name for name in IMAGES if is_labels(name)]

pytestmark = pytest.mark.skipif(not IMAGES, reason="no test images (PW_TEST_DATA)")


def test_images_are_all_there():
    assert len(IMAGES) >= 16 and len(LABEL_IMAGES) >= 7


def tile_of(tile, shape):
    return ",".join(map(str, shape if len(shape) == 3 else (1, *shape))) if tile == "whole" else tile


def check(pw, tmp_path, name, image, segmenter, expected, connectivity):
    first = None
    for tile in TILES:
        output = tmp_path / f"labels-{tile}.npy"
        result = pw("run", data_path() / name, "--fn", f"{segmenter},connectivity={connectivity}", "--tile",
                    tile_of(tile, image.shape), "-o", output)
        got = np.load(output)
        images.assert_same_labels(got, expected, str(result))
        first = got if first is None else first
        assert got.dtype == first.dtype == np.uint32 and got.shape == image.shape


@pytest.mark.parametrize("name", IMAGES)
def test_read_as_tifffile_reads(pw, name, tmp_path):
    image = tifffile.imread(data_path() / name)
    output = tmp_path / "image.npy"
    output.write_bytes(pw("cat", data_path() / name).out)
    got = np.load(output)
    assert got.dtype == image.dtype.newbyteorder("=") and np.array_equal(got, image)


@pytest.mark.parametrize("full", [False, True], ids=["faces", "full"])
@pytest.mark.parametrize("name", IMAGES)
def test_otsu(pw, tmp_path, name, full):
    image = tifffile.imread(data_path() / name)
    connectivity = image.ndim if full else 1
    expected = images.components(image > images.otsu(image), connectivity)
    check(pw, tmp_path, name, image, "otsu", expected, connectivity)


@pytest.mark.parametrize("full", [False, True], ids=["faces", "full"])
@pytest.mark.parametrize("name", IMAGES)
def test_threshold(pw, tmp_path, name, full):
    image = tifffile.imread(data_path() / name)
    connectivity = image.ndim if full else 1
    threshold = int(image.mean())
    expected = images.components(image > threshold, connectivity)
    check(pw, tmp_path, name, image, f"threshold:{threshold}", expected, connectivity)


@pytest.mark.parametrize("full", [False, True], ids=["faces", "full"])
@pytest.mark.parametrize("name", LABEL_IMAGES)
def test_label(pw, tmp_path, name, full):
    """Components of equal values: touching cells of a reference segmentation stay apart."""
    image = tifffile.imread(data_path() / name)
    connectivity = image.ndim if full else 1
    expected = images.equal_value_components(image, connectivity)
    check(pw, tmp_path, name, image, "label", expected, connectivity)


def test_golden_store(pw, data, tmp_path):
    """The same image as OME-Zarr 0.4 and 0.5, at every level."""
    for level in (0, 1, 2):
        outputs = set()
        for version in ("0.4", "0.5"):
            store = data / "golden" / f"ovule_{version}.ome.zarr"
            image = np.load(write_cat(pw, tmp_path, store, "--level", level))
            output = tmp_path / f"{level}-{version}.npy"
            result = pw("run", store, "--level", level, "--fn", "otsu", "--tile", "17", "-o", output)
            images.assert_same_labels(np.load(output), images.components(image > images.otsu(image), 1), str(result))
            outputs.add(output.read_bytes())
        assert len(outputs) == 1


def write_cat(pw, tmp_path, *arguments):
    path = tmp_path / "cat.npy"
    path.write_bytes(pw("cat", *arguments).out)
    return path
