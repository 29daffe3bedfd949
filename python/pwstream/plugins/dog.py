"""
dog_label_fn(): spots and threads by a difference of Gaussians, as a function for tile_process().

pw-stream run --fn dog:... does the same without Python.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Union

import numpy as np

from ..worker import ImageInfo, WorkerError

Sigma = Union[float, Sequence[float]]


def halo_of(high_sigma: float) -> int:
    """How far the larger Gaussian reaches: with this much around a tile it does not matter where tiles end."""
    return int(4.0 * high_sigma + 0.5)


def _per_axis(sigma: Sigma, ndim: int, units: str, voxel_size: Mapping[str, float] | None) -> list[float]:
    """In voxels, one for each axis."""
    sigmas = [float(sigma)] * ndim if np.ndim(sigma) == 0 else [float(s) for s in sigma]  # type: ignore
    if len(sigmas) != ndim:
        raise WorkerError(f"sigma is {tuple(sigmas)} for an image of {ndim} axes")
    if units == "px":
        return sigmas
    axes = "zyx"[3 - ndim :]
    if not voxel_size or not set(axes) <= set(voxel_size):
        raise WorkerError('sigma_units is "um", and the image does not say how large its voxels are: say voxel_size')
    return [s / float(voxel_size[axis]) for s, axis in zip(sigmas, axes)]


def declare(
    info: ImageInfo,
    high_sigma: Sigma = 3.0,
    connectivity: int = 1,
    sigma_units: str = "px",
    voxel_size: Mapping[str, float] | None = None,
    **_: Any,
) -> dict[str, Any]:
    if voxel_size is None and info.unit:
        voxel_size = dict(zip("zyx"[3 - info.ndim :], info.voxel))
    high = _per_axis(high_sigma, info.ndim, sigma_units, voxel_size)
    halo = [0] * (3 - info.ndim) + [halo_of(sigma) for sigma in high]
    return {"halo": halo, "components": True, "connectivity": connectivity, "bytes_per_voxel": 24}


def segment(
    image: np.ndarray,
    low_sigma: Sigma = 1.0,
    high_sigma: Sigma = 3.0,
    threshold: float = 0.0,
    connectivity: int = 1,
    sigma_units: str = "px",
    voxel_size: Mapping[str, float] | None = None,
) -> np.ndarray:
    """Connected voxels where the image blurred by low_sigma is above that blurred by high_sigma by threshold."""
    from scipy import ndimage

    low, high = (_per_axis(sigma, image.ndim, sigma_units, voxel_size) for sigma in (low_sigma, high_sigma))
    voxels = image.astype(np.float32)
    difference = ndimage.gaussian_filter(voxels, low) - ndimage.gaussian_filter(voxels, high)
    structure = ndimage.generate_binary_structure(image.ndim, min(connectivity, image.ndim))
    labels: np.ndarray = ndimage.label(difference > threshold, structure)[0]
    return labels.astype(np.int32)


def dog_label_fn(
    low_sigma: Sigma = 1.0,
    high_sigma: Sigma = 3.0,
    threshold: float = 0.0,
    *,
    connectivity: int = 1,
    use_gpu: bool = False,
    decon_kwargs: Mapping[str, Any] | None = None,
    voxel_size: Mapping[str, float] | None = None,
    sigma_units: str = "px",
) -> Callable[[np.ndarray], np.ndarray]:
    """
    segment() with these options in it.  A sigma is one number or one for each axis, in voxels or with sigma_units="um" in
    micrometers (voxel_size: what the image says, unless it is given).  With tile_process(overlap=None) tiles see as much
    as it needs.
    """
    if decon_kwargs:
        raise ValueError("deconvolution is not part of this package: deconvolve inside a function of your own")
    if sigma_units not in ("px", "um"):
        raise ValueError(f'sigma_units is {sigma_units!r}; it is "px" or "um"')
    del use_gpu  # scipy computes it
    settings: dict[str, Any] = {"low_sigma": low_sigma, "high_sigma": high_sigma, "threshold": threshold}
    settings |= {"connectivity": connectivity, "sigma_units": sigma_units}
    if voxel_size is not None:  # else a worker says what the image does
        settings["voxel_size"] = voxel_size
    fn = partial(segment, **settings)
    fn.__pwstream__ = {"declare": partial(declare, **settings)}  # type: ignore[attr-defined]
    return fn
