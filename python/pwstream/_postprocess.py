"""Labels of a tile made larger, whole or smooth, for any function: dilate_labels(fn, 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class _Then:
    """fn, then what is done to its labels; an object, so that workers can be sent it."""

    def __init__(self, fn: Callable[..., Any], change: Callable[..., np.ndarray], value: Any) -> None:
        self.fn, self.change, self.value = fn, change, value
        self.__name__ = getattr(fn, "__name__", type(fn).__name__)
        declared = getattr(fn, "__pwstream__", None)
        if declared is not None:
            self.__pwstream__ = declared

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return self.change(np.asarray(self.fn(image)), self.value)


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
    return fn if iterations <= 0 else _Then(fn, grow, iterations)


def _boxes_of(labels: np.ndarray) -> list[tuple[int, tuple[slice, ...]]]:
    """Each label and its box."""
    from scipy.ndimage import find_objects

    found = np.unique(labels)
    found = found[found != 0]
    dense = np.where(labels == 0, 0, np.searchsorted(found, labels) + 1)
    return [(found[number], box) for number, box in enumerate(find_objects(dense)) if box is not None]


def filled(labels: np.ndarray, per_plane: bool) -> np.ndarray:
    """Each label with the background that it encloses, in the volume or in each plane."""
    from scipy.ndimage import binary_fill_holes

    result = labels.copy()
    for label, box in _boxes_of(labels):
        window = result[box]
        mask = labels[box] == label
        by_plane = per_plane and mask.ndim == 3  # a hole of a plane may be open above and below
        whole = np.stack([binary_fill_holes(plane) for plane in mask]) if by_plane else binary_fill_holes(mask)
        window[whole & (window == 0)] = label
    return result


def opened(labels: np.ndarray, radius: int) -> np.ndarray:
    """Each label without what a ball of this radius does not fit into; where a plane is one thick, a disc."""
    from scipy.ndimage import distance_transform_edt

    result = np.zeros_like(labels)
    for label, box in _boxes_of(labels):
        inside = np.pad(labels[box] == label, [(0, 0) if n == 1 else (1, 1) for n in labels.shape])
        deep = distance_transform_edt(inside) > radius
        if deep.any():
            stays = distance_transform_edt(~deep) <= radius
            cut = tuple(slice(None) if n == 1 else slice(1, -1) for n in labels.shape)
            result[box][(stays & inside)[cut]] = label
    return result


def fill_holes(fn: Callable[..., Any], *, per_plane: bool = False) -> Callable[[np.ndarray], np.ndarray]:
    """fn with labels that have no holes.  pw-stream run --fill-holes looks at whole objects, also those that cross tiles."""
    return _Then(fn, filled, per_plane)


def open_labels(fn: Callable[..., Any], radius: int = 1) -> Callable[[np.ndarray], np.ndarray]:
    """fn with labels without spurs and threads thinner than twice radius."""
    return fn if radius <= 0 else _Then(fn, opened, radius)
