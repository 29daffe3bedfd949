"""
Runs the documented examples of the Python program patchworks against pwstream, with only the import changed:

    documented_examples.py PATCHWORKS_SOURCE [FILTER]      the unpacked source archive of that program

A block of Python in its README, getting started, guides and examples is a case, and so is each example program.  What a
fragment takes for granted (an image, a function that it calls fn) is put before it.  cellpose, stardist and torch are
stood in for by modules with the same calls.  Prints a line for each case and fails when one that is not in DIFFERENT
does not run, or one that is there does.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "python"
PAGES = (
    "README.md",
    "docs/index.md",
    "docs/api/*.md",
    "docs/getting_started.md",
    "docs/guide/custom_segmentation.md",
    "docs/guide/merging.md",
    "docs/guide/tiling.md",
    "docs/guide/skip_empty.md",
    "docs/guide/label_relations.md",
    "docs/guide/ome_zarr_napari.md",
    "docs/guide/pitfalls.md",
    "docs/guide/gpu_distributed.md",
    "docs/guide/measurements.md",
    "docs/guide/performance.md",
    "docs/guide/membrane_cells.md",
    "docs/guide/review.md",
    "docs/guide/snakemake.md",
    "docs/examples/*.md",
    "docs/examples/*.py",
)

# What a case says when it does not run, and why that is so; doc/PYTHON.md tells users.
DIFFERENT = {
    "view_in_napari": "no viewer: napari opens the stores itself",
    "seam_report": "pw-stream seams",
    "build_occupancy_map": "--skip-empty reads the image once, exactly, by itself",
    "decon_kwargs": "no deconvolution",
    "read_table": "pw-stream measure",
    "read_provenance": "the metadata of the label image says what made it",
    "plugins.careamics": "no denoising",
    "channel_axis=3": "channels come first",
    "scan.ims": "Imaris files are not read",
    "scan.czi": "proprietary formats are not read",
    "regionprops": "another package",
    "dask_image": "another package",
    "TILE = (120, 697, 697)": "Cellpose in planes is given thick tiles: refused, there too",
    "tile_shape=(16, 1024, 1024), use_gpu=True, gpus=4": "the same",
    "add_pyramid": "pw-stream pyramid; the levels of labels are written with them",
    "write_labels": "labels go into the image when they are made",
    "aszarr=True": "dask itself refuses what tifffile returns there",
    "ZipStore": "the example names an archive of its own",
}

# Not programs: what is printed, what is left out.
NO_PROGRAM = ("...", "FutureCancelledError", "RuntimeError: ")

PRELUDE = """
import csv, numpy as np, dask.array as da, os, torch
from pwstream import auto_tile_shape_cellpose, dilate_labels, estimate_empty_tiles, filter_labels_by_size, tile_process
from pwstream import label_relations
from pwstream.plugins.cellpose import cellpose_fn
from pwstream.plugins.dog import dog_label_fn
from pwstream.plugins.ome_zarr import to_ome_zarr
from scipy import ndimage
def fn(tile):
    from scipy import ndimage
    return ndimage.label(tile > 1100)[0].astype("int32")
my_fn = segment = my_segment_fn = your_pipeline_fn = fn
my_numpy_array = np.asarray(da.from_zarr("scan.zarr/0"))[0]
IMAGE, OUTPUT, TILE, CHANNEL = "image.zarr", "labels.zarr", (8, 64, 64), 0
img = image = da.from_zarr("scan.zarr/0")[0]
labels = np.zeros((1, 1), "int32")
labeled = da.overlap.overlap(img.rechunk((24, 64, 80)), depth=20, boundary="none").map_blocks(fn, dtype="int32")
psf = np.zeros((3, 3, 3))
shape, dtype, arr = (8, 64, 64), "uint16", np.zeros((2, 3, 16, 16), "uint8")
tile = np.asarray(img[:, :32, :32])
nuclei, cells = [da.from_zarr("results/image.zarr", component=f"labels/{name}_labels/0") for name in ("nuclei", "cyto")]
table = {3: {"match": 1, "overlap_voxels": 2, "overlap_fraction": 0.5}}
class my_model:
    def __new__(cls, tensor): return tensor
def your_pipeline(array):
    return img.map_blocks(fn, dtype="int32")
class MySegmentationModel:
    def to(self, device): return self
    def eval(self): return self
    def __call__(self, tensor): return tensor
"""

STAND_INS = {
    "cellpose/__init__.py": 'version = "3.1.1"\n',
    "cellpose/models.py": """
MODEL_NAMES = ["cyto3", "nuclei"]
class CellposeModel:
    def __init__(self, gpu=False, pretrained_model=False, model_type=None): pass
    def eval(self, x, **arguments):
        from scipy import ndimage
        import numpy as np
        return ndimage.label(np.asarray(x) > 0.7)[0], None, None
""",
    "stardist/__init__.py": "",
    "stardist/models.py": """
class StarDist2D:
    @classmethod
    def from_pretrained(cls, name): return cls()
    def predict_instances(self, x, **arguments):
        from scipy import ndimage
        return ndimage.label(x > 0.7)[0], {}
StarDist3D = StarDist2D
""",
    "torch.py": """
import numpy as np
class cuda:
    is_available = staticmethod(lambda: False)
