"""Labels of a tile made larger, for any function: dilate_labels(fn, 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class _Dilated:
    """fn, then growth; an object, so that workers can be sent it."""

    def __init__(self, fn: Callable[..., Any], iterations: int) -> None:
        self.fn, self.iterations = fn, iterations
        self.__name__ = getattr(fn, "__name__", type(fn).__name__)
        declared = getattr(fn, "__pwstream__", None)
        if declared is not None:
            self.__pwstream__ = declared

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return grow(np.asarray(self.fn(image)), self.iterations)


def grow(labels: np.ndarray, distance: float) -> np.ndarray:
    """Into background only, to the nearest label, as far as distance in voxels."""
    from scipy.ndimage import distance_transform_edt

    background = labels == 0
    if not background.any() or background.all():
        return labels
    far, nearest = distance_transform_edt(background, return_indices=True)
    grown = np.where(far <= distance, labels[tuple(nearest)], 0)
    return grown.astype(labels.dtype)


def dilate_labels(
    fn: Callable[..., Any], iterations: int = 1, *, use_gpu: bool = False
) -> Callable[[np.ndarray], np.ndarray]:
    """
    fn with labels that are larger by so many voxels.  An object never loses voxels to a neighbour.  The overlap of
    tiles has to cover the growth; pw-stream's own dilate= option of a segmenter does that by itself.
    """
    del use_gpu  # the distance is computed by scipy
    return fn if iterations <= 0 else _Dilated(fn, iterations)
