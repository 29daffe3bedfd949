"""
Ready workers, each a module with a function segment():

    pw-stream run image.zarr --fn py:pwstream.workers.cellpose:segment,diameter=30

cellpose, stardist, torch and skimage.  A library is imported when its worker starts, and when it is not there the run
ends with how to install it.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from ..worker import Tile, WorkerError


def library(name: str, install: str) -> Any:
    """A module, or a sentence that says how to get it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        reason = "" if missing == name.partition(".")[0] else f" (it needs {missing})"
        raise WorkerError(f"{name.partition('.')[0]} is not installed here{reason}: {install}") from None


def scaled(image: np.ndarray, tile: Tile | None, low: float, high: float, spatial: int) -> np.ndarray:
    """
    image as float32 with its percentiles low and high at 0 and 1, channel by channel (those are the first axis, where
    there are more axes than spatial ones).  The percentiles are those of the whole image, so that all tiles are treated
    alike; only a function that is called without a tile takes what it sees for the whole.  With --normalize it is
    scaled already.
    """
    result = image.astype(np.float32)
    if tile is not None and tile.is_normalized:
        return result
    parts = list(result) if image.ndim > spatial else [result]
    for number, part in enumerate(parts):
        if tile is not None and number < len(tile.statistics):
            found = tile.statistics[number]["percentiles"]
            bottom, top = float(found[0]), float(found[-1])
        else:
            bottom, top = (float(n) for n in np.percentile(part, [low, high]))
        part -= np.float32(bottom)
        part /= np.float32(max(top - bottom, 1e-20))
    return result


def spatial_axes(image: np.ndarray, tile: Tile | None) -> int:
    """How many of the image's axes are y, x and z."""
    return image.ndim if tile is None else len(tile.volume)


def one_plane(image: np.ndarray, what: str) -> np.ndarray:
    """(y, x) of a window that is one plane thick."""
    if image.ndim == 2:
        return image
    if image.shape[0] != 1:
        raise WorkerError(f"{what} works on planes and the tile has {image.shape[0]}: add --tile 1,1024,1024")
    plane: np.ndarray = image[0]
    return plane


def percentiles(low: float, high: float) -> list[float]:
    if not 0 <= low < high <= 100:
        raise WorkerError(f"percentiles are {low} and {high}; they rise from 0 to 100")
    return [float(low), float(high)]
