"""
The rules by which a block of voxels becomes one of the next smaller level, written down once more in numpy.

by_mode, by_nearest and by_mean take an array and a factor for each axis (by_mean: for the last axes).
"""

import numpy as np


def blocks(array, factor):
    """The voxels of each block along a last axis; -1 where a block hangs over the border."""
    padded = np.full([-(-n // f) * f for n, f in zip(array.shape, factor)], -1, np.int64)
    padded[tuple(slice(n) for n in array.shape)] = array
    split = padded.reshape([m for n, f in zip(padded.shape, factor) for m in (n // f, f)])
    order = list(range(0, split.ndim, 2)) + list(range(1, split.ndim, 2))
    return split.transpose(order).reshape(*[n // f for n, f in zip(padded.shape, factor)], -1)


def by_mode(array, factor):
    """At least half labelled: the most frequent label, of several the smallest."""
    values = blocks(array, factor)
    result = np.zeros(values.shape[:-1], np.int64)
    labelled, present = (values > 0).sum(-1), (values >= 0).sum(-1)
    for at in np.argwhere(2 * labelled >= present):
        block = values[tuple(at)]
        ids, counts = np.unique(block[block > 0], return_counts=True)
        result[tuple(at)] = ids[counts.argmax()] if len(ids) else 0
    return result


def by_nearest(array, factor):
    return array[tuple(slice(None, None, f) for f in factor)]


def by_mean(array, factor):
    """The mean of each block along the last axes, of what there is of it; whole numbers to the nearest, halves up."""
    lead = array.ndim - len(factor)
    factor = (1,) * lead + tuple(factor)
    padded_shape = [-(-n // f) * f for n, f in zip(array.shape, factor)]
    wide = np.float64 if array.dtype.kind == "f" else object if array.dtype.itemsize == 8 else np.int64
    sums, counts = np.zeros(padded_shape, wide), np.zeros(padded_shape, np.int64)
    inside = tuple(slice(n) for n in array.shape)
    sums[inside], counts[inside] = array.astype(wide), 1

    def fold(a):
        split = a.reshape([m for n, f in zip(a.shape, factor) for m in (n // f, f)])
        return split.sum(axis=tuple(range(1, split.ndim, 2)))

    sums, counts = fold(sums), fold(counts)
    if array.dtype.kind == "f":
        return (sums / counts).astype(array.dtype)
    if array.dtype.kind == "b":
        return 2 * sums >= counts
    return ((2 * sums + counts) // (2 * counts)).astype(array.dtype)
