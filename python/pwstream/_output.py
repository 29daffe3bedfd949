"""Where the labels of tile_process() are written first, and where they are in the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from . import _codec, _image, _labels, _tool

OTHER_FORMATS = (".tif", ".tiff", ".npy", ".raw", ".h5", ".hdf5", ".nrrd", ".nhdr", ".mha", ".mhd", ".geojson")
# Where nobody means a zarr store and pw-stream writes none.
NOT_WRITTEN = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".mat", ".nii", ".ims", ".czi", ".csv")


class Output:
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
        self.is_store = self.path.suffix.lower() not in OTHER_FORMATS
        if self.path.suffix.lower() in NOT_WRITTEN:
            raise ValueError(f"{self.path}: labels go into a zarr store or into {', '.join(OTHER_FORMATS)}")
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
            return ["--name", self.component, *replace, *(pyramid if self.levels <= 1 else []), *_codec.arguments()]
        if not self.is_store:
            self.path.absolute().parent.mkdir(parents=True, exist_ok=True)
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
        return ["-o", str(self.made), "--name", "labels", *again, *pyramid, *old, *_codec.arguments()]

    def open(self, summary: Mapping[str, Any]) -> Any:
        if self.made is not None:
            return _labels.open_array(
                _labels.place_as_component(self.made / "labels" / "labels", self.path, self.component)
            )
        if self.in_image:
            return _labels.open_array(Path(str(summary["output"])) / "0")
        return _labels.open_array(self.path)
