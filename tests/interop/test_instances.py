"""
How well the merge rules restore cells and fibres: the share of objects that cross a seam and come back with an IoU
above 0.5, from tiles that are right, that disagree by a pixel and that are wrong about one object in twenty; and real
reference segmentations, cut into tiles with halos and put together again.

`python tests/bench/merge_quality.py` prints the numbers as a table.
"""

import numpy as np
import pytest
import tifffile
import zarr
from pwtest import images, instances
from pwtest.merge_oracle import Tiling
from pwtest.stores import comma

RULES = ("touch", "face", "overlap", "witness")
NOT_TOUCH = RULES[1:]


@pytest.fixture(scope="module")
def scenes():
    """scenes(name, kind): a truth and its tiling, made once."""
    made = {}

    def get(*which):
        if which not in made:
            made[which] = instances.scene(*which)
        return made[which]

    return get


def merged(pw, replay, folder, tiling, windows, *options, rules=RULES):
    """{rule: labels} of one set of windows."""
    if pw.is_sanitized():
        pytest.skip("how good labels are is tested without sanitizers; the rules run under them in test_merge_rules.py")
    fn = f"{replay}:{instances.write_windows(folder / 'tiles', tiling, windows)}"
    shape = tiling.volume[1:] if tiling.volume[0] == 1 else tiling.volume
    np.save(folder / "image.npy", np.zeros(shape, np.uint8))
    results = {}
    for rule in rules:
        output = folder / f"{rule}.npy"
        pw("run", folder / "image.npy", "--fn", fn, "--tile", comma(tiling.tile), "--halo", comma(tiling.halo), "--merge", rule,
           "-o", output, *options)
        results[rule] = np.load(output)
        output.unlink()
    return results


def segmented(pw, replay, folder, scene, quality, *options, rules=RULES):
    """{rule: labels} of a scene as tiles of a quality saw it."""
    truth, tiling = scene
    rng = np.random.default_rng([5, instances.QUALITIES.index(quality)])
    return merged(pw, replay, folder, tiling, instances.segment_tiles(rng, truth, tiling, quality), *options, rules=rules)


# ---------------------------------------------------------------------------- the generator


@pytest.mark.parametrize("name", instances.SCENES)
@pytest.mark.parametrize("kind", instances.KINDS)
def test_scenes_are_what_they_are_called(scenes, name, kind):
    truth, tiling = scenes(name, kind)
    n = int(truth.max())
    across = instances.crossing(truth, tiling)[1:]
    assert np.array_equal(np.unique(truth[truth != 0]), np.arange(1, n + 1))
    assert n >= 300 and across.sum() >= 150
    # Nothing is in two pieces: an object of the truth is a component of equal values.
    assert images.equal_value_components(truth, truth.ndim).max() == n
    contacts = sum(
        np.count_nonzero((a != b) & (a != 0) & (b != 0))
        for a, b in ((np.take(truth, range(1, m), x), np.take(truth, range(m - 1), x)) for x, m in enumerate(truth.shape))
    )
    share = contacts / np.count_nonzero(truth)
    full = bool(np.all(truth))
    assert {"sparse": share < 0.02, "touching": share > 0.02 and not full, "confluent": full, "fibres": share < 0.02,
            "packed-fibres": full}[kind], share
    assert kind in instances.DENSITIES or instances.longer_than_a_tile(truth, tiling).sum() >= 100


def test_qualities_are_what_they_are_called(scenes):
    truth, tiling = scenes("2d", "touching")
    perfect, jitter, errors = (
        instances.segment_tiles(np.random.default_rng(3), truth, tiling, quality) for quality in instances.QUALITIES
    )
    moved = lost = seen = 0
    for t in range(len(tiling)):
        part = truth.reshape(tiling.volume)[instances.slices(tiling.window(t))]
        part = instances.consecutive(part)
        assert np.array_equal(images.raster_order(perfect[t]), images.raster_order(part))
        # One pixel: every voxel of a moved outline has its label within one voxel in the truth.
        moved += np.count_nonzero((jitter[t] != 0) != (part != 0)) / part.size / len(tiling)
        assert instances.recovered(part, jitter[t], 0.4)[1:].mean() > 0.97
        seen += part.max()
        lost += part.max() - instances.recovered(part, errors[t], 0.6)[1:].sum()
    assert 0.001 < moved < 0.05
    assert 0.02 < lost / seen < 0.12


# ---------------------------------------------------------------------------- recall


@pytest.mark.parametrize("name", instances.SCENES)
@pytest.mark.parametrize("kind", instances.DENSITIES)
def test_perfect_tiles(pw, replay, tmp_path, scenes, name, kind):
    """
    What tiles saw rightly comes back: overlap and witness to the voxel.  Touching fuses cells.  Face takes two cells
    for one where their border happens to lie in the seam: of confluent cells in 3-D, which have most faces, it loses up
    to one in a hundred, and fewer when it is told to look for better agreement.
    """
    truth, tiling = scene = scenes(name, kind)
    results = segmented(pw, replay, tmp_path, scene, "perfect")
    across = {rule: instances.recall(truth, labels, tiling)[0] for rule, labels in results.items()}
    if (name, kind) == ("3d", "confluent"):
        assert across["face"] >= 98.8, across
        stricter = segmented(pw, replay, tmp_path, scene, "perfect", "--tau", "0.7", rules=["face"])["face"]
        across["face"] = instances.recall(truth, stricter, tiling)[0]
    assert across["face"] >= 99.4, across
    for rule in ("overlap", "witness"):
        images.assert_same_labels(results[rule], images.raster_order(truth), rule)
    most = {"sparse": 99, "touching": 80, "confluent": 50}[kind]
    assert across["touch"] <= most, across


