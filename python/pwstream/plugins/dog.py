"""
dog_label_fn(): spots and threads by a difference of Gaussians, as a function for tile_process().

pw-stream run --fn dog:... does the same without Python.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np


def halo_of(high_sigma: float) -> int:
    """How far the larger Gaussian reaches: with this much around a tile it does not matter where tiles end."""
    return int(4.0 * high_sigma + 0.5)


def segment(
    image: np.ndarray,
    low_sigma: float = 1.0,
    high_sigma: float = 3.0,
    threshold: float = 0.0,
    connectivity: int = 1,
    use_gpu: bool = False,
    decon_kwargs: Mapping[str, Any] | None = None,
    voxel_size: Any = None,
) -> np.ndarray:
    """Connected voxels where the image blurred by low_sigma is above that blurred by high_sigma by threshold."""
    from scipy import ndimage

    if decon_kwargs:
        raise ValueError("deconvolution is not part of this package: deconvolve inside a function of your own")
    del use_gpu, voxel_size  # scipy computes it; voxels' sizes are for deconvolution
    voxels = image.astype(np.float32)
    difference = ndimage.gaussian_filter(voxels, low_sigma) - ndimage.gaussian_filter(voxels, high_sigma)
    structure = ndimage.generate_binary_structure(image.ndim, min(connectivity, image.ndim))
    labels: np.ndarray = ndimage.label(difference > threshold, structure)[0]
    return labels.astype(np.int32)


def dog_label_fn(
    low_sigma: float = 1.0,
    high_sigma: float = 3.0,
    threshold: float = 0.0,
    *,
    connectivity: int = 1,
    use_gpu: bool = False,
    decon_kwargs: Mapping[str, Any] | None = None,
    voxel_size: Any = None,
) -> Callable[[np.ndarray], np.ndarray]:
    """segment() with these options in it.  With tile_process(overlap=None) tiles see as much as it needs."""
    if decon_kwargs:
        raise ValueError("deconvolution is not part of this package: deconvolve inside a function of your own")
    del use_gpu, voxel_size
    fn = partial(segment, low_sigma=low_sigma, high_sigma=high_sigma, threshold=threshold, connectivity=connectivity)
    wants = {"halo": halo_of(high_sigma), "components": True, "connectivity": connectivity, "bytes_per_voxel": 24}
    fn.__pwstream__ = wants  # type: ignore[attr-defined]
    return fn
