"""
large_files.py - how fast an uncompressed file of many gigabytes is read: `pw-stream cat` beside cat(1) and dd(1) on the
same BigTIFF, and on it as a raw file (from the byte on at which its voxels begin, without its magic number), warm and
cold.

bench.py --only files calls pw_bench_large_files().
"""

import contextlib
import os
from pathlib import Path

from reading import alternate, seconds_of, warm_up

PLANE = (4096, 4096)  # uint16
GOAL = 1.15


def make(path, file_bytes):
    """A BigTIFF of strips, page after page, its voxels in one piece; returns its shape and where they begin."""
    import numpy as np
    import tifffile

    shape = (file_bytes // (2 * PLANE[0] * PLANE[1]), *PLANE)
    if not path.is_file() or path.stat().st_size < 2 * shape[0] * shape[1] * shape[2]:
        page = np.random.default_rng(1).integers(0, 1 << 16, PLANE, np.uint16)
        pages = (np.roll(page, 97 * z, 1) for z in range(shape[0]))
        new = path.with_suffix(".new")
        tifffile.imwrite(new, pages, bigtiff=True, shape=shape, dtype=np.uint16, rowsperstrip=64, metadata=None)
        new.rename(path)
        os.sync()
    with tifffile.TiffFile(path) as file:
        return shape, file.pages[0].dataoffsets[0]


@contextlib.contextmanager
def as_raw(path, end):
    """The file without what makes it a TIFF: its magic number, and what follows the voxels."""
    with path.open("r+b", buffering=0) as file:
        file.seek(end)
        tail = file.read()
        file.truncate(end)
        os.pwrite(file.fileno(), b"\0\0", 0)
        try:
            yield
        finally:
            os.pwrite(file.fileno(), tail, end)
            os.pwrite(file.fileno(), b"II", 0)


def drop_cache():
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")


def measure(name, ways, path, reps, prepare):
    """Ways in turn, each after prepare(); prints a line, returns whether the goal is met."""

    def after(command):
        return lambda: (prepare(), seconds_of(command))[1]

    median = alternate({way: after(command) for way, command in ways.items()}, reps)
    ratio = median["pw-stream"] / min(median["cat"], median["dd"])
    print(f"reading {name}, {path.stat().st_size / 1e9:.1f} GB: " + ", ".join(f"{w} {s:.2f} s" for w, s in median.items()) +
          f"; {ratio:.2f} times the faster of cat and dd (goal at most {GOAL})", flush=True)
    return ratio <= GOAL


def pw_bench_large_files(tool, work, reps, file_bytes, cold):
    """Prints the table; returns whether the goals are met."""
    path = work / "large.tif"
    shape, offset = make(path, file_bytes)
    peers = {"cat": ["cat", str(path)], "dd": ["dd", f"if={path}", "of=/dev/null", "bs=1M", "status=none"]}
    raw = ["--shape", ",".join(map(str, shape)), "--dtype", "u2", "--offset", str(offset)]
    end = offset + 2 * shape[0] * shape[1] * shape[2]
    good = True
    for name, state, how in (("BigTIFF", contextlib.nullcontext(), []), ("raw", as_raw(path, end), raw)):
        ways = {"pw-stream": [tool, "cat", "--raw", str(path), *how], **peers}
        with state:
            warm_up(path)
            good = measure(f"{name}, warm", ways, path, reps, lambda: None) and good
            if cold:
                good = measure(f"{name}, cold", ways, path, reps, drop_cache) and good
    return good
