"""
How well the merge rules restore cells and fibres, as a table: make bench-merge, or

    python tests/bench/merge_quality.py [--tool ./pw-stream] [--seeds 2] [--only 2d,3d]

A number is the share, in percent, of the objects that cross a seam and come back with an IoU above 0.5; in brackets that
of the objects that lie in one tile's core.  Tiles see the truth as it is (perfect), with outlines that each moves by up to
a pixel (jitter), and with one object in twenty split, fused or missed on top of that (errors); tests/lib/pwtest/instances.py
makes them.  Of fibres only those longer than a tile count.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from pwtest import instances  # noqa: E402
from pwtest.stores import comma  # noqa: E402
from pwtest.tool import SOURCE_ROOT, Tool, compile_c, tool_path  # noqa: E402

RULES = {
    "touch": ["--merge", "touch"],
    "face": ["--merge", "face"],
    "face .7": ["--merge", "face", "--tau", "0.7"],
    "overlap": ["--merge", "overlap"],
    "mutual": ["--merge", "overlap", "--metric", "mutual"],
    "iomin": ["--merge", "overlap", "--metric", "iomin"],
    "witness": ["--merge", "witness"],
    "w. drop": ["--merge", "witness", "--unmatched", "drop-covered"],
}


def counted(truth, tiling, kind):
    """Which objects of truth count as crossing, and which as lying inside."""
    across = instances.crossing(truth, tiling)
    if kind not in instances.DENSITIES:
        across = instances.longer_than_a_tile(truth, tiling)
    inside = ~instances.crossing(truth, tiling)
    across[0] = inside[0] = False  # the background
    return across, inside


def add_case(totals, spurious, tool, replay, folder, scene, kind, quality, seed):
    """Adds what every rule restored of one scene to totals, and its objects too many to spurious."""
    truth, tiling = scene
    windows = instances.segment_tiles(np.random.default_rng([seed, 5]), truth, tiling, quality)
    fn = f"{replay}:{instances.write_windows(folder / 'tiles', tiling, windows)}"
    np.save(folder / "image.npy", np.zeros(truth.shape, np.uint8))
    across, inside = counted(truth, tiling, kind)
    for rule, options in RULES.items():
        tool("run", folder / "image.npy", "--fn", fn, "--tile", comma(tiling.tile), "--halo", comma(tiling.halo), *options, "-o",
             folder / "labels.npy", "--overwrite")
        labels = np.load(folder / "labels.npy")
        found = instances.recovered(truth, labels)
        sums = totals.setdefault(rule, np.zeros(4, int))
        sums += [found[across].sum(), across.sum(), found[inside].sum(), inside.sum()]
        spurious[rule] = spurious.get(rule, 0) + int(labels.max()) - int(found.sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", type=Path, default=tool_path())
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", default=",".join(instances.SCENES))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tool = Tool(arguments.tool.resolve(), folder / "scratch")
        replay = compile_c(SOURCE_ROOT / "tests" / "lib" / "replay.c", folder / "replay.so", "-shared", "-fPIC")
        print(f"{'':25}{'n':>6}" + "".join(f"{rule:>15}" for rule in RULES))
        for scene in arguments.only.split(","):
            for kind in instances.KINDS:
                truths = [instances.scene(scene, kind, seed) for seed in range(1, arguments.seeds + 1)]
                for quality in instances.QUALITIES:
                    totals, spurious = {}, {}
                    for seed, truth in enumerate(truths, 1):
                        add_case(totals, spurious, tool, replay, folder, truth, kind, quality, seed)
                    rates = {rule: (100 * a / n, 100 * b / max(m, 1)) for rule, (a, n, b, m) in totals.items()}
                    cells = "".join(f"{across:8.1f} ({inside:4.1f})" for across, inside in rates.values())
                    print(f"{scene + ' ' + kind + ' ' + quality:25}{totals['touch'][1]:6}{cells}", flush=True)
                    share = [100 * spurious[rule] / sum(int(t.max()) for t, _ in truths) for rule in RULES]
                    print(f"{'  objects too many, %':31}" + "".join(f"{s:8.1f}       " for s in share), flush=True)


if __name__ == "__main__":
    main()
