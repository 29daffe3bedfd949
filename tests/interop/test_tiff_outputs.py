"""
TIFF files that pw-stream writes, read by tifffile and libtiff: smaller levels in SubIFDs, as OME-TIFF has them.
"""

import hashlib
import subprocess

import numpy as np
import pytest
import tifffile
import zarr
from pwtest import images, stores
from pwtest.needed import needs
from pwtest.pyramids import by_mean, by_mode, by_nearest
from test_convert import DTYPES, random_image

RULES = {"mode": by_mode, "nearest": by_nearest}


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


# ---- images ----


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_image_of_every_type(pw, tmp_path, dtype):
    """Levels by mean, as in a zarr store of which z stays; the way back is exact."""
    image = random_image((3, 1, 71, 83), dtype)
    np.save(tmp_path / "i.npy", image)
    options = [tmp_path / "i.npy", "--axes", "czyx"]
    pw("convert", *options, tmp_path / "o.zarr", "--chunk", "1,16,16")
    stored = [a[...] for a in stores.levels(tmp_path / "o.zarr")]
    written = []
    for threads, codec in ((1, []), (7, []), (2, ["--codec", "zstd:3"]), (3, ["--codec", "none"])):
        pw("convert", *options, tmp_path / "o.tif", "--chunk", "1,32,16", "--threads", threads, *codec, "--overwrite")
        written.append((tmp_path / "o.tif").read_bytes())
        levels = read_levels(tmp_path / "o.tif", ome=dtype not in ("uint64", "int64", "float16"))
        assert [a.shape[-2:] for a in levels] == [(71, 83), (36, 42), (18, 21), (9, 11)]
        assert levels[0].dtype == ("uint8" if dtype == "bool" else dtype)
        for made, wanted in zip(levels, stored):
            assert np.array_equal(made.reshape(wanted.shape), wanted)
    assert written[0] == written[1]
    pw("convert", tmp_path / "o.tif", tmp_path / "back.npy")
    assert np.array_equal(np.load(tmp_path / "back.npy").reshape(image.shape), image)


@pytest.mark.parametrize("memory", ["12M", "1G"])
def test_a_hyperstack(pw, tmp_path, memory):
    """t c z y x, calibrated, with names; the same file whatever the threads and the memory."""
    image = random_image((2, 3, 4, 90, 200), "uint16")
    image[:, 1, :2] = 0
    tifffile.imwrite(tmp_path / "i.ome.tif", image, metadata={
        "axes": "TCZYX", "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.25, "PhysicalSizeYUnit": "µm",
        "PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "µm", "TimeIncrement": 30.0, "TimeIncrementUnit": "s", "Channel": {"Name": ["DAPI", "GFP <2>", "µ-Cherry"]}})
    hashes = set()
    for threads in (1, 2, 7):
        pw("convert", tmp_path / "i.ome.tif", tmp_path / "o.tif", "--chunk", "1,32,64", "--threads", threads, "--memory", memory, "--overwrite")
        hashes.add(hashlib.sha256((tmp_path / "o.tif").read_bytes()).hexdigest())
    assert len(hashes) == 1
    levels = read_levels(tmp_path / "o.tif")
    assert np.array_equal(levels[0], image) and len(levels) == 3
    for upper, lower in zip(levels, levels[1:]):
        assert np.array_equal(lower, by_mean(upper, (1, 2, 2)))
    with tifffile.TiffFile(tmp_path / "o.tif") as tiff:
        assert tiff.series[0].axes == "TCZYX"
        pixels = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]["Pixels"]
        assert tiff.pages[0].predictor == 2
    assert [c["Name"] for c in pixels["Channel"]] == ["DAPI", "GFP <2>", "µ-Cherry"]
    assert [c["Color"] % 2**32 for c in pixels["Channel"]] == [0x00FF00FF, 0xFF00FFFF, 0x00FFFFFF]
    assert (pixels["PhysicalSizeX"], pixels["PhysicalSizeXUnit"], pixels["PhysicalSizeZ"], pixels["TimeIncrement"]) == (0.25, "µm", 2.0, 30.0)


def test_real_images(pw, data, tmp_path):
    """libtiff reads every directory, and there is no word from it."""
    needs("tiffinfo", "libtiff-tools")
    for i, name in enumerate(["nuclei/stardist_img3d.tif", "cells/maize_clsm.tif"]):
        pw("convert", data / name, tmp_path / f"{i}.tif")
        assert np.array_equal(read_levels(tmp_path / f"{i}.tif")[0], tifffile.imread(data / name)), name
        told = subprocess.run(["tiffinfo", "-D", tmp_path / f"{i}.tif"], capture_output=True, text=True)
        assert told.returncode == 0 and told.stderr == ""


def test_what_is_refused(pw, tmp_path, cells):
    np.save(tmp_path / "i.npy", random_image((20, 30), "uint8"))
    for verb in (["convert", tmp_path / "i.npy"], ["run", tmp_path / "i.npy", "--fn", "otsu"]):
        def refused(out, *options, says):
            pw.refuses(*verb, "-o", tmp_path / out, *options, says=says)
        refused("o.tif", "--codec", "gzip", says="codec 'gzip': TIFF output has none, zstd[:LEVEL], deflate[:LEVEL]")
        refused("o.tif", "--codec", "deflate:10", says="codec 'deflate:10': its levels are 1 to 9")
        refused("o.tif", "--codec", "none:1", says="codec 'none:1': has no levels")
        refused("o.npy", "--codec", "zstd", says="codec 'zstd': npy output is not compressed")
        refused("o.tif", "--chunk", "2,16,16", says="TIFF tiles are one plane thick, not 2")
        refused("o.tif", "--chunk", "1,16,20", says="their edges are multiples of 16")
        refused("o.zarr", "--codec", "deflate", says="codec 'deflate': zarr output has none, zstd[:LEVEL], gzip[:LEVEL], blosc-lz4[:LEVEL], blosc-zstd[:LEVEL]")
    assert [p.name for p in tmp_path.iterdir() if p.name != "scratch.tmp"] == ["i.npy"]
