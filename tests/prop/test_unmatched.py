"""--unmatched drop-covered, voxel for voxel: as if the labels that are left out had never been drawn."""

import numpy as np
import pytest
from pwtest import images, instances
from pwtest.merge_oracle import Labelled, Tiling, counts, joined, merge, pair_counts, shared
from pwtest.stores import comma


def leftovers(tiling, windows, tau, metric):
    """(tile, label) without a partner that some larger label covers by more than half in an overlap."""
    labelled = Labelled(tiling, windows)
    joins, covered = set(), set()
    for s, t in tiling.pairs():
        box = shared(tiling.inner(s), tiling.inner(t))
        if box is None:
            continue
        first, second = labelled.part(s, box), labelled.part(t, box)
        A, B, common = counts(first), counts(second), pair_counts(first, second)
        for a, b in common:
            if joined(metric, tau, a, b, common, A, B):
                joins |= {(s, a), (t, b)}
                continue
            size_a, size_b = (A[a], s), (B[b], t)
            if 2 * common[a, b] > A[a] and (-size_b[0], size_b[1]) < (-size_a[0], size_a[1]):
                covered.add((s, a))
            if 2 * common[a, b] > B[b] and (-size_a[0], size_a[1]) < (-size_b[0], size_b[1]):
                covered.add((t, b))
    return covered - joins


def without(tiling, windows, gone):
    """The windows less those labels, which are counted in raster order of the part that is looked at."""
    kept = []
    for t, labels in enumerate(windows):
        labels, window, inner = labels.copy(), tiling.window(t), tiling.inner(t)
        part = labels[tuple(slice(a - w, b - w) for (a, b), (w, _) in zip(inner, window))]
        part[np.isin(images.raster_order(part), [label for tile, label in gone if tile == t])] = 0
        kept.append(labels)
    return kept


@pytest.mark.parametrize("seed", range(20))
def test_leftovers_are_left_out(pw, replay, tmp_path, seed):
    rng = np.random.default_rng(seed)
    volume = (1, 60, 70) if seed % 2 else (12, 30, 34)
    tile = (1, 20, 17) if seed % 2 else (6, 11, 17)
    tiling = Tiling(volume, tile, (0, 6, 5) if seed % 2 else (2, 4, 5), (0, 0, 0))
    shape = volume[1:] if volume[0] == 1 else volume
    windows = instances.segment_tiles(rng, instances.cells(rng, shape, 7, "confluent"), tiling, "errors")
    np.save(tmp_path / "image.npy", np.ones(shape, np.uint8))
    fn = f"{replay}:{instances.write_windows(tmp_path / 'tiles', tiling, windows)}"
    metric, tau = (("iou", 0.5), ("iomin", 0.75), ("mutual", 0.5))[seed % 3]
    gone = leftovers(tiling, windows, tau, metric)
    for rule in ("overlap", "witness") if metric == "iou" else ("overlap",):
        options = ["--merge", rule, "--tau", tau, "--metric", metric]
        result = pw("run", tmp_path / "image.npy", "--fn", fn, "-o", tmp_path / "labels.npy", "--overwrite", "--tile",
                    comma(tile), "--halo", comma(tiling.halo), *options, "--unmatched", "drop-covered", "--summary", "json")
        expected = merge(tiling, without(tiling, windows, gone), rule, **({"tau": tau} if rule == "witness" else
                                                                         {"tau": tau, "metric": metric}))
        images.assert_same_labels(np.load(tmp_path / "labels.npy"), expected, str(result))
        assert result.summary()["n_leftovers"] == len(gone)


def test_some_are_left_out_and_touch_has_none(pw, replay, tmp_path):
    np.save(tmp_path / "image.npy", np.ones((20, 20), np.uint8))
    pw.refuses("run", tmp_path / "image.npy", "--fn", "threshold:0", "-o", tmp_path / "x.npy", "--unmatched",
               "drop-covered", says="overlap")
