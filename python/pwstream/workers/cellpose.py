"""
Cellpose, version 3 or 4.

    pw-stream run image.zarr --fn py:pwstream.workers.cellpose:segment,diameter=30 --tile 1,1024,1024

    model       a model's name or file (default: cyto3 of version 3, cpsam of version 4)
    diameter    of cells, in voxels of x; without it the model's own
    gpu         true to use one
    do_3D       flows along three axes (tiles of several planes); anisotropy: z over x, else as the voxels' sizes say
    nuclei      true: the image's second channel shows nuclei (version 3, with --channels all)
    low, high   percentiles of the whole image that become 0 and 1 (default 1, 99)
    flow_threshold, cellprob_threshold, min_size   of Cellpose

Cellpose would scale each tile by itself, which shows at seams.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from ..worker import ImageInfo, Tile, WorkerError, worker
from . import library, one_plane, percentiles, scaled, spatial_axes

INSTALL = "pip install cellpose, or 'cellpose<4' for the models of version 3"
DEFAULT_DIAMETER = 30.0
# Flows and probabilities in float32, the rescaled image, the masks while they are made.
BYTES_PER_VOXEL = 80


def version() -> int:
    """3 and 4 differ in their models and in how channels are given."""
    found = getattr(library("cellpose", INSTALL), "version", None)
    if not isinstance(found, str):
        from importlib.metadata import PackageNotFoundError
        from importlib.metadata import version as installed

        try:
            found = installed("cellpose")
        except PackageNotFoundError:
            found = "4"
    return 3 if int(found.split(".")[0]) < 4 else 4


@lru_cache(maxsize=2)
def load_model(name: str | None, gpu: bool) -> Any:
    models = library("cellpose.models", INSTALL)
    if version() >= 4:
        return models.CellposeModel(gpu=gpu, **({"pretrained_model": name} if name else {}))
    named = name in getattr(models, "MODEL_NAMES", ()) or name is None
    return models.CellposeModel(gpu=gpu, **({"model_type": name or "cyto3"} if named else {"pretrained_model": name}))


def declare(
    info: ImageInfo,
    diameter: float | None = None,
    model: str | None = None,
    gpu: bool = False,
    do_3D: bool = False,
    nuclei: bool = False,
    low: float = 1.0,
    high: float = 99.0,
    **_: Any,
) -> dict[str, Any]:
    library("cellpose", INSTALL)
    load_model(model, bool(gpu))
    # A cell and its surroundings: flows come from cells of this size.
    halo = math.ceil(2 * (diameter or DEFAULT_DIAMETER))
    wants: dict[str, Any] = {
        "halo": halo if do_3D else (0, halo, halo),
        "bytes_per_voxel": BYTES_PER_VOXEL * (3 if do_3D else 1),
        "percentiles": percentiles(low, high),
    }
    if not do_3D:
        wants["max_tile"] = (1, 1 << 30, 1 << 30)
    if nuclei:
        wants["channels"] = 2
    return wants


def _channels(image: np.ndarray, spatial: int, api: int) -> tuple[np.ndarray, dict[str, Any]]:
    """The image as this version wants its channels, and the arguments that say so."""
    if image.ndim == spatial:
        return image, {} if api >= 4 else {"channels": [0, 0]}
    if api >= 4:
        return image, {"channel_axis": 0}
    if image.shape[0] != 2:
        raise WorkerError(f"version 3 of Cellpose sees two channels, cells and nuclei; these are {image.shape[0]}")
    return image, {"channels": [1, 2], "channel_axis": 0}


@worker(declare=declare)
def segment(
    image: np.ndarray,
    tile: Tile | None = None,
    model: str | None = None,
    diameter: float | None = None,
    gpu: bool = False,
    do_3D: bool = False,
    anisotropy: float | None = None,
    nuclei: bool = False,
    low: float = 1.0,
    high: float = 99.0,
    flow_threshold: float = 0.4,
    cellprob_threshold: float = 0.0,
    min_size: int = 15,
) -> np.ndarray:
    spatial = spatial_axes(image, tile)
    has_channels = image.ndim > spatial
    shape = image.shape[-spatial:]
    scale = scaled(image, tile, low, high, spatial)
    if not do_3D:
        if spatial == 3:
            scale = (
                np.stack([one_plane(part, "Cellpose in 2-D") for part in scale])
                if has_channels
                else one_plane(scale, "Cellpose in 2-D")
            )
        spatial = 2
    scale, arguments = _channels(scale, spatial, version())
    if do_3D:
        arguments.update(do_3D=True, z_axis=1 if has_channels else 0)
        if anisotropy is None and tile is not None:
            anisotropy = tile.voxel[0] / tile.voxel[-1]
        if anisotropy is not None and anisotropy != 1.0:
            arguments["anisotropy"] = anisotropy
    masks = load_model(model, bool(gpu)).eval(
        scale,
        diameter=diameter,
        normalize=False,
        flow_threshold=flow_threshold,
        cellprob_threshold=cellprob_threshold,
        min_size=int(min_size),
        **arguments,
    )[0]
    return np.asarray(masks).astype(np.uint32).reshape(shape)
