"""OME-Zarr images as lazy arrays, for looking at them in Python; pw-stream reads them itself."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from . import _codec, _tool


def need_zarr() -> Any:
    try:
        import zarr
    except ImportError:
        raise ImportError("reading a zarr in Python needs zarr: pip install zarr") from None
    return zarr


def _multiscale(group: Any, path: str) -> dict[str, Any]:
    attributes = dict(group.attrs)
    found = attributes.get("multiscales") or attributes.get("ome", {}).get("multiscales")
    if not found:
        raise ValueError(f"{path} has no multiscales metadata, so it is no OME-Zarr image")
    first: dict[str, Any] = found[0]
    return first


def axis_names(multiscale: dict[str, Any], ndim: int) -> list[str]:
    """Of NGFF 0.4 and later objects, of 0.3 names; before that t, c, z, y, x as many as there are."""
    axes = multiscale.get("axes")
    if not axes:
        return list("tczyx"[5 - ndim :])
    return [axis["name"] if isinstance(axis, dict) else str(axis) for axis in axes]


def open_level(path: str | os.PathLike[str], level: int = 0) -> tuple[Any, list[str]]:
    """The zarr array of a resolution level and the names of its axes."""
    zarr = need_zarr()
    path = os.fspath(path)
    node = zarr.open(path, mode="r")
    if hasattr(node, "shape"):
        return node, list("tczyx"[5 - node.ndim :])
    multiscale = _multiscale(node, path)
    datasets = multiscale["datasets"]
    if not 0 <= level < len(datasets):
        raise ValueError(f"{path} has {len(datasets)} levels, so there is no level {level}")
    array = node[datasets[level]["path"]]
    return array, axis_names(multiscale, array.ndim)


def lazy(array: Any, chunks: Sequence[int] | None = None) -> Any:
    try:
        import dask.array as da
    except ImportError:
        return array
    return da.from_array(array, chunks=tuple(chunks) if chunks else array.chunks)


def load_ome_zarr(
    store_path: str | os.PathLike[str],
    channel: int | None = 0,
    level: int = 0,
    chunks: Sequence[int] | None = None,
) -> Any:
    """
    A level of an OME-Zarr, one channel of it or with channel=None all: (z, y, x) or (c, z, y, x), lazily through dask;
    without dask one channel is read into memory.
    """
    array, axes = open_level(store_path, level)
    if channel is not None and "c" not in axes and channel != 0:
        raise ValueError(f"{os.fspath(store_path)} has no channel axis, so there is no channel {channel}")
    image = lazy(array)
    chosen = {"c": channel} if channel is not None else {}
    if "t" in axes and array.shape[axes.index("t")] == 1:
        chosen["t"] = 0  # an only time point is no axis
    if chosen.keys() & set(axes):
        image = image[tuple(chosen.get(axis, slice(None)) for axis in axes)]
    return image.rechunk(tuple(chunks)) if chunks and hasattr(image, "rechunk") else image


def read_pixel_size(store_path: str | os.PathLike[str], level: int = 0) -> dict[str, float]:
    """{"z": .., "y": .., "x": ..} in the unit of the store; {} when it does not say."""
    said = _tool.info(store_path, level)
    axes = [axis for axis in said["axes"] if axis["name"] in "zyx"]
    if all(axis["scale"] == 1.0 and not axis["unit"] for axis in axes):
        return {}
    return {axis["name"]: float(axis["scale"]) for axis in axes}


# Arguments of the Python program that change nothing: pw-stream makes levels until one is a single chunk.
_WITHOUT_EFFECT = {"progress", "n_levels", "downscale", "downsample", "scene", "reuse_pyramid"}


def to_ome_zarr(
    image: Any,
    store_path: str | os.PathLike[str],
    *,
    axes: str | None = None,
    sequence_pattern: str | None = None,
    chunks: Sequence[int] | None = None,
    shard: bool | Sequence[int] = False,
    overwrite: bool = False,
    compression: str | None = None,
    ngff_version: str | None = None,
    options: Sequence[str] = (),
    **wanted: Any,
) -> str:
    """
    Any image that pw-stream reads, or an array, as an OME-Zarr with smaller levels: pw-stream convert IMAGE STORE.

    axes        of an array, "tzyx"; else the last ones of t, c, z, y, x
    sequence_pattern   of a series of files ("sample/*.tif"): a regular expression whose groups name what the numbers in
                their names count, r"_T(?P<T>\\d+)_Z(?P<Z>\\d+)"
    chunks, shard   voxels of them, along z, y and x
    compression as compression() has it; ngff_version: "0.5" or "0.4"; options: further ones of the command

    An array has no calibration; that of a file is kept.  Returns the store's path.
    """
    import shutil

    from ._image import is_path, write_npy
    from ._labels import temporary_folder

    unknown = ", ".join(sorted(wanted.keys() - _WITHOUT_EFFECT))
    if unknown:
        raise TypeError(f"to_ome_zarr() has no {unknown}; pw-stream help convert lists what options=[...] can hold")
    folder = temporary_folder()
    try:
        if is_path(image):
            source = os.fspath(image)
            if sequence_pattern is not None:
                counted = re.compile(sequence_pattern).groupindex
                axes = axes or "".join(sorted(counted, key=lambda name: counted[name])).lower() + "yx"
        else:
            source = str(folder / "image.npy")
            write_npy(image, source)
            axes = axes or "tczyx"[5 - len(image.shape) :]
        arguments = ["convert", source, os.fspath(store_path), "--format", "zarr", "--quiet"]
        arguments += ["--overwrite"] if overwrite else []
        arguments += ["--axes", axes] if axes else []
        arguments += ["--chunk", _zyx(chunks)] if chunks else []
        arguments += ["--shard", _zyx(shard)] if isinstance(shard, Sequence) else []
        arguments += ["--ngff", ngff_version] if ngff_version in ("0.4", "0.5") else []
        with _codec.compression(compression) if compression else nullcontext():
            _tool.output([*arguments, *_codec.arguments(), *options])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return os.fspath(store_path)


def _zyx(sizes: Sequence[int]) -> str:
    sides = [int(n) for n in sizes][-3:]
    return ",".join(str(n) for n in [1] * (3 - len(sides)) + sides)
