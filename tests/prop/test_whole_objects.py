"""
What is done to objects when they are whole: --dilate and --fill-holes against numpy, scipy and skimage on the whole volume, for
any tile, and the same bytes whatever the threads.
"""

import json

import numpy as np
import pytest
import tifffile
from pwtest import images
from pwtest.stores import comma
from scipy import ndimage
from skimage.segmentation import expand_labels


def as_3d(values):
    return (1, *values) if len(values) == 2 else tuple(values)


def shifted(labels, offset):
    """labels[i + offset] at i, 0 beyond the border."""
    out = np.zeros_like(labels)
    to = tuple(slice(max(0, -o), min(n, n - o)) for o, n in zip(offset, labels.shape))
    at = tuple(slice(max(0, o), min(n, n + o)) for o, n in zip(offset, labels.shape))
    if all(s.start < s.stop for s in to):
        out[to] = labels[at]
    return out


def grown(labels, distance, step=None):
    """Every voxel against every neighbour within the distance: the nearest label, of several as near the least."""
    step = step or (1.0,) * labels.ndim
    reach = [int(distance / s) + 1 for s in step]
    nearest = np.full(labels.shape, np.inf)
    out = np.zeros_like(labels)
    for offset in np.ndindex(*(2 * r + 1 for r in reach)):
        offset = tuple(o - r for o, r in zip(offset, reach))
        square = 0.0
        for o, s in zip(offset, step):
            square += (o * s) ** 2
        if np.sqrt(square) > distance:
            continue
        other = shifted(labels, offset)
        better = (other > 0) & ((square < nearest) | ((square == nearest) & (other < out)))
        nearest[better] = square
        out[better] = other[better]
    return out


def same_but_for_ties(mine, labels, distance, step=None):
    """As skimage.segmentation.expand_labels wherever one label alone is nearest."""
    theirs = expand_labels(labels, distance, spacing=step or 1)
    assert np.array_equal(mine > 0, theirs > 0)
    most = labels.max() + 1
    other = grown(np.where(labels > 0, most - labels, 0), distance, step)  # the greatest of those that are nearest
    other = np.where(other > 0, most - other, 0)
    tied = (mine > 0) & (other != mine)
    assert np.array_equal(mine[~tied], theirs[~tied])


def sparse_image(rng, shape):
    mask = images.blob_mask(rng, shape) & (rng.random(shape) < 0.7) if rng.random() < 0.5 else rng.random(shape) < 0.01
    return images.paint(rng, mask, "uint16"), images.components(mask, 1)


@pytest.mark.parametrize("seed", range(14))
def test_dilate(pw, tmp_path, seed):
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in (rng.integers(20, 120, 2) if seed % 2 else rng.integers(8, 34, 3)))
    (image, threshold), labels = sparse_image(rng, shape)
    distance = float(rng.choice([1, 1.5, 2, 3, 4.2]))
    expected = grown(labels, distance)
    same_but_for_ties(expected, labels, distance)
    expected = images.raster_order(expected)
    np.save(tmp_path / "image.npy", image)
    outputs = set()
    for threads in (1, 2, 7):
        for tile in (as_3d([int(rng.integers(3, 30)) for _ in shape]), (1000, 1000, 1000)):
            output = tmp_path / "labels.npy"
            result = pw("run", tmp_path / "image.npy", "--fn", f"threshold:{threshold}", "--dilate", distance, "--tile",
                        comma(tile), "--threads", threads, "-o", output, "--overwrite",
                        env={"PW_SIMD": str(rng.choice(["portable", "avx2", "avx512"]))})
            images.assert_same_labels(np.load(output), expected, str(result))
            outputs.add(output.read_bytes())
    assert len(outputs) == 1


@pytest.mark.parametrize("spacing", [(0.5, 0.2, 0.2), (1.0, 0.3, 0.1)])
def test_dilate_in_micrometers(pw, tmp_path, spacing):
    rng = np.random.default_rng(3)
    (image, threshold), labels = sparse_image(rng, (12, 40, 50))
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, image, imagej=True, resolution=(1 / spacing[2], 1 / spacing[1]),
                     metadata={"spacing": spacing[0], "unit": "um", "axes": "ZYX"})
    size = [axis["scale"] for axis in json.loads(pw("info", "--json", path).text)["axes"]]  # a TIFF has 1 / 0.3 as a fraction
    assert np.allclose(size, spacing, rtol=1e-6)
    expected = images.raster_order(grown(labels, 0.65, size))
    for tile in ("5,16,16", "1000"):
        output = tmp_path / f"{tile}.npy"
        result = pw("run", path, "--fn", f"threshold:{threshold}", "--dilate", "0.65um", "--tile", tile, "-o", output)
        images.assert_same_labels(np.load(output), expected, str(result))
    np.save(tmp_path / "image.npy", image)
    pw.refuses("run", tmp_path / "image.npy", "--fn", "threshold:1", "--dilate", "0.65um", "-o", tmp_path / "x.npy",
               says=("--dilate", "micrometers"))


