"""
label_pyramid.py - smaller levels of a large label volume: `pw-stream pyramid` of balls that are numbered one by one
(labels_gen.c) with 512 MiB of memory.  Reports the time beside that of decoding the volume, the peak resident memory
and how many objects each level still has; checks that a voxel of a smaller level has a label of the block it stands for,
and the numbers of objects.

bench.py --only pyramid-large calls pw_bench_label_pyramid().
"""

import json
import re
import shutil
import subprocess
import sys

import reading

MIB = 1024 * 1024
SIDE = 2048  # y and x of the large volume
CELL = 16
SAMPLED = 12  # voxels along each axis of a block that is looked at
COUNTED_BYTES = 1 << 30  # levels that are counted again


def make(work, tool, name, shape):
    """A flat label store, kept for the next time."""
    store = work / f"{name}.zarr"
    if store.is_dir():
        return store
    new = work / f"{name}.new"
    shutil.rmtree(new, ignore_errors=True)
    balls = subprocess.Popen([str(work / "labels_gen"), "x".join(map(str, shape))], stdout=subprocess.PIPE)
    subprocess.run([tool, "convert", "-", "--format", "zarr", "-o", str(new), "--pyramid", "none", "--quiet"], stdin=balls.stdout,
                   check=True)
    balls.stdout.close()
    if balls.wait() != 0:
        sys.exit("bench: labels_gen has failed")
    metadata = new / "zarr.json"
    group = json.loads(metadata.read_text())
    group["attributes"]["ome"]["image-label"] = {}
    metadata.write_text(json.dumps(group))
    new.rename(store)
    return store


def levels_of(store):
    import zarr

    group = json.loads((store / "zarr.json").read_text())
    return [zarr.open_array(str(store / d["path"]), mode="r") for d in group["attributes"]["ome"]["multiscales"][0]["datasets"]]


def told_counts(text, n_levels):
    """[objects of level 0, of level 1, ..] out of what pyramid says."""
    lines = re.findall(r"^level (\d+) has (\d+) of (\d+) objects$", text, re.M)
    if [int(level) for level, _, _ in lines] != list(range(1, n_levels)):
        sys.exit(f"bench: pyramid does not tell the objects of each level:\n{text}")
    return [int(lines[0][2])] + [int(count) for _, count, _ in lines]


def check_block(levels, n, start):
    """Every voxel of a block of level n has 0 or a label that is in the voxels of level 0 that it stands for."""
    import numpy as np

    small, full = levels[n], levels[0]
    factor = [round(a / b) for a, b in zip(full.shape, small.shape)]
    block = small[tuple(slice(s, s + SAMPLED) for s in start)]
    below = full[tuple(slice(s * f, (s + k) * f) for s, k, f in zip(start, block.shape, factor))]
    whole = np.zeros([k * f for k, f in zip(block.shape, factor)], below.dtype)
    whole[tuple(slice(k) for k in below.shape)] = below
    split = whole.reshape([m for k, f in zip(block.shape, factor) for m in (k, f)])
    found = (split == block[:, None, :, None, :, None]).any(axis=(1, 3, 5))
    if not (found | (block == 0)).all():
        sys.exit(f"bench: level {n} has a label at {start} that the voxels of level 0 there do not have")
    return int((block != 0).sum())


def check(store, told):
    """Sampled blocks of every level, and the numbers of objects of those that fit the memory."""
    import numpy as np

    levels = levels_of(store)
    random = np.random.default_rng(1)
    labelled = 0
    for n in range(1, len(levels)):
        corners = [[0, 0, 0], [max(k - SAMPLED, 0) for k in levels[n].shape]]
        corners += [[int(random.integers(0, max(k - SAMPLED, 0) + 1)) for k in levels[n].shape] for _ in range(4)]
        labelled += sum(check_block(levels, n, corner) for corner in corners)
    if labelled == 0:
        sys.exit("bench: the sampled blocks have no label")
    cells = int(np.prod([k // CELL for k in levels[0].shape]))
    if told[0] != cells:
        sys.exit(f"bench: pyramid counts {told[0]} objects, the volume has {cells}")
    for n, level in enumerate(levels):
        if level.nbytes <= COUNTED_BYTES:
            present = int(np.count_nonzero(np.bincount(level[...].ravel(), minlength=1)[1:]))
            if present != told[n]:
                sys.exit(f"bench: pyramid counts {told[n]} objects on level {n}, there are {present}")
    return levels


def add_levels(work, tool, store, budget_mib, measure):
    """pyramid on a copy; returns the copy and what it took."""
    copy = work / "out-labels.zarr"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(store, copy)
    usage = measure([tool, "pyramid", str(copy), "--memory", f"{budget_mib}M", "--threads", "2", "--progress=never"])
    return copy, usage


def pw_bench_label_pyramid(tool, work, n_bytes, budget_mib, measure):
    """Prints the report; returns whether the goal is met."""
    depth = max(round(n_bytes / (4 * SIDE * SIDE) / CELL), 1) * CELL
    small = make(work, tool, "labels-small", (160, 256, 384))
    copy, usage = add_levels(work, tool, small, budget_mib, measure)
    check(copy, told_counts(usage["err"], len(levels_of(copy))))
    store = make(work, tool, f"labels-{depth}", (depth, SIDE, SIDE))
    decoding = reading.seconds_of([tool, "cat", "--raw", "--threads", "2", str(store)])
    copy, usage = add_levels(work, tool, store, budget_mib, measure)
    told = told_counts(usage["err"], len(levels_of(copy)))
    levels = check(copy, told)
    peak, limit = usage["peak_rss_bytes"] / MIB, budget_mib + 32
    print(f"pyramid of {levels[0].nbytes / 1e9:.1f} GB of labels, {' x '.join(map(str, levels[0].shape))}: {usage['wall_s']:.1f} s "
          f"({usage['user_s'] + usage['system_s']:.1f} CPU s; cat of it {decoding:.1f} s), peak RSS {peak:.0f} MiB (goal at most {limit})")
    print("  objects by level: " + ", ".join(map(str, told)))
    shutil.rmtree(copy, ignore_errors=True)
    return peak <= limit
