"""zarr-python 3, group by group."""

import zarr
from judging import Judge

judge = Judge()
for group in judge.groups:
    opened = zarr.open_group(group["path"], mode="r")
    attributes = opened.attrs.asdict()
    multiscale = attributes.get("ome", attributes)["multiscales"][0]
    judge.same(f"{group['path']}: axes", "".join(a["name"] for a in multiscale["axes"]), group["axes"])
    judge.levels(group, [opened[d["path"]][...] for d in multiscale["datasets"]])
judge.end(zarr)
