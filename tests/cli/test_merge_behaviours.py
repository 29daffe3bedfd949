"""
Small cases of merging with known answers: those of the Python program of the same name, with the right answer where its
own is wrong.  In comments a "|" marks a seam.  Numbers are those of first voxels in raster order of the whole.
"""

import json
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from pwtest import images, instances, stores
from pwtest.merge_oracle import Tiling
from pwtest.stores import comma
from pwtest.tool import tree


def needs(pw, verb, *options):
    """Skips the test where the tool does not have the verb, or the verb one of the options."""
    text = pw.any("help", verb)
    if text.code != 0:
        pytest.skip(f"pw-stream has no {verb}")
    for option in options:
        if not re.search(rf"(^|[\s,]){re.escape(option)}\b", text.text):
            pytest.skip(f"pw-stream {verb} has no {option}")


@pytest.fixture
def merge_labels(pw, tmp_path):
    """merge_labels(labels, tile, options...): what pw-stream merge makes of an array."""

    def run(labels, tile, *options):
        np.save(tmp_path / "given.npy", np.asarray(labels))
        pw("merge", tmp_path / "given.npy", "--tile", tile, "-o", tmp_path / "merged.npy", "--overwrite", *options)
        return np.load(tmp_path / "merged.npy").tolist()

    return run


@pytest.fixture
def segment(pw, tmp_path):
    """segment(image, function, options...): the labels of one run and its summary."""

    def run(image, function, *options):
        np.save(tmp_path / "image.npy", np.asarray(image))
        result = pw("run", tmp_path / "image.npy", "--fn", function, "-o", tmp_path / "labels.npy", "--overwrite",
                    "--summary=json", *options)
        return np.load(tmp_path / "labels.npy"), result.summary()

    return run


def merge_tiles(pw, plugin, folder, tiling, windows, *options):
    """The labels and the summary of a run whose tiles are these."""
    folder = Path(folder)
    made = instances.write_windows(folder / "tiles", tiling, windows)
    np.save(folder / "image.npy", np.zeros(tiling.volume[1:] if tiling.volume[0] == 1 else tiling.volume, np.uint8))
    result = pw("run", folder / "image.npy", "--fn", f"{plugin}:{made}", "--tile", comma(tiling.tile), "--halo",
                comma(tiling.halo), "-o", folder / "labels.npy", "--overwrite", "--summary=json", *options)
    return np.load(folder / "labels.npy"), result.summary()


def perfect_windows(truth, tiling, seed=1):
    return instances.segment_tiles(np.random.default_rng(seed), np.asarray(truth), tiling, "perfect")


# ---------------------------------------------------------------------------- labels that are there already


def test_g11_an_object_through_three_tiles(merge_labels):
    """10 10 | 10 20 | 20 20: one, through the ids 10 and 20 of the tile between."""
    assert merge_labels([[10, 10, 20, 20, 30, 30]], "1,1,2") == [[1] * 6]


def test_g12_objects_of_different_tiles_stay_apart(merge_labels):
    given = [[1, 0, 0, 1], [0, 2, 0, 2]]
    assert merge_labels(given, "1,2,2") == [[1, 0, 0, 2], [0, 3, 0, 4]]


def test_g13_ids_that_repeat_in_every_tile(merge_labels):
    """1 2 | 1 2: the 2 of the first and the 1 of the second touch."""
    assert merge_labels([[1, 2, 1, 2]], "1,1,2") == [[1, 2, 2, 3]]


def test_g14_no_tile_is_left_out(merge_labels):
    """Nobody has to say how many labels a tile has: those of every tile are counted."""
    assert merge_labels([[1, 2, 0, 1, 0, 1]], "1,1,2") == [[1, 2, 0, 3, 0, 4]]