def test_dilated_objects_are_what_is_measured(pw, tmp_path):
    """Sizes, filters and the table are those of the grown objects; an object that is dropped has grown before."""
    rng = np.random.default_rng(8)
    (image, threshold), labels = sparse_image(rng, (16, 50, 50))
    all_grown = grown(labels, 2)
    sizes = np.bincount(all_grown.ravel())
    least = int(np.median(sizes[1:])) + 1
    kept = images.raster_order(np.where(sizes[all_grown] >= least, all_grown, 0))
    np.save(tmp_path / "image.npy", image)
    for tile in ("7,17,23", "1000"):
        result = pw("run", tmp_path / "image.npy", "--fn", f"threshold:{threshold}", "--dilate", 2, "--min-size", least, "--tile",
                    tile, "-o", tmp_path / "labels.npy", "--objects", tmp_path / "objects.csv", "--overwrite", "--summary=json")
        images.assert_same_labels(np.load(tmp_path / "labels.npy"), kept, str(result))
        rows = np.genfromtxt(tmp_path / "objects.csv", delimiter=",", names=True)
        column = "voxels" if "voxels" in rows.dtype.names else rows.dtype.names[1]
        assert np.array_equal(np.atleast_1d(rows[column]), np.bincount(kept.ravel())[1:])
        assert result.summary()["n_objects"] == kept.max()


def test_dilate_after_other_rules_and_remerge(pw, tmp_path):
    """After witness, face and overlap, and when a kept stage is merged again: grown labels of what is written without."""
    rng = np.random.default_rng(11)
    (image, threshold), _ = sparse_image(rng, (10, 40, 44))
    np.save(tmp_path / "image.npy", image)
    common = ["--fn", f"threshold:{threshold}", "--tile", "6,16,16", "--halo", "3"]
    for rule in ("witness", "face", "overlap", "touch"):
        stage = tmp_path / f"stage-{rule}"
        pw("run", tmp_path / "image.npy", *common, "--merge", rule, "-o", tmp_path / "plain.npy", "--overwrite",
           "--keep-stage", stage)
        expected = images.raster_order(grown(np.load(tmp_path / "plain.npy"), 3))
        result = pw("run", tmp_path / "image.npy", *common, "--merge", rule, "--dilate", 3, "-o", tmp_path / "grown.npy",
                    "--overwrite")
        images.assert_same_labels(np.load(tmp_path / "grown.npy"), expected, str(result))
        result = pw("remerge", stage, "--dilate", 3, "-o", tmp_path / "again.npy", "--overwrite")
        images.assert_same_labels(np.load(tmp_path / "again.npy"), expected, str(result))


def test_dilate_is_refused(pw, tmp_path):
    np.save(tmp_path / "image.npy", np.zeros((8, 8), np.uint8))
    run = ("run", tmp_path / "image.npy", "--fn", "threshold:1", "-o", tmp_path / "x.npy", "--dilate")
    pw.refuses(*run, "-1", says="--dilate -1")
    pw.refuses(*run, "2px", says="--dilate 2px")
    pw.refuses(*run, "2000", says="at most 1000")
    assert not (tmp_path / "x.npy").exists()


def test_dilate_of_real_nuclei(pw, tmp_path, data):
    """A label image of touching nuclei: none loses a voxel to another."""
    labels = tifffile.imread(data / "nuclei" / "stardist_mask2d.tif")
    path = tmp_path / "labels.npy"
    np.save(path, labels)
    pw("run", path, "--fn", "label", "-o", tmp_path / "plain.npy")
    plain = np.load(tmp_path / "plain.npy")
    for tile in ("100", "512"):
        pw("run", path, "--fn", "label", "--dilate", 5, "--tile", tile, "-o", tmp_path / "grown.npy", "--overwrite")
        got = np.load(tmp_path / "grown.npy")
        expected = grown(plain, 5)
        same_but_for_ties(expected, plain, 5)
        images.assert_same_labels(got, images.raster_order(expected))


def filled(labels):
    """Every region of background that touches one object and not the border of the volume is that object's."""
    regions, n = ndimage.label(labels == 0)
    outside = set()
    for axis in range(labels.ndim):
        if labels.shape[axis] > 1:
            outside.update(np.unique(np.take(regions, [0, -1], axis)))
    least = np.full(n + 1, np.iinfo(np.int64).max)
    greatest = np.zeros(n + 1, np.int64)
    for axis in range(labels.ndim):
        for sign in (-1, 1):
            offset = tuple(sign if a == axis else 0 for a in range(labels.ndim))
            other = shifted(labels, offset)
            at = (regions > 0) & (other > 0)
            np.minimum.at(least, regions[at], other[at])
            np.maximum.at(greatest, regions[at], other[at])
    owner = np.where(least == greatest, least, 0)
    owner[list(outside)] = 0
    return np.where(labels > 0, labels, owner[regions])


