"""
Test volumes, and what the tool must make of them.

The oracles label the whole volume at once in memory; numbering is by first voxel in raster order, which is what
patchworks promises.  Masks are boolean arrays; paint() turns one into an image of any element type with a
threshold that gives the mask back.
"""

import numpy as np
from scipy import ndimage

# Occupations around the percolation thresholds of 2-D (4 and 8 neighbours) and 3-D (6 and 26 neighbours), where
# components are largest and most ragged, and some far from them.
OCCUPATIONS = (0.01, 0.097, 0.2, 0.3116, 0.407, 0.5, 0.5927, 0.7, 0.95)


def random_mask(rng, shape):
    return rng.random(shape) < rng.choice(OCCUPATIONS)


def blob_mask(rng, shape):
    field = ndimage.gaussian_filter(rng.standard_normal(shape), sigma=float(rng.uniform(1.0, 3.0)))
    return field > np.quantile(field, float(rng.uniform(0.4, 0.9)))


def spiral_mask(rng, shape):
    """Arms that wind round the centre: few objects, each in nearly every tile; turned along z in 3-D."""
    z, y, x = np.indices(shape if len(shape) == 3 else (1, *shape), dtype=float)
    dy, dx = y - shape[-2] / 2, x - shape[-1] / 2
    pitch = float(rng.uniform(3.0, 9.0))
    arms = int(rng.integers(1, 4))
    phase = np.hypot(dy, dx) / pitch * 2 * np.pi - arms * np.arctan2(dy, dx) + z * float(rng.uniform(0, 1.5))
    return (np.sin(phase) > float(rng.uniform(-0.2, 0.6))).reshape(shape)


def fibre_mask(rng, shape):
    """Thin random walks: long objects that cross tiles through faces, edges and corners."""
    mask = np.zeros(shape, bool)
    for _ in range(int(rng.integers(1, 12))):
        at = np.array([rng.integers(0, n) for n in shape])
        heading = rng.integers(-1, 2, size=len(shape))
        for _ in range(4 * max(shape)):
            if np.any(at < 0) or np.any(at >= shape):
                break
            mask[tuple(at)] = True
            if rng.random() < 0.15:
                heading = rng.integers(-1, 2, size=len(shape))
            at = at + heading
    return mask


def comb_mask(rng, shape):
    """Teeth joined at their far end only: ids that meet late, in long chains."""
    mask = np.zeros(shape, bool)
    axis = int(rng.integers(0, len(shape)))
    across = (axis + 1) % len(shape)
    teeth = [slice(None)] * len(shape)
    teeth[across] = slice(0, None, 2)
    mask[tuple(teeth)] = True
    for offset in range(1, shape[across], 2):
        join = [slice(None)] * len(shape)
        join[across] = offset
        join[axis] = -1 if rng.random() < 0.5 else 0
        mask[tuple(join)] = True
    return mask


def ring_mask(rng, shape):
    """Shells in shells: bounding boxes that enclose one another."""
    centre = [n / 2 for n in shape]
    distance = np.sqrt(sum((i - c) ** 2 for i, c in zip(np.indices(shape, dtype=float), centre)))
    return (distance / float(rng.uniform(1.5, 4.0))).astype(int) % 2 == 0


def checkerboard_mask(rng, shape):
    """One object with full connectivity, as many as voxels without."""
    return np.indices(shape).sum(axis=0) % 2 == int(rng.integers(0, 2))


def full_mask(rng, shape):
    return np.ones(shape, bool)


def empty_mask(rng, shape):
    return np.zeros(shape, bool)


def corner_mask(rng, shape):
    """Single voxels in the corners of the volume and a diagonal through it."""
    mask = np.zeros(shape, bool)
    mask[np.ix_(*[(0, -1) for _ in shape])] = True
    steps = np.arange(min(shape))
    mask[tuple(steps for _ in shape)] = True
    return mask


MASKS = {name[: -len("_mask")]: value for name, value in list(globals().items()) if name.endswith("_mask")}


def paint(rng, mask, dtype):
    """An image of element type dtype and a threshold t such that image > t is mask."""
    dtype = np.dtype(dtype)
    if dtype == bool:
        return mask.copy(), 0
    if dtype.kind == "f":
        threshold = float(rng.choice([-1.5, 0.0, 0.25, 100.5]))
        low = rng.uniform(threshold - 50, threshold, mask.shape)
        low[rng.random(mask.shape) < 0.05] = threshold  # equal is background
        high = rng.uniform(threshold + 1, threshold + 50, mask.shape)
        return np.where(mask, high, low).astype(dtype), threshold
    info = np.iinfo(dtype)
    low_end, high_end = max(info.min, -1000), min(info.max, 60000)
    threshold = int(rng.integers(max(low_end + 1, 0) if dtype.kind == "u" else low_end + 1, high_end))
    low = rng.integers(low_end, threshold + 1, mask.shape)
    high = rng.integers(threshold + 1, high_end + 1, mask.shape)
    extreme = rng.random(mask.shape) < 0.02  # the ends of the type too, as far as int64 can hold them
    low[extreme] = low_end if dtype.kind == "u" else max(info.min, -(2**62))
    high[extreme] = min(info.max, 2**62)
    return np.where(mask, high, low).astype(dtype), threshold


def raster_order(labels):
    """labels with their ids replaced by 1, 2, ... in the order of each id's first voxel; 0 stays."""
    ids, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.zeros(len(ids), np.int64)
    nonzero = np.flatnonzero(ids != 0)
    rank[nonzero[np.argsort(first[nonzero])]] = np.arange(1, len(nonzero) + 1)
    return rank[inverse.reshape(labels.shape)]


def components(mask, connectivity):
    """Connected components of a mask, as scipy numbers them."""
    return ndimage.label(mask, ndimage.generate_binary_structure(mask.ndim, connectivity))[0]


def equal_value_components(image, connectivity):
    """Connected components of equal non-zero values."""
    from skimage.measure import label

    # label() works on signed integers up to its own width: rank the values first.
    ranks = np.unique(image, return_inverse=True)[1].reshape(image.shape) + 1
    ranks[image == 0] = 0
    return raster_order(label(ranks, background=0, connectivity=connectivity))


def otsu(image):
    """The threshold of scikit-image, which the tool promises to equal."""
    from skimage.filters import threshold_otsu

    return threshold_otsu(image)


def assert_same_labels(got, expected, about=""):
    """Voxel for voxel, with a message that shows the first difference."""
    got, expected = np.squeeze(got), np.squeeze(expected)
    assert got.shape == expected.shape, f"{about}: shape {got.shape}, expected {expected.shape}"
    assert got.dtype.kind in "ui", f"{about}: labels of type {got.dtype}"
    if not np.array_equal(got, expected):
        where = tuple(int(i) for i in np.argwhere(got != expected)[0])
        raise AssertionError(
            f"{about}: labels differ in {np.count_nonzero(got != expected)} of {got.size} voxels, first at {where}: "
            f"{got[where]}, expected {expected[where]}; {got.max(initial=0)} objects, expected {expected.max(initial=0)}"
        )
