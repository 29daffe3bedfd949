"""
convert.py - how fast an image is converted: `pw-stream convert` of the raw 2-D and 3-D bench images to OME-Zarr with zstd-1
chunks, with and without smaller levels, beside zstd(1) of the same bytes, with two threads each.

bench.py --only convert calls pw_bench_convert().
"""

import os
import shutil
import sys

import reading

GOAL = 1.3


def convert_image(tool, work, image, reps):
    """Prints a row; returns whether the goal is met."""
    raw, described = reading.make_raw(tool, work, image)
    reading.warm_up(raw)
    store, packed = work / "convert.zarr", work / "convert.zst"
    convert = [tool, "convert", str(raw), str(store), *described, "--codec", "zstd:1", "--threads", "2", "--quiet"]

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
    print(f"convert {image}: " + ", ".join(f"{w} {s:.2f} s" for w, s in median.items()) +
          f"; {ratios[0]:.2f} times zstd, {ratios[1]:.2f} times without smaller levels (goal at most {GOAL})")
    return max(ratios) <= GOAL


def pw_bench_convert(tool, work, reps):
    """Prints the table; returns whether the goals are met."""
    if shutil.which("zstd") is None:
        sys.exit("bench: zstd(1) is missing: there is nothing to compare convert with")
    return all([convert_image(tool, work, image, reps) for image in reading.IMAGES])
