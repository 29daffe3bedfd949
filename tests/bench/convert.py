"""
convert.py - how fast an image is converted: `pw-stream convert` of the raw image of reading.py to OME-Zarr with zstd-1 chunks,
with and without smaller levels, beside zstd(1) of the same bytes, with two threads each.

bench.py --only convert calls pw_bench_convert().
"""

import os
import shutil
import sys

import reading

GOAL = 1.3


def pw_bench_convert(tool, work, reps):
    """Prints the table; returns whether the goal is met."""
    if shutil.which("zstd") is None:
        sys.exit("bench: zstd(1) is missing: there is nothing to compare convert with")
    raw = reading.make_raw(work)
    store, packed = work / "convert.zarr", work / "convert.zst"
    shape = ",".join(map(str, reading.SHAPE))
    convert = [tool, "convert", str(raw), str(store), "--shape", shape, "--dtype", "u2", "--codec", "zstd:1", "--threads", "2",
               "--quiet"]

    def seconds(command):
        shutil.rmtree(store, ignore_errors=True)
        packed.unlink(missing_ok=True)
        os.sync()  # what the way before has written is not this one's
        return reading.seconds_of(command)

    median = reading.alternate({
        "convert": lambda: seconds(convert),
        "convert --pyramid none": lambda: seconds([*convert, "--pyramid", "none"]),
        "zstd -1 -T2": lambda: seconds(["zstd", "-1", "-T2", "-q", "-f", str(raw), "-o", str(packed)])}, reps)
    shutil.rmtree(store, ignore_errors=True)
    packed.unlink(missing_ok=True)
    ratios = [median[way] / median["zstd -1 -T2"] for way in ("convert", "convert --pyramid none")]
    print("convert: " + ", ".join(f"{w} {s:.2f} s" for w, s in median.items()) +
          f"; {ratios[0]:.2f} times zstd, {ratios[1]:.2f} times without smaller levels (goal at most {GOAL})")
    return max(ratios) <= GOAL
