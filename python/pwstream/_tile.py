"""What a worker's function sees of its image and tile, and what is checked of the labels that it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


class WorkerError(Exception):
    """What the user should read as it is, without a traceback: a wrong result, an option that is not there."""


class WrongLabels(WorkerError):
    """Labels that cannot be used.  The same function would give them again, so the tile is not tried again."""


@dataclass(frozen=True)
class ImageInfo:
    """The image as a whole, known before the first tile; shape and voxel are (y, x) or (z, y, x)."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    channels: int
    voxel: tuple[float, ...]
    unit: str  # "micrometer", or "" when the image does not say

    @property
    def ndim(self) -> int:
        return len(self.shape)


@dataclass(eq=False)
class Tile:
    """Where the image handed to the function lies.  Axes are (y, x) or (z, y, x), without channels."""

    index: int  # 0 is the first tile
    origin: tuple[int, ...]  # of the window in the whole image
    core: tuple[slice, ...]  # labels[tile.core] is the part that counts, without the halo
    volume: tuple[int, ...]  # shape of the whole image
    voxel: tuple[float, ...]
    unit: str
    time: int
    level: int
    channels: tuple[int, ...]
    statistics: list[dict[str, Any]]  # of the whole image, per channel, when the worker wants percentiles
    is_normalized: bool  # the voxels are scaled already: --normalize
    progress: Callable[[float], None]  # says how much is done, 0 to 1: for functions that take minutes
    _place: np.ndarray  # of the labels; those of another tile may be there still
    _is_cleared: bool = False

    @property
    def out(self) -> np.ndarray:
        """Where the labels go, 0 everywhere at first: a function may fill it and return it, which saves a copy."""
        if not self._is_cleared:
            self._place.fill(0)
            self._is_cleared = True
        return self._place


def image_info(message: Mapping[str, Any]) -> ImageInfo:
    axes = slice(3 - int(message.get("rank", 3)), None)
    voxel = tuple(message.get("voxel") or (1.0, 1.0, 1.0))
    shape, dtype = tuple(message.get("shape") or (1, 1, 1)), np.dtype(message.get("dtype", "<u2"))
    return ImageInfo(shape[axes], dtype, int(message.get("channels", 1)), voxel[axes], message.get("unit") or "")


def make_tile(message: Mapping[str, Any], out: np.ndarray, send: Callable[[Mapping[str, Any]], None]) -> Tile:
    axes = slice(3 - out.ndim, None)
    return Tile(
        index=message.get("index", message["id"]),
        origin=tuple(message["origin"][axes]),
        core=tuple(slice(low, high) for low, high in message["core"][axes]),
        volume=tuple(message["volume"][axes]),
        voxel=tuple(message.get("voxel") or (1.0, 1.0, 1.0))[axes],
        unit=message.get("unit") or "",
        time=message.get("time", 0),
        level=message.get("level", 0),
        channels=tuple(message.get("channels") or (0,)),
        statistics=message.get("statistics") or [],
        is_normalized=bool(message.get("normalize")),
        progress=lambda done: send({"id": message["id"], "progress": float(done)}),
        _place=out,
    )


def _as_numpy(result: Any) -> np.ndarray:
    """Labels as an array, also from where torch and cupy keep them."""
    if result is None:
        raise WrongLabels("returned None instead of labels")
    if isinstance(result, (tuple, list)) and any(isinstance(item, np.ndarray) for item in result):
        raise WrongLabels(f"returned a {type(result).__name__} of {len(result)} instead of labels alone")
    if isinstance(result, np.ma.MaskedArray):
        result = result.filled(0)
    if hasattr(result, "detach"):
        result = result.detach().cpu()
    elif hasattr(result, "get") and type(result).__module__.partition(".")[0] == "cupy":
        result = result.get()
    return np.asarray(result)


def _shapes(shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """What labels may look like: as the image, or one plane with or without its axis."""
    if len(shape) == 2:
        return shape, (1, *shape)
    return (shape, shape[1:]) if shape[0] == 1 else (shape,)


def _place_of(wrong: np.ndarray, origin: Sequence[int]) -> str:
    """The first voxel for which wrong is true, in the whole image; origin has as many axes, or z before them."""
    first = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    at = [int(i) + low for i, low in zip(first, origin[len(origin) - wrong.ndim :])]
    return f"at voxel ({', '.join(map(str, [*origin[: len(origin) - wrong.ndim], *at]))})"


def store(result: Any, out: np.ndarray, origin: Sequence[int]) -> None:
    """Checks the labels of a window that begins at origin (z, y, x), and puts them where the host wants them."""
    labels = _as_numpy(result)
    if labels.dtype == object:
        raise WrongLabels(f"returned {type(result).__name__} ({labels.dtype} values) instead of integer labels")
    if labels.shape not in _shapes(out.shape):
        raise WrongLabels(f"returned labels of shape {labels.shape} for an image of shape {out.shape}")
    labels = labels.reshape(out.shape)
    kind = labels.dtype.kind
    if kind not in "uib":
        nan = kind in "fc" and bool(np.isnan(labels).any())
        raise WrongLabels(
            f"returned {labels.dtype} values{', NaN among them,' if nan else ''} instead of integer labels"
        )
    if kind == "b" and out.dtype != bool:
        raise WrongLabels(
            "returned a mask (bool) instead of labels: label its objects, for example with scipy.ndimage.label, "
            'or declare out_dtype="bool"'
        )
    if labels.size and (kind == "i" or labels.dtype.itemsize > out.dtype.itemsize) and out.dtype != bool:
        # Seen as unsigned, a negative value is a large one: one look finds both.
        unsigned = np.dtype(labels.dtype.str.replace("i", "u"))
        greatest = int(labels.view(unsigned).max())
        if kind == "i" and greatest >= 1 << (8 * labels.dtype.itemsize - 1):
            raise WrongLabels(f"returned the negative label {labels.min()} {_place_of(labels == labels.min(), origin)}")
        if greatest > np.iinfo(out.dtype).max:
            place = _place_of(labels == greatest, origin)
            raise WrongLabels(f"returned the label {greatest} {place}, which {out.dtype} cannot hold")
    if labels.__array_interface__ != out.__array_interface__:  # else they are tile.out itself
        np.copyto(out, labels, casting="unsafe")


def normalized(image: np.ndarray, ranges: Sequence[Mapping[str, float]], spatial: int) -> np.ndarray:
    """image as float32 with low at 0 and high at 1, channel by channel; spatial axes are the last ones."""
    scaled = image.astype(np.float32)
    for part, limits in zip(scaled if image.ndim > spatial else [scaled], ranges):
        low, high = float(limits["low"]), float(limits["high"])
        part -= np.float32(low)
        if high > low:
            part /= np.float32(high - low)
        else:
            part[...] = 0
    return scaled