@pytest.mark.parametrize("name", instances.SCENES)
@pytest.mark.parametrize("kind", instances.DENSITIES)
def test_tiles_that_disagree_by_a_pixel(pw, replay, tmp_path, scenes, name, kind):
    truth, tiling = scene = scenes(name, kind)
    results = segmented(pw, replay, tmp_path, scene, "jitter")
    across = {rule: instances.recall(truth, labels, tiling)[0] for rule, labels in results.items()}
    assert across["face"] >= (98.5 if (name, kind) == ("3d", "confluent") else 99.4), across
    assert across["overlap"] >= 99.4 and across["witness"] >= 99.4, across
    assert kind == "sparse" or across["touch"] < 75, across


@pytest.mark.parametrize("name", instances.SCENES)
@pytest.mark.parametrize("kind", instances.DENSITIES)
def test_tiles_with_errors(pw, replay, tmp_path, scenes, name, kind):
    """With witnesses a seam is no worse a place than any other, and no rule without them is better."""
    truth, tiling = scene = scenes(name, kind)
    results = segmented(pw, replay, tmp_path, scene, "errors")
    recall = {rule: instances.recall(truth, labels, tiling) for rule, labels in results.items()}
    across, inside = recall["witness"]
    assert inside > 90 and across >= inside - 0.5, recall
    assert across >= max(recall[rule][0] for rule in ("touch", "face", "overlap")), recall


@pytest.mark.parametrize("name", instances.SCENES)
@pytest.mark.parametrize("kind", ["fibres", "packed-fibres"])
@pytest.mark.parametrize("quality", ["perfect", "jitter"])
def test_fibres_longer_than_a_tile(pw, replay, tmp_path, scenes, name, kind, quality):
    """
    Every one, whole, although no tile sees one; touching makes a few of them when nothing is between them.  Where
    packed fibres end at a seam, face may join one with the next.
    """
    truth, tiling = scene = scenes(name, kind)
    results = segmented(pw, replay, tmp_path, scene, quality)
    longer = instances.longer_than_a_tile(truth, tiling)
    found = {rule: 100 * instances.recovered(truth, labels)[longer].mean() for rule, labels in results.items()}
    assert found["overlap"] == found["witness"] == 100, found
    assert found["face"] >= (98.5 if (name, kind) == ("3d", "packed-fibres") else 100), found
    assert kind == "fibres" or found["touch"] < 20, found


def test_fibres_at_a_shallow_angle(pw, replay, tmp_path):
    """
    Fibres that cross the z seams so obliquely that the sections before and behind one share less than half: face cannot
    know them again; where windows overlap they agree.
    """
    rng = np.random.default_rng(8)
    _, tile, halo, _, (width, length) = instances.SCENES["3d"]
    truth = instances.fibres(rng, (60, 100, 200), width, 0.0, length, direction=(0.22, 0.35, 0.91))
    tiling = Tiling(truth.shape, tile, halo)
    results = merged(pw, replay, tmp_path, tiling, instances.segment_tiles(rng, truth, tiling, "jitter"))
    longer = instances.longer_than_a_tile(truth, tiling)
    assert longer.sum() >= 20
    for rule in ("overlap", "witness"):
        assert np.all(instances.recovered(truth, results[rule])[longer]), rule


# ---------------------------------------------------------------------------- real labels


def read_labels(data, name):
    if name.endswith(".zarr"):
        return np.asarray(zarr.open(str(data / name / "labels" / "cells"), mode="r")["0"])
    return tifffile.imread(data / name)


# Tiles small enough that most objects are cut, and a halo that is less than an object and one that is more.
REAL = {
    "cells/maize_clsm_watershed_labels.tif": ((1, 90, 110), ((0, 8, 8), (0, 45, 45))),
    "cells/omnipose_ecoli_ec_5I_labels.tif": ((1, 50, 64), ((0, 6, 4), (0, 25, 25))),
    "em/gala_snemi-mini_train-labels.tif": ((16, 40, 50), ((3, 5, 5), (8, 20, 20))),
    "em/gala_snemi-mini_train-fragments.tif": ((9, 37, 41), ((2, 4, 4), (4, 12, 12))),
    "golden/ovule_0.5.ome.zarr": ((16, 32, 48), ((2, 4, 4), (6, 14, 14))),
    "nuclei/stardist_mask3d.tif": ((10, 20, 20), ((2, 3, 3), (5, 10, 10))),
    "nuclei/stardist_mask2d.tif": ((1, 64, 64), ((0, 5, 5), (0, 20, 20))),
    "nuclei/dsb2018_20b20ab0_labels.tif": ((1, 64, 100), ((0, 5, 5), (0, 20, 20))),
    "nuclei/dsb2018_a102535b_labels.tif": ((1, 61, 83), ((0, 5, 5), (0, 20, 20))),
}


@pytest.mark.parametrize("name", REAL)
def test_real_labels_are_restored(pw, replay, data, tmp_path, name):
    """
    Reference segmentations in tiles: overlap and witness give every object back to the voxel, touching cells apart.
    An id that the reference gives to several pieces is as many objects: no tile can know that they are one.
    """
    truth = images.equal_value_components(read_labels(data, name), read_labels(data, name).ndim)
    tile, halos = REAL[name]
    rng = np.random.default_rng(2)
    for halo in halos:
        tiling = Tiling(instances.volume_of(truth), tile, halo)
        assert instances.crossing(truth, tiling).sum() >= 20
        folder = tmp_path / comma(halo)
        folder.mkdir()
        results = merged(pw, replay, folder, tiling, instances.segment_tiles(rng, truth, tiling, "perfect"))
        for rule in ("overlap", "witness"):
            images.assert_same_labels(results[rule], truth, f"{rule}, halo {halo}")
