"""
A Python function as a worker of pw-stream.

    pw-stream run image.zarr --fn py:my_module:segment,sigma=2      # needs nothing but a function
    pw-stream run image.zarr --fn py:./my_file.py:segment

    import pwstream

    @pwstream.worker(halo=16, in_dtype="float32")                   # what the function wants, if anything
    def segment(image, tile, sigma=1.0):
        ...
        return labels                                               # integers, 0 is background

    if __name__ == "__main__":
        pwstream.serve(segment)                                     # then --fn 'exec:python3 my_file.py' works too

The function is called once for each tile, fn(image, **options) or fn(image, tile, **options): image is [y, x] or
[z, y, x] (channels in front, when several are wanted), tile a Tile; a parameter voxel_size gets {"z": .., "y": ..,
"x": ..} in micrometers when the image says that.  It may be a class: that is made once, with the options, and its object
is called.  It may print what it likes.  What it raises becomes the error of its tile; running
out of memory makes the host try again later.

This file, _function.py and _tile.py need numpy only and nothing else of the package, so a project can carry them in a
folder of its own.  The messages that are exchanged with pw-stream are described in doc/WORKERS.md.
"""

from __future__ import annotations

import inspect
import io
import json
import mmap
import os
import socket
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

# Several workers share the machine: without a limit each of them would start one thread for every processor, and they
# would be in each other's way.  Libraries read this when they are loaded, numpy among them.
if "PW_CTL_FD" in os.environ or "PW_CTL_SOCK" in os.environ:
    _share = str(max(1, len(os.sched_getaffinity(0)) // max(1, int(os.environ.get("PW_WORKER_COUNT") or 1))))
    for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(_name, _share)

import numpy as np  # noqa: E402

from ._function import bind, describe, free_memory, load, name_of, out_of_memory  # noqa: E402
from ._tile import ImageInfo, Tile, WorkerError, WrongLabels, image_info, make_tile, normalized, store  # noqa: E402

__all__ = ["ImageInfo", "Tile", "WorkerError", "load", "main", "serve", "worker"]

PROTOCOL = 1
_LINE_BYTES = 1 << 16  # of a message
_WAKE_SECONDS = 30e-6  # that a sleeping process takes to run again

# ---------------------------------------------------------------------------- what a worker wants

# The keys that are sent as they are; the host knows what they mean and their defaults.
_DECLARED = ("components", "connectivity", "channels", "bytes_per_voxel", "inflight", "percentiles")
_BOXES = ("halo", "multiple_of", "max_tile")
_DTYPES = ("in_dtype", "out_dtype")
_KNOWN = (*_DECLARED, *_BOXES, *_DTYPES, "readonly", "declare", "name")


def worker(function: Callable[..., Any] | None = None, /, **wants: Any) -> Any:
    """
    Marks a function (or class) as a worker and says what it wants; it can still be called as before.

        halo          context around a tile: voxels, N or (z, y, x)
        in_dtype      element type of image, else the image's own
        out_dtype     integer type of labels (default uint32); "bool" for masks
        components    True: labels are connected components, joined where they touch; else they are instances
        connectivity  of components, 1 to 3
        channels      "one" (default), "all", or how many
        multiple_of   the sides of image are multiples of this
        max_tile      image is never larger
        bytes_per_voxel   memory that the function takes for each voxel of a tile, for reports
        inflight      tiles that may wait here while one is worked on (default 1: none waits)
        percentiles   [1, 99]: wants these of the whole image, in tile.statistics
        readonly      True: image cannot be written to, so that a mistake shows
        declare       declare(info, **options) -> dict of any of these, when they depend on the options; see ImageInfo
    """
    unknown = sorted(set(wants) - set(_KNOWN))
    if unknown:
        raise TypeError(f"pwstream.worker has no {unknown[0]!r}; it has {', '.join(_KNOWN)}")

    def mark(target: Callable[..., Any]) -> Callable[..., Any]:
        target.__pwstream__ = wants  # type: ignore[attr-defined]
        return target

    return mark if function is None else mark(function)


def _box(value: Any, name: str) -> list[int]:
    sizes = [value] if np.ndim(value) == 0 else list(value)
    if any(not isinstance(n, (int, float, np.number)) for n in sizes):
        sizes = []
    if len(sizes) == 1:
        sizes = sizes * 3
    if len(sizes) == 2:
        sizes = [1 if name == "multiple_of" else 0, *sizes]
    if len(sizes) != 3 or any(int(n) != n or n < 0 for n in sizes):
        raise WorkerError(f"{name} is {value!r}; it is a number of voxels, or (z, y, x)")
    return [int(n) for n in sizes]


def _dtype(value: Any, name: str) -> str:
    try:
        return np.dtype(value).newbyteorder("<").str
    except TypeError:
        raise WorkerError(f"{name} is {value!r}, which is no element type of numpy") from None


def _plain(value: Any) -> Any:
    """Numbers and arrays of numpy as JSON has them."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} in a message")


def _hello(wants: Mapping[str, Any], name: str, info: ImageInfo) -> dict[str, Any]:
    """The first message, from what the decorator or declare() said."""
    message: dict[str, Any] = {"pw": PROTOCOL, "op": "hello", "name": str(wants.get("name", name))}
    for key in _BOXES:
        if wants.get(key) is not None:
            box = _box(wants[key], key)
            if info.ndim == 2:  # the z axis is the host's: one plane
                box[0] = 1 if key == "multiple_of" else 0
            if key == "max_tile":
                box = [n or 1 for n in box]
            message[key] = box
    for key in _DTYPES:
        if wants.get(key) is not None:
            message[key] = _dtype(wants[key], key)
    for key in _DECLARED:
        if wants.get(key) is not None:
            message[key] = wants[key]
    return message


# ---------------------------------------------------------------------------- serving


def _extra(tile: Tile, takes: Mapping[str, bool]) -> dict[str, Any]:
    """What a function gets besides the image; voxel_size only of an image that has one, unless the function needs it."""
    extra: dict[str, Any] = {"tile": tile} if "tile" in takes else {}
    if tile.unit and "voxel_size" in takes:
        extra["voxel_size"] = dict(zip("zyx"[3 - len(tile.voxel) :], tile.voxel))
    elif not takes.get("voxel_size", True):
        extra["voxel_size"] = None
    return extra


class _Host:
    """The other end: messages on a socket, voxels and labels in memory that both see."""

    def __init__(self) -> None:
        environment = os.environ
        if "PW_CTL_FD" in environment:
            self.control = socket.socket(fileno=int(environment["PW_CTL_FD"]))
        elif "PW_CTL_SOCK" in environment:
            self.control = socket.socket(socket.AF_UNIX)
            self.control.connect(environment["PW_CTL_SOCK"])
        else:
            raise WorkerError("a worker is started by pw-stream: pw-stream run IMAGE --fn py:MODULE:FUNCTION")
        self.control.set_inheritable(False)  # the function's own children must not keep the host waiting
        self.shared: mmap.mmap | None = None

    def send(self, message: Mapping[str, Any]) -> None:
        self.control.sendall(json.dumps(message, default=_plain).encode() + b"\n")

    def receive(self) -> bytes:
        """Bytes from the host.  The next tile is often near: being woken would take longer than looking for it."""
        until = time.perf_counter() + _WAKE_SECONDS
        while time.perf_counter() < until:
            try:
                return self.control.recv(_LINE_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                os.sched_yield()
        return self.control.recv(_LINE_BYTES)

    def lines(self) -> Iterator[bytes]:
        rest = b""
        while received := self.receive():
            *whole, rest = (rest + received).split(b"\n")
            yield from whole

    def map(self, needed: int) -> mmap.mmap:
        """The shared memory: it may not have its size yet when the worker starts, so it is mapped when needed."""
        if self.shared is None or len(self.shared) < needed:
            if "PW_SHM_FD" in os.environ:
                descriptor = int(os.environ["PW_SHM_FD"])
                os.set_inheritable(descriptor, False)
                self.shared = mmap.mmap(descriptor, 0)
            else:
                with open(os.environ["PW_SHM_PATH"], "r+b") as file:
                    self.shared = mmap.mmap(file.fileno(), 0)
        return self.shared

    def view(self, place: Mapping[str, Any]) -> np.ndarray:
        shape, dtype, offset = tuple(place["shape"]), np.dtype(place["dtype"]), int(place["off"])
        size = dtype.itemsize
        for n in shape:
            size *= n
        return np.ndarray(shape, dtype, self.map(offset + size), offset)

    def tile(
        self, message: Mapping[str, Any], call: Callable[..., Any], takes: dict[str, bool], readonly: bool
    ) -> dict[str, Any]:
        image, out = self.view(message["in"]), self.view(message["out"])
        if message.get("rank") == 2:
            image, out = image[..., 0, :, :], out[0]
        if message.get("normalize"):
            image = normalized(image, message["normalize"], out.ndim)
        elif readonly:
            image.flags.writeable = False
        extra = _extra(make_tile(message, out, self.send), takes) if takes else {}
        store(call(image, **extra), out, message["origin"])
        return {"id": message["id"], "ok": True}

    def answer(self, message: Mapping[str, Any], *how: Any) -> dict[str, Any]:
        try:
            return self.tile(message, *how)
        except (Exception, SystemExit) as error:
            answer = {"id": message.get("id"), "error": describe(error), "wrong": isinstance(error, WrongLabels)}
            oom = out_of_memory(error)
        if oom:  # outside except: the traceback holds the function's arrays
            free_memory()
            answer["oom"] = True
        return answer

    def run(self, call: Callable[..., Any], takes: dict[str, bool], readonly: bool) -> None:
        for line in self.lines():
            message = json.loads(line)
            operation = message.get("op")
            if operation == "bye":
                return
            if operation == "tile":
                self.send(self.answer(message, call, takes, readonly))
            elif "id" in message:
                self.send({"id": message["id"], "error": f"unknown operation {operation!r}"})


def _prepare(
    target: str | Callable[..., Any], options: Mapping[str, Any], info: ImageInfo
) -> tuple[Callable[..., Any], dict[str, bool], dict[str, Any]]:
    """What to call, with the options in it, what else it takes, and the first message."""
    function: Any = load(target) if isinstance(target, str) else target
    name = name_of(function)
    wants = dict(getattr(function, "__pwstream__", {}))
    if inspect.isclass(function):
        function = function(**options)
        wants.update(getattr(function, "__pwstream__", {}))
        if not callable(function):
            raise WorkerError(f"{name} has no __call__(self, image)")
        call, takes = bind(function, {})
    else:
        call, takes = bind(function, options)
    declare = wants.pop("declare", None)
    if declare is not None:
        declared = declare(info, **options)
        if not isinstance(declared, Mapping) or not set(declared) <= set(_KNOWN):
            raise WorkerError(f"declare() returned {declared!r}; it returns a dict of {', '.join(_KNOWN)}")
        wants.update(declared)
    return call, takes, {"readonly": bool(wants.get("readonly")), **_hello(wants, name, info)}


def serve(target: str | Callable[..., Any], **options: Any) -> None:
    """Works for the pw-stream that started this process until it says goodbye; --fn's options come before these."""
    host = _Host()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    try:
        options.update(json.loads(os.environ.get("PW_PARAMS") or "{}"))
        call, takes, hello = _prepare(target, options, image_info(json.loads(os.environ.get("PW_IMAGE") or "{}")))
    except (Exception, SystemExit) as error:
        host.send({"pw": PROTOCOL, "op": "hello", "error": describe(error)})
        return
    readonly = hello.pop("readonly")
    try:
        host.send(hello)
        host.run(call, takes, readonly)
    except (BrokenPipeError, ConnectionResetError):
        sys.exit(1)  # the host is gone


def main() -> int:
    given = sys.argv[1:]
    if len(given) != 1 or given[0].startswith("-"):
        print("usage: python3 -m pwstream.worker MODULE:FUNCTION|./FILE.py:FUNCTION", file=sys.stderr)
        print("pw-stream starts it: pw-stream run IMAGE --fn py:MODULE:FUNCTION,option=value", file=sys.stderr)
        return 64
    try:
        serve(given[0])
    except WorkerError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


class _Module(types.ModuleType):
    """The package gives its users the decorator under this module's name; so the module can be called like it."""

    def __call__(self, *arguments: Any, **wants: Any) -> Any:
        return worker(*arguments, **wants)


if __name__ == "__main__":
    if __spec__ is not None:  # one copy of this module, whatever the function imports
        sys.modules[__spec__.name] = sys.modules["__main__"]
    sys.modules["__main__"].__class__ = _Module
    sys.exit(main())
sys.modules[__name__].__class__ = _Module
