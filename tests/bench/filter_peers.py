"""
make bench-filters: the built-in segmenters that look around a voxel, and --dilate, beside scipy and scikit-image.

CPU seconds of whole runs of pw-stream on one thread, file to OME-Zarr labels with a pyramid, and of the same functions
of scipy and scikit-image on the array in memory.  Each is the least of some rounds.

    filter_peers.py PW_STREAM [--shape z,y,x] [--rounds N]
"""

import argparse
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy import ndimage
from skimage.segmentation import expand_labels, watershed


def make_image(shape):
    """Blobs of some ten voxels over 16 bits, from a fixed seed."""
    rng = np.random.default_rng(1)
    field = ndimage.zoom(rng.standard_normal([-(-n // 5) for n in shape]), 5, order=1)[tuple(slice(0, n) for n in shape)]
    return ((field - field.min()) / np.ptp(field) * 60000).astype(np.uint16)


def difference(image, low, high):
    image = image.astype(np.float32)
    return ndimage.gaussian_filter(image, low) - ndimage.gaussian_filter(image, high)


def laplacians(image, scales):
    image = image.astype(np.float32)
    return np.max([-np.float32(s**2) * ndimage.gaussian_laplace(image, s) for s in scales], axis=0)


def taken_apart(image, threshold, size):
    mask = ndimage.gaussian_filter(image.astype(np.float32), 1) > threshold
    distance = ndimage.distance_transform_edt(mask)
    peaks = mask & (ndimage.maximum_filter(distance, 2 * (size // 3) + 1) == distance)
    return watershed(-distance, ndimage.label(peaks, np.ones((3, 3, 3)))[0], mask=mask)


def grown(image):
    return expand_labels(ndimage.label(difference(image, 1, 4) > 1000)[0], 3)


CASES = [
    ("dog", ["--fn", "dog:low=1,high=4,threshold=1000"], lambda i: ndimage.label(difference(i, 1, 4) > 1000)),
    ("log", ["--fn", "log:2,3,threshold=1000"], lambda i: ndimage.label(laplacians(i, (2, 3)) > 1000)),
    ("local mean", ["--fn", "local:1/31/31"], lambda i: ndimage.label(i > ndimage.uniform_filter(i.astype(float), (1, 31, 31)))),
    ("local median", ["--fn", "local:1/9/9,method=median"], lambda i: ndimage.label(i > ndimage.median_filter(i, (1, 9, 9)))),
    ("watershed", ["--fn", "watershed:30000,size=15"], lambda i: taken_apart(i, 30000, 15)),
    ("dog --dilate 3", ["--fn", "dog:low=1,high=4,threshold=1000", "--dilate", "3"], grown),
]


def tool_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def peer_seconds(function, image):
    began = time.process_time()
    function(image)
    return time.process_time() - began


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--shape", default="96,384,384")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    image = make_image([int(n) for n in arguments.shape.split(",")])
    print(f"{image.size / 1e6:.1f} million voxels of uint16, one thread\n")
    print(f"{'':16}{'pw-stream':>12}{'scipy, skimage':>18}{'ratio':>9}")
    with tempfile.TemporaryDirectory() as folder:
        path, labels = Path(folder) / "image.npy", Path(folder) / "labels.zarr"
        np.save(path, image)
        for name, options, peer in CASES:
            command = [os.path.abspath(arguments.tool), "run", path, *options, "--threads", "1", "-o", labels, "--overwrite", "--quiet"]
            mine = min(tool_seconds(command) for _ in range(arguments.rounds))
            theirs = min(peer_seconds(peer, image) for _ in range(arguments.rounds))
            print(f"{name:16}{mine:10.2f} s{theirs:16.2f} s{theirs / mine:8.1f}x", flush=True)


if __name__ == "__main__":
    main()
