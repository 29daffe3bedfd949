"""Tile shapes and overlaps from sizes and memory.  All shapes are in the order of the image's axes, slowest first."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

MIB = 1 << 20
GIB = 1 << 30
TARGET_BYTES = 64 * MIB
GPU_TARGET_BYTES = 128 * MIB
SMALLEST_BYTES = 32 * MIB
UNKNOWN_MEMORY = 8 * GIB


def whole_numbers(value: Any, name: str) -> tuple[int, ...]:
    """One number or several as int; 16.0 is one, 2.5 is none."""
    numbers = tuple(value) if np.ndim(value) else (value,)
    if any(n != int(n) for n in numbers):
        raise ValueError(f"{name} is {value!r}; it is in voxels, whole numbers")
    return tuple(int(n) for n in numbers)


def normalize_overlap(
    overlap: int | Sequence[int], ndim: int, tile_shape: Sequence[int] | None = None
) -> tuple[int, ...]:
    """One number for each axis; 0 where a tile is one voxel thick, as there is no inside that needs context."""
    widths = whole_numbers(overlap, "overlap")
    if np.ndim(overlap) == 0:
        widths *= ndim
    if len(widths) != ndim:
        raise ValueError(f"overlap is {widths} for an image of {ndim} axes")
    if min(widths) < 0:
        raise ValueError(f"overlap is {widths}; it cannot be negative")
    return tuple(0 if tile_shape is not None and side <= 1 else n for n, side in zip(widths, tile_shape or widths))


def auto_overlap(
    diameter: float, safety: float = 1.0, voxel_size: Sequence[float] | None = None
) -> int | tuple[int, ...]:
    """
    An overlap that shows a whole object of this diameter, in voxels of the last axis, beside every tile.  With
    voxel_size it is the same length along each axis, and a tuple.
    """
    if voxel_size is None:
        return max(1, _ceil(diameter * safety))
    length = diameter * safety * voxel_size[-1]
    return tuple(max(1, _ceil(length / size)) for size in voxel_size)


def _ceil(value: float) -> int:
    """Upwards, but not for the last bits of a quotient: 3 voxels of 0.1 are 3 voxels long."""
    return math.ceil(round(value, 9))


def cpu_allocation() -> int:
    """Processors that this process may use, on a cluster those of the job."""
    for name in ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"):
        text = os.environ.get(name, "")
        if text.isdigit() and int(text) > 0:
            return int(text)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_allocation() -> int:
    """Bytes that this process may use: the smallest of what the job, its control group and the machine grant."""
    limits = []
    node, each = os.environ.get("SLURM_MEM_PER_NODE", ""), os.environ.get("SLURM_MEM_PER_CPU", "")
    if node.isdigit():
        limits.append(int(node) * MIB)
    if each.isdigit():
        limits.append(int(each) * MIB * cpu_allocation())
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        text = _read(name)
        if text.isdigit() and int(text) < 1 << 62:
            limits.append(int(text))
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            limits.append(int(line.split()[1]) * 1024)
    return min(limits, default=UNKNOWN_MEMORY)


def _read(name: str) -> str:
    try:
        return Path(name).read_text().strip()
    except OSError:
        return ""


def safe_worker_count(
    tile_nbytes: int, *, use_gpu: bool = False, fn_overhead: int = 4, ram_fraction: float = 0.8
) -> int:
    """Processes that fit: one processor stays free, and each holds fn_overhead times its tile."""
    if use_gpu:
        return 1
    fit = int(ram_fraction * memory_allocation()) // max(1, tile_nbytes * fn_overhead)
    return max(1, min(cpu_allocation() - 1, fit))


def _capped_sides(shape: Sequence[int], voxels: int) -> list[int]:
    """Sides as equal as they can be with this many voxels; what an axis is too short for goes to the others."""
    side = _root(voxels, len(shape))
    capped = [n <= side for n in shape]
    left = voxels // math.prod([n for n, is_capped in zip(shape, capped) if is_capped] or [1])
    free = capped.count(False)
    other = _root(left, free) if free else side
    return [n if is_capped else max(1, min(n, other)) for n, is_capped in zip(shape, capped)]


def _root(value: int, degree: int) -> int:
    """The whole part of a root, also where floating point is just below a whole number."""
    root = int(value ** (1.0 / degree))
    return root + 1 if (root + 1) ** degree <= value else root


def auto_tile_shape(
    shape: Sequence[int],
    dtype: Any,
    target_bytes: int = TARGET_BYTES,
    use_gpu: bool = False,
    gpu_memory: int | None = None,
    available_memory: int | None = None,
    n_workers: int | None = None,
    n_channels: int = 1,
    verbose: bool = False,
) -> tuple[int, ...]:
    """A tile as cubic as the image allows that fits the memory of each worker; axes before the last three are 1."""
    if n_channels < 1:
        raise ValueError(f"n_channels is {n_channels}; it is at least 1")
    memory = memory_allocation() if available_memory is None else available_memory
    if use_gpu:
        device = gpu_allocation() if gpu_memory is None else gpu_memory
        budget = min(GPU_TARGET_BYTES, min(device, memory) // 2)
    else:
        budget = min(target_bytes, memory // (4 * (n_workers or cpu_allocation())))
    voxels = max(SMALLEST_BYTES, budget) // (np.dtype(dtype).itemsize * n_channels)
    space = min(3, len(shape))
    tile = (*[1] * (len(shape) - space), *_capped_sides(shape[-space:], voxels))
    if verbose:
        print(f"tile {tile}, {math.prod(tile) * np.dtype(dtype).itemsize * n_channels / MIB:.1f} MiB")
    return tile


def auto_tile_shape_cellpose(
    shape: Sequence[int],
    dtype: Any,
    diameter: float | None = None,
    do_3D: bool = False,
    use_gpu: bool = False,
    gpu_memory: int | None = None,
    available_memory: int | None = None,
    n_workers: int | None = None,
    model_memory_bytes: int = 2 * GIB,
    cellpose_memory_factor: int = 20,
    n_channels: int = 1,
    anisotropy: float | None = None,
    verbose: bool = False,
) -> tuple[int, ...]:
    """A tile for Cellpose, whose memory is a multiple of the voxels' plus the model's; at least four diameters wide."""
    if n_channels < 1:
        raise ValueError(f"n_channels is {n_channels}; it is at least 1")
    host = memory_allocation() if available_memory is None else available_memory
    if use_gpu:
        memory = min(gpu_allocation() if gpu_memory is None else gpu_memory, host)
    else:
        memory = host // (n_workers or cpu_allocation())
    raw = max(SMALLEST_BYTES, memory - model_memory_bytes) // cellpose_memory_factor
    item = np.dtype(dtype).itemsize * n_channels
    depth = shape[-3] if do_3D and len(shape) >= 3 else 1
    if do_3D and len(shape) >= 3:  # three directions of slicing; planes are stretched to isotropic voxels
        raw = int(raw // 3 / max(1.0, anisotropy or 1.0))
    side = max(int(4 * (diameter or 30)), math.isqrt(max(1, raw // (depth * item))))
    plane = [min(n, side) for n in shape[-2:]]
    tile = (*[1] * max(0, len(shape) - 3), *([depth] if len(shape) >= 3 else []), *plane)
    if verbose:
        print(f"tile {tile}")
    return tile


def gpu_allocation() -> int:
    """80 % of what is free on the first visible device; 8 GiB when that cannot be asked."""
    try:
        import pynvml

        pynvml.nvmlInit()
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
        if visible.isdigit():
            device = pynvml.nvmlDeviceGetHandleByIndex(int(visible))
        else:
            device = pynvml.nvmlDeviceGetHandleByUUID(visible)
        return int(pynvml.nvmlDeviceGetMemoryInfo(device).free * 0.8)
    except Exception:  # no library, no driver, no device: all the same here
        return UNKNOWN_MEMORY
