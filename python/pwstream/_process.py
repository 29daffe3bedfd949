"""tile_process(): any image, any function, one label volume."""

from __future__ import annotations

import os
import re
import shutil
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from . import _labels, _plan, _tool
from ._arguments import (
    Overlap,
    TileShape,
    box_text,
    function_text,
    halo_of,
    resources_of,
    rule_of,
    source_of,
    tile_of,
)
from ._function import name_of
from ._output import Output


def tile_process(
    image: Any,
    fn: Callable[..., Any] | str,
    *,
    tile_shape: TileShape = None,
    overlap: Overlap = None,
    channel: int | None = 0,
    level: int = 0,
    use_gpu: bool = False,
    max_workers: int | None = None,
    progress: bool = True,
    write_to: str | os.PathLike[str] | None = None,
    output_component: str = "labels",
    pyramid_levels: int = 5,
    pyramid_downscale: int = 2,
    sequential_labels: bool = False,
    skip_empty: bool = False,
    empty_threshold: float | None = None,
    stage_dir: str | os.PathLike[str] | None = None,
    keep_stage: bool | str | os.PathLike[str] = False,
    log_file: str | os.PathLike[str] | bool | None = None,
    verbose: bool = False,
    stitch: str = "touch",
    iou_threshold: float = 0.5,
    resume: bool = False,
    gpus: int | Sequence[int | str] | None = None,
    dry_run: bool = False,
    connectivity: int | None = None,
    normalize: str | None = None,
    memory: str | None = None,
    overwrite: bool = True,
    return_count: bool = False,
    options: Sequence[str] = (),
    plan_sample: int = 0,
) -> Any:
    """
    Segments image tile by tile with fn and joins what crosses tiles; returns the labels, 1 to N, 0 is background.

    image       a path (zarr, TIFF, npy, whatever pw-stream reads), or an array of two or three axes: numpy, zarr, dask.
                Arrays that are not files already are written to a temporary one in pieces.
    fn          fn(tile) -> integer labels of the same shape, called once for each tile, in processes of their own; it
                may be decorated with @pwstream.worker.  Or a text: what pw-stream run --fn takes ("otsu", "py:...").
    tile_shape  voxels of a tile; "auto"; f(shape, dtype); None: the chunks of a dask array, else as "auto"
    overlap     voxels around a tile that fn sees as well, one number or one for each axis (0 where a tile is one voxel
                thick); None: what fn declares, else 16
    channel, level   of a file; channel None: fn sees all, in front of the other axes
    use_gpu     one worker process, so that tiles do not share a device; gpus: how many devices, or which
    max_workers processes that call fn
    write_to    a zarr store, where the labels become the array output_component; or a .tif, .npy.  None: into
                an OME-Zarr image, under labels/output_component, with smaller levels unless pyramid_levels is 1;
                for other images a temporary store that lasts as long as the program
    skip_empty  fn is not called for tiles where nothing is above empty_threshold (None: chosen from the image)
    stage_dir   where temporary files go; keep_stage: True or a folder, for pw-stream remerge, seams and explain
    stitch      "touch": labels that touch across a seam are one object; "iou": those that agree where tiles overlap by
                more than iou_threshold; or a rule of pw-stream: face, overlap, witness, auto
    connectivity   of "touch", 1 to 3: 1 (default) joins across faces, 3 is what fits skimage.measure.label
    resume      goes on where an earlier, interrupted call with the same arguments was
    dry_run     only plans; returns a dict.  With plan_sample a part of the image is segmented too, to tell how long it
                will take: "estimated_seconds"
    normalize   as --normalize, from statistics of the whole image: "percentile:1,99", "minmax"
    memory      as --memory: "4G"
    overwrite   replaces earlier labels, when the new ones are whole
    options     further options of pw-stream run, as they are on a command line

    Ids are 1..N in the raster order of each object's first voxel, whatever sequential_labels says; it is there, as
    pyramid_downscale is, so that programs written for the Python program run.

    Returns the labels as a dask array that reads lazily, as a zarr array where there is no dask, as a path where there
    is neither; with return_count a pair of these and the number of objects.
    """
    del sequential_labels  # they always are
    if pyramid_downscale != 2:
        warnings.warn("levels are halved; pyramid_downscale is not used", stacklevel=2)
    with ExitStack() as stack:
        folder = _labels.temporary_folder(stage_dir)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        source = source_of(image, channel, level, folder)
        if resume and Path(source.path).parent == folder:
            raise ValueError("resume needs an image that is a file: an array in memory cannot be recognised again")
        out = None if dry_run else Output(source, write_to, output_component, pyramid_levels, resume)
        place = folder if out is None else out.lasting_folder() or folder
        arguments = ["run", source.path, *source.options, "--fn", function_text(fn, channel, place)]
        tile = tile_of(tile_shape, source)
        arguments += ["--tile", box_text(tile) if tile else "auto"]
        halo = halo_of(overlap, fn, tile, source.ndim)
        if halo is not None:
            arguments += ["--halo", box_text(halo)]
        arguments += rule_of(stitch, iou_threshold, halo, connectivity)
        arguments += resources_of(fn, use_gpu, gpus, max_workers, memory)
        if skip_empty:
            _tool.need("run", "--skip-empty")
            arguments += ["--skip-empty", "auto" if empty_threshold is None else f"{empty_threshold:.17g}"]
        if normalize is not None:
            _tool.need("run", "--normalize")
            arguments += ["--normalize", normalize]
        if resume:
            _tool.need("run", "--resume")
            arguments.append("--resume")
        if stage_dir is not None:
            arguments += ["--scratch", os.fspath(stage_dir)]
        arguments += options
        if out is None:
            plan = {**_plan.dry_run(arguments, folder), "ndim": source.ndim}
            if skip_empty:
                plan.update(_plan.signal(image, plan, empty_threshold, channel, level))
            if plan_sample:
                plan.update(_plan.duration(arguments, plan))
            return plan
        if keep_stage:
            arguments += ["--keep-stage", out.stage(keep_stage)]
        log = _log(log_file, out, stack)
        try:
            summary = _tool.run(
                [*arguments, *out.arguments(overwrite, stack)], progress=progress, log=log, verbose=verbose
            )
        except _tool.ToolError as error:
            if isinstance(fn, str):
                raise
            raise _tool.ToolError(re.sub(r"^--fn exec:.*?: ", f"{name_of(fn)}: ", str(error))) from None
        labels = out.open(summary)
        out.forget()
    return (labels, int(summary["n_objects"])) if return_count else labels


def _log(wanted: str | os.PathLike[str] | bool | None, out: Output, stack: ExitStack) -> Any:
    if not wanted:
        return None
    path = out.path.absolute().parent / "patchworks.log" if wanted is True else Path(os.fspath(wanted))
    return stack.enter_context(open(path, "a", encoding="utf-8"))
