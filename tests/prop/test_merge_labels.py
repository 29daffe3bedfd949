"""Merging labels that were made tile by tile elsewhere equals labelling the whole at once."""

import itertools
import time

import numpy as np
import pytest
import zarr
from pwtest.stores import comma
from pwtest.tool import EXIT_FAILED
from scipy import ndimage

DTYPES = ("u2", "i2", "u4", "i4", "u8", "i8")


def label_tiles(rng, mask, tile, structure, dtype, ids):
    """Components of each tile by itself, with ids that repeat from tile to tile, are global, or are far apart."""
    labels = np.zeros(mask.shape, dtype)
    offset = 0
    for origin in itertools.product(*[range(0, n, t) for n, t in zip(mask.shape, tile)]):
        part = tuple(slice(o, o + t) for o, t in zip(origin, tile))
        components, n = ndimage.label(mask[part], structure)
        numbers = rng.permutation(n) + 1
        if ids == "global":
            numbers = numbers + offset
        elif ids == "sparse":
            numbers = numbers * (2**40 + 7 if np.dtype(dtype).itemsize == 8 else 11)
        offset += n
        labels[part] = np.concatenate([[0], numbers])[components]
    return labels


@pytest.mark.parametrize("seed", range(24))
def test_merged_components_are_those_of_the_whole(pw, tmp_path, seed):
    rng = np.random.default_rng(seed)
    rank = 2 + seed % 2
    connectivity = int(rng.integers(1, rank + 1))
    shape, tile = rng.integers(5, 45, rank), rng.integers(2, 20, rank)
    mask = rng.random(shape) < rng.choice([0.2, 0.45, 0.6])
    structure = ndimage.generate_binary_structure(rank, connectivity)
    ids = ("repeated", "global", "sparse")[seed % 3]
    np.save(tmp_path / "labels.npy", label_tiles(rng, mask, tile, structure, DTYPES[seed % len(DTYPES)], ids))
    expected, _ = ndimage.label(mask, structure)
    outputs = set()
    for threads in (1, 3):
        pw("merge", tmp_path / "labels.npy", "-o", tmp_path / "merged.npy", "--overwrite", "--tile", comma(tile),
           "--connectivity", connectivity, "--threads", threads)
        np.testing.assert_array_equal(np.load(tmp_path / "merged.npy"), expected)
        outputs.add((tmp_path / "merged.npy").read_bytes())
    assert len(outputs) == 1


def test_equal_values_of_a_tile_are_one_label(pw, tmp_path):
    """Also in two pieces; and equal values of two tiles are not."""
    np.save(tmp_path / "labels.npy", np.array([[1, 0, 1, 0, 1, 1], [0, 0, 0, 0, 0, 0]], np.uint8))
    pw("merge", tmp_path / "labels.npy", "-o", tmp_path / "merged.npy", "--tile", "2,3")
    np.testing.assert_array_equal(np.load(tmp_path / "merged.npy"), [[1, 0, 1, 0, 2, 2], [0, 0, 0, 0, 0, 0]])


def test_face_keeps_touching_cells_apart(pw, tmp_path):
    """Two cells that meet along one voxel of the seam: one object by touch, two by face."""
    labels = np.zeros((8, 8), np.uint16)
    labels[0:5, 0:4] = 1
    labels[4:8, 4:8] = 1
    np.save(tmp_path / "labels.npy", labels)
    for rule, objects in (("touch", 1), ("face", 2)):
        pw("merge", tmp_path / "labels.npy", "-o", tmp_path / "merged.npy", "--overwrite", "--tile", "8,4", "--merge", rule)
        assert np.load(tmp_path / "merged.npy").max() == objects


def test_what_merge_refuses(pw, tmp_path):
    output = tmp_path / "merged.npy"
    np.save(tmp_path / "labels.npy", np.ones((4, 4), np.uint8))
    np.save(tmp_path / "negative.npy", np.array([[0, 0, 0, -7]], np.int32))
    np.save(tmp_path / "float.npy", np.ones((4, 4), np.float32))
    pw.refuses("merge", tmp_path / "labels.npy", "-o", output, says="--tile")
    pw.refuses("merge", tmp_path / "labels.npy", "-o", output, "--tile", "2", "--merge", "witness", says="overlap")
    pw.refuses("merge", tmp_path / "float.npy", "-o", output, "--tile", "2", says="float32")
    pw.refuses("merge", tmp_path / "negative.npy", "-o", output, "--tile", "1,2", says=["tile 1", "-7"])
    assert not output.exists()