def test_g15_touching_is_not_agreeing(pw, replay, merge_labels, tmp_path):
    """1 1 | 1 1 over 1 1 | 2 2: touch takes all for one; no cross-section agrees by more than a half."""
    given = [[1, 1, 1, 1], [1, 1, 2, 2]]
    assert merge_labels(given, "1,2,2") == [[1] * 4] * 2
    assert merge_labels(given, "1,2,2", "--merge", "face") == [[1, 1, 2, 2], [1, 1, 3, 3]]
    # With windows that reach over the seam and agree on nothing the three are apart too.
    tiling = Tiling((1, 2, 4), (1, 2, 2), (0, 0, 1))
    windows = [np.array([[[1, 1, 0], [1, 1, 0]]]), np.array([[[0, 1, 1], [0, 2, 2]]])]
    for rule in ("overlap", "witness"):
        labels, summary = merge_tiles(pw, replay, tmp_path, tiling, windows, "--merge", rule)
        assert labels.tolist() == [[1, 1, 2, 2], [1, 1, 3, 3]] and summary["n_objects"] == 3


def test_g16_corners(merge_labels):
    given = [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert max(map(max, merge_labels(given, "1,2,2"))) == 2
    assert max(map(max, merge_labels(given, "1,2,2", "--connectivity", "2"))) == 1
    cube = np.zeros((4, 4, 4), int)
    cube[1, 1, 1] = cube[2, 2, 2] = 1
    for connectivity, n in ((1, 2), (2, 2), (3, 1)):
        assert np.max(merge_labels(cube, "2,2,2", "--connectivity", connectivity)) == n


@pytest.mark.parametrize("seed", range(30))
def test_g17_any_mask_any_chunks(pw, tmp_path, seed):
    """Labelled tile by tile and merged by touching equals labelled at once, to the number, for every connectivity."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(5, 60, 2)) if seed % 2 else tuple(rng.integers(3, 20, 3))
    mask = images.random_mask(rng, shape)
    tiling = Tiling(instances.volume_of(mask), [int(rng.integers(1, n + 3)) for n in instances.volume_of(mask)])
    for connectivity in range(1, len(shape) + 1):
        given = np.zeros(tiling.volume, np.uint16)
        for t in range(len(tiling)):
            core = instances.slices(tiling.core(t))
            given[core] = instances.renumbered(rng, images.components(mask.reshape(tiling.volume)[core], connectivity))
        np.save(tmp_path / "given.npy", given.reshape(shape))
        result = pw("merge", tmp_path / "given.npy", "--tile", comma(tiling.tile), "--connectivity", connectivity, "-o",
                    tmp_path / "merged.npy", "--overwrite")
        images.assert_same_labels(np.load(tmp_path / "merged.npy"), images.components(mask, connectivity), str(result))


def test_g18_numbers_follow_first_voxels(pw, replay, tmp_path):
    """Not the order of tiles, nor of the tiles' completion, nor of the ids that the function gave."""
    rng = np.random.default_rng(4)
    truth = instances.cells(rng, (64, 80), 9, "touching")
    expected = images.raster_order(truth)
    tiling = Tiling((1, 64, 80), (1, 16, 16), (0, 6, 6))
    for seed in range(4):
        windows = perfect_windows(truth, tiling, seed)
        for threads in (1, 5):
            labels, _ = merge_tiles(pw, replay, tmp_path, tiling, windows, "--threads", threads)
            images.assert_same_labels(labels, expected)
    pw("run", tmp_path / "image.npy", "--fn", f"{replay}:{tmp_path / 'tiles'}", "--tile", "1,16,16", "--halo", "6", "-o",
       tmp_path / "stalled.npy", "--threads", "4", env={"PW_STALL": "1"})
    images.assert_same_labels(np.load(tmp_path / "stalled.npy"), expected)


# ---------------------------------------------------------------------------- whole runs


def test_g19_blocks(segment):
    image = np.zeros((16, 32), np.uint16)
    image[4:12, 8:24] = 500
    labels, summary = segment(image, "threshold:100", "--tile", "16", "--halo", "4")
    assert summary["n_objects"] == 1 and np.array_equal(labels, image > 0)
    image[:] = 0
    for y, x in ((2, 4), (2, 20), (10, 4), (10, 20)):
        image[y : y + 3, x : x + 3] = 500
    labels, summary = segment(image, "threshold:100", "--tile", "8,8,16", "--halo", "2")
    assert np.unique(labels).tolist() == [0, 1, 2, 3, 4]


def three_objects():
    image = np.zeros((8, 48), np.uint16)
    for y, x in ((slice(1, 4), slice(4, 12)), (slice(2, 6), slice(14, 26)), (slice(5, 7), slice(30, 44))):
        image[y, x] = 500
    return image


def test_g20_one_answer_by_every_way(pw, segment, merge_labels, tmp_path):
    """Segmented with a halo, or merged from tiles with ids of their own, or with ids that are unique already."""
    image = three_objects()
    expected = images.components(image > 0, 1)
    labels, summary = segment(image, "threshold:100", "--tile", "1,8,16", "--halo", "2")
    images.assert_same_labels(labels, expected)
    assert summary["n_objects"] == 3
    local = np.zeros_like(expected)
    unique = np.zeros_like(expected)
    for x in range(0, 48, 16):
        local[:, x : x + 16] = images.components(image[:, x : x + 16] > 0, 1)
        unique[:, x : x + 16] = local[:, x : x + 16] + 100 * x * (local[:, x : x + 16] > 0)
    assert merge_labels(local, "1,8,16") == merge_labels(unique, "1,8,16") == expected.tolist()


def zarr_labels(path, labels, zarr_format, chunks):
    """A label array in a store of its own, as another pipeline left it."""
    array = stores.zarr.create_array(str(path), shape=labels.shape, chunks=chunks, dtype=labels.dtype, zarr_format=zarr_format,
                                     fill_value=0)
    array[...] = labels
    return path


def read_zarr(path):
    return stores.zarr.open(str(path), mode="r")[...]


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_g20_in_place(pw, tmp_path, zarr_format):
    needs(pw, "merge", "--in-place")
    image = three_objects()
    local = np.zeros(image.shape, np.uint32)
    for x in range(0, 48, 16):
        local[:, x : x + 16] = images.components(image[:, x : x + 16] > 0, 1)
    store = zarr_labels(tmp_path / "labels.zarr", local, zarr_format, (8, 16))
    pw("merge", store, "--in-place", "--tile", "1,8,16")
    images.assert_same_labels(read_zarr(store), images.components(image > 0, 1))


def test_g21_empty_chunks_are_not_written(pw, tmp_path):
    image = np.zeros((8, 64), np.uint16)
    image[2:5, 2:6] = 500
    np.save(tmp_path / "image.npy", image)
    np.save(tmp_path / "given.npy", (image > 0).astype(np.uint16))
    for arguments in (["run", tmp_path / "image.npy", "--fn", "threshold:100"], ["merge", tmp_path / "given.npy"]):
        output = tmp_path / f"{arguments[0]}.zarr"
        pw(*arguments, "--tile", "8", "--chunk", "1,8,8", "-o", output)
        level = stores.label_group(output) / "0"
        files = [p for p in level.rglob("*") if p.is_file() and p.name != "zarr.json" and not p.name.startswith(".z")]
        assert len(files) == 1, files
        images.assert_same_labels(stores.read_labels(output), (image > 0).astype(int))


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_g22_merged_in_place_twice(pw, tmp_path, zarr_format):
    """The second time nothing happens, and the number of objects is the same."""
    needs(pw, "merge", "--in-place")
    store = zarr_labels(tmp_path / "labels.zarr", np.array([[1, 1, 1, 0]], np.uint32), zarr_format, (1, 2))
    first = pw("merge", store, "--in-place", "--tile", "1,1,2", "--summary=json").summary()
    before = tree(store)
    again = pw("merge", store, "--in-place", "--tile", "1,1,2", "--summary=json").summary()
    assert read_zarr(store).tolist() == [[1, 1, 1, 0]]
    assert tree(store) == before and again["n_objects"] == first["n_objects"] == 1


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_g22_killed_while_merging_in_place(pw, tmp_path, zarr_format):
    """Killed at any moment the labels are those before or those after, and running it again finishes the work."""
    needs(pw, "merge", "--in-place")
    rng = np.random.default_rng(5)
    mask = images.blob_mask(rng, (300, 400))
    local = np.zeros(mask.shape, np.uint32)
    for y in range(0, 300, 50):
        for x in range(0, 400, 50):
            local[y : y + 50, x : x + 50] = images.components(mask[y : y + 50, x : x + 50], 1)
    expected = images.components(mask, 1)
    store, given = tmp_path / "labels.zarr", zarr_labels(tmp_path / "given.zarr", local, zarr_format, (50, 50))
    shutil.copytree(given, store)
    arguments = ["merge", store, "--in-place", "--tile", "1,50,50"]
    begun = time.monotonic()
    pw(*arguments)
    whole = time.monotonic() - begun
    outcomes = set()
    for share in np.linspace(0.05, 1.0, 12):
        shutil.rmtree(store)
        shutil.copytree(given, store)
        running = pw.start(*arguments)
        time.sleep(share * whole)
        running.kill()
        running.communicate()
        left = read_zarr(store)
        merged = np.array_equal(left, expected)
        assert merged or np.array_equal(left, local), f"neither before nor after when killed at {share:.0%}"
        outcomes.add(merged)
        pw(*arguments)
        images.assert_same_labels(read_zarr(store), expected)
        left_behind = [p for p in tmp_path.iterdir() if p.name not in ("given.zarr", "labels.zarr", "scratch.tmp")]
        assert all(p.name.startswith(".labels.zarr.pw-") for p in left_behind), left_behind
        for path in left_behind:  # the half that nobody could take away any more
            shutil.rmtree(path)
    assert False in outcomes, "no run was killed in time"


def test_g23_tiles_without_background(pw, segment, replay, merge_labels, tmp_path):
    """No label is taken for background because nothing else is there."""
    labels, summary = segment(np.full((4, 12), 500, np.uint16), "threshold:100", "--tile", "4")
    assert summary["n_objects"] == 1 and summary["foreground_voxels"] == 48 and np.all(labels == 1)
    tiling = Tiling((1, 4, 12), (1, 4, 4))
    halves = np.repeat([[[7], [7], [9], [9]]], 4, axis=2)
    labels, summary = merge_tiles(pw, replay, tmp_path, tiling, [halves] * 3)
    assert labels.tolist() == [[1] * 12] * 2 + [[2] * 12] * 2
    assert merge_labels(np.concatenate([halves[0]] * 3, axis=1), "1,4,4", "--merge", "face") == labels.tolist()


def test_g24_numbers_are_consecutive(segment, merge_labels):
    """By first voxel, whatever the ids were, with and without background."""
    assert segment([[0, 500, 500, 7, 7, 7, 0, 1000]], "label", "--tile", "1,1,3")[0].tolist() == [[0, 1, 1, 2, 2, 2, 0, 3]]
    assert segment([[5, 5, 7]], "label", "--tile", "1,1,2")[0].tolist() == [[1, 1, 2]]
    assert merge_labels([[0, 500, 500, 7, 7, 7, 0, 1000]], "1,1,8") == [[0, 1, 1, 2, 2, 2, 0, 3]]


@pytest.mark.parametrize("n", [65535, 65536])
def test_g24_type_of_the_labels(pw, segment, tmp_path, n):
    """A type that was asked for holds every id or is refused; none wraps."""
    image = np.zeros((2, 2 * n), np.uint8)
    image[0, ::2] = 1
    labels, summary = segment(image, "threshold:0", "--tile", "2,2,1000")
    assert labels.dtype == np.uint32 and summary["n_objects"] == labels.max() == n
    arguments = ["run", tmp_path / "image.npy", "--fn", "threshold:0", "-o", tmp_path / "narrow.npy", "--out-dtype", "uint16"]
    if n <= 65535:
        pw(*arguments)
        assert np.load(tmp_path / "narrow.npy").dtype == np.uint16 and np.load(tmp_path / "narrow.npy").max() == n
    else:
        pw.refuses(*arguments, says=[str(n), "uint16"])
        assert not (tmp_path / "narrow.npy").exists()


def test_g25_more_objects_than_the_type_of_the_tiles_holds(pw, merge_labels, tmp_path):
    """100 objects in each of 4 tiles of uint8 are 400."""
    tile = np.zeros((20, 20), np.uint8)
    tile[::2, ::2] = np.arange(1, 101).reshape(10, 10)
    given = np.block([[tile, tile], [tile, tile]])
    merged = np.array(merge_labels(given, "1,20,20"))
    assert len(np.unique(merged)) == 401 and merged.max() == 400
    pw.refuses("merge", tmp_path / "given.npy", "--tile", "1,20,20", "-o", tmp_path / "narrow.npy", "--out-dtype", "uint8",
               says=["400", "uint8"])


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_g25_in_place_does_not_wrap(pw, tmp_path, zarr_format):
    """More objects than the type of the array holds: refused, and nothing is touched."""
    needs(pw, "merge", "--in-place")
    tile = np.zeros((20, 20), np.uint8)
    tile[::2, ::2] = np.arange(1, 101).reshape(10, 10)
    store = zarr_labels(tmp_path / "labels.zarr", np.block([[tile, tile], [tile, tile]]), zarr_format, (20, 20))
    before = tree(store)
    pw.refuses("merge", store, "--in-place", "--tile", "1,20,20", says=["400", "uint8"])
    assert tree(store) == before


def test_g26_an_object_in_the_halo_of_another_tile(pw, replay, segment, tmp_path):
    """Pixel (2, 9), tiles of 8 and a halo of 4: the tile whose core it is in has it, once."""
    image = np.zeros((8, 16), np.uint16)
    image[2, 9] = 500
    labels, summary = segment(image, "threshold:100", "--tile", "8", "--halo", "4")
    assert summary["n_objects"] == summary["n_tile_labels"] == 1 and np.array_equal(labels, image > 0)
    tiling = Tiling((1, 8, 16), (1, 8, 8), (0, 4, 4))
    for rule in ("face", "overlap", "witness"):
        labels, summary = merge_tiles(pw, replay, tmp_path, tiling, perfect_windows(image, tiling), "--merge", rule)
        assert summary["n_objects"] == 1 and np.array_equal(labels, image > 0), rule
    # Seen from the halo alone, where the tile that it is in sees nothing: it does not exist.
    windows = perfect_windows(image, tiling)
    windows[1] = np.zeros_like(windows[1])
    for rule in ("face", "overlap", "witness"):
        labels, summary = merge_tiles(pw, replay, tmp_path, tiling, windows, "--merge", rule)
        assert summary["n_objects"] == 0 and not labels.any(), rule


def test_g27_labels_of_another_shape(pw, replay, tmp_path):
    """Refused, naming the tile; nothing is written."""
    tiling = Tiling((1, 8, 16), (1, 8, 8))
    made = instances.write_windows(tmp_path / "tiles", tiling, [np.ones((1, 8, 8))] * 2)
    name = instances.window_name(tiling, 1)
    (made / name).write_bytes(bytes(4 * 63))
    np.save(tmp_path / "image.npy", np.zeros((8, 16), np.uint8))
    for output in ("labels.npy", "labels.zarr", "labels.tif"):
        pw.refuses("run", tmp_path / "image.npy", "--fn", f"{replay}:{made}", "--tile", "8", "-o", tmp_path / output,
                   says=["tile 1", "replay", name, "64 labels"])
        assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("labels") and p.suffix != ".part") == []