def filled_one_by_one(labels):
    """scipy.ndimage.binary_fill_holes of each object by itself."""
    out = labels.copy()
    for label in range(1, labels.max() + 1):
        out[ndimage.binary_fill_holes(labels == label) & (labels == 0)] = label
    return out


def holed_image(rng, shape, kind):
    if kind == "shells":
        mask = np.zeros(shape, bool)
        for _ in range(6):
            at = np.array([rng.integers(0, n) for n in shape]).reshape(-1, *(1,) * len(shape))
            r = np.sqrt(((np.indices(shape) - at) ** 2).sum(0))
            radius = rng.uniform(3, max(4, min(shape) / 2))
            mask |= (r < radius) & (r > radius - rng.uniform(1.5, 3))
    else:
        mask = images.MASKS[kind](rng, shape)
    return images.paint(rng, mask, "uint8"), images.components(mask, 1)


@pytest.mark.parametrize("kind", ["shells", *(k for k in images.MASKS if k != "empty")])
@pytest.mark.parametrize("shape", [(90, 110), (17, 36, 40), (1, 60, 70)], ids=str)
def test_fill_holes(pw, tmp_path, kind, shape):
    rng = np.random.default_rng(len(kind) + len(shape))
    (image, threshold), labels = holed_image(rng, shape, kind)
    expected = filled(labels)
    np.save(tmp_path / "image.npy", image)
    outputs = set()
    for tile in ("1000", "16", "5,11,9"):
        for threads in (1, 7):
            output = tmp_path / "labels.npy"
            result = pw("run", tmp_path / "image.npy", "--fn", f"threshold:{threshold}", "--fill-holes", "--tile", tile,
                        "--threads", threads, "-o", output, "--overwrite")
            images.assert_same_labels(np.load(output), images.raster_order(expected), str(result))
            outputs.add(output.read_bytes())
    assert len(outputs) == 1


@pytest.mark.parametrize("seed", range(6))
def test_fill_holes_as_scipy(pw, tmp_path, seed):
    """Where no object lies in another's hole it is scipy.ndimage.binary_fill_holes of each."""
    rng = np.random.default_rng(seed)
    shape = ((120, 130), (24, 40, 40))[seed % 2]
    labels = images.components(ndimage.zoom(images.blob_mask(rng, tuple(n // 2 for n in shape)), 2, order=0), 1)
    labels[rng.random(shape) < 0.05] = 0  # holes of a voxel or two; objects stay apart
    if shape == (120, 130):
        labels[10:40, 10:90] = labels.max() + 1
        labels[15:35, 15:85] = 0
    labels = images.equal_value_components(labels, 1)
    expected = filled(labels)
    np.save(tmp_path / "labels.npy", labels.astype(np.uint32))
    plain = filled_one_by_one(labels)
    nested = expected != plain
    assert np.all(expected[nested] == 0) and np.mean(nested) < 0.2
    result = pw("run", tmp_path / "labels.npy", "--fn", "label", "--fill-holes", "--tile", "13", "-o", tmp_path / "out.npy")
    images.assert_same_labels(np.load(tmp_path / "out.npy"), images.raster_order(expected), str(result))


def test_holes_are_filled_before_objects_grow(pw, tmp_path):
    rng = np.random.default_rng(5)
    (image, threshold), labels = holed_image(rng, (20, 50, 50), "shells")
    np.save(tmp_path / "image.npy", image)
    expected = grown(filled(labels), 2)
    sizes = np.bincount(expected.ravel())
    kept = images.raster_order(np.where(sizes[expected] >= 200, expected, 0))
    for tile in ("9", "1000"):
        result = pw("run", tmp_path / "image.npy", "--fn", f"threshold:{threshold}", "--fill-holes", "--dilate", 2, "--min-size",
                    200, "--tile", tile, "-o", tmp_path / "labels.npy", "--overwrite", "--memory", "64M", "--threads", 1)
        images.assert_same_labels(np.load(tmp_path / "labels.npy"), kept, str(result))


def test_shapes_stay_in_the_box(pw, tmp_path):
    """With --roi nothing grows out of the box, and its border is the border."""
    rng = np.random.default_rng(6)
    (image, threshold), _ = holed_image(rng, (20, 60, 60), "shells")
    np.save(tmp_path / "image.npy", image)
    np.save(tmp_path / "part.npy", image[3:18, 7:50, 11:57])
    common = ["--fn", f"threshold:{threshold}", "--fill-holes", "--dilate", 2]
    pw("run", tmp_path / "part.npy", *common, "-o", tmp_path / "part-labels.npy")
    expected = np.zeros(image.shape, np.int64)
    expected[3:18, 7:50, 11:57] = np.load(tmp_path / "part-labels.npy")
    for tile in ("7", "1000"):
        result = pw("run", tmp_path / "image.npy", *common, "--roi", "3:18,7:50,11:57", "--tile", tile, "-o",
                    tmp_path / "labels.npy", "--overwrite")
        images.assert_same_labels(np.load(tmp_path / "labels.npy"), expected, str(result))
