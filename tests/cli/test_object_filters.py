"""--min-size, --max-size and --border drop: whole objects, in tiles of any shape, against numpy."""

import numpy as np
import pytest
import tifffile
from pwtest import images, stores
from pwtest.tool import EXIT_USAGE

SHAPE = (21, 46, 53)
TILES = ["5,9,11", "21,46,53", "1,46,7"]


@pytest.fixture(scope="module")
def mask():
    return sized_mask(1)


def sized_mask(connectivity):
    """Below the percolation threshold of the connectivity, where there are components of all sizes."""
    return np.random.default_rng(71).random(SHAPE) < {1: 0.28, 3: 0.085}[connectivity]


def kept(labels, least=0, most=None, border=False):
    """The ids of labels that stay, numbered 1..N in the same order, and how many objects and voxels go."""
    sizes = np.bincount(labels.ravel())
    stay = sizes >= least
    if most is not None:
        stay &= sizes <= most
    if border:
        for axis in range(labels.ndim):
            if labels.shape[axis] > 1:
                for side in (0, -1):
                    stay[np.unique(labels.take(side, axis))] = False
    stay[0] = False
    number = np.where(stay, np.cumsum(stay), 0)
    gone = ~stay
    gone[0] = False
    return number[labels], int(gone.sum()), int(sizes[gone].sum())


def check(pw, image, output, labels, options, least=0, most=None, border=False):
    expected, n_dropped, dropped_voxels = kept(labels, least, most, border)
    result = pw("run", image, "--fn", "threshold:100", "-o", output, "--overwrite", "--summary=json", "--memory", "64M",
                *options)
    images.assert_same_labels(np.load(output).reshape(expected.shape), expected, str(options))
    summary = result.summary()
    assert summary["n_objects"] == expected.max()
    assert summary["n_dropped"] == n_dropped and summary["dropped_voxels"] == dropped_voxels
    assert summary["foreground_voxels"] == np.count_nonzero(expected)
    return n_dropped


@pytest.mark.parametrize("tile", TILES)
@pytest.mark.parametrize("connectivity", [1, 3])
def test_filters(pw, tmp_path, tile, connectivity):
    mask = sized_mask(connectivity)
    image, output = tmp_path / "image.npy", tmp_path / "labels.npy"
    np.save(image, np.where(mask, 200, 10).astype(np.uint8))
    labels = images.components(mask, connectivity)
    common = ["--tile", tile, "--connectivity", connectivity]
    assert check(pw, image, output, labels, common) == 0
    assert check(pw, image, output, labels, [*common, "--min-size", 5], least=5) > 0
    assert check(pw, image, output, labels, [*common, "--max-size", 40], most=40) > 0
    assert check(pw, image, output, labels, [*common, "--border", "drop"], border=True) > 0
    check(pw, image, output, labels, [*common, "--border", "keep"])
    check(pw, image, output, labels, [*common, "--min-size", 2, "--max-size", 30, "--border", "drop"], 2, 30, True)
    # nothing is left, and everything
    check(pw, image, output, labels, [*common, "--min-size", mask.size], least=mask.size)
    check(pw, image, output, labels, [*common, "--max-size", mask.size], most=mask.size)


def test_two_dimensions_have_no_border_in_z(pw, tmp_path):
    mask = images.blob_mask(np.random.default_rng(73), (1, 90, 110))[0]
    mask[3:5, 3:5] = True
    image, output = tmp_path / "image.npy", tmp_path / "labels.npy"
    np.save(image, np.where(mask, 200, 10).astype(np.uint8))
    labels = images.components(mask, 1)
    assert kept(labels, border=True)[0].max() > 0
    for tile in ("17,23", "90,110"):
        check(pw, image, output, labels, ["--tile", tile, "--border", "drop"], border=True)
        check(pw, image, output, labels, ["--tile", tile, "--min-size", 9], least=9)


