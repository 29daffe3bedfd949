"""
Only where a second image is not zero: --mask.

Components are those of (image > threshold) & mask, whatever the tiles; tiles whose core lies outside are neither read nor
handed to the function.  The oracle lays the mask on the image by an index for each voxel of an axis.
"""

import csv

import numpy as np
import pytest
from pwtest import images, stores
from pwtest.calls import build, tiles
from pwtest.merge_oracle import Tiling
from pwtest.stores import comma


@pytest.fixture(scope="session")
def calls(compiler, tmp_path_factory):
    return build(tmp_path_factory.mktemp("calls"))


def places(n, m, factor):
    """In which voxel of m on an axis each of n lies."""
    if factor is None:
        return ((np.arange(n) + 0.5) * m / n).astype(int)
    return np.minimum(np.arange(n) // factor, m - 1)


def draw_axis(rng, n, whole):
    """An extent of the mask and the factor that makes it; None: no factor does."""
    two = [(f, r) for f in (1, 2, 4, 8) for r in (-(-n // f), n // f) if r > 0]
    if whole == "same":
        return n, 1
    if whole == "levels":
        factor, m = two[int(rng.integers(len(two)))]
        return m, next(f for r in (lambda f: -(-n // f), lambda f: n // f) for f in 2 ** np.arange(9) if r(f) == m)
    m = int(rng.integers(max(2 * n // 5, 1), n))
    fits = any(-(-n // f) == m or n // f == m for f in range(1, n + 1))
    return (n, 1) if fits else (m, None)


@pytest.mark.parametrize("seed", range(15))
def test_components_are_those_inside(pw, tmp_path, seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(20, 90, 2)) if seed % 3 == 0 else tuple(rng.integers(6, 40, 3))
    objects = images.MASKS[str(rng.choice(list(images.MASKS)))](rng, shape)
    connectivity = int(rng.integers(1, len(shape) + 1))
    image, threshold = images.paint(rng, objects, str(rng.choice(["uint8", "uint16", "float32"])))
    axes = [draw_axis(rng, n, ("same", "levels", "any")[seed % 3]) for n in shape]
    inside = images.blob_mask(rng, tuple(m for m, _ in axes))
    over = inside[np.ix_(*(places(n, m, f) for n, (m, f) in zip(shape, axes)))]
    expected = images.components(objects & over, connectivity)
    dtype = str(rng.choice(["bool", "uint8", "int16", "float32", "uint64"]))
    values = rng.choice([1, 3, -2], inside.shape) if np.dtype(dtype).kind in "if" else rng.integers(1, 3, inside.shape)
    zero = -0.0 if np.dtype(dtype).kind == "f" else 0
    format = "npy" if dtype in ("bool", "uint64") else str(rng.choice(["npy", "tiff", "zarr2", "zarr3"]))
    mask = stores.write(rng, tmp_path / "mask", np.where(inside, values, zero).astype(dtype), format)
    source = stores.write(rng, tmp_path / "image", image, str(rng.choice(stores.FORMATS)))
    outputs = set()
    for threads in (1, 2, 7):
        tile = comma([1] * (3 - len(shape)) + [int(rng.choice([3, 5, 8, 16, 40])) for _ in shape])
        result = pw("run", *source, "--fn", f"threshold:{threshold},connectivity={connectivity}", "--mask", mask[0], "--tile",
                    tile, "--halo", int(rng.integers(0, 4)), "--threads", threads, "-o", tmp_path / "labels.npy",
                    "--overwrite", "--summary=json")
        images.assert_same_labels(np.load(tmp_path / "labels.npy"), expected, str(result))
        assert result.summary()["n_objects"] == expected.max()
        outputs.add((tmp_path / "labels.npy").read_bytes())
    assert len(outputs) == 1


@pytest.mark.parametrize("fn", ["label", "dog:low=1,high=3,threshold=2,connectivity=2", "otsu"])
def test_other_segmenters_of_components(pw, tmp_path, fn):
    """Equal values that touch stay apart; a filter sees beyond the mask, and a threshold is that of the whole image."""
    rng = np.random.default_rng(1)
    image = rng.integers(0, 4, (40, 50)).repeat(2, 0).repeat(2, 1).astype(np.uint8) * 10
    inside = images.blob_mask(rng, (40, 50))
    np.save(tmp_path / "image.npy", image)
    np.save(tmp_path / "mask.npy", inside)
    pw("run", tmp_path / "image.npy", "--fn", fn, "-o", tmp_path / "all.npy", "--tile", "1,100,100")
    everything = np.load(tmp_path / "all.npy")
    over = inside.repeat(2, 0).repeat(2, 1)
    connectivity = 2 if "connectivity=2" in fn else 1
    np.save(tmp_path / "left.npy", np.where(over, everything, 0))
    pw("run", tmp_path / "left.npy", "--fn", f"label:connectivity={connectivity}", "-o", tmp_path / "expected.npy")
    result = pw("run", tmp_path / "image.npy", "--fn", fn, "--mask", tmp_path / "mask.npy", "--tile", "1,16,20", "-o",
                tmp_path / "labels.npy")
    images.assert_same_labels(np.load(tmp_path / "labels.npy"), np.load(tmp_path / "expected.npy"), str(result))


@pytest.mark.parametrize("seed", range(6))
def test_tiles_outside_are_not_read(pw, calls, tmp_path, seed):
    """The function is called for those with a voxel of the mask in the core, and no chunk of others is even opened."""
    import zarr

    rng = np.random.default_rng(seed)
    array = zarr.create_array(tmp_path / "image.zarr", shape=(64, 96), chunks=(16, 16), dtype="uint16")
    array[:] = rng.integers(1, 9, (64, 96))
    inside = np.zeros((64, 96), np.uint8)
    for _ in range(seed):
        y, x = rng.integers(0, (64, 96))
        inside[y:y + int(rng.integers(1, 20)), x:x + int(rng.integers(1, 20))] = 1
    np.save(tmp_path / "mask.npy", inside)
    tiling = Tiling((1, 64, 96), (1, 16, 16), (0, 0, 0))
    wanted = [t for t in range(len(tiling)) if inside[tuple(slice(a, b) for a, b in tiling.core(t)[1:])].any()]
    for t in set(range(len(tiling))) - set(wanted):
        (tmp_path / "image.zarr" / "c" / str(t // 6) / str(t % 6)).write_bytes(b"no chunk")
    result = pw("run", tmp_path / "image.zarr", "--fn", f"{calls}:{tmp_path / 'calls.txt'}", "--mask", tmp_path / "mask.npy",
                "--tile", "16", "-o", tmp_path / "labels.npy", "--summary=json", "--merge", "face")
    assert sorted(tiles(tmp_path / "calls.txt")) == wanted, str(result)
    assert result.summary()["n_masked_tiles"] == len(tiling) - len(wanted)
    assert np.array_equal(np.load(tmp_path / "labels.npy") > 0, inside > 0)
    pw.refuses("run", tmp_path / "image.zarr", "--fn", "threshold:0", "-o", tmp_path / "none.npy", says="image.zarr")


@pytest.mark.parametrize("rule", ["overlap", "witness"])
def test_instances_keep_what_is_inside(pw, tmp_path, rule):
    """An object that the mask cuts in two is one object still; overlaps are compared by what is left."""
    yy, xx = np.mgrid[:96, :96]
    image = np.zeros((96, 96), np.uint16)
    for i, (y, x) in enumerate([(14, 14), (16, 47), (48, 30), (70, 70), (80, 20), (46, 84)], 1):
        image[np.hypot(yy - y, xx - x) < 11] = 100 * i
    np.save(tmp_path / "image.npy", image)
    inside = np.ones((96, 96), np.uint8)
    inside[44:50] = 0
    inside[:, :20] = 0
    inside[60:, 60:64] = 0
    np.save(tmp_path / "mask.npy", inside)
    common = ["run", tmp_path / "image.npy", "--fn", "watershed:threshold=1,size=15", "--merge", rule]
    pw(*common, "--tile", "1,96,96", "-o", tmp_path / "whole.npy")
    pw(*common, "--mask", tmp_path / "mask.npy", "--tile", "1,32,32", "--halo", "24", "-o", tmp_path / "labels.npy",
       "--objects", tmp_path / "objects.csv")
    labels, left = np.load(tmp_path / "labels.npy"), np.where(inside, np.load(tmp_path / "whole.npy"), 0)
    assert np.array_equal(labels > 0, left > 0)
    pairs = np.unique(np.stack([labels, left], -1).reshape(-1, 2), axis=0)
    assert len(pairs) - 1 == labels.max() == len(np.unique(left)) - 1 == 6  # one label for each, and one of each label
    rows = list(csv.DictReader(open(tmp_path / "objects.csv")))
    assert [int(row["voxels"]) for row in rows] == list(np.bincount(labels.ravel())[1:])


def test_time_points_levels_and_paths(pw, tmp_path):
    """A mask for each time point, one for all, and one of a level of an image in a store."""
    import zarr

    rng = np.random.default_rng(3)
    image = rng.integers(0, 9, (3, 40, 60)).astype(np.uint8)
    inside = rng.random((3, 10, 15)) < 0.5
    group = zarr.create_group(tmp_path / "image.zarr")
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": [{"name": "t", "type": "time"}, {"name": "y", "type": "space"}, {"name": "x", "type": "space"}],
                          "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1]}]}]}]}
    group.create_array("0", shape=image.shape, chunks=(1, 16, 16), dtype="uint8")[:] = image
    tissue = zarr.create_group(tmp_path / "masks.zarr/tissue")
    tissue.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": [{"name": a, "type": t} for a, t in zip("tyx", ("time", "space", "space"))],
                           "datasets": [{"path": str(i), "coordinateTransformations": [{"type": "scale", "scale": [1, s, s]}]} for i, s in enumerate((1, 4))]}]}
    tissue.create_array("0", shape=image.shape, chunks=image.shape, dtype="uint8")[:] = 1
    tissue.create_array("1", shape=inside.shape, chunks=inside.shape, dtype="bool")[:] = inside
    over = inside.repeat(4, 1).repeat(4, 2)

    def run(mask, expected, *options):
        result = pw("run", tmp_path / "image.zarr", "--fn", "threshold:3", "--mask", mask, "--tile", "16", "-o",
                    tmp_path / "labels.npy", "--overwrite", *options)
        images.assert_same_labels(np.load(tmp_path / "labels.npy"), expected, str(result))

    def numbered(foreground):
        out, most = np.zeros(foreground.shape, np.uint32), 0
        for t, plane in enumerate(foreground):
            one = images.components(plane, 1)
            out[t] = np.where(one > 0, one + most, 0)
            most += one.max()
        return out

    run(f"{tmp_path}/masks.zarr:tissue@1", numbered((image > 3) & over))
    run(f"{tmp_path}/masks.zarr/tissue@1", numbered((image > 3) & over))
    run(f"{tmp_path}/masks.zarr:tissue", numbered(image > 3))
    run(f"{tmp_path}/masks.zarr:tissue@1", images.components((image[2] > 3) & over[2], 1), "--time", "2")
    np.save(tmp_path / "one.npy", inside[1])
    run(tmp_path / "one.npy", numbered((image > 3) & over[1]))
    run(tmp_path / "one.npy", numbered((image > 3) & over[1] & (np.arange(60) < 33)), "--roi", ":,:33")


@pytest.mark.parametrize("shape, says", [((41, 60), "do not lie on"), ((2, 40, 60), "do not lie on"), (None, "nothing.npy")])
def test_masks_that_are_none(pw, tmp_path, shape, says):
    np.save(tmp_path / "image.npy", np.ones((40, 60), np.uint8))
    mask = tmp_path / "nothing.npy"
    if shape is not None:
        mask = tmp_path / "mask.npy"
        np.save(mask, np.ones(shape, np.uint8))
    pw.refuses("run", tmp_path / "image.npy", "--fn", "threshold:0", "--mask", mask, "-o", tmp_path / "labels.npy",
               says=["--mask" if shape else "", says])
    assert not (tmp_path / "labels.npy").exists()


def test_plan_stage_and_resume(pw, calls, tmp_path):
    """The plan names the mask and what it takes; a run with another mask does not go on from one that failed."""
    rng = np.random.default_rng(5)
    np.save(tmp_path / "image.npy", rng.integers(0, 9, (8, 128, 128)).astype(np.uint8))
    for name in ("mask", "other"):
        np.save(tmp_path / f"{name}.npy", rng.integers(0, 2, (8, 64, 64)).astype(np.uint8))
    common = ["run", tmp_path / "image.npy", "--tile", "4,32,32", "-o", tmp_path / "labels.npy", "--overwrite", "--mask"]
    plan = pw(*common, tmp_path / "mask.npy", "--fn", "threshold:4", "--dry-run").text
    assert f"mask         {tmp_path}/mask.npy, 8 x 64 x 64 voxels" in plan and " x mask\n" in plan
    pw(*common, tmp_path / "mask.npy", "--fn", "threshold:4", "--keep-stage", tmp_path / "stage")
    pw("remerge", tmp_path / "stage", "-o", tmp_path / "again.npy")
    assert (tmp_path / "again.npy").read_bytes() == (tmp_path / "labels.npy").read_bytes()
    common += [tmp_path / "mask.npy", "--fn", f"{calls}:{tmp_path / 'calls.txt'}", "--threads", 1]
    pw(*common)
    whole = (tmp_path / "labels.npy").read_bytes()
    pw.refuses(*common, env={"CALLS_FAIL": "9"}, says="tile 9")
    other = [tmp_path / "other.npy" if word == tmp_path / "mask.npy" else word for word in common if word != "--overwrite"]
    (tmp_path / "labels.npy").unlink()
    pw.refuses(*other, "--resume", says="its mask")
    result = pw(*common, "--resume", "--summary=json")
    assert (tmp_path / "labels.npy").read_bytes() == whole and result.summary()["n_resumed_tiles"] == 9


def test_in_place_and_pipes(pw, tmp_path):
    np.save(tmp_path / "image.npy", np.ones((4, 6), np.uint8))
    pw.refuses("run", tmp_path / "image.npy", "--fn", "threshold:0", "--mask", "-", "-o", tmp_path / "labels.npy", says="--mask -")
