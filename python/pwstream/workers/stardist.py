"""
StarDist, in 2-D and 3-D.

    pw-stream run image.zarr --fn py:pwstream.workers.stardist:segment,model=2D_versatile_fluo --tile 1,1024,1024

    model       a registered model, or the folder of one (default 2D_versatile_fluo)
    diameter    of objects, in voxels of x, for the context that a tile is given (default 32)
    low, high   percentiles of the whole image that become 0 and 1 (default 1, 99.8)
    prob_thresh, nms_thresh   of StarDist (default: the model's)
"""

from __future__ import annotations

import json
import math
import os
from functools import lru_cache
from typing import Any

import numpy as np

from ..worker import ImageInfo, Tile, WorkerError, worker
from . import library, one_plane, percentiles, scaled

INSTALL = "pip install stardist tensorflow"
DEFAULT_MODEL = "2D_versatile_fluo"
# Features of the network in float32 on its grid, 32 rays and a probability for each of its points.
BYTES_PER_VOXEL = 400


@lru_cache(maxsize=2)
def load_model(name: str) -> Any:
    models = library("stardist.models", INSTALL)
    kinds = {2: models.StarDist2D, 3: models.StarDist3D}
    if os.path.isdir(name):
        folder = os.path.abspath(name)
        place = {"name": os.path.basename(folder), "basedir": os.path.dirname(folder)}
        with open(os.path.join(folder, "config.json")) as file:
            return kinds[int(json.load(file)["n_dim"])](None, **place)
    model = kinds[3 if name.startswith("3D") else 2].from_pretrained(name)
    if model is not None:
        return model
    raise WorkerError(f"StarDist has no model {name!r}, and there is no such folder")


def context_of(model: Any) -> tuple[int, ...]:
    """How far the network looks, along each axis."""
    axes = "YX" if model.config.n_dim == 2 else "ZYX"
    return tuple(int(n) for n in model._axes_tile_overlap(axes))


def declare(
    info: ImageInfo, model: str = DEFAULT_MODEL, diameter: float = 32.0, low: float = 1.0, high: float = 99.8, **_: Any
) -> dict[str, Any]:
    library("stardist", INSTALL)
    network = load_model(model)
    # What is at the edge of a tile is unreliable as far as the network looks; an object beyond must be seen whole.
    halo = [n + math.ceil(diameter) for n in context_of(network)]
    wants: dict[str, Any] = {
        "halo": halo if len(halo) == 3 else (0, *halo),
        "bytes_per_voxel": BYTES_PER_VOXEL,
        "percentiles": percentiles(low, high),
    }
    if len(halo) == 2:
        wants["max_tile"] = (1, 1 << 30, 1 << 30)
    elif info.ndim == 2:
        raise WorkerError(f"{model} is a model for volumes and the image has two axes")
    return wants


@worker(declare=declare)
def segment(
    image: np.ndarray,
    tile: Tile | None = None,
    model: str = DEFAULT_MODEL,
    diameter: float = 32.0,
    low: float = 1.0,
    high: float = 99.8,
    prob_thresh: float | None = None,
    nms_thresh: float | None = None,
) -> np.ndarray:
    network = load_model(model)
    scale = scaled(image, tile, low, high, image.ndim)
    if network.config.n_dim == 2:
        scale = one_plane(scale, "a 2-D model of StarDist")
    labels, _ = network.predict_instances(scale, prob_thresh=prob_thresh, nms_thresh=nms_thresh)
    return np.asarray(labels).astype(np.uint32).reshape(image.shape)
