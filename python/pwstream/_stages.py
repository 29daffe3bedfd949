"""
Tiles that are segmented one by one, each perhaps by a job of its own, and joined later:

    tiles = spatial_tiles(image.shape, TILE)
    create_stage("stage.zarr", image.shape, TILE)
    for index in range(len(tiles)):                       # in any order, anywhere that sees the store
        stage_tile(image, fn, "stage.zarr", index, tile_shape=TILE, overlap=16)
    merge_tile_labels("stage.zarr", input_component="staged", write_to="labels.zarr")

pw-stream run does all of this by itself; for a grid of jobs see its tiles and collect.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from ._function import name_of
from ._sizes import normalize_overlap
from ._store import need_zarr
from ._tile import WorkerError, store


def spatial_tiles(shape: Sequence[int], tile_shape: Sequence[int]) -> list[tuple[slice, ...]]:
    """The tiles of an image, the last axis fastest; those at its end are smaller."""
    if len(shape) != len(tile_shape) or min(tile_shape) < 1:
        raise ValueError(f"tile_shape is {tuple(tile_shape)} for an image of {len(shape)} axes, {tuple(shape)}")
    axes = [[slice(low, min(low + n, side)) for low in range(0, side, n)] for side, n in zip(shape, tile_shape)]
    return list(product(*axes))


def create_stage(
    stage_path: str | os.PathLike[str],
    shape: Sequence[int],
    tile_shape: Sequence[int],
    *,
    component: str = "staged",
    dtype: Any = np.int32,
    zarr_format: int | None = None,
) -> str:
    """An empty array for the labels of tiles, one chunk each; what was in this store is gone."""
    zarr = need_zarr()
    group = zarr.open_group(os.fspath(stage_path), mode="w", **({"zarr_format": zarr_format} if zarr_format else {}))
    # zarr 3 has create_array, zarr 2 create_dataset
    create = getattr(group, "create_array", None) or group.create_dataset
    create(component, shape=tuple(shape), dtype=np.dtype(dtype), chunks=tuple(tile_shape), fill_value=0)
    return os.fspath(stage_path)


def stage_tile(
    image: Any,
    fn: Callable[..., Any],
    stage_path: str | os.PathLike[str],
    index: int,
    *,
    tile_shape: Sequence[int],
    overlap: int | Sequence[int] = 0,
    component: str = "staged",
    channel_axis: int | None = None,
) -> int:
    """
    Calls fn with tile number index of image (and overlap around it) and writes its labels, as 1..n; returns n.
    channel_axis is an axis of image that fn sees whole.
    """
    shape = [n for axis, n in enumerate(image.shape) if axis != channel_axis]
    tile = spatial_tiles(shape, tile_shape)[index]
    around = normalize_overlap(overlap, len(shape), tile_shape)
    window = [slice(max(0, s.start - n), min(side, s.stop + n)) for s, n, side in zip(tile, around, shape)]
    place: list[slice] = list(window)
    if channel_axis is not None:
        place.insert(channel_axis % image.ndim, slice(None))
    labels = np.zeros([s.stop - s.start for s in window], np.uint32)
    try:
        store(fn(np.asarray(image[tuple(place)])), labels, [s.start for s in window])
    except WorkerError as error:
        raise ValueError(f"{name_of(fn)}: tile {index}: {error}") from None
    core = labels[tuple(slice(t.start - w.start, t.stop - w.start) for t, w in zip(tile, window))]
    found = np.unique(core)
    found = found[found != 0]
    array = need_zarr().open(os.fspath(stage_path), mode="r+")[component]
    if len(found) > np.iinfo(array.dtype).max:
        raise ValueError(f"tile {index} has {len(found)} labels, more than {array.dtype} holds")
    array[tile] = np.where(core == 0, 0, np.searchsorted(found, core) + 1).astype(array.dtype)
    return len(found)
