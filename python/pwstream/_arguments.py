"""What tile_process() is told, as pw-stream run takes it on its command line."""

from __future__ import annotations

import hashlib
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Union

import numpy as np

from . import _called, _image
from ._cluster import default_workers
from ._sizes import normalize_overlap, whole_numbers

Overlap = Union[int, Sequence[int], None]
TileShape = Union[int, Sequence[int], str, Callable[[tuple, Any], Sequence[int]], None]

DEFAULT_OVERLAP = 16


def source_of(image: Any, channel: int | None, level: int, folder: Path) -> _image.Image:
    if _image.is_path(image):
        return _image.describe_path(os.fspath(image), channel, level)
    return _image.of_array(image, folder)


def function_text(fn: Callable[..., Any] | str, channel: int | None, folder: Path) -> str:
    if isinstance(fn, str):
        return fn
    if not callable(fn):
        raise TypeError(f"fn is {type(fn).__name__}; it is a function, or the name of one that pw-stream knows")
    made = folder / "function.pickle"
    _called.dump(fn, made)
    # A call that resumes is the same when its command and the files in it are: the name says what the function is made
    # of, and a file that is there stays.
    digest = hashlib.sha256(made.read_bytes())
    for source in _called.sources(fn):
        digest.update(source.read_bytes())
    file = folder / f"function-{digest.hexdigest()[:16]}.pickle"
    if file.exists():
        made.unlink()
    else:
        made.replace(file)
    python = os.environ.get("PW_PYTHON", sys.executable)
    command = [python, "-m", "pwstream._called", str(file), *(["all"] if channel is None else [])]
    return "exec:" + shlex.join(command)


def tile_of(tile_shape: TileShape, source: _image.Image) -> tuple[int, ...] | None:
    if callable(tile_shape):
        tile_shape = tile_shape(source.shape, source.dtype)
    if isinstance(tile_shape, str):
        if tile_shape != "auto":
            raise ValueError(f'tile_shape is {tile_shape!r}; it is voxels, "auto", a function or None')
        return None
    if tile_shape is None:
        return None if source.is_path or source.chunks is None else source.chunks
    sizes = whole_numbers(tile_shape, "tile_shape")
    if np.ndim(tile_shape) == 0:
        sizes *= source.ndim
    if len(sizes) != source.ndim or min(sizes) < 1:
        raise ValueError(f"tile_shape is {sizes} for an image of {source.ndim} axes, {source.shape}")
    return tuple(min(n, side) for n, side in zip(sizes, source.shape))


def halo_of(overlap: Overlap, fn: Any, tile: tuple[int, ...] | None, ndim: int) -> tuple[int, ...] | None:
    if overlap is None:
        declared = getattr(fn, "__pwstream__", {})
        if isinstance(fn, str) or "halo" in declared or "declare" in declared:
            return None
        overlap = DEFAULT_OVERLAP
    return normalize_overlap(overlap, ndim, tile)


def rule_of(stitch: str, tau: float, halo: tuple[int, ...] | None, connectivity: int | None) -> list[str]:
    if stitch == "iou":
        rule = ["--merge", "face" if halo is not None and not any(halo) else "overlap"]
    else:
        rule = ["--merge", stitch]
    if rule[1] not in ("touch", "auto"):
        rule += ["--tau", f"{tau:.6g}"]
    return rule + (["--connectivity", str(connectivity)] if connectivity is not None else [])


def resources_of(
    fn: Any, use_gpu: bool, gpus: int | Sequence[int | str] | None, max_workers: int | None, memory: str | None
) -> list[str]:
    in_processes = not isinstance(fn, str) or fn.startswith(("exec:", "py:"))
    arguments = ["--memory", memory] if memory else []
    if gpus:
        devices = [str(n) for n in (range(gpus) if isinstance(gpus, int) else gpus)]
        return [*arguments, "--devices", ",".join(devices), "--workers", str(max_workers or len(devices))]
    if max_workers is not None and max_workers < 1:
        raise ValueError(f"max_workers is {max_workers}; it is at least 1")
    workers = max_workers or default_workers() or (1 if use_gpu else None)
    if workers is not None:
        arguments += ["--workers" if in_processes else "--threads", str(int(workers))]
    return arguments


def box_text(sizes: Sequence[int], fill: int = 1) -> str:
    """pw-stream's boxes are z,y,x; fill is the z of a plane's."""
    return ",".join(str(int(n)) for n in ((fill, *sizes) if len(sizes) == 2 else sizes))
