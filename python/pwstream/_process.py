"""tile_process(): any image, any function, one label volume."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Union

from . import _called, _image, _labels, _tool
from ._cluster import default_workers
from ._function import name_of
from ._sizes import normalize_overlap

Overlap = Union[int, Sequence[int], None]
TileShape = Union[int, Sequence[int], str, Callable[[tuple, Any], Sequence[int]], None]

DEFAULT_OVERLAP = 16
OTHER_FORMATS = (".tif", ".tiff", ".npy", ".raw", ".h5", ".hdf5")


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
    dry_run     only plans; returns a dict
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
        source = _source(image, channel, level, folder)
        if resume and Path(source.path).parent == folder:
            raise ValueError("resume needs an image that is a file: an array in memory cannot be recognised again")
        out = None if dry_run else _Output(source, write_to, output_component, pyramid_levels, resume)
        place = folder if out is None else out.lasting_folder() or folder
        arguments = ["run", source.path, *source.options, "--fn", _function(fn, channel, place)]
        tile = _tile(tile_shape, source)
        arguments += ["--tile", _csv(tile) if tile else "auto"]
        halo = _halo(overlap, fn, tile, source.ndim)
        if halo is not None:
            arguments += ["--halo", _csv(halo)]
        arguments += _rule(stitch, iou_threshold, halo, connectivity)
        arguments += _resources(fn, use_gpu, gpus, max_workers, memory)
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
            return _plan(arguments, folder)
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


def _source(image: Any, channel: int | None, level: int, folder: Path) -> _image.Image:
    if _image.is_path(image):
        return _image.describe_path(os.fspath(image), channel, level)
    return _image.of_array(image, folder)


def _function(fn: Callable[..., Any] | str, channel: int | None, folder: Path) -> str:
    if isinstance(fn, str):
        return fn
    if not callable(fn):
        raise TypeError(f"fn is {type(fn).__name__}; it is a function, or the name of one that pw-stream knows")
    made = folder / "function.pickle"
    _called.dump(fn, made)
    # A call that resumes is the same when its command and the files in it are: the name says what the function is made
    # of, and a file that is there stays.
    digest = hashlib.sha256(made.read_bytes())
    for source in _called.sources(fn):
        digest.update(source.read_bytes())
    file = folder / f"function-{digest.hexdigest()[:16]}.pickle"
    if file.exists():
        made.unlink()
    else:
        made.replace(file)
    python = os.environ.get("PW_PYTHON", sys.executable)
    command = [python, "-m", "pwstream._called", str(file), *(["all"] if channel is None else [])]
    return "exec:" + shlex.join(command)


def _tile(tile_shape: TileShape, source: _image.Image) -> tuple[int, ...] | None:
    if callable(tile_shape):
        tile_shape = tile_shape(source.shape, source.dtype)
    if isinstance(tile_shape, str):
        if tile_shape != "auto":
            raise ValueError(f'tile_shape is {tile_shape!r}; it is voxels, "auto", a function or None')
        return None
    if tile_shape is None:
        return None if source.is_path or source.chunks is None else source.chunks
    sizes = (tile_shape,) * source.ndim if isinstance(tile_shape, int) else tuple(int(n) for n in tile_shape)
    if len(sizes) != source.ndim or min(sizes) < 1:
        raise ValueError(f"tile_shape is {sizes} for an image of {source.ndim} axes, {source.shape}")
    return tuple(min(n, side) for n, side in zip(sizes, source.shape))


def _halo(overlap: Overlap, fn: Any, tile: tuple[int, ...] | None, ndim: int) -> tuple[int, ...] | None:
    if overlap is None:
        declared = getattr(fn, "__pwstream__", {})
        if isinstance(fn, str) or "halo" in declared or "declare" in declared:
            return None
        overlap = DEFAULT_OVERLAP
    return normalize_overlap(overlap, ndim, tile)


def _rule(stitch: str, tau: float, halo: tuple[int, ...] | None, connectivity: int | None) -> list[str]:
    if stitch == "iou":
        rule = ["--merge", "face" if halo is not None and not any(halo) else "overlap"]
    else:
        rule = ["--merge", stitch]
    if rule[1] not in ("touch", "auto"):
        rule += ["--tau", f"{tau:.6g}"]
    return rule + (["--connectivity", str(connectivity)] if connectivity is not None else [])


def _resources(
    fn: Any, use_gpu: bool, gpus: int | Sequence[int | str] | None, max_workers: int | None, memory: str | None
) -> list[str]:
    in_processes = not isinstance(fn, str) or fn.startswith(("exec:", "py:"))
    arguments = ["--memory", memory] if memory else []
    if gpus:
        devices = [str(n) for n in (range(gpus) if isinstance(gpus, int) else gpus)]
        return [*arguments, "--devices", ",".join(devices), "--workers", str(max_workers or len(devices))]
    workers = max_workers or default_workers() or (1 if use_gpu else None)
    if workers is not None:
        arguments += ["--workers" if in_processes else "--threads", str(int(workers))]
    return arguments


def _csv(sizes: Sequence[int]) -> str:
    """pw-stream's boxes are z,y,x."""
    return ",".join(str(n) for n in ((1, *sizes) if len(sizes) == 2 else sizes))


