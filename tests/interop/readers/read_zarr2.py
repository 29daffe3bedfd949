"""zarr-python 2, which reads version 2 of the format: the stores of OME-Zarr 0.4."""

import zarr
from judging import Judge

judge = Judge(["0.4"])
judge.same("version", zarr.__version__.split(".")[0], "2")
for group in judge.groups:
    opened = zarr.open_group(group["path"], mode="r")
    multiscale = opened.attrs["multiscales"][0]
    judge.same(f"{group['path']}: axes", "".join(a["name"] for a in multiscale["axes"]), group["axes"])
    judge.levels(group, [opened[d["path"]][...] for d in multiscale["datasets"]])
judge.end(zarr)
