"""
An image as pw-stream can read it.

A path stays a path.  A zarr array of a local store and a memory-mapped npy are read where they are.  Any other array
(numpy, dask, zarr elsewhere, whatever numpy can slice) is written to a temporary npy file in pieces, never whole in
memory unless it is there already.
"""

from __future__ import annotations

import mmap
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from . import _tool

PIECE_BYTES = 64 << 20  # of an array that is written out


@dataclass
class Image:
    """path and options are for pw-stream; chunks is how it is stored, where that says something."""

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype
    chunks: tuple[int, ...] | None = None
    options: list[str] = field(default_factory=list)
    is_path: bool = False
    is_store: bool = False  # a zarr
    is_ngff: bool = False

    @property
    def ndim(self) -> int:
        return len(self.shape)


def is_path(image: Any) -> bool:
    return isinstance(image, (str, os.PathLike))


def describe_path(path: str, channel: int | None, level: int) -> Image:
    """A file or store: its shape without channels and time."""
    said = _tool.info(path, level)
    axes = [axis["name"] for axis in said["axes"]]
    space = [i for i, name in enumerate(axes) if name in "zyx"]
    options = ["--level", str(level)] if level else []
    if channel is not None and "c" in axes:
        options += ["--channel", str(channel)]
    elif channel:
        raise ValueError(f"{path} has no channel axis, so there is no channel {channel}")
    chunk = said.get("chunk")
    return Image(
        path=path,
        shape=tuple(said["shape"][i] for i in space),
        dtype=np.dtype(said["dtype"]),
        chunks=tuple(chunk[i] for i in space) if chunk else None,
        options=options,
        is_path=True,
        is_store=str(said.get("format", "")).startswith("zarr"),
        is_ngff=bool(said.get("ngff")),
    )


def array_chunks(array: Any) -> tuple[int, ...] | None:
    """The tile that an array suggests by itself: dask's or zarr's chunk."""
    chunks = getattr(array, "chunks", None)
    if not chunks or len(chunks) != len(array.shape):
        return None
    return tuple(int(c[0]) if isinstance(c, tuple) else int(c) for c in chunks)


def _zarr_directory(array: Any) -> str | None:
    """The folder of a zarr array in a local store."""
    if type(array).__module__.partition(".")[0] != "zarr":
        return None
    store = getattr(array, "store", None)
    root = getattr(store, "root", None) or getattr(store, "path", None)  # zarr 3, zarr 2
    if root is None or not os.path.isdir(root) or "Zip" in type(store).__name__:
        return None
    place = Path(root) / str(array.path)
    return str(place) if (place / "zarr.json").exists() or (place / ".zarray").exists() else None


def _mapped_npy(array: Any) -> str | None:
    """The file of an array that numpy.load(..., mmap_mode=...) returned, all of it."""
    if not isinstance(array, np.memmap) or not isinstance(array.base, mmap.mmap) or not array.flags.c_contiguous:
        return None
    name = str(array.filename or "")
    if not name.endswith(".npy") or not os.path.isfile(name):
        return None
    if array.mode not in ("r", "c") or os.path.getsize(name) != array.offset + array.nbytes:
        return None
    return name


def of_array(array: Any, folder: Path) -> Image:
    """Any array of two or three axes; folder is for what has to be written."""
    if not hasattr(array, "shape") or not hasattr(array, "dtype"):
        raise TypeError(f"the image is {type(array).__name__}; it is a path, or an array of numpy, zarr or dask")
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise TypeError("the image is a masked array: say what stands for its masked voxels, image.filled(0)")
    if any(n != n for n in array.shape):  # dask does not know how many there are
        raise ValueError("the array does not know its shape: image.compute_chunk_sizes()")
    shape = tuple(int(n) for n in array.shape)
    dtype = np.dtype(array.dtype)
    if dtype.kind not in "biuf":
        raise TypeError(f"the array is of {dtype}; voxels are integers, floating-point numbers or bool")
    if len(shape) not in (2, 3):
        raise ValueError(
            f"the array has {len(shape)} axes, {shape}; pw-stream segments (y, x) or (z, y, x): choose a channel and "
            "time point first, or hand over the path of an OME-Zarr"
        )
    if 0 in shape:
        raise ValueError(f"the array is empty, {shape}")
    chunks = array_chunks(array)
    path = _zarr_directory(array) or _mapped_npy(array)
    if path is None:
        path = str(folder / "image.npy")
        write_npy(array, path)
    return Image(path, shape, dtype, chunks)


def write_npy(array: Any, path: str) -> None:
    """array into a npy file, piece by piece; dask computes its chunks in parallel and writes each when it is there."""
    dtype = np.dtype(array.dtype).newbyteorder("<")
    out = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=tuple(array.shape))
    if type(array).__module__.partition(".")[0] == "dask":
        sys.modules["dask.array"].store(array, out, lock=False)
    else:
        row = max(1, int(np.prod(array.shape[1:], dtype=np.int64)) * dtype.itemsize)
        step = max(1, PIECE_BYTES // row)
        for low in range(0, array.shape[0], step):
            out[low : low + step] = array[low : low + step]
    out.flush()
