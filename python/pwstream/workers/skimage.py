"""
Otsu's threshold, then a watershed from the middles of objects: nuclei that are brighter than what is around them.

    pw-stream run image.zarr --fn py:pwstream.workers.skimage:segment,threshold=300,sigma=2

    threshold     voxels above it; without it Otsu's of each tile, which moves with what is in the tile: better take
                  the one that pw-stream run --fn otsu reports
    sigma         of a Gaussian before thresholding, in voxels (default 1)
    min_distance  between the middles of two objects, in voxels (default 7)
    min_size      voxels of an object (default 20)
    diameter      of objects, for the context that a tile is given (default 6 x min_distance)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..worker import ImageInfo, worker
from . import library

INSTALL = "pip install scikit-image"


def declare(
    info: ImageInfo, sigma: float = 1.0, min_distance: int = 7, diameter: float | None = None, **_: Any
) -> dict[str, Any]:
    library("skimage", INSTALL)
    context = math.ceil(4 * sigma) + math.ceil(diameter or 6 * min_distance)
    return {"halo": [min(context, side) for side in ((1, *info.shape) if info.ndim == 2 else info.shape)]}


@worker(declare=declare, bytes_per_voxel=48)
def segment(
    image: np.ndarray,
    threshold: float | None = None,
    sigma: float = 1.0,
    min_distance: int = 7,
    min_size: int = 20,
    diameter: float | None = None,
) -> np.ndarray:
    filters = library("skimage.filters", INSTALL)
    from scipy import ndimage
    from skimage.feature import peak_local_max
    from skimage.segmentation import watershed

    smooth = ndimage.gaussian_filter(image.astype(np.float32), sigma) if sigma else image.astype(np.float32)
    if threshold is None:
        threshold = float(filters.threshold_otsu(smooth)) if smooth.min() < smooth.max() else np.inf
    mask = smooth > threshold
    if not mask.any():
        return np.zeros(image.shape, np.uint32)
    # A little smoothing makes one maximum of a plateau.
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 1.0)
    peaks = peak_local_max(depth, min_distance=int(min_distance), labels=ndimage.label(mask)[0], exclude_border=False)
    seeds = np.zeros(image.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = watershed(-depth, seeds, mask=mask)
    small = np.bincount(labels.ravel()) < min_size
    small[0] = False
    labels[small[labels]] = 0
    return labels.astype(np.uint32)