def test_g28_once_for_each_tile(pw, replay_once, tmp_path):
    """The function is called once for each tile, by any number of threads; a second call would find no labels."""
    rng = np.random.default_rng(6)
    truth = instances.cells(rng, (60, 60), 8, "touching")
    tiling = Tiling((1, 60, 60), (1, 20, 20), (0, 5, 5))
    for threads in (1, 2, 7):
        folder = tmp_path / str(threads)
        folder.mkdir()
        labels, _ = merge_tiles(pw, replay_once, folder, tiling, perfect_windows(truth, tiling), "--threads", threads)
        images.assert_same_labels(labels, images.raster_order(truth))
        assert sorted(p.name for p in (folder / "tiles").iterdir()) == sorted(
            f"{instances.window_name(tiling, t)}.done" for t in range(len(tiling)))


def test_g29_resume(pw, replay_once, tmp_path):
    """A function that fails at the third of four tiles is called for what is missing, and the result is as if it had not."""
    truth = images.components(three_objects()[:, :32] > 0, 1)
    tiling = Tiling((1, 8, 32), (1, 8, 8))
    windows = perfect_windows(truth, tiling)
    made = instances.write_windows(tmp_path / "tiles", tiling, windows)
    np.save(tmp_path / "image.npy", np.zeros((8, 32), np.uint8))
    lost = made / instances.window_name(tiling, 2)
    content = lost.read_bytes()
    lost.unlink()
    arguments = ["run", tmp_path / "image.npy", "--fn", f"{replay_once}:{made}", "--tile", "8", "--threads", "1", "-o",
                 tmp_path / "labels.npy", "--resume"]
    pw.refuses(*arguments, says=["tile 2", f"{tmp_path / 'labels.npy.part'} has 2 of 4 tiles", "--resume"])
    assert len(list(made.glob("*.done"))) == 2
    lost.write_bytes(content)
    assert pw(*arguments, "--summary=json").summary()["n_resumed_tiles"] == 2
    images.assert_same_labels(np.load(tmp_path / "labels.npy"), truth)
    assert len(list(made.glob("*.done"))) == 4
    assert not (tmp_path / "labels.npy.part").exists()