def device(name): return name
def no_grad(): return lambda fn: fn
class from_numpy:
    def __init__(self, values): self.values = values
    def unsqueeze(self, axis): return from_numpy(np.expand_dims(self.values, axis))
    def squeeze(self, axis): return from_numpy(self.values.squeeze(axis))
    def argmax(self, axis): return from_numpy((self.values.squeeze(axis) > 1100).astype(int))
    def to(self, device): return self
    cpu = lambda self: self
    numpy = lambda self: self.values
""",
    "csbdeep/__init__.py": "",
    "csbdeep/utils.py": "def normalize(x): return x / (x.max() or 1)\n",
    "my_seg.py": """
def segment(tile, sigma=2.0):
    from scipy import ndimage
    return ndimage.label(tile > 1100)[0].astype("int32")
""",
}


def prepare(folder):
    """Images under the names that the examples use."""
    import numpy as np
    import tifffile
    import zarr
    from scipy import ndimage

    field = ndimage.gaussian_filter(np.random.default_rng(1).standard_normal((24, 128, 160)), (1, 3, 3))
    stack = np.clip(1000 + field / field.std() * 200, 0, 65535).astype(np.uint16)
    for name in ("image.zarr", "scan.zarr", "results/image.zarr"):
        group = zarr.open_group(folder / name, mode="w")
        data = np.stack([stack, stack[::-1], stack])
        group.create_array("0", shape=data.shape, dtype=data.dtype, chunks=(1, 8, 64, 64))[...] = data
        axes = [{"name": "c", "type": "channel"}]
        axes += [{"name": a, "type": "space", "unit": "micrometer"} for a in "zyx"]
        scale = {"type": "scale", "scale": [1.0, 2.0, 0.5, 0.5]}
        sets = [{"path": "0", "coordinateTransformations": [scale]}]
        group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": sets}]}
    labels = ndimage.label(stack > 1100)[0].astype("int32")
    for store, component in (
        ("my_staged_labels.zarr", "raw_labels"),
        ("stage.zarr", "labels"),
        ("labels.zarr", "labels"),
        ("results/image.zarr", "labels/nuclei_labels/0"),
        ("results/image.zarr", "labels/cyto_labels/0"),
    ):
        group = zarr.open_group(folder / store, mode="a")
        group.create_array(component, shape=labels.shape, dtype="int32", chunks=(8, 64, 64))[...] = labels
    tifffile.imwrite(folder / "image.tif", stack)
    (folder / "sample").mkdir()
    for t, z, c in np.ndindex(2, 3, 2):
        tifffile.imwrite(folder / f"sample/a_T{t}_Z{z}_C{c}_V1.tif", stack[z])
    for name, text in STAND_INS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def plain_image(folder):
    import shutil

    import zarr

    array = zarr.open(folder / "image.zarr/0")[0]
    shutil.rmtree(folder / "image.zarr")
    zarr.create_array(folder / "image.zarr", shape=array.shape, dtype=array.dtype, chunks=(8, 64, 64))[...] = array


def cases(source):
    for pattern in PAGES:
        for path in sorted(source.glob(pattern)):
            name = str(path.relative_to(source))
            if path.suffix == ".py":
                yield name, path.read_text()
                continue
            blocks = re.findall(r"^( *)```python\n(.*?)^\1```", path.read_text(), re.M | re.S)
            for number, (_, text) in enumerate(blocks):
                # Blocks of tabs are indented once more than their fence.
                lines = text.splitlines()
                margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
                yield f"{name}#{number}", "\n".join(line[margin:] for line in lines) + "\n"


def changed(text):
    """The import, and nothing else."""
    return re.sub(r"^(\s*(?:from|import)\s+)patchworks\b", r"\1pwstream", text, flags=re.M)


def run(name, text):
    with tempfile.TemporaryDirectory(prefix="pwstream-examples-") as folder:
        folder = Path(folder)
        prepare(folder)
        if 'da.from_zarr("image.zarr")' in text:  # there an array, elsewhere an OME-Zarr
            plain_image(folder)
        (folder / "example.py").write_text((PRELUDE if name.endswith(".md") or "#" in name else "") + changed(text))
        environment = {**os.environ, "PYTHONPATH": f"{PACKAGE}{os.pathsep}{folder}"}
        try:
            done = subprocess.run(
                [sys.executable, "example.py"], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
            )
        except subprocess.TimeoutExpired:
            return "timeout"
        return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["?"])[-1]


def main():
    source = Path(sys.argv[1])
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    wrong = 0
    for name, text in cases(source):
        if wanted not in name:
            continue
        try:
            compile(text, name, "exec")
        except SyntaxError:
            continue  # two ways beside each other, or what a terminal shows
        if any(line.strip() == words or line.startswith(words) for line in text.splitlines() for words in NO_PROGRAM):
            continue
        reason = next((why for words, why in DIFFERENT.items() if words in text), "")
        said = run(name, text)
        good = bool(said) == bool(reason)
        wrong += not good
        verdict = "runs" if not said else "differs" if reason else "FAILS"
        print(f"{verdict:8} {name:45} {reason or said}{'' if good or said else ' (but it runs)'}", flush=True)
    print(f"{wrong} unexpected")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
