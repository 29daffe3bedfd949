"""
The program pw-stream: where it is, what it can do, and running it.

    tool.run(["run", "image.zarr", "--fn", "otsu"], progress=True)     returns its summary, raises ToolError
    tool.output(["info", "--json", "image.zarr"])                      returns what it prints
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ._progress import Reporter

# Lines of standard error that an exception quotes.
QUOTED_LINES = 12
PATIENCE_SECONDS = 10  # with a tool that has been asked to stop


class ToolError(RuntimeError):
    """pw-stream refused or failed; the text is what it said."""


class MissingTool(ToolError, FileNotFoundError):
    """There is no pw-stream."""


def find() -> str:
    """$PW_STREAM, then beside this Python, then PATH, then where a source tree or an installation has it."""
    named = os.environ.get("PW_STREAM")
    if named:
        if not os.access(named, os.X_OK):
            raise MissingTool(f"PW_STREAM is {named}, which is no program")
        return named
    here = Path(__file__).resolve().parent
    beside = [Path(sysconfig.get_path("scripts")) / "pw-stream"]
    # PREFIX/share/patchworks/python/pwstream, and SOURCE/python/pwstream with SOURCE/build
    near = [here.parents[3] / "bin" / "pw-stream"] if len(here.parents) > 3 else []
    near += [here.parents[1] / "build" / "pw-stream", here.parents[1] / "pw-stream"]
    for candidate in (*beside, shutil.which("pw-stream"), *near):
        if candidate and os.access(candidate, os.X_OK) and os.path.isfile(candidate):
            return str(candidate)
    raise MissingTool(
        "there is no pw-stream: install it (see the README of patchworks) and put it on PATH, or name it in PW_STREAM"
    )


@lru_cache(maxsize=64)
def _help(tool: str, stamp: float, verb: str) -> str:
    done = subprocess.run([tool, "help", *([verb] if verb else [])], capture_output=True, text=True, check=False)
    return done.stdout


def help_text(verb: str = "") -> str:
    """What pw-stream help prints; of a verb that it does not have, nothing."""
    tool = find()
    return _help(tool, os.stat(tool).st_mtime, verb)


def has_verb(verb: str) -> bool:
    return any(line.split()[:1] == [verb] for line in help_text().splitlines() if line.startswith("  "))


def need(verb: str, option: str = "") -> None:
    """Raises where this pw-stream is too old for the verb or its option."""
    if not has_verb(verb):
        raise ToolError(f"{find()} has no verb {verb!r}: it is older than this package")
    if option and option not in help_text(verb):
        raise ToolError(f"{find()} {verb} has no option {option}: it is older than this package")


def environment() -> dict[str, str]:
    """Workers import what this process imports: its module path is theirs."""
    places = [str(Path(__file__).resolve().parents[1]), *(path or os.getcwd() for path in sys.path)]
    given = os.environ.get("PYTHONPATH", "")
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys([*places, *filter(None, given.split(os.pathsep))])),
        "PW_PYTHON": os.environ.get("PW_PYTHON", sys.executable),
    }


def output(arguments: Sequence[str]) -> str:
    done = subprocess.run([find(), *arguments], capture_output=True, text=True, env=environment(), check=False)
    if done.returncode not in (0, 2):
        raise ToolError(_reason(done.stderr.splitlines(), done.returncode))
    return done.stdout


def info(path: str | os.PathLike[str], level: int = 0) -> dict[str, Any]:
    """What pw-stream info --json says about an image."""
    extra = ["--level", str(level)] if level else []
    described: dict[str, Any] = json.loads(output(["info", "--json", os.fspath(path), *extra]))
    return described


def _reason(lines: Sequence[str], status: int) -> str:
    said = [line for line in lines if line.strip()]
    own = [line.removeprefix("pw-stream: ") for line in said if line.startswith("pw-stream: ")]
    if not own:
        return "\n".join(said[-QUOTED_LINES:]) or f"pw-stream ended with status {status}"
    return own[-1]


def run(
    arguments: Sequence[str], *, progress: bool = False, log: Any = None, verbose: bool = False
) -> Mapping[str, Any]:
    """
    Runs a verb that segments or merges.  What workers print appears on sys.stderr as it comes; log is a text file that
    receives it too.  An interrupted call takes the program down with it.
    """
    command = [find(), *arguments, "--summary", "json", "--progress", "json" if progress else "never"]
    if verbose:
        command.append("--verbose")
    reporter = Reporter(progress)
    kept: deque[str] = deque(maxlen=200)
    summary: Mapping[str, Any] = {}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            text = line.rstrip("\n")
            found = _json_line(text)
            if found is not None and "pass" in found:
                reporter.show(found)
            elif found is not None and "n_objects" in found:
                summary = found
            else:
                kept.append(text)
                if not text.startswith("pw-stream: ") or verbose:
                    reporter.message(text)
                if log is not None:
                    log.write(text + "\n")
        status = process.wait()
    except BaseException:
        _end(process)
        raise
    finally:
        reporter.close()
        process.stdout.close()
    if status not in (0, 2):
        raise ToolError(_reason(list(kept), status))
    for text in kept:  # warnings
        if text.startswith("pw-stream: ") and not verbose:
            print(text, file=sys.stderr)
    return summary


def _end(process: subprocess.Popen[str]) -> None:
    """Asks it to stop, and does not wait for ever: a function may hang."""
    process.terminate()
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _json_line(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