# ---------------------------------------------------------------------------- relations


def related(pw, tmp_path, child, parent, *options):
    """{child: (parent, shared voxels, fraction)}."""
    np.save(tmp_path / "child.npy", np.asarray(child, np.uint16))
    np.save(tmp_path / "parent.npy", np.asarray(parent, np.uint16))
    pw("relate", tmp_path / "child.npy", tmp_path / "parent.npy", "-o", tmp_path / "relations.csv", "--overwrite", *options)
    head, *lines = (tmp_path / "relations.csv").read_text().splitlines()
    rows = [dict(zip(head.split(","), line.split(","))) for line in lines]
    return {int(r["child"]): (int(r["parent"]), int(r["shared_voxels"]), float(r["fraction"])) for r in rows}


def test_g46_best_parent(pw, tmp_path):
    needs(pw, "relate")
    child, parent = np.zeros((4, 10), int), np.zeros((4, 10), int)
    child[0:2, 0:2], child[0:2, 4:8] = 1, 2
    parent[0:3, 0:3], parent[0:2, 4:7], parent[0:2, 7:8] = 10, 20, 21
    assert related(pw, tmp_path, child, parent) == {1: (10, 4, 1.0), 2: (20, 6, 0.75)}


def test_g46_ties_go_to_the_lower_id(pw, tmp_path):
    needs(pw, "relate")
    assert related(pw, tmp_path, [[1, 1, 1, 1]], [[3, 3, 2, 2]]) == {1: (2, 2, 0.5)}


