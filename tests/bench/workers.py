"""
workers.py - what worker processes cost: the time of an empty Python worker for each tile, and the rate of a numpy
threshold in two workers beside the built-in threshold on the 2-D bench image.  Both in this session, alternating: only
their ratio counts.

    python workers.py --tool ./pw-stream --work tests/bench-work [--reps 5]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

PACKAGE = Path(__file__).resolve().parents[2] / "python"
GOAL_EMPTY_US = 100
GOAL_RATE = 0.6

FUNCTIONS = """
import numpy as np
import pwstream

def empty(image):
    return np.zeros(image.shape, np.uint32)

@pwstream.worker(out_dtype="bool", readonly=True)
def threshold(image):
    return image > 300
"""


def run(tool, image, fn, out, *options):
    """Seconds of the segmenting pass, and how many tiles it had."""
    command = [tool, "run", image, "--fn", fn, "-o", out, "--overwrite", "--quiet", "--summary=json", *options]
    done = subprocess.run(command, capture_output=True, text=True,
                          env=dict(os.environ, PW_PYTHON=sys.executable, PYTHONPATH=str(PACKAGE)))
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(command)}\n{done.stderr}")
    summary = json.loads(done.stderr.splitlines()[-1])
    return summary["seconds"]["segment"], summary["n_tiles"]


def empty_tiles(tool, folder, reps):
    """
    Microseconds for a tile, from the difference of many tiles and few, which leaves out what a start costs; and the
    same of a built-in, which leaves out what a tile costs anyway.
    """
    np.save(folder / "small.npy", np.zeros((2048, 2048), np.uint8))
    image, out, one = str(folder / "small.npy"), str(folder / "small_labels.npy"), ("--workers", "1", "--threads", "1")
    gains = []
    for _ in range(reps):
        cost = []
        for fn in (f"py:{folder / 'functions.py'}:empty", "threshold:300"):
            many, n_many = run(tool, image, fn, out, "--tile", "16", *one)
            few, n_few = run(tool, image, fn, out, "--tile", "512", *one)
            cost.append((many - few) / (n_many - n_few) * 1e6)
        gains.append(cost[0] - cost[1])
    return statistics.median(gains)


def rates(tool, image, folder, reps):
    """Seconds of the built-in and of the workers, of which starting them is a part."""
    out, two = str(folder / "labels.zarr"), ("--threads", "2", "--memory", "1G")
    ways = {"built-in": ("threshold:300",), "numpy worker": (f"py:{folder / 'functions.py'}:threshold", "--workers", "2",
                                                            "--merge", "touch")}
    seconds = {name: [] for name in ways}
    for _ in range(reps):
        for name, (fn, *options) in ways.items():
            seconds[name].append(run(tool, image, fn, out, *two, *options)[0])
    return {name: statistics.median(values) for name, values in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--work", required=True, help="where run.sh has put 2d.zarr")
    parser.add_argument("--reps", type=int, default=5)
    options = parser.parse_args()
    tool, image = str(Path(options.tool).resolve()), Path(options.work) / "2d.zarr"
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        folder = Path(name)
        (folder / "functions.py").write_text(FUNCTIONS)
        cost = empty_tiles(tool, folder, options.reps)
        print(f"empty Python worker        {cost:8.1f} us a tile (goal: below {GOAL_EMPTY_US})")
        if not image.is_dir():
            sys.exit(f"bench: {image} is missing: make bench makes it")
        seconds = rates(tool, str(image), folder, options.reps)
        for way, value in seconds.items():
            print(f"{way:<26} {value:8.2f} s to segment {image.name}")
        ratio = seconds["built-in"] / seconds["numpy worker"]
        print(f"rate of the numpy worker   {ratio:8.2f} of the built-in (goal: {GOAL_RATE})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
