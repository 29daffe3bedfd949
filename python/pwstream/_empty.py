"""Which tiles are background: an estimate from samples, before a run.  The run itself looks at every voxel."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _store
from ._image import is_path

SAMPLES = 500  # windows that a threshold is taken from
SAMPLE_VOXELS = 1 << 16  # of each: an estimate does not get better with more, and they are kept


def otsu(values: Any) -> float:
    """
    Otsu's threshold, as skimage.filters.threshold_otsu: integers have a bin for each value, others 256 equal ones; a
    constant is its own threshold, and of nothing it is 0.
    """
    values = np.asarray(values).ravel()
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0
    low, high = values.min(), values.max()
    if low == high:
        return float(low)
    if values.dtype.kind in "iub" and int(high) - int(low) < 1 << 20:
        counts = np.bincount((values.astype(np.int64) - int(low)).ravel()).astype(float)
        centres = np.arange(int(low), int(high) + 1, dtype=float)
    else:
        counts, edges = np.histogram(values, bins=256)
        counts, centres = counts.astype(float), (edges[:-1] + edges[1:]) / 2
    below, above = np.cumsum(counts), np.cumsum(counts[::-1])[::-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_below = np.cumsum(counts * centres) / below
        mean_above = (np.cumsum((counts * centres)[::-1]) / above[::-1])[::-1]
    between = below[:-1] * above[1:] * (mean_below[:-1] - mean_above[1:]) ** 2
    return float(centres[int(np.nanargmax(between))])


def _array(image: Any, channel: int | None, level: int) -> Any:
    return _store.load_ome_zarr(image, channel, level) if is_path(image) else image


def auto_empty_threshold(image: Any, channel: int | None = None, level: int = 0) -> float:
    """Otsu's threshold of three windows of at most 64 voxels a side, at a third, a half and two thirds of each axis."""
    array = _array(image, channel, level)
    parts = []
    for share in (0.33, 0.5, 0.66):
        window = []
        for axis, side in enumerate(array.shape):
            width = min(side, 64) if axis >= array.ndim - 3 else side
            start = min(max(0, int(side * share) - width // 2), side - width)
            window.append(slice(start, start + width))
        parts.append(np.asarray(array[tuple(window)]).ravel())
    return otsu(np.concatenate(parts))


def estimate_empty_tiles(
    image: Any,
    tile_shape: Sequence[int],
    threshold: float | None = None,
    channel: int | None = 0,
    level: int = 0,
    sample_window: Sequence[int] = (24, 256, 256),
) -> dict[str, Any]:
    """
    How many tiles have something above threshold, judging by a window in the middle of each: threshold, n_tiles,
    n_occupied, empty_fraction, occupancy (an array of bool, one for each tile).

    An object outside of the windows is not seen.  tile_process(skip_empty=True) looks at all voxels.
    """
    array = _array(image, channel, level)
    if len(tile_shape) != array.ndim:
        raise ValueError(f"tile_shape is {tuple(tile_shape)} for an image of {array.ndim} axes: choose a channel")
    window = tuple(sample_window)[-array.ndim :]
    window = (1,) * (array.ndim - len(window)) + window
    grid = tuple(math.ceil(side / n) for side, n in zip(array.shape, tile_shape))
    places = list(itertools.product(*[range(n) for n in grid]))
    highest = np.empty(len(places))
    every = max(1, math.ceil(len(places) / SAMPLES))
    samples = []
    for number, place in enumerate(places):
        values = np.asarray(array[_middle(place, array.shape, tile_shape, window)]).ravel()
        highest[number] = values.max()  # NaN stays NaN: such a tile is kept
        if threshold is None and number % every == 0:
            samples.append(values[:: max(1, math.ceil(values.size / SAMPLE_VOXELS))])
    if threshold is None:
        threshold = otsu(np.concatenate(samples)) if samples else 0.0
    occupied = ~(highest <= threshold)
    return {
        "threshold": float(threshold),
        "n_tiles": len(places),
        "n_occupied": int(occupied.sum()),
        "empty_fraction": float(1 - occupied.mean()) if places else 0.0,
        "occupancy": occupied.reshape(grid),
    }


def _middle(
    place: Sequence[int], shape: Sequence[int], tile: Sequence[int], window: Sequence[int]
) -> tuple[slice, ...]:
    slices = []
    for index, side, length, most in zip(place, shape, tile, window):
        low, high = index * length, min((index + 1) * length, side)
        width = min(most, high - low)
        start = low + (high - low - width) // 2
        slices.append(slice(start, start + width))
    return tuple(slices)


__all__ = ["auto_empty_threshold", "estimate_empty_tiles", "otsu"]
