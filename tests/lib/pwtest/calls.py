"""The plugin that writes down which tiles it is called for (tests/lib/calls.c)."""

from pathlib import Path

from .tool import SOURCE_ROOT, compile_c


def build(folder):
    return compile_c(SOURCE_ROOT / "tests" / "lib" / "calls.c", Path(folder) / "calls.so", "-shared", "-fPIC")


def tiles(log):
    """The tiles that it was called for, in order of their calls."""
    return [int(line.split()[0]) for line in Path(log).read_text().splitlines()] if Path(log).exists() else []