def test_g46_fraction_is_of_the_whole_child(pw, tmp_path):
    needs(pw, "relate")
    child, parent = np.ones((4, 4), int), np.zeros((4, 4), int)
    parent[2, 1] = 5
    assert related(pw, tmp_path, child, parent) == {1: (5, 1, 0.0625)}


def test_g46_no_parent(pw, tmp_path):
    """A child without a parent is listed, with 0 for it."""
    needs(pw, "relate")
    assert related(pw, tmp_path, [[1, 1, 0, 0]], [[0, 0, 7, 7]]) == {1: (0, 0, 0.0)}


# ---------------------------------------------------------------------------- sizes


def test_g52_least_size(pw, segment):
    needs(pw, "run", "--min-size")
    image = [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 2], [0, 0, 0, 0]]
    labels, summary = segment(image, "label", "--tile", "2", "--min-size", "2")
    assert labels.tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [0] * 4, [0] * 4] and summary["n_objects"] == 1


def test_g52_least_and_greatest_size(pw, segment):
    """Sizes are those of whole objects, not of what one tile has of them; what is left is numbered 1, 2, ..."""
    needs(pw, "run", "--min-size", "--max-size")
    image = [[1, 0, 2, 2, 0, 3, 3, 3]]
    for tile in ("1,1,8", "1,1,1", "1,1,3"):
        labels, _ = segment(image, "label", "--tile", tile, "--min-size", "2", "--max-size", "2")
        assert labels.tolist() == [[0, 0, 1, 1, 0, 0, 0, 0]], tile


