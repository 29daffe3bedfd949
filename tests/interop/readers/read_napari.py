"""
napari-ome-zarr without a window: the layers that the plugin returns for each image with its labels and for each label image, and
the layers that napari makes of them: kind, levels, scale, units, and labels that can be seen.
"""

import contextlib
import io
import warnings
from importlib.metadata import version

import napari
import napari_ome_zarr
from judging import Judge
from napari.layers import Layer

judge = Judge()
warnings.simplefilter("ignore")


def layers(path):
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it finds
        return napari_ome_zarr.napari_get_reader(path)(path)


def check(group, layer):
    data, options, kind = layer
    path, axes = group["path"], [a for a in group["axes"] if a != "c"]
    judge.same(f"{path}: layer", kind, group["kind"])
    judge.levels(group, [level.compute() for level in data])
    scale = [s for s, a in zip(group["levels"][0]["scale"], group["axes"]) if a != "c"]
    judge.close(f"{path}: scale", options["scale"], scale)
    judge.same(f"{path}: axes", list(options["axis_labels"]), axes)
    if any(group["units"]):
        judge.same(f"{path}: units", list(options["units"]), [u for u, a in zip(group["units"], group["axes"]) if a != "c"])
    if kind == "labels":
        made = Layer.create([level.compute() for level in data], options, kind)
        judge.close(f"{path}: scale of the layer", made.scale, scale)
        judge.same(f"{path}: labels that cannot be seen", [i for i in (1, 2, 50, 300) if made.get_color(i)[3] == 0], [])


by_path = {g["path"]: g for g in judge.groups}
for group in judge.groups:
    found = layers(group["path"])
    inside = group["kind"] == "labels" and group["path"].split("/labels/")[0] in by_path
    if inside:  # the plugin goes up to the image
        continue
    judge.same(f"{group['path']}: layers", len(found), 1 + len(group["labels"]))
    members = [group] + [by_path[f"{group['path']}/labels/{name}"] for name in group["labels"]]
    by_name = {f"labels/labels/{m['path'].rsplit('/', 1)[1]}": m for m in members[1:]}
    check(group, found[0])
    for layer in found[1:]:
        check(by_name[layer[1]["name"]], layer)
napari_ome_zarr.__version__ = version("napari-ome-zarr")
judge.end(napari, napari_ome_zarr)