# ---------------------------------------------------------------------------- in place


def tree(path):
    return {file.relative_to(path): file.read_bytes() for file in path.rglob("*") if file.is_file()}


@pytest.fixture(params=[2, 3], ids=["zarr2", "zarr3"])
def tiled_store(request, tmp_path):
    """A bare array of components tile by tile, and the mask that they are of."""
    rng = np.random.default_rng(request.param)
    mask = rng.random((30, 44, 50)) < 0.3
    labels = label_tiles(rng, mask, (10, 20, 25), None, "i4", "repeated")
    array = zarr.create_array(tmp_path / "labels.zarr", shape=mask.shape, chunks=(10, 20, 25), dtype="i4",
                              zarr_format=request.param, attributes={"made by": "somebody"})
    array[:] = labels
    return tmp_path / "labels.zarr", mask


IN_PLACE = ("--in-place", "--tile", "10,20,25")


def test_in_place(pw, tiled_store):
    store, mask = tiled_store
    pw("merge", store, *IN_PLACE)
    array = zarr.open_array(store, mode="r")
    np.testing.assert_array_equal(array[:], ndimage.label(mask)[0])
    assert array.dtype == np.uint32 and array.chunks == (10, 20, 25) and array.attrs["made by"] == "somebody"
    before = tree(store)
    again = pw("merge", store, *IN_PLACE, "--summary", "text")
    assert "nothing to do" in again.err and tree(store) == before
    pw.refuses("merge", store, *IN_PLACE, "--merge", "face", says="merged in place already")
    pw.refuses("merge", store, "--in-place", "--tile", "10", says="merged in place already")
    assert tree(store) == before


@pytest.mark.parametrize("delay", [0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8])
def test_in_place_killed(pw, tiled_store, delay):
    """Whenever it is killed, the old labels or the merged ones are there; and it can be run again."""
    store, mask = tiled_store
    old, merged = zarr.open_array(store, mode="r")[:], ndimage.label(mask)[0]
    process = pw.start("merge", store, *IN_PLACE, env={"PW_STALL": "1"})
    time.sleep(delay)
    process.kill()
    process.communicate()
    found = zarr.open_array(store, mode="r")[:]
    assert np.array_equal(found, old) or np.array_equal(found, merged)
    pw("merge", store, *IN_PLACE)
    np.testing.assert_array_equal(zarr.open_array(store, mode="r")[:], merged)
    assert [path.name for path in store.parent.iterdir() if path.name.startswith(".")] == []


def test_in_place_of_a_label_image(pw, tmp_path):
    rng = np.random.default_rng(9)
    np.save(tmp_path / "mask.npy", (rng.random((40, 60)) < 0.4).astype(np.uint8))
    pw("run", tmp_path / "mask.npy", "--fn", "threshold:0", "-o", tmp_path / "out.zarr", "--name", "cells", "--chunk", "20")
    label = tmp_path / "out.zarr" / "labels" / "cells"
    before = zarr.open_array(label / "0", mode="r")[:]
    pw("merge", label, "--in-place", "--tile", "20")
    np.testing.assert_array_equal(zarr.open_array(label / "0", mode="r")[:], before)
    assert str(before.max()) in pw("info", label).text


def test_in_place_refusals(pw, tmp_path):
    np.save(tmp_path / "labels.npy", np.ones((4, 4), np.uint8))
    pw.refuses("merge", tmp_path / "labels.npy", "--in-place", "--tile", "2", says="zarr", code=EXIT_FAILED)
    pw.refuses("merge", tmp_path / "labels.npy", "--in-place", "-o", tmp_path / "x.npy", "--tile", "2", says="-o")
    labels = np.zeros((60, 60), np.uint8)
    labels[::2, ::2] = 1 + np.arange(900).reshape(30, 30) % 200
    array = zarr.create_array(tmp_path / "small.zarr", shape=labels.shape, chunks=(10, 10), dtype="u1")
    array[:] = labels
    before = tree(tmp_path / "small.zarr")
    pw.refuses("merge", tmp_path / "small.zarr", "--in-place", "--tile", "10", says="uint8", code=EXIT_FAILED)
    assert tree(tmp_path / "small.zarr") == before
