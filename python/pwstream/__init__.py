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
    from .worker import ImageInfo, Tile, WorkerError, serve, worker

# What is here and where it comes from.  Nothing is imported before it is used: a worker starts in the time that numpy
# takes, and `python3 -m pwstream.worker` is not loaded twice.
_PLACES = {
    "worker": ("ImageInfo", "Tile", "WorkerError", "serve", "worker"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = ["ImageInfo", "Tile", "WorkerError", "serve", "worker"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
