"""
TIFF files that pw-stream writes, read by tifffile and libtiff: smaller levels in SubIFDs, as OME-TIFF has them.
"""

import hashlib

import numpy as np
import pytest
import tifffile
import zarr
from pwtest import images, stores
from test_label_pyramids import RULES


def read_levels(path, ome=True):
    """Every level of the only image."""
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_bigtiff and tiff.is_ome == ome and len(tiff.series) == 1
        levels = tiff.series[0].levels
        for page in (p.aspage() for p in tiff.pages):
            subs = [s.aspage() for s in page.pages or []]
            assert page.subfiletype == 0 and [s.subfiletype for s in subs] == [1] * (len(levels) - 1)
        return [level.asarray() for level in levels]


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """A stack of three planes of blobs, some of them large, and more than two tiles wide."""
    rng = np.random.default_rng(4)
    image, threshold = images.paint(rng, images.blob_mask(rng, (3, 110, 150)), "uint16")
    path = tmp_path_factory.mktemp("cells") / "image.npy"
    np.save(path, image)
    return path, image, threshold


@pytest.mark.parametrize("rule", RULES)
def test_levels_of_labels(pw, tmp_path, cells, rule):
    """Halved in y and x down to one tile, each by the rule from the one before; the same bytes whatever the threads and memory."""
    path, image, threshold = cells
    hashes = set()
    for threads, memory in ((1, "20M"), (2, "64M"), (7, "1G")):
        pw("run", path, "--fn", f"threshold:{threshold}", "-o", tmp_path / "l.tif", "--overwrite", "--chunk", "1,16,32", "--pyramid", rule,
           "--threads", threads, "--memory", memory)
        hashes.add(hashlib.sha256((tmp_path / "l.tif").read_bytes()).hexdigest())
    assert len(hashes) == 1
    levels = read_levels(tmp_path / "l.tif")
    assert [a.shape for a in levels] == [(3, 110, 150), (3, 55, 75), (3, 28, 38), (3, 14, 19)]
    images.assert_same_labels(levels[0], images.components(image > threshold, 1))
    for upper, lower in zip(levels, levels[1:]):
        assert lower.dtype == np.uint32 and np.array_equal(lower, RULES[rule](upper, (1, 2, 2)))
    assert pw("info", tmp_path / "l.tif", "--level", 2).text
    pw("convert", tmp_path / "l.tif", tmp_path / "two.npy", "--level", 2)
    assert np.array_equal(np.load(tmp_path / "two.npy"), levels[2])


@pytest.mark.parametrize("rule", RULES)
def test_the_levels_of_a_store(pw, tmp_path, cells, rule):
    """As in a zarr store of the same run, where that leaves z alone as well; also with time, and with 64 bits."""
    image = np.load(cells[0])[:, :100, :130]
    group = zarr.open_group(tmp_path / "i.zarr", mode="w", zarr_format=2)
    group.create_array("0", shape=(2, *image.shape), chunks=(1, 1, 32, 64), dtype="u2", chunk_key_encoding={"name": "v2", "separator": "/"})[...] = [image, image[::-1]]
    group.attrs["multiscales"] = [{
        "version": "0.4",
        "axes": [{"name": "t", "type": "time", "unit": "second"}] + [{"name": n, "type": "space", "unit": "micrometer"} for n in "zyx"],
        "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [3.0, 9.0, 0.5, 0.25]}]}],
    }]
    options = ["--fn", f"threshold:{cells[2]}", "--chunk", "1,16,16", "--pyramid", rule]
    pw("run", tmp_path / "i.zarr", *options, "-o", tmp_path / "l.zarr")
    stored = [a[...] for a in stores.levels(stores.label_group(tmp_path / "l.zarr"))]
    for dtype in ("uint32", "uint64"):
        pw("run", tmp_path / "i.zarr", *options, "-o", tmp_path / f"{dtype}.tif", "--out-dtype", dtype)
        levels = read_levels(tmp_path / f"{dtype}.tif", ome=dtype == "uint32")
        assert levels[0].dtype == dtype
        assert len(levels) == 5 and [a.shape for a in levels] == [a.shape for a in stored[:5]]
        assert all(np.array_equal(a, b) for a, b in zip(levels, stored))


def test_the_levels_of_the_image(pw, data, tmp_path):
    """Those of its levels that differ in y and x, with all planes; of a TIFF input as well."""
    source = data / "golden" / "ovule_0.5.ome.zarr"
    shapes = [a.shape for a in stores.levels(source)]
    pw("run", source, "--fn", "otsu", "-o", tmp_path / "l.tif")
    levels = read_levels(tmp_path / "l.tif")
    assert [a.shape for a in levels] == [(shapes[0][0], *s[1:]) for s in shapes]
    for upper, lower in zip(levels, levels[1:]):
        factor = [round(a / b) for a, b in zip(upper.shape, lower.shape)]
        assert np.array_equal(lower, RULES["mode"](upper, factor))
    pw("run", tmp_path / "l.tif", "--fn", "label", "-o", tmp_path / "again.tif", "--chunk", "1,16,16")
    assert all(np.array_equal(a, b) for a, b in zip(read_levels(tmp_path / "again.tif"), levels))
    with tifffile.TiffFile(tmp_path / "l.tif") as tiff:
        subs = [p.aspage() for p in tiff.pages[0].pages]
        assert [s.tags["XResolution"].value[0] / s.tags["XResolution"].value[1] for s in subs] == pytest.approx(
            [1e4 / 0.15 * a.shape[2] / levels[0].shape[2] for a in levels[1:]], rel=1e-3)


def test_no_levels(pw, tmp_path, cells):
    pw("run", cells[0], "--fn", f"threshold:{cells[2]}", "-o", tmp_path / "none.tif", "--chunk", "1,16,16", "--pyramid", "none")
    assert len(read_levels(tmp_path / "none.tif")) == 1
