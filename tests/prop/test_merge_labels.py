"""Merging labels that were made tile by tile elsewhere equals labelling the whole at once."""

import itertools

import numpy as np
import pytest
from pwtest.stores import comma
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
