"""Labels that pw-stream has written, as arrays: dask where it is installed, else zarr."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np


def temporary_folder(beside: str | os.PathLike[str] | None = None) -> Path:
    return Path(tempfile.mkdtemp(prefix="pwstream-", dir=beside))


def forget_at_exit(folder: Path) -> None:
    """Results that nobody gave a place are read lazily as long as the program runs."""
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


def zarr_is_old() -> bool:
    """zarr-python 2 reads zarr v2 only."""
    try:
        import zarr
    except ImportError:
        return False
    return int(zarr.__version__.split(".")[0]) < 3


def open_array(path: str | os.PathLike[str]) -> Any:
    """
    A zarr array, npy or TIFF, lazily: a dask array when dask is installed, else what zarr, numpy or tifffile have.
    Without a library that can read it the path itself.
    """
    path = os.fspath(path)
    if path.endswith((".npy",)):
        array: Any = np.load(path, mmap_mode="r")
    elif path.endswith((".tif", ".tiff")):
        try:
            import tifffile
            import zarr
        except ImportError:
            return Path(path)
        array = zarr.open(tifffile.imread(path, aszarr=True), mode="r")
    elif os.path.isdir(path):
        try:
            import zarr
        except ImportError:
            return Path(path)
        array = zarr.open(path, mode="r")
    else:
        return Path(path)
    try:
        import dask.array as da
    except ImportError:
        return array
    return da.from_array(array, chunks=getattr(array, "shards", None) or getattr(array, "chunks", "auto"))


def _metadata(group: Path) -> Path:
    return group / "zarr.json" if (group / "zarr.json").exists() else group / ".zattrs"


def _multiscale(metadata: dict[str, Any], file: Path) -> dict[str, Any]:
    """The object that holds "multiscales": at the top in NGFF 0.4, under attributes.ome in 0.5."""
    if file.name == ".zattrs":
        return metadata
    found: dict[str, Any] = metadata.setdefault("attributes", {}).get("ome", {})
    return found


def place_as_component(made: Path, store: Path, component: str) -> Path:
    """
    Moves a label image (a group with the array 0) to where the Python program puts labels: the array `component` in the
    group `store`.  A new store stays a label image that viewers open; in one that is there already only the array is
    replaced.  Returns the array's path.
    """
    target = store / component
    if not store.exists():
        file = _metadata(made)
        metadata = json.loads(file.read_text())
        image = _multiscale(metadata, file)
        for number, dataset in enumerate(image["multiscales"][0]["datasets"]):
            if number == 0:
                (made / component).parent.mkdir(parents=True, exist_ok=True)
                os.rename(made / dataset["path"], made / component)
                dataset["path"] = component
        image.get("image-label", {}).pop("source", None)  # it stands alone
        file.write_text(json.dumps(metadata, indent=2))
        store.parent.mkdir(parents=True, exist_ok=True)
        os.rename(made, store)
        return target
    if not (store / "zarr.json").exists() and not (store / ".zgroup").exists():
        raise FileExistsError(f"{store} is there and is no zarr group")
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_folder(made / "0", target)
    return target


def replace_folder(new: Path, place: Path) -> None:
    """new in place of what is there, which is removed only then."""
    if place.exists():
        old = place.with_name(f".{place.name}.{os.getpid()}.old")
        os.rename(place, old)
        os.rename(new, place)
        shutil.rmtree(old)
    else:
        os.rename(new, place)
