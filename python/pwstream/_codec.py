"""
How labels and images are compressed: with compression("zstd:3"): ..., or set_compression("blosc:lz4") for what follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# The Python program's names, and pw-stream's of the same.
_NAMES = {"blosc": "blosc-zstd", "blosc:zstd": "blosc-zstd", "blosc:lz4": "blosc-lz4", "none": "none"}

_chosen: ContextVar[str] = ContextVar("pwstream_codec", default="")


def _codec_of(spec: str) -> str:
    name, _, level = spec.partition(":")
    if name in ("zstd", "gzip", "blosc-lz4", "blosc-zstd") and (not level or level.isdigit()):
        return spec
    if spec not in _NAMES:
        raise ValueError(
            f"compression is {spec!r}; it is zstd, zstd:LEVEL, gzip, gzip:LEVEL, blosc, blosc:lz4, blosc:zstd or none"
        )
    return _NAMES[spec]


def set_compression(spec: str) -> None:
    """What zarr stores that are written from now on are compressed with: "zstd", "zstd:3", "blosc:lz4", "none"."""
    _chosen.set(_codec_of(spec))


@contextmanager
def compression(spec: str) -> Iterator[None]:
    """The same until the end of a with statement."""
    token = _chosen.set(_codec_of(spec))
    try:
        yield
    finally:
        _chosen.reset(token)


def arguments() -> list[str]:
    """Of pw-stream, for the zarr that it writes."""
    return ["--codec", _chosen.get()] if _chosen.get() else []