class _Output:
    """Where labels are written first, and where they are in the end."""

    def __init__(
        self,
        source: _image.Image,
        write_to: str | os.PathLike[str] | None,
        component: str,
        levels: int,
        resume: bool,
    ) -> None:
        self.component, self.levels, self.resume = component, levels, resume
        self.in_image = write_to is None and source.is_store and source.is_ngff
        self.image = Path(source.path)
        self.is_temporary = write_to is None and not self.in_image
        if self.is_temporary and resume:
            raise ValueError("resume needs a place where the labels of the earlier call began: write_to")
        if self.is_temporary:
            folder = _labels.temporary_folder()
            _labels.forget_at_exit(folder)
            write_to = folder / "labels.zarr"
        self.path = Path(write_to) if write_to is not None else self.image
        self.is_store = not self.path.name.lower().endswith(OTHER_FORMATS)
        self.made: Path | None = None
        image = self.image.resolve()
        if self.is_store and not self.in_image and (self.path / component).resolve() in (image, *image.parents):
            raise ValueError(f"{self.path / component} is the image or holds it, and an image is never replaced")

    def lasting_folder(self) -> Path | None:
        """Beside the labels, for what a call that resumes has to find again; None: nothing has to last."""
        if not self.resume:
            return None
        folder = self.path.absolute().parent / f".{self.path.name}.{self.component}.pwstream"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def forget(self) -> None:
        """All is done: nothing is left to resume."""
        folder = self.lasting_folder()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def stage(self, wanted: bool | str | os.PathLike[str]) -> str:
        return f"{self.path}.stage" if isinstance(wanted, bool) else os.fspath(wanted)

    def arguments(self, overwrite: bool, stack: ExitStack) -> list[str]:
        replace = ["--overwrite"] if overwrite else []
        pyramid = ["--pyramid", "none"] if "--pyramid" in _tool.help_text("run") else []
        if self.in_image:
            return ["--name", self.component, *replace, *(pyramid if self.levels <= 1 else [])]
        if not self.is_store:
            return ["-o", str(self.path), *replace]
        if not overwrite and (self.path / self.component).exists():
            raise FileExistsError(f"{self.path / self.component} is there already")
        parent = self.path.absolute().parent
        parent.mkdir(parents=True, exist_ok=True)
        folder = self.lasting_folder()
        if folder is None:
            folder = _labels.temporary_folder(parent)
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        self.made = folder / "labels.zarr"
        old = ["--ngff", "0.4"] if _labels.zarr_is_old() else []
        again = ["--overwrite"] if self.resume else []  # a call that ended before its labels were moved
        return ["-o", str(self.made), "--name", "labels", *again, *pyramid, *old]

    def open(self, summary: Mapping[str, Any]) -> Any:
        if self.made is not None:
            return _labels.open_array(
                _labels.place_as_component(self.made / "labels" / "labels", self.path, self.component)
            )
        if self.in_image:
            return _labels.open_array(Path(str(summary["output"])) / "0")
        return _labels.open_array(self.path)


def _log(wanted: str | os.PathLike[str] | bool | None, out: _Output, stack: ExitStack) -> Any:
    if not wanted:
        return None
    path = out.path.absolute().parent / "patchworks.log" if wanted is True else Path(os.fspath(wanted))
    return stack.enter_context(open(path, "a", encoding="utf-8"))


def _plan(arguments: Sequence[str], folder: Path) -> dict[str, Any]:
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
