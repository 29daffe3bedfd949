"""
What a function is told of the whole image, against numpy; and --normalize, which is made of it.

The plugin told (tests/lib/told.c) writes down the statistics that its tiles come with.
"""

import json
import re

import numpy as np
import pytest
import tifffile
from pwtest.tool import SOURCE_ROOT, compile_c

PERCENT = [0, 0.1, 1, 33.3, 50, 75, 99, 99.9, 100]


@pytest.fixture(scope="session")
def told(compiler, tmp_path_factory):
    return compile_c(SOURCE_ROOT / "tests/lib/told.c", tmp_path_factory.mktemp("told") / "told.so", "-shared", "-fPIC", "-pthread")


def listen(pw, told, image, folder, options, *arguments, code=0):
    """The lines of the plugin for one run, in tile order."""
    log = folder / "told.jsonl"
    log.unlink(missing_ok=True)
    result = pw.any("run", image, "--fn", f"{told}:to={log},{options}", "-o", folder / "labels.npy", "--overwrite", *arguments)
    assert result.code == code, result
    return sorted((json.loads(re.sub("nan", "NaN", re.sub(r"\binf\b", "Infinity", line))) for line in log.read_text().splitlines()), key=lambda t: t["index"])


def draw(rng, dtype, shape):
    dtype = np.dtype(dtype)
    if dtype == bool:
        return rng.random(shape) > 0.7
    if dtype.kind == "f":
        return (rng.standard_normal(shape) * 10 ** rng.uniform(-3, 3, shape)).astype(dtype)
    info = np.iinfo(dtype)
    if rng.random() < 0.5:
        return rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    low = max(info.min, -40)
    return rng.integers(low, min(info.max, low + int(rng.choice([0, 3, 90, 70000]))), shape, dtype, endpoint=True)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16",
                                   "float32", "float64"])
@pytest.mark.parametrize("seed", range(2))
def test_percentiles_and_range_are_those_of_numpy(pw, told, tmp_path, dtype, seed):
    rng = np.random.default_rng([seed, sum(map(ord, dtype))])
    image = draw(rng, dtype, tuple(rng.integers(3, 40, 3)))
    np.save(tmp_path / "image.npy", image)
    wanted = image.astype(np.float64) if image.dtype.kind in "fb" else image
    expected = np.percentile(wanted.reshape(-1), np.array(PERCENT))
    said = set()
    for threads in (1, 2, 7):
        tiles = listen(pw, told, tmp_path / "image.npy", tmp_path, "histogram,percentiles=" + ",".join(map(str, PERCENT)),
                       "--threads", threads, "--memory", "64M" if threads > 2 else "32M", "--tile", "16")
        one = tiles[0]
        assert one["n"] == image.size and one["minimum"] == float(image.min()) and one["maximum"] == float(image.max())
        if image.dtype.kind in "fiu" and image.dtype != np.int8:  # numpy's difference of two int8 may not fit int8
            np.testing.assert_allclose(one["percentiles"], expected, rtol=1e-12 if image.dtype.kind == "f" else 3e-16)
        said.add(json.dumps([one[k] for k in ("n", "percentiles", "bins", "minimum")]))
        assert all(t["bins"] == one["bins"] and t["percentiles"] == one["percentiles"] for t in tiles)
    assert len(said) == 1
    check_histogram(one, image)


def check_histogram(one, image):
    bins = np.array(one["bins"], np.int64)
    if image.dtype.itemsize <= 2 and image.dtype.kind in "iub":
        assert len(bins) == 256 ** image.dtype.itemsize and one["bin_width"] == 1
        values, counts = np.unique(image.astype(np.int64), return_counts=True)
        expected = np.zeros(len(bins), np.int64)
        expected[values - int(one["bin_start"])] = counts
        np.testing.assert_array_equal(bins, expected)
        return
    assert bins.sum() == image.size and len(bins) == 4096
    low, high = float(image.min()), float(image.max())
    expected = np.histogram(image.astype(np.float64), 4096, (low, high) if high > low else (low, low + 1))[0]
    assert np.abs(bins - expected).sum() <= 2 + image.size // 1000  # ties of rounding at the edges of bins


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_nan_does_not_count_and_infinity_does(pw, told, tmp_path, dtype):
    rng = np.random.default_rng(5)
    image = rng.standard_normal((6, 30, 30)).astype(dtype)
    image[rng.random(image.shape) < 0.2] = np.nan
    image[0, 0, :3] = [-0.0, np.inf, -np.inf]
    np.save(tmp_path / "image.npy", image)
    one = listen(pw, told, tmp_path / "image.npy", tmp_path, "percentiles=10,50,90,histogram")[0]
    kept = np.sort(image[~np.isnan(image)].astype(np.float64))
    assert one["n"] == kept.size and one["minimum"] == -np.inf and one["maximum"] == np.inf and one["bins"] == []
    np.testing.assert_allclose(one["percentiles"], np.percentile(kept, [10.0, 50.0, 90.0]), rtol=1e-12)
    np.save(tmp_path / "image.npy", np.full((3, 4, 5), np.nan, dtype))
    one = listen(pw, told, tmp_path / "image.npy", tmp_path, "percentiles=50", "--normalize", "percentile")[0]
    assert one["n"] == 0 and np.isnan(one["minimum"]) and np.isnan(one["percentiles"][0]) and one["low"] == one["high"] == 0


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float32", "float64"])
@pytest.mark.parametrize("how", ["minmax", "percentile:1,99", "percentile:0.5,99.75", "percentile"])
def test_normalised_voxels(pw, told, tmp_path, dtype, how):
    rng = np.random.default_rng(3)
    image = draw(np.random.default_rng(11), dtype, (5, 21, 34))
    np.save(tmp_path / "image.npy", image)
    percent = [0, 100] if how == "minmax" else [1.0, 99.0] if how == "percentile" else [float(p) for p in how[11:].split(",")]
    low, high = np.percentile(image.astype(np.float64) if dtype.startswith("f") else image, np.array(percent))
    tile = int(rng.choice([7, 16]))
    tiles = listen(pw, told, tmp_path / "image.npy", tmp_path, "float32,voxels", "--normalize", how, "--tile", tile)
    for t in tiles:
        assert t["normalized"] == 1 and t["dtype"] == "11" and np.isclose(t["low"], low, rtol=1e-12) and np.isclose(t["high"], high, rtol=1e-12)
        window = image[tuple(slice(o, o + n) for o, n in zip(t["origin"], t["shape"]))].astype(np.float64)
        expected = ((window - t["low"]) / (t["high"] - t["low"])).astype(np.float32)
        np.testing.assert_array_equal(np.array(t["voxels"], np.float32), expected.reshape(-1))
    plain = listen(pw, told, tmp_path / "image.npy", tmp_path, "voxels", "--normalize", how, "--tile", tile)
    assert all(t["normalized"] == 0 and t["low"] == tiles[0]["low"] and t["high"] == tiles[0]["high"] for t in plain)


