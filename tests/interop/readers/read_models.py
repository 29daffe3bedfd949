"""ome-zarr-models: every group is valid, and of the kind that it is meant to be."""

from importlib.metadata import version
from pathlib import Path

import ome_zarr_models
import zarr
from judging import Judge

judge = Judge()


def names(listing):
    """Of the label images that a Labels of either version lists."""
    attributes = listing.attributes
    return getattr(attributes, "ome", attributes).labels


for group in judge.groups:
    path = group["path"]
    model = ome_zarr_models.open_ome_zarr(zarr.open_group(path, mode="r"))
    kind = "ImageLabel" if group["kind"] == "labels" else "Image"
    judge.same(f"{path}: kind", type(model).__name__, kind)
    judge.same(f"{path}: version", type(model).__module__.split(".")[1], "v" + group["version"].replace(".", ""))
    if group["kind"] == "labels":
        listing = ome_zarr_models.open_ome_zarr(zarr.open_group(str(Path(path).parent), mode="r"))
        judge.same(f"{path}: listing", type(listing).__name__, "Labels")
        judge.same(f"{path}: listed", Path(path).name in names(listing), True)
    else:
        judge.same(f"{path}: labels", sorted(names(model.labels)) if model.labels else [], group["labels"])
ome_zarr_models.__version__ = version("ome-zarr-models")
judge.end(ome_zarr_models)
