"""
Cells and fibres whose truth is known, and what a segmenter that works tile by tile makes of them.

    truth = instances.cells(rng, (1200, 1200), 26, "confluent")
    tiling = merge_oracle.Tiling((1, 1200, 1200), (1, 200, 200), (0, 40, 40))
    windows = instances.segment_tiles(rng, truth, tiling, "jitter")
    option = instances.write_windows(folder, tiling, windows)     # what replay.c reads

Truths are arrays of numbers 1, 2, ..., 0 is background; all drawing is by the generator that is handed in.
"""

from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from . import images

DENSITIES = ("sparse", "touching", "confluent")
QUALITIES = ("perfect", "jitter", "errors")

# The largest displacement of a tile's outlines, in voxels, and the share of objects that a tile gets wrong.
JITTER_VOXELS = 1.0
ERROR_RATE = 0.05

# ---------------------------------------------------------------------------- truth


def jittered_centres(rng, shape, pitch):
    """
    A grid of points pitch apart, each moved at random by up to 0.35 of that.  It is turned: the sides of cells in
    tissue do not follow the axes either.
    """
    reach = 0.5 * np.linalg.norm(shape) + pitch
    steps = np.arange(-reach, reach, pitch)
    grid = np.stack(np.meshgrid(*[steps] * len(shape), indexing="ij"), axis=-1).reshape(-1, len(shape))
    grid = grid + rng.uniform(-0.35, 0.35, grid.shape) * pitch
    points = grid @ frame(rng.standard_normal(len(shape))) + np.array(shape) / 2
    return points[np.all((points > -pitch) & (points < np.array(shape) + pitch), axis=1)]


def cells(rng, shape, diameter, density):
    """
    Cells of about this diameter: every voxel belongs to the nearest centre, as in a Voronoi tessellation.  Confluent
    cells fill the volume; touching ones are cut off at a radius, so that they share part of their outlines and leave
    gaps between; sparse ones seldom meet.
    """
    pitch, radius = {
        "sparse": (1.45 * diameter, 0.50 * diameter),
        "touching": (1.00 * diameter, 0.54 * diameter),
        "confluent": (0.95 * diameter, np.inf),
    }[density]
    centres = jittered_centres(rng, shape, pitch)
    voxels = np.indices(shape, np.float32).reshape(len(shape), -1).T
    distance, nearest = cKDTree(centres).query(voxels, distance_upper_bound=radius, workers=-1)
    labels = np.where(np.isfinite(distance), nearest + 1, 0).reshape(shape)
    return whole_pieces(labels)


# Directions of fibres: oblique to every axis.
DIRECTIONS = {2: (0.42, 0.91), 3: (0.46, 0.54, 0.70)}


def fibres(rng, shape, width, gap, shortest, direction=None):
    """
    Long wavy fibres side by side, width voxels thick and gap apart.  Each is cut at random places into pieces no shorter
    than shortest.
    """
    along, *across = frame(direction or DIRECTIONS[len(shape)])
    place = np.indices(shape, np.float32)
    wave = max(shape)
    distance = np.tensordot(along, place, 1)
    number, inside = np.zeros(shape, np.int64), np.ones(shape, bool)
    pitch = width + gap
    for axis in across:
        bend = 0.01 * wave * np.sin(2 * np.pi * (distance / wave + rng.random()))
        position = (np.tensordot(axis, place, 1) + bend) / pitch
        number = number * 10000 + np.floor(position).astype(np.int64) + 5000
        inside &= position % 1.0 < width / pitch
    number = np.unique(number, return_inverse=True)[1].reshape(shape)
    # One cut in each stretch of twice the shortest length, and a gap where it is.
    stretch = 2.0 * shortest
    phase = rng.random(int(number.max()) + 1)[number] + distance / stretch
    inside &= phase % 1.0 >= gap / stretch
    pieces = number * 1000 + np.floor(phase).astype(np.int64) + 500
    return whole_pieces(np.where(inside, pieces + 1, 0))


def frame(direction):
    """Orthonormal vectors; the first is along direction."""
    basis = np.linalg.qr(np.column_stack([direction, np.eye(len(direction))]))[0].T
    return basis * np.sign(basis[0] @ np.asarray(direction))


def whole_pieces(labels):
    """Thin corners may come apart where they are turned into voxels: their pieces are objects of their own."""
    return images.equal_value_components(labels, labels.ndim).astype(np.uint32)


def consecutive(labels):
    """The labels as 1, 2, ... in the order of their values."""
    found, rank = np.unique(labels, return_inverse=True)
    return (rank.reshape(labels.shape) + (found[0] != 0)).astype(np.uint32)


# ---------------------------------------------------------------------------- scenes

# Volume, tile and halo; the diameter of cells; width of fibres and the length of the shortest.  Cells are well smaller
# than the halo's reach, fibres longer than any window.
SCENES = {
    "2d": ((1200, 1200), (1, 200, 200), (0, 40, 40), 26.0, (8.0, 500.0)),
    "3d": ((80, 160, 160), (40, 54, 54), (16, 18, 18), 12.0, (7.0, 110.0)),
}
KINDS = (*DENSITIES, "fibres", "packed-fibres")


def scene(name, kind, seed=1):
    """The truth of "2d" or "3d" with cells of a density or with fibres, a voxel apart or none, and the tiling for it."""
    from .merge_oracle import Tiling

    shape, tile, halo, diameter, (width, length) = SCENES[name]
    rng = np.random.default_rng(seed)
    if kind in DENSITIES:
        truth = cells(rng, shape, diameter, kind)
    else:
        truth = fibres(rng, shape, width, 1.0 if kind == "fibres" else 0.0, length)
    return truth, Tiling(volume_of(truth), tile, halo)


# ---------------------------------------------------------------------------- tiles


