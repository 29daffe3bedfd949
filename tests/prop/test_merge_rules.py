"""
The merge rules, voxel for voxel.

Labels are put in by the replay plugin, so that any per-tile labels go through the rules: cells and fibres that tiles
saw alike, a little differently or wrongly, and labels drawn at random that agree on nothing.  What comes out must be
what the definitions say (pwtest/merge_oracle.py), whatever the halo, the tile, the threads and the engine; touch must
equal scipy.ndimage.label of the whole.  PW_PROP_SCALE=N makes N times as many cases.
"""

import os
import shutil

import numpy as np
import pytest
from pwtest import images, instances
from pwtest.merge_oracle import Tiling, merge
from pwtest.stores import comma

SCALE = float(os.environ.get("PW_PROP_SCALE", "1"))

# Ratios of small counts among them, so that agreement is often exactly tau; as doubles some are a little more
# than the ratio, some less.
TAUS = (0.001, 0.1, 0.25, 0.3, 1 / 3, 0.4, 0.5, 0.5, 0.5, np.nextafter(0.5, 1), np.nextafter(0.5, 0), 0.6, 2 / 3, 0.75, 0.8,
        0.9, 0.999)
THREADS = (1, 2, 7)
ENGINES = ("uring", "mmap", "sync")


def cases(count, first=0):
    return range(first, first + max(1, round(count * SCALE)))


# ---------------------------------------------------------------------------- what is drawn


def draw_tiling(rng):
    """A small volume, odd tiles, and a halo and a rim of its own for each axis."""
    while True:
        two_d = rng.random() < 0.4
        volume = [1, *rng.integers(10, 90, 2)] if two_d else list(rng.integers(3, 26, 3))
        tile = [int(rng.choice([1, 2, 3, 5, 7, 8, 11, 16, 19, 23, 40, n])) for n in volume]
        halo = [int(rng.choice([0, 1, 2, 3, 4, 7, min(t, 20), min(t, 20) + 3])) for t in tile]
        context = [int(rng.integers(0, h)) if h and rng.random() < 0.4 else 0 for h in halo]
        tiling = Tiling(volume, tile, halo, context)
        if 2 <= len(tiling) <= 150 and any(tiling.halo):
            return tiling, halo, context


