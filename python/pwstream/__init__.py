"""
Segment images of any size, tile by tile, with any Python function; pw-stream does the rest.

    import pwstream

    labels = pwstream.tile_process("image.zarr", my_function, overlap=16)

and @pwstream.worker, for functions that pw-stream is to call itself (see pwstream/worker.py).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._cluster import make_local_cluster
    from ._codec import compression, set_compression
    from ._empty import auto_empty_threshold, estimate_empty_tiles
    from ._merge import label_relations, merge_tile_labels
    from ._plan import suggest_overlap
    from ._postprocess import dilate_labels, fill_holes, open_labels
    from ._process import tile_process
    from ._renumber import (
        filter_labels_by_size,
        max_voxels_for_volume,
        min_voxels_for_volume,
        relabel_sequential_array,
        relabel_sequential_zarr,
        voxel_volume,
    )
    from ._sizes import (
        auto_overlap,
        auto_tile_shape,
        auto_tile_shape_cellpose,
        cpu_allocation,
        normalize_overlap,
        safe_worker_count,
    )
    from ._stages import create_stage, spatial_tiles, stage_tile
    from ._store import load_ome_zarr, read_pixel_size, to_ome_zarr
    from ._tool import ToolError
    from .worker import ImageInfo, Tile, WorkerError, serve, worker

# What is here and where it comes from.  Nothing is imported before it is used: a worker starts in the time that numpy
# takes, and `python3 -m pwstream.worker` is not loaded twice.
_PLACES = {
    "worker": ("ImageInfo", "Tile", "WorkerError", "serve", "worker"),
    "_cluster": ("make_local_cluster",),
    "_codec": ("compression", "set_compression"),
    "_empty": ("auto_empty_threshold", "estimate_empty_tiles"),
    "_merge": ("label_relations", "merge_tile_labels"),
    "_plan": ("suggest_overlap",),
    "_postprocess": ("dilate_labels", "fill_holes", "open_labels"),
    "_process": ("tile_process",),
    "_renumber": (
        "filter_labels_by_size",
        "max_voxels_for_volume",
        "min_voxels_for_volume",
        "relabel_sequential_array",
        "relabel_sequential_zarr",
        "voxel_volume",
    ),
    "_sizes": (
        "auto_overlap",
        "auto_tile_shape",
        "auto_tile_shape_cellpose",
        "cpu_allocation",
        "normalize_overlap",
        "safe_worker_count",
    ),
    "_stages": ("create_stage", "spatial_tiles", "stage_tile"),
    "_store": ("load_ome_zarr", "read_pixel_size", "to_ome_zarr"),
    "_tool": ("ToolError",),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "ImageInfo",
    "Tile",
    "ToolError",
    "WorkerError",
    "auto_empty_threshold",
    "auto_overlap",
    "auto_tile_shape",
    "auto_tile_shape_cellpose",
    "compression",
    "cpu_allocation",
    "create_stage",
    "dilate_labels",
    "estimate_empty_tiles",
    "fill_holes",
    "filter_labels_by_size",
    "label_relations",
    "load_ome_zarr",
    "make_local_cluster",
    "max_voxels_for_volume",
    "merge_tile_labels",
    "min_voxels_for_volume",
    "normalize_overlap",
    "open_labels",
    "read_pixel_size",
    "relabel_sequential_array",
    "relabel_sequential_zarr",
    "safe_worker_count",
    "serve",
    "set_compression",
    "spatial_tiles",
    "stage_tile",
    "suggest_overlap",
    "tile_process",
    "to_ome_zarr",
    "voxel_volume",
    "worker",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
