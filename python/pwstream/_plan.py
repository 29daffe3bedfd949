"""What a run would be: tile_process(dry_run=True), and suggest_overlap()."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from . import _labels, _tool
from ._arguments import box_text, function_text, rule_of, source_of, tile_of
from ._empty import estimate_empty_tiles
from ._sizes import normalize_overlap

# Options of pw-stream run, with a value, that pw-stream probe does not take.
NOT_OF_PROBE = ("--halo", "--skip-empty", "--resume")
OF_WINDOWS = ("overlap", "witness")  # rules that need a halo


def dry_run(arguments: Sequence[str], folder: Path) -> dict[str, Any]:
    """What a dry run says: its text, and what can be counted in it."""
    text = _tool.output([*arguments, "-o", str(folder / "labels.zarr"), "--dry-run"])
    plan: dict[str, Any] = {"text": text}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        numbers = [int(word) for word in value.replace("=", " ").split() if word.isdigit()]
        if key == "tiles" and numbers:
            plan.update(n_tiles=numbers[-1], grid=tuple(numbers[:-1]))
        elif key in ("volume", "tile", "halo") and len(numbers) == 3:
            plan[{"tile": "tile_shape", "halo": "overlap"}.get(key, "shape")] = tuple(numbers)
    return plan


def signal(
    image: Any, plan: Mapping[str, Any], threshold: float | None, channel: int | None, level: int
) -> dict[str, Any]:
    """How many tiles have something in their middles; the run itself looks at all voxels."""
    tile = plan["tile_shape"][3 - plan["ndim"] :]
    found = estimate_empty_tiles(image, tile, threshold, channel, level)
    return {"tiles_with_signal": found["n_occupied"], "empty_fraction": found["empty_fraction"]}


def duration(arguments: Sequence[str], plan: Mapping[str, Any]) -> dict[str, float]:
    """How long the run will take, from a part of the image that is segmented in tiles."""
    rest = list(arguments[2:])
    for option in NOT_OF_PROBE:
        if option in rest:
            at = rest.index(option)
            del rest[at : at + (1 if option == "--resume" else 2)]
    rule = rest.index("--merge") + 1
    if rest[rule] in OF_WINDOWS:
        rest[rule] = "auto"
    halos = "/".join(str(n) for n in plan["overlap"])
    probe = json.loads(_tool.output(["probe", arguments[1], *rest, "--halos", halos, "--json", "--quiet"]))
    took = {key: float(value) for key, value in probe["full_run"]["seconds"].items()}
    took["segment"] *= plan.get("tiles_with_signal", plan["n_tiles"]) / max(1, plan["n_tiles"])
    per_tile = next(each["seconds_per_tile"] for each in probe["halos"] if each["halo"] == list(plan["overlap"]))
    return {"estimated_seconds": sum(took.values()), "seconds_per_tile": float(per_tile)}


def suggest_overlap(
    image: Any,
    fn: Callable[..., Any] | str,
    tile_shape: Sequence[int],
    *,
    candidates: Sequence[int] = (0, 4, 8, 16, 32, 64),
    region: Sequence[slice] | None = None,
    crop_tiles: int = 2,
    target: float = 0.99,
    stitch: str = "touch",
    channel: int | None = 0,
    level: int = 0,
    options: Sequence[str] = (),
) -> dict[str, Any]:
    """
    The smallest overlap with which a part of the image, segmented in tiles, is as it is when it is one tile; this and
    all larger candidates must have an F1 of objects of at least target.  It is what pw-stream probe does.

    image, fn, stitch, channel, level   as of tile_process(); "iou" is looked at as "auto", which does without a halo too
    region      the part, slices of its axes; else crop_tiles tiles along each axis in the middle.  It must fit the memory;
                in a store it is moved to the border of a chunk

    Returns {"overlap": voxels or None, "scores": {overlap: F1}, "region": slices, "reference_objects": n}.
    """
    with ExitStack() as stack:
        folder = _labels.temporary_folder()
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        source = source_of(image, channel, level, folder)
        tile = tile_of(tuple(tile_shape), source)
        assert tile is not None
        part = _part(source.shape, tile, region, crop_tiles)
        halos = {number: _halo(number, tile, part) for number in sorted(set(candidates))}
        arguments = ["probe", source.path, *source.options, "--fn", function_text(fn, channel, folder)]
        tried_halos = ",".join("/".join(map(str, halo)) for halo in halos.values())
        arguments += ["--tile", box_text(tile), "--halos", tried_halos]
        arguments += [*_rule(stitch), "--enough", f"{target:.6g}"]
        arguments += ["--crop", box_text([s.stop - s.start for s in part])]
        arguments += ["--at", box_text([s.start for s in part], fill=0), "--json", "--quiet", *options]
        said = json.loads(_tool.output(arguments))
    scores = {tuple(each["halo"]): each for each in said["halos"]}
    tried = {number: scores[halo] for number, halo in halos.items()}
    enough = None
    for number in reversed(tried):  # it and all that are wider
        if tried[number]["all"]["f1"] < target:
            break
        enough = number
    start, extent = said["start"][-source.ndim :], said["shape"][-source.ndim :]
    return {
        "overlap": enough,
        "scores": {number: each["all"]["f1"] for number, each in tried.items()},
        "region": tuple(slice(low, low + n) for low, n in zip(start, extent)),
        "reference_objects": said["n_objects"],
    }


def _rule(stitch: str) -> list[str]:
    """Probing also tries what the function declares, often no halo, of which rules that compare windows can make nothing."""
    return rule_of("auto" if stitch in (*OF_WINDOWS, "iou") else stitch, 0.5, None, None)


def _halo(overlap: int, tile: Sequence[int], part: Sequence[slice]) -> tuple[int, ...]:
    """z, y, x; nothing is around a tile on an axis where the part is one tile."""
    around = normalize_overlap(overlap, len(tile), tile)
    sides = [0 if n >= s.stop - s.start else halo for halo, n, s in zip(around, tile, part)]
    return (0,) * (3 - len(sides)) + tuple(sides)


def _part(shape: Sequence[int], tile: Sequence[int], region: Sequence[slice] | None, tiles: int) -> tuple[slice, ...]:
    """The region, or whole tiles in the middle: their seams are those of a run."""
    if region is not None:
        return tuple(slice(*part.indices(side)) for part, side in zip(region, shape))
    part = []
    for side, n in zip(shape, tile):
        first = max(0, math.ceil(side / n) - tiles) // 2 * n
        part.append(slice(first, min(side, first + tiles * n)))
    return tuple(part)
