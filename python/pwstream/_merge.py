"""Labels that are there already: joining tiles, relating volumes."""

from __future__ import annotations

import csv
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from . import _codec, _image, _labels, _tool
from ._arguments import box_text


def merge_tile_labels(
    labeled: Any,
    write_to: str | os.PathLike[str] | None = None,
    *,
    input_component: str = "labels",
    output_component: str = "labels",
    overlap: int = 0,
    sequential_labels: bool = False,
    n_workers: int | None = None,
    stage_dir: str | os.PathLike[str] | None = None,
    keep_stage: bool = False,
    progress: bool = False,
    return_count: bool = False,
    label_counts: Mapping[int, int] | Sequence[int] | None = None,
    tile_shape: Sequence[int] | None = None,
    stitch: str = "touch",
    iou_threshold: float = 0.5,
    connectivity: int = 1,
    min_voxels: int | None = None,
    max_voxels: int | None = None,
    options: Sequence[str] = (),
) -> Any:
    """
    Joins labels that were made tile by tile; each tile may have numbered its own from 1.  Returns the labels, 1..N in
    raster order, with return_count a pair of these and N.

    labeled     a dask array whose chunks are the tiles, or a store with the array input_component, or any array
    tile_shape  the tiles, where they are not the chunks
    overlap     of a dask array whose chunks are still grown by it (da.overlap.overlap)
    write_to    a store, where the result becomes the array output_component; None: a temporary one
    stitch      "touch", or "face" ("iou"): cross-sections must agree by more than iou_threshold
    min_voxels, max_voxels   sizes of objects that stay

    labeled is only read.  label_counts, sequential_labels and keep_stage are there so that older calls work: counts
    are not needed, ids always are sequential, and nothing is staged that could be kept.
    """
    del label_counts, sequential_labels, keep_stage
    with ExitStack() as stack:
        folder = _labels.temporary_folder(stage_dir)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        source = _tiles(labeled, input_component, overlap, folder)
        tile = tuple(tile_shape) if tile_shape is not None else source.chunks
        if tile is None:
            raise ValueError("the array has no chunks that could be its tiles: say tile_shape=")
        out = _Store(write_to, output_component, stack)
        arguments = ["merge", source.path, *source.options, "--tile", box_text(tile), *out.arguments()]
        arguments += ["--merge", "face" if stitch == "iou" else stitch]
        arguments += ["--tau", f"{iou_threshold:.6g}"] if stitch != "touch" else ["--connectivity", str(connectivity)]
        for option, value in (("--min-size", min_voxels), ("--max-size", max_voxels), ("--threads", n_workers)):
            arguments += [option, str(value)] if value is not None else []
        summary = _tool.run([*arguments, *options], progress=progress)
        labels = out.open()
    return (labels, int(summary["n_objects"])) if return_count else labels


class _Store:
    """A store where a label image becomes an array with a name of its own."""

    def __init__(self, write_to: str | os.PathLike[str] | None, component: str, stack: ExitStack) -> None:
        if write_to is None:
            folder = _labels.temporary_folder()
            _labels.forget_at_exit(folder)
            write_to = folder / "labels.zarr"
        self.path, self.component = Path(write_to), component
        parent = self.path.absolute().parent
        parent.mkdir(parents=True, exist_ok=True)
        folder = _labels.temporary_folder(parent)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        self.made = folder / "labels.zarr"

    def arguments(self) -> list[str]:
        old = ["--ngff", "0.4"] if _labels.zarr_is_old() else []
        pyramid = ["--pyramid", "none"] if "--pyramid" in _tool.help_text("run") else []
        return ["-o", str(self.made), "--name", "labels", *pyramid, *old, *_codec.arguments()]

    def open(self) -> Any:
        made = self.made / "labels" / "labels"
        return _labels.open_array(_labels.place_as_component(made, self.path, self.component))


def _tiles(labeled: Any, component: str, overlap: int, folder: Path) -> _image.Image:
    if _image.is_path(labeled):
        path = os.path.join(os.fspath(labeled), component)
        return _image.describe_path(path if os.path.isdir(path) else os.fspath(labeled), None, 0)
    if overlap:
        if type(labeled).__module__.partition(".")[0] != "dask":
            raise TypeError("overlap can only be removed from the chunks of a dask array")
        depth = {axis: overlap for axis in range(labeled.ndim)}
        labeled = sys.modules["dask.array"].overlap.trim_overlap(labeled, depth, boundary="none")
    _regular(labeled)
    return _image.of_array(labeled, folder)


def _regular(array: Any) -> None:
    for axis, chunks in enumerate(getattr(array, "chunks", ())):
        if isinstance(chunks, tuple) and (len(set(chunks[:-1])) > 1 or chunks[-1] > chunks[0]):
            raise ValueError(f"the chunks along axis {axis} are {chunks}: tiles have one size, the last may be smaller")


def label_relations(
    a: Any,
    b: Any,
    *,
    a_component: str = "labels",
    b_component: str = "labels",
    n_workers: int | None = None,
) -> dict[int, dict[str, float]]:
    """
    For each label of a the one of b that it shares most voxels with, of several the smallest:
    {a: {"match": b, "overlap_voxels": n, "overlap_fraction": n / voxels of a}}; labels without any are left out.

    a and b are paths (of label images, or of stores with the arrays a_component, b_component) or arrays, of one shape;
    chunks may differ.
    """
    folder = _labels.temporary_folder()
    try:
        (folder / "a").mkdir()
        (folder / "b").mkdir()
        first = _tiles(a, a_component, 0, folder / "a") if _image.is_path(a) else _image.of_array(a, folder / "a")
        second = _tiles(b, b_component, 0, folder / "b") if _image.is_path(b) else _image.of_array(b, folder / "b")
        threads = ["--threads", str(n_workers)] if n_workers else []
        table = folder / "relations.csv"
        _tool.output(["relate", first.path, second.path, "-o", str(table), "--quiet", *threads])
        with open(table, newline="") as file:
            return {
                int(row["child"]): {
                    "match": int(row["parent"]),
                    "overlap_voxels": int(row["shared_voxels"]),
                    "overlap_fraction": int(row["shared_voxels"]) / int(row["child_voxels"]),
                }
                for row in csv.DictReader(file)
                if int(row["parent"])
            }
    finally:
        shutil.rmtree(folder, ignore_errors=True)
