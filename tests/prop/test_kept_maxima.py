"""
The greatest voxels of bricks, kept from one run with --skip-empty for the next: tiles that they say are empty are not read.

What counts is that nothing else changes: labels, tiles that are skipped, tiles that the function is called for; and that an
image that was touched in any way is read again.
"""

import os
import time

import numpy as np
import pytest
from pwtest import stores
from pwtest.merge_oracle import Tiling
from pwtest.stores import comma


def settle():
    """What was written a moment ago may be written once more in the same tick of the clock: such an image is not trusted."""
    time.sleep(0.15)


@pytest.fixture
def run(pw, tmp_path):
    (tmp_path / "cache").mkdir()

    def go(source, *options, fn="threshold:3", **more):
        out = tmp_path / "labels.npy"
        result = pw("run", *source, "--fn", fn, "-o", out, "--overwrite", "--summary=json", *options,
                    env={"XDG_CACHE_HOME": str(tmp_path / "cache")}, **more)
        return out.read_bytes(), result.summary()

    go.cache = tmp_path / "cache" / "patchworks"
    return go


def draw(rng, dtype, shape):
    image = rng.integers(0, 3, shape).astype(dtype)
    for _ in range(3):
        image[tuple(int(rng.integers(0, n)) for n in shape)] = 60
    if np.dtype(dtype).kind == "f":
        image[tuple(int(rng.integers(0, n)) for n in shape)] = np.nan
    return image


