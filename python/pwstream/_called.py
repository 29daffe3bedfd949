"""The worker of tile_process(): python3 -m pwstream._called FILE, where the caller has put its function."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ._function import name_of
from .worker import WorkerError, serve


def dump(function: Callable[..., Any], path: Path) -> None:
    """
    Writes a function for _called.  What a worker can import by name goes by name; a lambda, a closure, or a function
    of a notebook or of the program itself goes by value, which needs cloudpickle.
    """
    data = None
    if not _of_main(function):
        try:
            data = pickle.dumps(function)
        except (pickle.PicklingError, AttributeError, TypeError):
            data = None
    if data is None:
        try:
            import cloudpickle
        except ImportError:
            raise ValueError(
                f"{name_of(function)} is not in a module that a worker can import: put it into a .py file beside your "
                "program and import it from there, or pip install cloudpickle"
            ) from None
        try:
            data = cloudpickle.dumps(function)
        except Exception as error:
            raise ValueError(
                f"{name_of(function)} cannot be sent to a worker ({type(error).__name__}: {error}); "
                "load models inside the function, or in the constructor of a class"
            ) from error
    path.write_bytes(data)


def sources(function: Any) -> list[Path]:
    """The files of the modules that a function, or what a partial or an object is made of, comes from."""
    found: list[Path] = []
    while function is not None:
        for thing in (function, type(function)):
            module = sys.modules.get(getattr(thing, "__module__", None) or "")
            file = getattr(module, "__file__", None)
            if file is not None and Path(file).is_file() and Path(file) not in found:
                found.append(Path(file))
        inner = getattr(function, "func", None) or getattr(function, "__wrapped__", None)
        function = inner if inner is not function else None
    return found


def _of_main(function: Any) -> bool:
    """Whether a function, or what a partial or an object is made of, lives in the program itself."""
    inner = getattr(function, "func", None)
    if inner is not None and inner is not function and _of_main(inner):
        return True
    module = getattr(function, "__module__", None) or type(function).__module__
    return module == "__main__" or type(function).__module__ == "__main__"


def main() -> None:
    """_called FILE [all]: the function in FILE, with all channels of the image."""
    file, *channels = sys.argv[1:]

    try:
        with open(file, "rb") as stream:
            function = pickle.load(stream)
    except Exception as error:
        reason = f"the function could not be loaded in the worker: {type(error).__name__}: {error}"
        serve(Refusal(reason))
    else:
        serve(_with_channels(function, channels[0]) if channels else function)


def _with_channels(function: Any, channels: str) -> Any:
    """The function, with channels added to what it wants."""
    wrapped = partial(function)
    wrapped.__pwstream__ = {**getattr(function, "__pwstream__", {}), "channels": channels}  # type: ignore[attr-defined]
    return wrapped


class Refusal:
    """In place of a function that is not there: says why when the worker starts."""

    def __init__(self, reason: str) -> None:
        self.__pwstream__ = {"declare": self.declare}
        self.reason = reason

    def declare(self, info: Any, **_: Any) -> dict[str, Any]:
        raise WorkerError(self.reason)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        raise WorkerError(self.reason)


if __name__ == "__main__":
    main()
