"""Progress for people: a bar where it can be redrawn, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

BAR_WIDTH = 30
SECONDS_BETWEEN_LINES = 60.0
TITLES = {"measure": "measuring", "segment": "segmenting", "resolve": "joining", "emit": "writing"}


def remaining(done: int, total: int, seconds: float) -> str:
    """How long it will take: "?" when that cannot be known, else seconds, minutes or hours."""
    if done <= 0 or done >= total:
        return "?"
    left = seconds / done * (total - done)
    if left < 90:
        return f"{left:.0f}s"
    if left < 90 * 60:
        return f"{left / 60:.0f}m"
    return f"{left / 3600:.1f}h"


def _redraws() -> bool:
    """A terminal, or a notebook, which understands a carriage return."""
    stream = sys.stderr
    return bool(getattr(stream, "isatty", lambda: False)()) or type(stream).__module__.startswith("ipykernel")


class Reporter:
    """Shows the progress objects of pw-stream (pass, done, total, seconds) on standard error."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self.redraws = enabled and _redraws()
        self.drawn = 0
        self.last = time.monotonic()

    def show(self, state: Mapping[str, Any]) -> None:
        if not self.enabled:
            return
        done, total = int(state["done"]), int(state["total"])
        title = TITLES.get(str(state["pass"]), str(state["pass"]))
        share = done / total if total else 1.0
        left = remaining(done, total, float(state.get("seconds", 0.0)))
        if self.redraws:
            bar = "#" * round(share * BAR_WIDTH)
            text = f"{title:10} [{bar:{BAR_WIDTH}}] {done}/{total} {left} left"
            print("\r" + text.ljust(self.drawn), end="", file=sys.stderr, flush=True)
            self.drawn = len(text)
        elif time.monotonic() - self.last >= SECONDS_BETWEEN_LINES:
            self.last = time.monotonic()
            print(f"{title}: {done}/{total} ({share:.0%}), about {left} left", file=sys.stderr, flush=True)

    def message(self, text: str) -> None:
        """A line that is not progress; the bar makes room for it."""
        if self.drawn:
            print("\r" + " " * self.drawn + "\r", end="", file=sys.stderr)
            self.drawn = 0
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        if self.drawn:
            print(file=sys.stderr, flush=True)
            self.drawn = 0
