"""ome-zarr-py: its reader finds each image with its labels, and each label image by itself; levels, axes, scales, names of channels."""

import logging
from importlib.metadata import version
from pathlib import Path

import ome_zarr.io
import ome_zarr.reader
from judging import Judge

judge = Judge()
complaints = []


class Listener(logging.Handler):
    def emit(self, record):
        complaints.append(record.getMessage())


def nodes(path):
    """By path: what the reader returns when it is pointed at path."""
    del complaints[:]
    found = {str(n.zarr.path).rstrip("/"): n for n in ome_zarr.reader.Reader(ome_zarr.io.parse_url(path))()}
    # 0.5 is asked for unless one says otherwise; and the colour that napari is to pass over is passed over here with a word.
    others = [c for c in complaints if not c.startswith(("version mismatch", "invalid color"))]
    judge.same(f"{path}: complaints", others, [])
    return found


logging.getLogger("ome_zarr").addHandler(Listener(logging.WARNING))
logging.getLogger("ome_zarr").propagate = False
for group in judge.groups:
    path = group["path"]
    found = nodes(path)
    node = found[path]
    judge.levels(group, [level.compute() for level in node.data])
    judge.same(f"{path}: axes", "".join(a["name"] for a in node.metadata["axes"]), group["axes"])
    judge.same(f"{path}: units", [a.get("unit") for a in node.metadata["axes"]], group["units"])
    for steps, level in zip(node.metadata["coordinateTransformations"], group["levels"]):
        steps = {s["type"]: s[s["type"]] for s in steps}
        judge.close(f"{path}: scale", steps["scale"], level["scale"])
        judge.close(f"{path}: translation", steps.get("translation", [0] * len(group["axes"])), level["translation"])
    if group["kind"] == "image":
        listed = sorted(Path(p).name for p in found if Path(p).parent.name == "labels")
        judge.same(f"{path}: labels", listed, group["labels"])
        if "c" in group["axes"]:
            judge.same(f"{path}: channels", node.metadata["channel_names"], ["DAPI", "GFP", "RFP"])
    else:
        judge.same(f"{path}: colours", node.metadata["color"], {})
ome_zarr.__version__ = version("ome-zarr")
judge.end(ome_zarr)
