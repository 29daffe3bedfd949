"""cellpose_fn(): Cellpose as a function for tile_process(); the same as --fn py:pwstream.workers.cellpose:segment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..workers import cellpose


def cellpose_anisotropy(voxel_size: Mapping[str, float] | None) -> float | None:
    """z over x; None when the image does not say."""
    if not voxel_size or not {"z", "x"} <= set(voxel_size):
        return None
    return float(voxel_size["z"]) / float(voxel_size["x"])


def cellpose_fn(
    model_type: str | None = None,
    gpu: bool = False,
    diameter: float | None = None,
    do_3D: bool = False,
    *,
    channels: Sequence[int] | None = None,
    channel_axis: int | None = None,
    voxel_size: Mapping[str, float] | None = None,
    **options: Any,
) -> Callable[[np.ndarray], np.ndarray]:
    """
    A function with these options of Cellpose in it (see pwstream.workers.cellpose for the others).

    channels [1, 2] are cells and nuclei: the image's first two channels, which tile_process(channel=None) hands over;
    [0, 0] or None is one channel.
    """
    if channel_axis not in (None, 0):
        raise ValueError(f"channel_axis is {channel_axis}: tiles have their channels first")
    if channels is not None and list(channels) not in ([0, 0], [1, 2]):
        raise ValueError(f"channels is {list(channels)}; it is [0, 0], or [1, 2] for cells and nuclei")
    settings = {"model": model_type, "gpu": gpu, "diameter": diameter, "do_3D": do_3D, **options}
    if channels is not None and list(channels) == [1, 2]:
        settings["nuclei"] = True
    if "anisotropy" not in settings and do_3D:
        settings["anisotropy"] = cellpose_anisotropy(voxel_size)
    fn = partial(cellpose.segment, **settings)
    fn.__pwstream__ = {"declare": partial(cellpose.declare, **settings)}  # type: ignore[attr-defined]
    return fn
