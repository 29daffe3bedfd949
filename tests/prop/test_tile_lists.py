"""Merging labels that lie in one array for each tile, with halos, equals the definitions of the rules."""

import json

import numpy as np
import pytest
import tifffile
import zarr
from pwtest import images, instances
from pwtest.merge_oracle import Tiling, merge
from pwtest.tool import EXIT_FAILED


def write_list(folder, tiling, windows, dtypes=("u4",), suffixes=("npy",)):
    """The windows as arrays of their own, those without a label left out."""
    names = []
    rank = 2 if tiling.volume[0] == 1 else 3
    for t, labels in enumerate(windows):
        labels = labels.astype(dtypes[t % len(dtypes)]).reshape(labels.shape[3 - rank:])
        name = f"tile_{t}.{suffixes[t % len(suffixes)]}"
        if not labels.any():
            names.append(None)
            continue
        names.append(name)
        if name.endswith("npy"):
            np.save(folder / name, labels)
        elif name.endswith("tif"):
            tifffile.imwrite(folder / name, labels, photometric="minisblack")
        else:
            zarr.create_array(folder / name, shape=labels.shape, chunks=labels.shape, dtype=labels.dtype)[:] = labels
    entry = {"patchworks_tiles": 1, "tiles": names}
    for key, value in (("shape", tiling.volume), ("tile", tiling.tile), ("halo", tiling.halo)):
        entry[key] = [int(n) for n in value[3 - rank:]]
    (folder / "tiles.json").write_text(json.dumps(entry))
    return folder / "tiles.json"


@pytest.fixture
def cells():
    def draw(seed):
        rng = np.random.default_rng(seed)
        two_d = seed % 2 == 1
        tiling = Tiling((1, 60, 71) if two_d else (13, 30, 34), (1, 20, 17) if two_d else (6, 11, 17),
                        (0, 6, 5) if two_d else (2, 4, 5), (0, 0, 0))
        shape = tiling.volume[1:] if two_d else tiling.volume
        truth = instances.cells(rng, shape, 7, instances.DENSITIES[seed % len(instances.DENSITIES)])
        return tiling, instances.segment_tiles(rng, truth, tiling, "errors")
    return draw


@pytest.mark.parametrize("seed", range(8))
def test_every_rule(pw, tmp_path, cells, seed):
    tiling, windows = cells(seed)
    tiles = write_list(tmp_path, tiling, windows, ("u4", "u2", "i8"), ("npy", "zarr", "tif") if seed < 4 else ("npy",))
    for rule in ("touch", "face", "overlap", "witness"):
        for threads in (1, 3):
            pw("merge", tiles, "-o", tmp_path / "out.npy", "--overwrite", "--merge", rule, "--threads", threads)
            images.assert_same_labels(np.load(tmp_path / "out.npy"), merge(tiling, windows, rule), rule)
    pw("merge", tiles, "-o", tmp_path / "auto.npy")
    images.assert_same_labels(np.load(tmp_path / "auto.npy"), merge(tiling, windows, "witness"), "auto")


def test_what_is_refused(pw, tmp_path, cells):
    tiling, windows = cells(1)
    tiles = write_list(tmp_path, tiling, windows)
    good = json.loads(tiles.read_text())
    output = tmp_path / "out.npy"
    pw.refuses("merge", tiles, "-o", output, "--tile", "5", says="--tile")

    def refused(says, **changes):
        tiles.write_text(json.dumps({**good, **changes}))
        pw.refuses("merge", tiles, "-o", output, says=says, code=EXIT_FAILED)
        assert not output.exists()

    refused("tiles", tiles=good["tiles"][:-1])
    refused("tile 0", tiles=[7, *good["tiles"][1:]])
    refused("tile", tile=[20, 0])
    refused("axes", halo=[1, 2, 3])
    refused("nowhere.npy", tiles=["nowhere.npy", *good["tiles"][1:]])
    np.save(tmp_path / "small.npy", np.ones((4, 4), np.uint8))
    refused("small.npy", tiles=["small.npy", *good["tiles"][1:]])
    np.save(tmp_path / "float.npy", np.ones((26, 22), np.float32))
    refused("float32", tiles=["float.npy", *good["tiles"][1:]])
    np.save(tmp_path / "negative.npy", np.full((26, 22), -3, np.int16))
    refused("-3", tiles=["negative.npy", *good["tiles"][1:]])