def test_g52_sizes_in_cubic_micrometres(pw, tmp_path):
    """5 um3 of voxels of 0.24 x 0.10833 x 0.10833 um: 1776 voxels are more, 1775 less."""
    needs(pw, "run", "--min-size", "--max-size")
    image = np.zeros((3, 40, 100), np.uint16)
    image[0].reshape(-1)[:1775] = 200
    image[2].reshape(-1)[:1776] = 200
    source = tmp_path / "image.ome.tif"
    stores.tifffile.imwrite(source, image, ome=True, metadata={
        "axes": "ZYX", "PhysicalSizeX": 0.10833, "PhysicalSizeY": 0.10833, "PhysicalSizeZ": 0.24,
        "PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "µm", "PhysicalSizeZUnit": "µm"})
    full = images.components(image > 100, 3)
    sizes = np.bincount(full.ravel())[1:].tolist()
    assert sizes == [1775, 1776]
    for option, kept in (("--min-size", 1776), ("--max-size", 1775)):
        pw("run", source, "--fn", "threshold:100,connectivity=3", "--tile", "2,16,16", option, "5um3", "-o",
           tmp_path / "labels.npy", "--overwrite")
        assert np.count_nonzero(np.load(tmp_path / "labels.npy")) == kept, option


# ---------------------------------------------------------------------------- seams


def test_g53_touching_rectangles(pw, replay, tmp_path):
    """Two that touch at the seam of two tiles and a third far away: 2 objects by touching, 3 by agreement."""
    truth = np.zeros((16, 96), int)
    truth[4:12, 20:32], truth[4:12, 32:44], truth[4:12, 70:90] = 1, 2, 3
    tiling = Tiling((1, 16, 96), (1, 16, 32), (0, 6, 6))
    windows = perfect_windows(truth, tiling)
    for rule, n in (("touch", 2), ("overlap", 3), ("witness", 3)):
        labels, summary = merge_tiles(pw, replay, tmp_path, tiling, windows, "--merge", rule)
        assert summary["n_objects"] == labels.max() == n, rule
    images.assert_same_labels(labels, images.raster_order(truth))


def seam_report(pw, replay, folder, tiling, windows, *options):
    """What pw-stream seams says of a run with these tiles, and its exit status with --qc-fail."""
    merge_tiles(pw, replay, folder, tiling, windows, "--keep-stage", folder / "stage", *options)
    report = json.loads(pw("seams", folder / "stage", "--json").text)
    return report, pw.any("seams", folder / "stage", "--json", "--qc-fail").code


@pytest.mark.parametrize("density", instances.DENSITIES)
def test_g54_clean_objects(pw, replay, tmp_path, density):
    """Objects are not cut more often at seams than inside the tiles."""
    truth = instances.cells(np.random.default_rng(3), (400, 400), 15, density)
    tiling = Tiling((1, 400, 400), (1, 100, 100), (0, 20, 20))
    report, code = seam_report(pw, replay, tmp_path, tiling, perfect_windows(truth, tiling))
    assert code == 0 and not report["is_worse"], report
    assert report["seams"]["cut_rate"] <= 2 * report["control"]["cut_rate"] + 0.05, report


def test_g54_objects_cut_at_every_seam(pw, replay, tmp_path):
    """Every object that crosses an x seam ends there on both sides; nothing is at the y seams."""
    truth = instances.cells(np.random.default_rng(3), (400, 400), 15, "confluent")
    tiling = Tiling((1, 400, 400), (1, 400, 50))
    windows = perfect_windows(truth, tiling)
    for t, labels in enumerate(windows):  # a column without labels before every seam
        labels[..., -1:] = 0
    report, code = seam_report(pw, replay, tmp_path, tiling, windows, "--merge", "face")
    seams, control = report["seams"]["cut_rate"], report["control"]["cut_rate"]
    assert code == 2 and report["is_worse"], report
    assert seams > 0.5 and seams > 2 * control, report
    assert [axis["axis"] for axis in report["axes"]] == ["x"]


def test_g54_tiles_without_an_interior(pw, replay, tmp_path):
    """Tiles of one plane have no plane inside to compare with: no rate, and no verdict."""
    truth = instances.cells(np.random.default_rng(3), (6, 60, 60), 12, "sparse")
    tiling = Tiling(truth.shape, (1, 60, 60))
    report, code = seam_report(pw, replay, tmp_path, tiling, perfect_windows(truth, tiling))
    assert [axis["axis"] for axis in report["axes"]] == ["z"]
    assert report["axes"][0]["control"]["n_planes"] == 0 and report["axes"][0]["control"]["cut_rate"] is None, report
    assert code == 0 and not report["is_worse"], report
