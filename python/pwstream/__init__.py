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
    from ._empty import auto_empty_threshold, estimate_empty_tiles
    from ._merge import label_relations, merge_tile_labels, relabel_sequential_array, relabel_sequential_zarr
    from ._postprocess import dilate_labels
    from ._process import tile_process
    from ._sizes import (
        auto_overlap,
        auto_tile_shape,
        auto_tile_shape_cellpose,
        cpu_allocation,
        normalize_overlap,
        safe_worker_count,
    )
    from ._store import load_ome_zarr, read_pixel_size, to_ome_zarr
    from ._tool import ToolError
    from .worker import ImageInfo, Tile, WorkerError, serve, worker

# What is here and where it comes from.  Nothing is imported before it is used: a worker starts in the time that numpy
# takes, and `python3 -m pwstream.worker` is not loaded twice.
_PLACES = {
    "worker": ("ImageInfo", "Tile", "WorkerError", "serve", "worker"),
    "_cluster": ("make_local_cluster",),
    "_empty": ("auto_empty_threshold", "estimate_empty_tiles"),
    "_merge": ("label_relations", "merge_tile_labels", "relabel_sequential_array", "relabel_sequential_zarr"),
    "_postprocess": ("dilate_labels",),
    "_process": ("tile_process",),
    "_sizes": (
        "auto_overlap",
        "auto_tile_shape",
        "auto_tile_shape_cellpose",
        "cpu_allocation",
        "normalize_overlap",
        "safe_worker_count",
    ),
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
    "cpu_allocation",
    "dilate_labels",
    "estimate_empty_tiles",
    "label_relations",
    "load_ome_zarr",
    "make_local_cluster",
    "merge_tile_labels",
    "normalize_overlap",
    "read_pixel_size",
    "relabel_sequential_array",
    "relabel_sequential_zarr",
    "safe_worker_count",
    "serve",
    "tile_process",
    "to_ome_zarr",
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
