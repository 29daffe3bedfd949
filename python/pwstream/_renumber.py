"""Labels of an array with other numbers: without gaps, without objects that are too small or too large."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from . import _labels
from ._store import need_zarr


def _narrow(n: int) -> type:
    return np.uint16 if n < 65535 else np.uint32


def relabel_sequential_array(labels: Any) -> np.ndarray:
    """Labels as 0, 1, ... N in the order of their values; 0 stays 0, whether it occurs or not."""
    labels = np.asarray(labels)
    found, inverse = np.unique(labels, return_inverse=True)
    rank = np.arange(len(found)) + (1 if found.size and found[0] != 0 else 0)
    count = int(rank[-1]) if rank.size else 0
    return rank.astype(_narrow(count))[inverse].reshape(labels.shape)


def relabel_sequential_zarr(store_path: str | os.PathLike[str], component: str = "labels") -> int:
    """The same for an array in a store, which changes when all of it is done, a chunk (or shard) at a time; returns N."""
    with _rewritten(store_path, component) as array:
        found, _ = _sizes(array)
        _replace(array, found, np.arange(1, len(found) + 1))
    return len(found)


def filter_labels_by_size(
    store_path: str | os.PathLike[str],
    component: str,
    min_voxels: int | None = None,
    max_voxels: int | None = None,
    *,
    relabel: bool = True,
    n_workers: int | None = None,
) -> tuple[int, int]:
    """
    Removes labels of fewer than min_voxels or more than max_voxels from an array in a store, which changes when all of
    it is done; those that stay become 1..N in the order of their values unless relabel is False.  Returns how many stay
    and how many went.  Smaller levels of a pyramid are arrays of their own.
    """
    del n_workers  # chunks are read one after the other
    low, high = min_voxels or 0, math.inf if max_voxels is None else max_voxels
    if high < low:
        raise ValueError(f"no label has at least {low} and at most {high} voxels")
    with _rewritten(store_path, component) as array:
        found, voxels = _sizes(array)
        stays = (voxels >= low) & (voxels <= high)
        _replace(array, found, np.where(stays, np.cumsum(stays) if relabel else found, 0))
    return int(stays.sum()), int((~stays).sum())


def voxel_volume(voxel_size: Mapping[str, float]) -> float:
    """Of one voxel, from the extents of its axes."""
    return math.prod(float(size) for size in voxel_size.values())


def min_voxels_for_volume(min_volume: float, voxel_size: Mapping[str, float]) -> int:
    """The fewest voxels with at least this volume."""
    return math.ceil(_exact(min_volume / voxel_volume(voxel_size)))


def max_voxels_for_volume(max_volume: float, voxel_size: Mapping[str, float]) -> int:
    """The most voxels with no more than this volume."""
    return math.floor(_exact(max_volume / voxel_volume(voxel_size)))


def _exact(quotient: float) -> float:
    """A whole number where only the last bits say otherwise: 2 voxels of 0.1 have a volume of 0.2."""
    return float(round(quotient)) if math.isclose(quotient, round(quotient), rel_tol=1e-12) else quotient


@contextmanager
def _rewritten(store_path: str | os.PathLike[str], component: str) -> Iterator[Any]:
    """A copy of an array, which takes its place when it is changed: one that is interrupted leaves the array as it was."""
    zarr = need_zarr()
    place = Path(store_path) / component
    if not (place / "zarr.json").exists() and not (place / ".zarray").exists():
        raise FileNotFoundError(f"{place}: no zarr array")
    folder = _labels.temporary_folder(place.parent)
    try:
        copy = folder / "array"
        shutil.copytree(place, copy)
        yield zarr.open(os.fspath(copy), mode="r+")
        _labels.replace_folder(copy, place)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sizes(array: Any) -> tuple[np.ndarray, np.ndarray]:
    """The labels that occur, and their voxels."""
    found, voxels = np.zeros(0, array.dtype), np.zeros(0, np.int64)
    for box in _boxes(array):
        labels, count = np.unique(array[box], return_counts=True)
        found, place = np.unique(np.concatenate([found, labels]), return_inverse=True)
        total = np.zeros(len(found), np.int64)
        np.add.at(total, place, np.concatenate([voxels, count]))
        voxels = total
    return found[found != 0], voxels[found != 0]


def _replace(array: Any, found: np.ndarray, becomes: np.ndarray) -> None:
    """Each of found, in ascending order, by its place in becomes; 0 stays."""
    for box in _boxes(array):
        labels = array[box]
        if labels.any():
            place = np.searchsorted(found, labels).clip(max=len(found) - 1)
            array[box] = np.where(labels == 0, 0, becomes[place]).astype(array.dtype)


def _boxes(array: Any) -> Iterator[tuple[slice, ...]]:
    step: Sequence[int] = getattr(array, "shards", None) or array.chunks
    for low in product(*[range(0, side, n) for side, n in zip(array.shape, step)]):
        yield tuple(slice(start, start + n) for start, n in zip(low, step))