def volume_of(array):
    """The shape as z, y, x."""
    return (1, *array.shape) if array.ndim == 2 else array.shape


def slices(box):
    return tuple(slice(a, b) for a, b in box)


def segment_tiles(rng, truth, tiling, quality):
    """
    The labels of every window.  perfect: the truth, numbered anew.  jitter: outlines moved by a smooth displacement of
    the tile's own, one voxel at most.  errors: that, and one object in twenty split, fused with a neighbour or missed.
    """
    truth = truth.reshape(tiling.volume)
    windows = []
    for t in range(len(tiling)):
        box = tiling.window(t)
        labels = truth[slices(box)] if quality == "perfect" else warped(rng, truth, box)
        if quality == "errors":
            labels = with_errors(rng, labels)
        windows.append(renumbered(rng, labels))
    return windows


def renumbered(rng, labels):
    """Other ids at random, some left out."""
    found, rank = np.unique(labels, return_inverse=True)
    ids = rng.permutation(np.arange(1, 2 * len(found) + 1))[: len(found)].astype(np.uint32)
    ids[found == 0] = 0
    return ids[rank.reshape(labels.shape)]


def smooth_field(rng, shape):
    """Noise that changes over about ten voxels, its largest value 1."""
    coarse = [max(2, n // 10 + 2) if n > 1 else 1 for n in shape]
    zoom = [n / c for n, c in zip(shape, coarse)]
    field = ndimage.zoom(rng.standard_normal(coarse).astype(np.float32), zoom, order=1, mode="nearest", grid_mode=True)
    return field / np.abs(field).max()


def warped(rng, truth, box):
    shape = [b - a for a, b in box]
    place = np.indices(shape, np.float32, sparse=True)
    index = []
    for axis, ((a, _), end) in enumerate(zip(box, truth.shape)):
        moved = place[axis] + (JITTER_VOXELS * smooth_field(rng, shape) if end > 1 else 0)
        index.append(np.clip(np.rint(moved).astype(np.int64) + a, 0, end - 1))
    return truth[tuple(index)]


def with_errors(rng, labels):
    labels = labels.copy()
    boxes = ndimage.find_objects(labels.astype(np.int64))
    fresh = len(boxes)
    for a in (a for a, box in enumerate(boxes, 1) if box is not None):
        if rng.random() >= ERROR_RATE:
            continue
        kind = rng.integers(3)
        around = tuple(slice(max(s.start - 2, 0), s.stop + 2) for s in boxes[a - 1])
        part = labels[around]  # a view: what is painted here stays
        mine = part == a
        if kind == 0:
            fresh += 1
            split(rng, part, mine, fresh)
        elif kind == 1:
            fuse(part, mine, a)
        else:
            part[mine] = 0
    return labels


def split(rng, part, mine, fresh):
    """Cuts an object through its middle, in a random direction."""
    voxels = np.argwhere(mine)
    if len(voxels):
        side = (voxels - voxels.mean(axis=0)) @ rng.standard_normal(part.ndim) > 0
        part[tuple(voxels[side].T)] = fresh


def fuse(part, mine, a):
    """Gives an object the id of the neighbour that it touches most."""
    grown = ndimage.binary_dilation(mine, iterations=2) & (part != 0) & (part != a)
    if grown.any():
        part[mine] = np.bincount(part[grown]).argmax()


def window_name(tiling, t):
    """The file of a tile's window, as replay.c calls it.  With a large halo two tiles may have the same window."""
    box = tiling.window(t)
    origin = "_".join(str(a) for a, _ in box)
    return f"{t}_{origin}_{'x'.join(str(b - a) for a, b in box)}.u32"


def write_windows(folder, tiling, windows):
    """Writes the labels of all windows for the replay plugin; the folder is its option."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for t, labels in enumerate(windows):
        np.ascontiguousarray(labels, np.uint32).tofile(folder / window_name(tiling, t))
    return folder


# ---------------------------------------------------------------------------- judging


def crossing(truth, tiling):
    """For each object 1.. of truth: whether it has voxels in more than one core; [0] means nothing."""
    truth = truth.reshape(tiling.volume)
    tiles = np.zeros(int(truth.max()) + 1, np.int64)
    for t in range(len(tiling)):
        tiles[np.unique(truth[slices(tiling.core(t))])] += 1
    return tiles > 1


def recovered(truth, result, threshold=0.5):
    """For each object 1.. of truth: whether an object of result has an IoU above threshold with it; [0] is False."""
    truth, result = truth.ravel().astype(np.int64), np.asarray(result).ravel().astype(np.int64)
    n_truth, n_result = int(truth.max(initial=0)) + 1, int(result.max(initial=0)) + 1
    table = np.bincount(truth * n_result + result)
    both = np.flatnonzero(table)
    shared = table[both]
    a, b = both // n_result, both % n_result
    size_a, size_b = np.bincount(truth, minlength=n_truth), np.bincount(result, minlength=n_result)
    good = (a != 0) & (b != 0) & (shared > threshold * (size_a[a] + size_b[b] - shared))
    out = np.zeros(n_truth, bool)
    out[a[good]] = True
    return out


def recall(truth, result, tiling):
    """(recall of the objects that cross a seam, of the others), in percent."""
    across, found = crossing(truth, tiling)[1:], recovered(truth, result)[1:]
    return 100 * found[across].mean(), 100 * found[~across].mean()


def longer_than_a_tile(truth, tiling):
    """For each object 1.. of truth: whether it is longer than a tile along some axis; [0] is False."""
    boxes = ndimage.find_objects(truth.reshape(tiling.volume).astype(np.int64))
    longer = [any(s.stop - s.start > n for s, n in zip(box, tiling.tile)) for box in boxes]
    return np.array([False, *longer])