def unread(image, tiling, level, brick=(16, 32, 32)):
    """Tiles of whose window every brick is empty; bricks are as small as that while there are few."""
    full = image.astype(float)
    n = 0
    for t in range(len(tiling)):
        window = tuple(slice(a // b * b, -(-e // b) * b) for (a, e), b in zip(tiling.window(t), brick))
        n += not ((full[window] > level) | np.isnan(full[window])).any()
    return n


@pytest.mark.parametrize("seed", range(8))
def test_the_second_run_reads_less(run, tmp_path, seed):
    rng = np.random.default_rng(seed)
    dtype = ["uint8", "int16", "uint16", "float32", "float64", "uint64", "int8", "float16"][seed]
    shape = (1, 200, 260) if seed % 3 == 0 else (40, 90, 120)
    image = draw(rng, dtype, shape)
    tile, halo = ((1, 32, 32), (0, 3, 3)) if shape[0] == 1 else ((16, 24, 30), (1, 2, 0))
    source = stores.write(rng, tmp_path / "in", image, "npy" if dtype == "float16" else ["npy", "zarr2", "zarr3", "raw", "tiff"][seed % 5])
    options = ["--skip-empty", "3", "--tile", comma(tile), "--halo", comma(halo), "--threads", str((1, 2, 7)[seed % 3])]
    settle()
    first, one = run(source, *options)
    second, two = run(source, *options)
    off, none = run(source, *options, "--maxima", "none")
    assert first == second == off
    assert one["n_unread_tiles"] == none["n_unread_tiles"] == 0
    assert one["n_skipped_tiles"] == two["n_skipped_tiles"] == none["n_skipped_tiles"] > 0
    assert two["n_unread_tiles"] == unread(image, Tiling(shape, tile, halo), 3) > 0
    assert two["bytes_read"] < one["bytes_read"] or "tif" in str(source)  # strips go through several tiles, and come twice
    other, three = run(source, "--skip-empty", "70", "--tile", comma(tile))
    has_nan = np.dtype(dtype).kind == "f"
    assert (three["bytes_read"] == 0) != has_nan and not np.load(tmp_path / "labels.npy")[image != image].any()


def test_pass_0_counts_for_the_same_run(run, tmp_path):
    """A run whose threshold is that of the whole image reads it once for both, and empty tiles no second time."""
    image = np.zeros((64, 256, 256), np.uint16)
    image[5:20, 40:90, 60:100] = np.random.default_rng(1).integers(100, 300, (15, 50, 40))
    np.save(tmp_path / "image.npy", image)
    settle()
    plain, once = run([tmp_path / "image.npy"], "--tile", "16,64,64", fn="otsu")
    labels, summary = run([tmp_path / "image.npy"], "--tile", "16,64,64", "--skip-empty", "0", fn="otsu")
    assert labels == plain and summary["n_unread_tiles"] == summary["n_skipped_tiles"] > 50
    assert summary["bytes_read"] < 0.6 * once["bytes_read"]
    (tmp_path / "kept").mkdir()
    run([tmp_path / "image.npy"], "--tile", "16,64,64", "--maxima", tmp_path / "kept", fn="otsu")
    assert len(list((tmp_path / "kept").iterdir())) == 1, "also without --skip-empty, where a directory is given"
    _, after = run([tmp_path / "image.npy"], "--tile", "16,64,64", "--skip-empty", "0", "--maxima", tmp_path / "kept")
    assert after["n_unread_tiles"] > 50


def touch_npy(path):
    with open(path, "r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x63")


def touch_zarr(path):
    chunk = sorted((path / "c").rglob("0"))[-1]
    data = bytearray(chunk.read_bytes())
    data[-1] = 0x63
    with open(chunk, "r+b") as file:
        file.write(data)


@pytest.mark.parametrize("format", ["npy", "zarr"])
def test_an_image_that_was_touched_is_read_again(run, tmp_path, format):
    """One byte in place, of the same length, the time of change set back: the time that the kernel sets gives it away."""
    image = np.zeros((128, 128), np.uint8)
    path = tmp_path / f"image.{format}"
    if format == "npy":
        np.save(path, image)
    else:
        import zarr

        array = zarr.create_array(path, shape=image.shape, chunks=(64, 64), dtype="uint8", compressors=None, fill_value=1)
        array[:] = image
    options = ["--tile", "64", "--skip-empty", "3"]
    settle()
    run([path], *options)
    empty, summary = run([path], *options)
    assert summary["n_unread_tiles"] == 4 and summary["n_objects"] == 0
    times = {p: os.stat(p) for p in [path, *path.rglob("*")]}
    (touch_npy if format == "npy" else touch_zarr)(path)
    for p, st in times.items():
        os.utime(p, ns=(st.st_atime_ns, st.st_mtime_ns))
    _, summary = run([path], *options)
    assert summary["n_unread_tiles"] == 0 and summary["n_objects"] == 1
    _, summary = run([path], *options)
    assert summary["n_objects"] == 1


def test_channels_times_boxes_and_masks(run, tmp_path):
    """Each choice of channels and time points has its own; a box leaves what is outside of it unknown, until it is read."""
    image = np.zeros((2, 2, 128, 128), np.uint8)
    image[1, 1, 100, 100] = image[0, 0, 5, 5] = 9
    np.save(tmp_path / "image.npy", image)
    source = [tmp_path / "image.npy", "--axes", "tcyx"]
    options = ["--tile", "32", "--skip-empty", "3"]
    settle()
    for channel in ("0", "1"):
        first, one = run(source, *options, "--channel", channel)
        second, two = run(source, *options, "--channel", channel)
        assert first == second and (one["n_unread_tiles"], two["n_unread_tiles"]) == (0, 31) and two["n_objects"] == 1
    assert len(list(run.cache.iterdir())) == 2
    box = [*source, "--channel", "0", "--time", "1"]
    run(box, *options, "--roi", "0:64,:")
    _, summary = run(box, *options)
    assert summary["n_unread_tiles"] == 8
    _, summary = run(box, *options)
    assert summary["n_unread_tiles"] == 16
    np.save(tmp_path / "mask.npy", np.eye(4, dtype=np.uint8))
    _, summary = run(box, *options, "--mask", tmp_path / "mask.npy")
    assert (summary["n_masked_tiles"], summary["n_unread_tiles"], summary["bytes_read"]) == (12, 4, 0)


def test_what_is_kept_and_broken_is_not_used(run, tmp_path):
    np.save(tmp_path / "image.npy", np.zeros((64, 64), np.uint8))
    options = ["--tile", "32", "--skip-empty", "0"]
    settle()
    run([tmp_path / "image.npy"], *options)
    kept, = run.cache.iterdir()
    good = kept.read_bytes()
    for bad in (good[:-3], b"", good[:40], good[:-20] + b"\x07" + good[-19:], good + b"x"):
        kept.write_bytes(bad)
        _, summary = run([tmp_path / "image.npy"], *options)
        assert summary["n_unread_tiles"] == 0 and kept.read_bytes() == good
    _, summary = run([tmp_path / "image.npy"], *options)
    assert summary["n_unread_tiles"] == 4


def test_places_that_are_none(pw, run, tmp_path):
    np.save(tmp_path / "image.npy", np.zeros((64, 64), np.uint8))
    pw.refuses("run", tmp_path / "image.npy", "--fn", "threshold:0", "--skip-empty", "0", "--maxima", tmp_path / "nowhere", "-o",
               tmp_path / "labels.npy", says="--maxima")
    settle()
    run.cache.parent.chmod(0o500)
    _, summary = run([tmp_path / "image.npy"], "--tile", "32", "--skip-empty", "0")
    assert summary["n_skipped_tiles"] == 4
