"""
Stores by every verb that writes them, with what a reader must find in each: the subjects of tests/interop/readers.

    python subjects.py PW_STREAM FOLDER      writes them below FOLDER, and FOLDER/manifest.json

The manifest is a list of multiscale groups:

    {"path", "version": "0.4" or "0.5", "kind": "image" or "labels", "axes": "czyx", "labels": [name, ...],
     "levels": [{"path", "shape", "dtype", "sha256", "scale", "translation"}, ...]}

sha256 is that of the elements in C order, little-endian, and comes from numpy and scipy, not from what was written: level 0
is the image or its labels by scipy, the others follow from it by the rules of pyramids.py.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import tifffile

from pwtest import images
from pwtest.pyramids import by_mean, by_mode

VERSIONS = ("0.5", "0.4")
VOXEL = {"t": 3.0, "c": 1.0, "z": 0.7, "y": 0.25, "x": 0.25}
UNIT = {"t": "second", "z": "micrometer", "y": "micrometer", "x": "micrometer"}


def digest(array):
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return hashlib.sha256(little.tobytes()).hexdigest()


def smaller(array, factor, kind):
    if kind == "labels":
        return by_mode(array, factor).astype(array.dtype)
    return by_mean(array, factor)


class Maker:
    """Runs the tool, and describes what must be in what it wrote."""

    def __init__(self, pw, folder):
        self.pw, self.folder, self.groups = pw, Path(folder), []
        self.rng = np.random.default_rng(5)

    def path(self, name):
        return self.folder / name

    def blobs(self, shape, dtype="uint16"):
        """An image, a threshold, and the components above it."""
        image, threshold = images.paint(self.rng, images.blob_mask(self.rng, shape), dtype)
        return image, threshold, images.components(image > threshold, 1)

    def save(self, name, array):
        np.save(self.path(name), array)
        return self.path(name)

    def expect(self, group, version, kind, axes, array, factors, voxel=None, labels=()):
        """factors: of each level after the first, to the one before it; voxel: sizes by name, where they are known."""
        scale = np.array([voxel[a] if voxel else 1.0 for a in axes])
        translation, levels = np.zeros(len(axes)), []
        for number, factor in enumerate([(1,) * len(axes), *factors]):
            if number:
                array = smaller(array, factor, kind)
                translation = translation + scale * (np.array(factor) - 1) / 2
                scale = scale * factor
            levels.append(dict(path=str(number), shape=array.shape, dtype=array.dtype.name, sha256=digest(array),
                               scale=scale.tolist(), translation=translation.tolist()))
        self.groups.append(dict(path=str(group), version=version, kind=kind, axes=axes, levels=levels, labels=list(labels),
                                units=[UNIT.get(a) if voxel else None for a in axes]))

    def labels_of_volumes(self, version):
        """run, into a store of its own: a plane and a volume, in one and in several chunks and shards."""
        image, threshold, labels = self.blobs((9, 70, 90))
        source = self.save("volume.npy", image)
        shard = ["--shard", "4,64,48"] if version == "0.5" else []
        store = self.path(f"volume-{version}.zarr")
        self.pw("run", source, "--fn", f"threshold:{threshold}", "-o", store, "--ngff", version, "--chunk", "4,16,24", *shard)
        self.expect(store / "labels" / "threshold", version, "labels", "zyx", labels.astype("u4"), [(2, 2, 2)] * 3)
        plane = images.components(image[4] > threshold, 1)
        store = self.path(f"plane-{version}.zarr")
        self.pw("run", self.save("plane.npy", image[4]), "--fn", f"threshold:{threshold}", "-o", store, "--ngff", version)
        self.expect(store / "labels" / "threshold", version, "labels", "yx", plane.astype("u4"), [])

    def labels_of_every_width(self, version):
        image, threshold, labels = self.blobs((40, 50), "uint8")
        source = self.save("width.npy", image)
        for dtype in ("uint8", "uint16", "uint64"):
            store = self.path(f"{dtype}-{version}.zarr")
            self.pw("run", source, "--fn", f"threshold:{threshold}", "-o", store, "--ngff", version, "--out-dtype", dtype,
                    "--chunk", "1,32,32")
            self.expect(store / "labels" / "threshold", version, "labels", "yx", labels.astype(dtype), [(2, 2)])

    def labels_in_time(self, version):
        """Each time point is labelled for itself, and ids go on."""
        image, threshold, _ = self.blobs((3, 6, 40, 50))
        labels, last = np.zeros(image.shape, "u4"), 0
        for t, volume in enumerate(image):
            own = images.components(volume > threshold, 1)
            labels[t] = np.where(own > 0, own + last, 0)
            last += own.max()
        store = self.path(f"time-{version}.zarr")
        self.pw("run", self.save("time.npy", image), "--axes", "tzyx", "--fn", f"threshold:{threshold}", "-o", store,
                "--ngff", version, "--chunk", "4,32,32", "--name", "cells")
        self.expect(store / "labels" / "cells", version, "labels", "tzyx", labels, [(1, 2, 2, 2)])

    def image_with_labels(self, version):
        """convert, of five axes with calibration and names; run, into its store: over time, and of one time point."""
        image, threshold, _ = self.blobs((2, 3, 5, 40, 50))
        source = self.path("five.ome.tif")
        size = {f"PhysicalSize{a.upper()}": VOXEL[a] for a in "zyx"}
        tifffile.imwrite(source, image, metadata={"axes": "TCZYX", "TimeIncrement": VOXEL["t"], "TimeIncrementUnit": "s",
                                                  "Channel": {"Name": ["DAPI", "GFP", "RFP"]}, **size})
        store = self.path(f"image-{version}.zarr")
        self.pw("convert", source, store, "--ngff", version, "--chunk", "4,16,16")
        self.pw("run", store, "--channel", "GFP", "--fn", f"threshold:{threshold}", "--name", "cells")
        self.pw("run", store, "--channel", 2, "--time", 1, "--fn", f"threshold:{threshold}", "--name", "later")
        factors = [(1, 2, 2), (1, 2, 2), (2, 2, 2)]
        self.expect(store, version, "image", "tczyx", image, [(1, 1, *f) for f in factors], VOXEL, ["cells", "later"])
        first, second = (images.components(image[t, 1] > threshold, 1) for t in range(2))
        both = np.stack([first, np.where(second > 0, second + first.max(), 0)])
        self.expect(store / "labels" / "cells", version, "labels", "tzyx", both.astype("u4"), [(1, *f) for f in factors], VOXEL)
        later = images.components(image[1, 2] > threshold, 1)
        self.expect(store / "labels" / "later", version, "labels", "zyx", later.astype("u4"), factors, VOXEL)

    def levels_that_were_added(self, version):
        """pyramid, of an image and of labels."""
        image, threshold, labels = self.blobs((70, 90), "int16")
        source, options = self.save("flat.npy", image), ["--pyramid", "none", "--ngff", version, "--chunk", "1,32,32"]
        store = self.path(f"flat-{version}.zarr")
        self.pw("convert", source, store, *options)
        self.pw("pyramid", store)
        self.expect(store, version, "image", "yx", image, [(2, 2)] * 2)
        store = self.path(f"flat-labels-{version}.zarr")
        self.pw("run", source, "--fn", f"threshold:{threshold}", "-o", store, *options)
        self.pw("pyramid", store / "labels" / "threshold")
        self.expect(store / "labels" / "threshold", version, "labels", "yx", labels.astype("u4"), [(2, 2)] * 2)

    def images_of_other_types(self, version):
        for dtype in ("bool", "float32", "uint64"):
            image, _, _ = self.blobs((5, 20, 30), dtype)
            store = self.path(f"{dtype}-image-{version}.zarr")
            self.pw("convert", self.save(f"{dtype}.npy", image), store, "--ngff", version, "--pyramid", "none")
            self.expect(store, version, "image", "zyx", image, [])

    def merged_tiles(self, version):
        """merge, of labels that were made tile by tile."""
        image, threshold, labels = self.blobs((6, 40, 50))
        tiles = np.zeros(image.shape, "u2")
        for at in np.ndindex(1, 2, 2):
            tile = tuple(slice(i * n, (i + 1) * n) for i, n in zip(at, (6, 20, 25)))
            tiles[tile] = images.components(image[tile] > threshold, 1)
        store = self.path(f"merged-{version}.zarr")
        self.pw("merge", self.save("tiles.npy", tiles), "-o", store, "--tile", "6,20,25", "--name", "merged", "--ngff", version,
                "--chunk", "4,32,32")
        self.expect(store / "labels" / "merged", version, "labels", "zyx", labels.astype("u4"), [(2, 2, 2)])

    def all(self):
        for version in VERSIONS:
            self.labels_of_volumes(version)
            self.labels_of_every_width(version)
            self.labels_in_time(version)
            self.image_with_labels(version)
            self.levels_that_were_added(version)
            self.images_of_other_types(version)
            self.merged_tiles(version)
        manifest = self.path("manifest.json")
        manifest.write_text(json.dumps(self.groups))
        return manifest


def make(pw, folder):
    """All of them below folder; returns the manifest's path.  pw: a Tool."""
    return Maker(pw, folder).all()


if __name__ == "__main__":
    from pwtest.tool import Tool

    folder = Path(sys.argv[2]).resolve()
    print(make(Tool(Path(sys.argv[1]).resolve(), folder / "scratch.tmp"), folder))
