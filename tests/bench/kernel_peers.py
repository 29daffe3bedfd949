#!/usr/bin/env python3
"""The in-memory kernel beside cc3d and OpenCV: one thread, ns per voxel, in one run.

    python3 kernel_peers.py PATH/TO/kernel_bench [--size 4096 256] [--rounds 5] [--dir DIR]

Needs numpy, connected-components-3d and opencv-python-headless (PyPI).  kernel_bench
writes the images; then, image by image, kernel, cc3d (ordinary and binary_image=True) and
OpenCV (spaghetti, 2-D only, into a ready array) label the same uint8 file by turns.
Figures are medians over the rounds of CPU time per voxel; `ahead` is the best
peer's over ours.  Exits 1 when an object count differs or a peer is not slower.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

# The peers' memory is kept and used again, so that they do not pay for fresh pages in each round.
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 40),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_TOP_PAD_": str(64 << 20),
    "OMP_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
}


def timed(function):
    start = time.process_time()
    count = function()
    return time.process_time() - start, count


def peer_functions(image, connectivity, neighbours):
    import cc3d
    import numpy as np

    def cc3d_count(binary):
        return cc3d.connected_components(image, connectivity=neighbours, return_N=True, binary_image=binary)[1]

    peers = {"cc3d": lambda: cc3d_count(False), "cc3d-binary": lambda: cc3d_count(True)}
    if image.ndim == 2:
        import cv2

        cv2.setNumThreads(1)
        labels = np.empty(image.shape, np.int32)
        peers["opencv"] = lambda: (
            cv2.connectedComponentsWithAlgorithm(image, neighbours, cv2.CV_32S, cv2.CCL_SPAGHETTI, labels)[0] - 1
        )
    return peers


def kernel(program, path, shape, connectivity):
    z, y, x = (1,) * (3 - len(shape)) + tuple(shape)
    fields = subprocess.run(
        [program, "--rounds", "1", "--file", path, str(z), str(y), str(x), str(connectivity)],
        check=True, capture_output=True, text=True,
    ).stdout.split()
    return float(fields[2]), int(fields[4])


def row(program, directory, name, shape, connectivity, rounds):
    import numpy as np

    path = os.path.join(directory, name)
    image = np.fromfile(path, np.uint8).reshape(shape)
    neighbours = {(2, 1): 4, (2, 2): 8, (3, 1): 6, (3, 3): 26}[len(shape), connectivity]
    peers = peer_functions(image, connectivity, neighbours)
    times = {"kernel": [], **{peer: [] for peer in peers}}
    counts = {}
    for peer in peers.values():
        peer()  # warms up
    for _ in range(rounds):
        ns, counts["kernel"] = kernel(program, path, shape, connectivity)
        times["kernel"].append(ns)
        for peer, function in peers.items():
            seconds, counts[peer] = timed(function)
            times[peer].append(seconds * 1e9 / image.size)
    median = {who: statistics.median(values) for who, values in times.items()}
    best = min(median[peer] for peer in peers)
    same = len(set(counts.values())) == 1
    columns = "".join(f"{median.get(who, float('nan')):12.2f}" for who in ("kernel", "cc3d", "cc3d-binary", "opencv"))
    print(f"{name:14}{neighbours:3}{columns}{best / median['kernel']:8.1f}x  {counts['kernel']}"
          + ("" if same else f"  COUNTS DIFFER {counts}"), flush=True)
    return same and best > median["kernel"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--size", nargs=2, type=int, default=[8192, 512])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", help="where the images are written (a temporary directory)")
    options = parser.parse_args()
    if any(os.environ.get(key) != value for key, value in KEEP_MEMORY.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **KEEP_MEMORY})
    side_2d, side_3d = options.size
    good = True
    with tempfile.TemporaryDirectory(dir=options.dir) as directory:
        subprocess.run([options.program, "--size", str(side_2d), str(side_3d), "--write", directory], check=True)
        print(f"{'image':14}{'nb':>3}" + "".join(f"{who:>12}" for who in ("kernel", "cc3d", "cc3d-binary", "opencv"))
              + f"{'ahead':>9}  objects      ns per voxel, median of {options.rounds}")
        for shape in ((side_2d,) * 2, (side_3d,) * 3):
            dimensions = len(shape)
            for what in ("random0.1", "random0.3", "random0.5", "random0.6", "blobs"):
                for connectivity in (1, dimensions):
                    good &= row(options.program, directory, f"{dimensions}d-{what}", shape, connectivity,
                                options.rounds)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
