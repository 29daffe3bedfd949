"""The function of a worker: found by its name, bound to its options; and what is said when it raises."""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ._tile import WorkerError

# Frames that every traceback has and that say nothing about the function.
OWN_FILES = {__file__, os.path.join(os.path.dirname(__file__), "worker.py")}
HANDED_OVER = ("tile", "voxel_size")  # parameters that are not options
ERROR_BYTES = 8000  # of an error's text: a message has at most 64 KiB


def load(target: str) -> Callable[..., Any]:
    """The function of "module:function" or "./file.py:function"."""
    place, _, name = target.rpartition(":")
    if not place:
        place, name = target, "segment"
    module = _load_file(place) if place.endswith(".py") or "/" in place else _load_module(place)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            there = [n for n, v in vars(module).items() if inspect.isfunction(v) and v.__module__ == module.__name__]
            raise WorkerError(f"{place} has no {name!r}" + (f"; it has {', '.join(sorted(there))}" if there else ""))
        found = getattr(found, part)
    if not callable(found):
        raise WorkerError(f"{target} is {type(found).__name__}, not a function")
    return found


def _load_module(name: str) -> types.ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise WorkerError(f"there is no Python module {name!r} in {os.getcwd()} or for {sys.executable}") from None
        raise


def _load_file(name: str) -> types.ModuleType:
    path = Path(name).resolve()
    if not path.is_file():
        raise WorkerError(f"{name}: no such file")
    sys.path.insert(0, str(path.parent))  # as python3 file.py does: for the modules beside it
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise WorkerError(f"{name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def name_of(function: Any) -> str:
    """Also of an object that can be called, and of a functools.partial."""
    name = getattr(function, "__name__", None) or getattr(getattr(function, "func", None), "__name__", None)
    return str(name or type(function).__name__)


def _partly_given(function: Any) -> set[str]:
    """The keywords that functools.partial has been given."""
    return set(function.keywords) if isinstance(function, functools.partial) else set()


def bind(function: Callable[..., Any], options: Mapping[str, Any]) -> tuple[Callable[..., Any], dict[str, bool]]:
    """
    The function with its options, checked before the first tile, and which of "tile", "voxel_size" it takes; true for
    what it can do without.
    """
    name = name_of(function)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some functions written in C do not say
        return (lambda image, **extra: function(image, **options, **extra)), {}
    if not parameters:
        raise WorkerError(f"{name}() takes no image")
    rest = {p.name: p for p in parameters[1:] if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    given = {*options, *_partly_given(function)}
    takes = {p.name: p.default is not p.empty for p in rest.values() if p.name in HANDED_OVER and p.name not in given}
    anything = any(p.kind == p.VAR_KEYWORD for p in parameters)
    for key in options:
        if key not in rest and not anything:
            there = sorted(rest.keys() - takes.keys())
            raise WorkerError(
                f"{name}() has no option {key!r}; " + (f"it has {', '.join(there)}" if there else "it has none")
            )
    for key, parameter in rest.items():
        if parameter.default is parameter.empty and key not in options and key not in takes:
            raise WorkerError(f"{name}() needs the option {key!r}")
    if not options:
        return function, takes
    return (lambda image, **extra: function(image, **options, **extra)), takes


def out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ in ("OutOfMemoryError", "ResourceExhaustedError"):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "alloc_failed" in text)


def free_memory() -> None:
    """Gives back what libraries keep for later, so that trying again has a chance."""
    gc.collect()
    torch, cupy = sys.modules.get("torch"), sys.modules.get("cupy")
    with contextlib.suppress(Exception):  # then the memory stays taken, and the next try will say so
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()
        if cupy is not None:
            cupy.get_default_memory_pool().free_all_blocks()


def describe(error: BaseException) -> str:
    """What happened and where, innermost place first, in one line; the whole traceback goes to standard error."""
    if isinstance(error, WorkerError):
        return str(error)[:ERROR_BYTES]
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if f.filename not in OWN_FILES and not f.filename.startswith("<frozen importlib")
    ]
    places = [f"{os.path.basename(f.filename)}:{f.lineno} in {f.name}" for f in reversed(frames[-3:])]
    sys.stdout.flush()
    first = error.__traceback__
    while first is not None and first.tb_frame.f_code.co_filename in OWN_FILES:
        first = first.tb_next
    trace = "".join(traceback.format_exception(type(error), error, first)[-12:])
    print(trace[-ERROR_BYTES:], end="", file=sys.stderr, flush=True)
    return (text[: ERROR_BYTES // 2] + (f" ({', from '.join(places)})" if places else ""))[:ERROR_BYTES]