def test_a_flat_image_is_0_everywhere(pw, told, tmp_path):
    np.save(tmp_path / "image.npy", np.full((4, 9, 9), 300, np.uint16))
    for how in ("minmax", "percentile"):
        one = listen(pw, told, tmp_path / "image.npy", tmp_path, "float32,voxels", "--normalize", how)[0]
        assert one["low"] == one["high"] == 300 and set(one["voxels"]) == {0}


def test_limits_of_tiles_are_warned_of(pw, told, tmp_path):
    image = np.random.default_rng(2).integers(0, 60000, (2, 40, 40), np.uint16)
    np.save(tmp_path / "image.npy", image)
    tiles = listen(pw, told, tmp_path / "image.npy", tmp_path, "float32,voxels,percentiles=50", "--normalize",
                   "tile:percentile:5,95", "--tile", "2,16,16", "--halo", "0,3,3", code=2)
    for t in tiles:
        window = image[tuple(slice(o, o + n) for o, n in zip(t["origin"], t["shape"]))]
        assert [t["low"], t["high"]] == list(np.percentile(window, np.array([5, 95])))
        assert t["percentiles"] == [np.percentile(image, 50)]
    assert len({t["low"] for t in tiles}) > 1
    result = pw.any("run", tmp_path / "image.npy", "--fn", f"{told}:to=/dev/null", "--normalize", "tile:minmax", "-o",
                    tmp_path / "labels.npy", "--overwrite", "--summary", "json")
    assert result.code == 2 and "tile:minmax" in result.summary()["warning"]


@pytest.mark.parametrize("how,says", [("percentile:99,1", "99,1"), ("percentile:1", "percentile:1"), ("percentile:-1,50", "-1"),
                                      ("percentile:1,101", "101"), ("percentile:1,nan", "nan"), ("zscore", "minmax"),
                                      ("percentiles", "percentiles"), ("tile", "tile:")])
def test_what_is_no_normalisation(pw, told, tmp_path, how, says):
    np.save(tmp_path / "image.npy", np.zeros((4, 9, 9), np.uint16))
    pw.refuses("run", tmp_path / "image.npy", "--fn", f"{told}:to=/dev/null", "-o", tmp_path / "labels.npy", "--normalize", how,
               says=["--normalize", says], code=64)


def test_built_ins_that_take_voxels_as_they_are_say_so(pw, tmp_path):
    np.save(tmp_path / "image.npy", np.zeros((4, 9, 9), np.uint16))
    pw.refuses("run", tmp_path / "image.npy", "--fn", "otsu", "-o", tmp_path / "labels.npy", "--normalize", "minmax",
               says=["--normalize", "otsu"], code=64)


@pytest.mark.parametrize("name", ["cells/maize_clsm.tif", "cells/omnipose_ecoli_ec_5I.tif", "em/gala_snemi-mini_train-probabilities.tif"])
def test_real_images(pw, told, data, tmp_path, name):
    image = tifffile.imread(data / name)
    options = "percentiles=0.1,1,50,99,99.9"
    if image.ndim > 3:
        image = image[..., 0] if image.shape[-1] <= 4 else image[:, 0]
        np.save(tmp_path / "image.npy", image)
        one = listen(pw, told, tmp_path / "image.npy", tmp_path, options, "--tile", "128")[0]
    else:
        one = listen(pw, told, data / name, tmp_path, options, "--tile", "128")[0]
    wanted = image.astype(np.float64) if image.dtype.kind == "f" else image
    np.testing.assert_allclose(one["percentiles"], np.percentile(wanted, np.array([0.1, 1, 50, 99, 99.9])), rtol=1e-13)
