"""
The smaller levels of label stores: which there are, what their voxels are, and where they lie.
"""

import numpy as np
import pytest
import tifffile
import zarr
from pwtest import images, stores
from pwtest.pyramids import by_mode, by_nearest


RULES = {"mode": by_mode, "nearest": by_nearest}


def check_levels(store, rule, factors):
    """Level by level against the rule; returns them."""
    group = stores.label_group(store)
    levels = [a[...] for a in stores.levels(group)]
    assert len(levels) == len(factors) + 1, [a.shape for a in levels]
    for upper, lower, factor in zip(levels, levels[1:], factors):
        assert lower.dtype == upper.dtype
        assert np.array_equal(lower, RULES[rule](upper, factor))
    multiscale = stores.ome(group)["multiscales"][0]
    assert multiscale["type"] == rule
    return levels


def steps(store):
    """(scale, translation) of each level."""
    datasets = stores.ome(stores.label_group(store))["multiscales"][0]["datasets"]
    found = []
    for dataset in datasets:
        step = {t["type"]: t[t["type"]] for t in dataset["coordinateTransformations"]}
        found.append((step["scale"], step.get("translation", [0.0] * len(step["scale"]))))
    return found


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("ngff", ["0.5", "0.4"])
def test_a_plane_without_levels_gets_its_own(pw, data, tmp_path, rule, ngff):
    """Down to one chunk, y and x halved; no nucleus gets lost."""
    truth = tifffile.imread(data / "nuclei" / "dsb2018_20b20ab0_labels.tif")
    pw("run", data / "nuclei" / "dsb2018_20b20ab0_labels.tif", "--fn", "label", "-o", tmp_path / "l.zarr", "--chunk", "1,100,128",
       "--pyramid", rule, "--ngff", ngff, "--threads", 2)
    levels = check_levels(tmp_path / "l.zarr", rule, [(2, 2)] * 4)
    images.assert_same_labels(levels[0], images.equal_value_components(truth, 1))
    nuclei = np.flatnonzero(np.bincount(levels[0].ravel()) >= 12)
    assert len(nuclei) > 250 and np.isin(nuclei, levels[1]).all()
    for level, (scale, translation) in enumerate(steps(tmp_path / "l.zarr")):
        assert scale == [2.0**level] * 2
        assert translation == [(2.0**level - 1) / 2 if rule == "mode" else 0.0] * 2


def test_z_is_halved_once_its_voxels_are_as_short(pw, tmp_path):
    """Voxels of 1 x 0.25 x 0.25 um: z stays until the others are as long."""
    truth = np.random.default_rng(2).integers(0, 4, (12, 70, 90)).astype(np.uint8)
    group = zarr.open_group(tmp_path / "i.zarr", mode="w", zarr_format=2)
    group.create_array("0", shape=truth.shape, chunks=(4, 32, 32), dtype="u1", chunk_key_encoding={"name": "v2", "separator": "/"})[...] = truth
    group.attrs["multiscales"] = [{
        "version": "0.4",
        "axes": [{"name": n, "type": "space", "unit": "micrometer"} for n in "zyx"],
        "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0, 0.25, 0.25]}, {"type": "translation", "translation": [7.0, 0.0, 1.0]}]}],
    }]
    pw("run", tmp_path / "i.zarr", "--fn", "label", "-o", tmp_path / "l.zarr", "--chunk", "6,12,12")
    check_levels(tmp_path / "l.zarr", "mode", [(1, 2, 2), (1, 2, 2), (2, 2, 2)])
    assert steps(tmp_path / "l.zarr") == [
        ([1, 0.25, 0.25], [7, 0, 1]),
        ([1, 0.5, 0.5], [7, 0.125, 1.125]),
        ([1, 1, 1], [7, 0.375, 1.375]),
        ([2, 2, 2], [7.5, 0.875, 1.875]),
    ]


def test_the_levels_of_the_image_from_the_one_that_was_segmented_on(pw, data, tmp_path):
    """As many as the image has, of the image's shapes and places, in a store of their own as well."""
    source = data / "golden" / "ovule_0.5.ome.zarr"
    shapes = [a.shape for a in stores.levels(source)]
    for level in range(len(shapes)):
        store = tmp_path / f"{level}.zarr"
        pw("run", source, "--level", level, "--fn", "otsu", "-o", store)
        factors = [tuple(round(a / b) for a, b in zip(u, l)) for u, l in zip(shapes[level:], shapes[level + 1:])]
        check_levels(store, "mode", factors)
        assert [a.shape for a in stores.levels(stores.label_group(store))] == shapes[level:]
        datasets = stores.ome(source)["multiscales"][0]["datasets"][level:]
        assert [d["coordinateTransformations"] for d in stores.ome(stores.label_group(store))["multiscales"][0]["datasets"]] == [
            d["coordinateTransformations"] for d in datasets]


def test_none(pw, data, tmp_path):
    pw("run", data / "nuclei" / "dsb2018_20b20ab0.tif", "--fn", "otsu", "-o", tmp_path / "l.zarr", "--chunk", "1,100,128", "--pyramid", "none")
    assert len(stores.levels(stores.label_group(tmp_path / "l.zarr"))) == 1
    pw.refuses("run", data / "nuclei" / "dsb2018_20b20ab0.tif", "--fn", "otsu", "-o", tmp_path / "m.zarr", "--pyramid", "mean",
               says="--pyramid mean: one of mode, nearest, none")


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_make_no_difference(pw, data, tmp_path, threads):
    source = data / "nuclei" / "stardist_img3d.tif"
    for name, n in (("one", 1), ("many", threads)):
        pw("run", source, "--fn", "otsu", "-o", tmp_path / f"{name}.zarr", "--chunk", "8,8,16", "--threads", n, "--tile", "9,11,13")
    one, many = (stores.levels(stores.label_group(tmp_path / f"{name}.zarr")) for name in ("one", "many"))
    assert len(one) > 2
    assert all(np.array_equal(a[...], b[...]) for a, b in zip(one, many))