def random_windows(rng, tiling):
    """Every window for itself: patches of a few voxels, some ids in several pieces, with and without gaps."""
    windows = []
    for t in range(len(tiling)):
        shape = [b - a for a, b in tiling.window(t)]
        coarse = [-(-n // int(rng.integers(1, 5))) for n in shape]
        patches = rng.integers(0, int(rng.integers(2, 40)), coarse)
        patches[rng.random(coarse) < rng.choice([0, 0.3, 0.8])] = 0
        index = np.ix_(*[np.arange(n) * c // n for n, c in zip(shape, coarse)])
        windows.append(instances.renumbered(rng, patches[index]))
    return windows


def draw_windows(rng, tiling):
    if rng.random() < 0.35:
        return random_windows(rng, tiling)
    shape = tiling.volume[1:] if tiling.volume[0] == 1 else tiling.volume
    if rng.random() < 0.3:
        truth = instances.fibres(rng, shape, float(rng.uniform(2, 6)), float(rng.choice([0, 1, 2])), 30.0)
    else:
        truth = instances.cells(rng, shape, float(rng.uniform(4, 12)), str(rng.choice(instances.DENSITIES)))
    return instances.segment_tiles(rng, truth, tiling, str(rng.choice(instances.QUALITIES)))


def draw_rules(rng, rank):
    """Each rule once, with arguments of the oracle and the options that say the same."""
    tau, min_contact, connectivity = float(rng.choice(TAUS)), int(rng.integers(1, 5)), int(rng.integers(1, rank + 1))
    yield {"rule": "touch", "connectivity": connectivity}, ["--connectivity", connectivity]
    yield {"rule": "face", "tau": tau, "min_contact": min_contact}, ["--tau", repr(tau), "--min-contact", min_contact]
    for metric in ("iou", "mutual", "iomin"):
        yield {"rule": "overlap", "tau": tau, "metric": metric}, ["--tau", repr(tau), "--metric", metric]
    yield {"rule": "witness", "tau": tau}, ["--tau", repr(tau)]


class Replayed:
    """Windows in a folder and the image that goes with them."""

    def __init__(self, pw, replay, folder, tiling, windows):
        self.pw, self.folder, self.tiling = pw, folder, tiling
        self.fn = f"{replay}:{instances.write_windows(folder / 'tiles', tiling, windows)}"
        shape = tiling.volume[1:] if tiling.volume[0] == 1 else tiling.volume
        np.save(folder / "image.npy", np.ones(shape, np.uint8))

    def __call__(self, *options, halo=None, context=(0, 0, 0)):
        """The labels of one run, and the run."""
        output = self.folder / "labels.npy"
        arguments = ["run", self.folder / "image.npy", "--fn", self.fn, "-o", output, "--overwrite", "--tile",
                     comma(self.tiling.tile), "--halo", comma(halo or self.tiling.halo)]
        if any(context):
            arguments += ["--context", comma(context)]
        result = self.pw(*arguments, *options)
        return np.load(output), result


# ---------------------------------------------------------------------------- the rules and their definitions


@pytest.mark.parametrize("seed", cases(90))
def test_drawn_case(pw, replay, tmp_path, seed):
    rng = np.random.default_rng(seed)
    tiling, halo, context = draw_tiling(rng)
    windows = draw_windows(rng, tiling)
    run = Replayed(pw, replay, tmp_path, tiling, windows)
    for arguments, options in draw_rules(rng, 2 if tiling.volume[0] == 1 else 3):
        got, result = run("--merge", arguments["rule"], *options, "--threads", rng.choice(THREADS), "--io",
                          rng.choice(ENGINES), halo=halo, context=context if arguments["rule"] in ("overlap", "witness") else (0, 0, 0))
        images.assert_same_labels(got, merge(tiling, windows, **arguments), f"{arguments}: {result}")


@pytest.mark.parametrize("seed", cases(40, first=5000))
def test_merged_again(pw, replay, tmp_path, seed):
    """A kept stage under every other rule is what a run under that rule gives; the function is not called again."""
    rng = np.random.default_rng(seed)
    tiling, halo, context = draw_tiling(rng)
    windows = draw_windows(rng, tiling)
    run = Replayed(pw, replay, tmp_path, tiling, windows)
    rules = list(draw_rules(rng, 2 if tiling.volume[0] == 1 else 3))
    arguments, options = rules[int(rng.integers(2 if any(context) else 0, len(rules)))]
    run("--merge", arguments["rule"], *options, "--keep-stage", tmp_path / "stage", halo=halo, context=context)
    shutil.rmtree(tmp_path / "tiles")
    output = tmp_path / "again.npy"
    for arguments, options in draw_rules(rng, 2 if tiling.volume[0] == 1 else 3):
        looks = arguments["rule"] in ("overlap", "witness") and any(context)
        rim = ["--context", comma(context)] if looks else []
        result = pw("remerge", tmp_path / "stage", "-o", output, "--overwrite", "--merge", arguments["rule"], *options, *rim,
                    "--threads", rng.choice(THREADS))
        images.assert_same_labels(np.load(output), merge(tiling, windows, **arguments), f"{arguments}: {result}")


def test_a_stage_is_merged_with_the_context_it_was_kept_with(pw, replay, tmp_path):
    """Another rim would cut labels shorter and begin them elsewhere: what a run gives could not be given."""
    windows = [np.zeros((1, 1, 7), int), np.array([0, 1, 1, 1, 1, 0, 0]).reshape(1, 1, 7)]
    run = Replayed(pw, replay, tmp_path, Tiling((1, 1, 8), (1, 1, 4), (0, 0, 3)), windows)
    for kept, asked in (((0, 0, 0), "0,0,1"), ((0, 0, 2), "0,0,1"), ((0, 0, 1), "0,0,2")):
        run("--merge", "overlap", "--keep-stage", tmp_path / comma(kept), context=kept)
        pw.refuses("remerge", tmp_path / comma(kept), "-o", tmp_path / "again.npy", "--merge", "witness", "--context", asked,
                   says=["--context", "kept with"])


@pytest.mark.parametrize("rule", ["touch", "face", "overlap", "witness"])
def test_threads_and_engines_do_not_show(pw, replay, tmp_path, rule):
    rng = np.random.default_rng(17)
    tiling = Tiling((20, 40, 50), (7, 16, 13), (3, 4, 5))
    truth = instances.cells(rng, tiling.volume, 8, "confluent")
    windows = instances.segment_tiles(rng, truth, tiling, "errors")
    run = Replayed(pw, replay, tmp_path, tiling, windows)
    outputs = set()
    for threads in THREADS:
        for engine in ENGINES:
            for stall in ({}, {"PW_STALL": "1"}) if engine == "sync" else ({},):
                got, result = run("--merge", rule, "--threads", threads, "--io", engine)
                outputs.add((tmp_path / "labels.npy").read_bytes())
                images.assert_same_labels(got, merge(tiling, windows, rule), str(result))
    assert len(outputs) == 1


def test_auto_chooses_by_segmenter_and_halo(pw, replay, tmp_path):
    """Instances: witness with a halo, face without.  Components: touch."""
    rng = np.random.default_rng(23)
    shape = (60, 70)
    truth = instances.cells(rng, shape, 9, "confluent")
    for halo, rule in (((0, 6, 6), "witness"), ((0, 0, 0), "face")):
        tiling = Tiling((1, *shape), (1, 20, 20), halo)
        windows = instances.segment_tiles(rng, truth, tiling, "errors")
        folder = tmp_path / rule
        folder.mkdir()
        got, result = Replayed(pw, replay, folder, tiling, windows)("--merge", "auto")
        expected = merge(tiling, windows, rule)
        images.assert_same_labels(got, expected, str(result))
        for other in ("touch", "face", "overlap"):
            assert other == rule or not np.array_equal(expected, merge(tiling, windows, other)), "the case shows nothing"
    mask = images.random_mask(rng, shape)
    image, threshold = images.paint(rng, mask, "uint16")
    np.save(tmp_path / "image.npy", image)
    pw("run", tmp_path / "image.npy", "--fn", f"threshold:{threshold}", "--tile", "7", "--halo", "3", "-o", tmp_path / "touch.npy")
    images.assert_same_labels(np.load(tmp_path / "touch.npy"), images.components(mask, 1))


def test_agreement_of_exactly_tau(pw, replay, tmp_path):
    """I of 2, A of 2, B of 4: an IoU of exactly 1/2 is not more than 1/2; IoMin of exactly tau is enough."""
    tiling = Tiling((1, 1, 16), (1, 1, 8), (0, 0, 4))
    first, second = np.zeros((1, 1, 12), int), np.zeros((1, 1, 12), int)
    first[0, 0, 7:9] = 1  # voxels 7 and 8 of the volume
    second[0, 0, 3:7] = 1  # voxels 7 .. 10
    run = Replayed(pw, replay, tmp_path, tiling, [first, second])
    apart, joined = [1] + [2] * 3, [1] * 4
    below, above = float(np.nextafter(0.5, 0)), float(np.nextafter(0.5, 1))
    for metric, tau, expected in (("iou", 0.5, apart), ("iou", below, joined), ("mutual", 0.75, apart),
                                  ("mutual", float(np.nextafter(0.75, 0)), joined), ("iomin", 0.999, joined)):
        got, result = run("--merge", "overlap", "--metric", metric, "--tau", repr(tau))
        assert got.ravel()[7:11].tolist() == expected, f"{metric} {tau}: {result}"
    # The first tile has 2 voxels of 4 on the face, the second 4: again exactly 1/2.
    tiling = Tiling((1, 8, 4), (1, 8, 2))
    first, second = np.zeros((1, 8, 2), int), np.zeros((1, 8, 2), int)
    first[0, 1:3], second[0, 1:5] = 1, 1
    (tmp_path / "face").mkdir()
    run = Replayed(pw, replay, tmp_path / "face", tiling, [first, second])
    for tau, n in ((0.5, 2), (below, 1), (above, 2)):
        assert run("--merge", "face", "--tau", repr(tau))[0].max() == n, tau
    for contact, n in ((2, 1), (3, 2)):
        assert run("--merge", "face", "--tau", "0.4", "--min-contact", contact)[0].max() == n, contact


def test_a_long_object_is_not_its_own_witness(pw, replay, tmp_path):
    """
    An island of a long object, which a tile sees whole, does not stand for the object: its bounding box is not inside
    the window.
    """
    tiling = Tiling((1, 12, 48), (1, 12, 16), (0, 0, 8))
    truth = np.zeros((1, 12, 48), int)
    truth[0, 3, 2:46] = 1
    truth[0, 3:6, 20:28] = 1
    windows = [truth[instances.slices(tiling.window(t))] for t in range(3)]
    middle = windows[1] = windows[1].copy()
    middle[0, 3] = 0  # the middle tile saw the blob alone, and not its upper row
    run = Replayed(pw, replay, tmp_path, tiling, windows)
    got, result = run("--merge", "witness", "--tau", "0.3")
    images.assert_same_labels(got, merge(tiling, windows, "witness", tau=0.3), str(result))


# ---------------------------------------------------------------------------- the replay plugin


def test_replay_refuses_what_it_cannot_replay(pw, replay, tmp_path):
    tiling = Tiling((1, 10, 10), (1, 10, 5), (0, 0, 2))
    run = Replayed(pw, replay, tmp_path, tiling, [np.ones((1, 10, 7), int)] * 2)
    arguments = ["run", tmp_path / "image.npy", "--tile", "10,10,5", "-o", tmp_path / "labels.npy", "--fn"]
    pw.refuses(*arguments, f"{replay}:{tmp_path / 'none'}", says=["replay", "the folder of the tiles' labels"])
    missing = instances.window_name(tiling, 1)
    pw.refuses(*arguments, run.fn, "--halo", "0,0,3", "--threads", "1", says=["replay", "0_0_0_0_1x10x8.u32", "No such file"])
    for size, says in ((279, "less"), (284, "more")):
        (tmp_path / "tiles" / missing).write_bytes(bytes(size))
        pw.refuses(*arguments, run.fn, "--halo", "0,0,2", "--overwrite", says=["tile 1", missing, says])


# ---------------------------------------------------------------------------- touch


# Where an infinite lattice begins to percolate: dimension, connectivity, occupation.
PERCOLATION = ((2, 1, 0.5927), (2, 2, 0.4073), (3, 1, 0.3116), (3, 3, 0.0976), (3, 2, 0.1373))


@pytest.mark.parametrize("rank,connectivity,critical", PERCOLATION)
@pytest.mark.parametrize("factor", [0.97, 1.0, 1.1], ids=["below", "at", "above"])
def test_touch_near_percolation(pw, replay, tmp_path, rank, connectivity, critical, factor):
    """Components that wind through every tile; as a built-in segmenter's, and as labels of a plugin's."""
    rng = np.random.default_rng([rank, connectivity])
    shape, tile = {2: ((500, 517), (1, 61, 67)), 3: ((60, 67, 71), (16, 17, 19))}[rank]
    mask = rng.random(shape) < factor * critical
    expected = images.components(mask, connectivity)
    tiling = Tiling(instances.volume_of(mask), tile)
    if factor > 1:
        largest = expected == np.bincount(expected[mask]).argmax()
        largest = largest.reshape(tiling.volume)
        assert all(largest[instances.slices(tiling.core(t))].any() for t in range(len(tiling))), "it does not span"
    np.save(tmp_path / "image.npy", mask.astype(np.uint8))
    for halo in ("0", "3"):
        output = tmp_path / f"{halo}.npy"
        result = pw("run", tmp_path / "image.npy", "--fn", f"threshold:0,connectivity={connectivity}", "--tile", comma(tile),
                    "--halo", halo, "-o", output)
        images.assert_same_labels(np.load(output), expected, str(result))
    volume = mask.reshape(tiling.volume)
    windows = [images.components(volume[instances.slices(tiling.core(t))], connectivity) for t in range(len(tiling))]
    got, result = Replayed(pw, replay, tmp_path, tiling, windows)("--merge", "touch", "--connectivity", connectivity)
    images.assert_same_labels(got, expected, str(result))