def test_sizes_in_micrometers(pw, mask, tmp_path):
    """ImageJ's calibration: voxels of 0.5 x 0.25 x 0.25 um, 0.03125 um3 each."""
    image, output = tmp_path / "image.tif", tmp_path / "labels.npy"
    tifffile.imwrite(image, np.where(mask, 200, 10).astype(np.uint8), imagej=True, resolution=(4, 4),
                     metadata={"axes": "ZYX", "spacing": 0.5, "unit": "um"})
    labels = images.components(mask, 1)
    common = ["--tile", "5,9,11"]
    assert check(pw, image, output, labels, [*common, "--min-size", "0.15625um3"], least=5) > 0  # 5 voxels exactly
    check(pw, image, output, labels, [*common, "--min-size", "0.1563um3"], least=6)
    check(pw, image, output, labels, [*common, "--max-size", "1.25um3"], most=40)
    check(pw, image, output, labels, [*common, "--max-size", "1.2499um3"], most=39)
    check(pw, image, output, labels, [*common, "--min-size", "0.15625um3", "--max-size", "30"], 5, 30)
    pw.refuses("run", image, "--fn", "threshold:100", "-o", tmp_path / "x.npy", "--min-size", "3um2", says="um3",
               code=EXIT_USAGE)
    pw.refuses("run", image, "--fn", "threshold:100", "-o", tmp_path / "x.npy", "--max-size", "0.01um3", says="0.03125",
               code=EXIT_USAGE)


def test_sizes_of_a_plane(pw, tmp_path):
    mask = images.blob_mask(np.random.default_rng(74), (1, 90, 110))[0]
    image, output = tmp_path / "image.tif", tmp_path / "labels.npy"
    tifffile.imwrite(image, np.where(mask, 200, 10).astype(np.uint8), imagej=True, resolution=(2, 2),
                     metadata={"axes": "YX", "unit": "um"})
    labels = images.components(mask, 1)
    check(pw, image, output, labels, ["--tile", "17,23", "--min-size", "2.25um2"], least=9)
    pw.refuses("run", image, "--fn", "threshold:100", "-o", tmp_path / "x.npy", "--min-size", "3um3", says="um2",
               code=EXIT_USAGE)


@pytest.mark.parametrize("options,says", [
    (["--min-size", "3um3"], "voxels"),  # the image does not say how large they are
    (["--min-size", "10", "--max-size", "9"], "at least 10"),
    (["--min-size", "0"], "--min-size"), (["--min-size", "1.5"], "--min-size"), (["--max-size", "-1um3"], "--max-size"),
    (["--max-size", "um3"], "--max-size"), (["--min-size", "5 um3"], "--min-size"), (["--border", "cut"], "--border"),
])
def test_wrong_filters_are_refused(pw, mask, tmp_path, options, says):
    np.save(tmp_path / "image.npy", mask.astype(np.uint8))
    pw.refuses("run", tmp_path / "image.npy", "--fn", "threshold:0", "-o", tmp_path / "x.npy", *options, says=says, code=EXIT_USAGE)


def test_summary_says_what_was_left_out(pw, mask, tmp_path):
    np.save(tmp_path / "image.npy", mask.astype(np.uint8))
    _, n_dropped, dropped_voxels = kept(images.components(mask, 1), least=4)
    result = pw("run", tmp_path / "image.npy", "--fn", "threshold:0", "-o", tmp_path / "x.npy", "--min-size", 4)
    assert f"{n_dropped} objects left out, {dropped_voxels} voxels" in result.err
    result = pw("run", tmp_path / "image.npy", "--fn", "threshold:0", "-o", tmp_path / "y.npy")
    assert "left out" not in result.err


def test_remerging_filters(pw, mask, tmp_path):
    """What was dropped is not lost: the stage has it all."""
    image, stage = tmp_path / "image.npy", tmp_path / "kept.stage"
    np.save(image, mask.astype(np.uint8))
    labels = images.components(mask, 1)
    pw("run", image, "--fn", "threshold:0", "-o", tmp_path / "x.npy", "--tile", "5,9,11", "--keep-stage", stage,
       "--border", "drop")
    images.assert_same_labels(np.load(tmp_path / "x.npy"), kept(labels, border=True)[0])
    pw("remerge", stage, "-o", tmp_path / "y.npy", "--min-size", 7)
    images.assert_same_labels(np.load(tmp_path / "y.npy"), kept(labels, least=7)[0])
    pw("remerge", stage, "-o", tmp_path / "z.npy")
    images.assert_same_labels(np.load(tmp_path / "z.npy"), labels)


def test_zarr_pyramid_and_count_follow(pw, mask, tmp_path):
    np.save(tmp_path / "image.npy", mask.astype(np.uint8))
    expected = kept(images.components(mask, 1), least=6)[0]
    pw("run", tmp_path / "image.npy", "--fn", "threshold:0", "-o", tmp_path / "x.zarr", "--min-size", 6, "--tile", "5,9,11")
    images.assert_same_labels(stores.read_labels(tmp_path / "x.zarr"), expected)
