"""
Bounded memory: images far larger than the budget, in the budget, with the exact count.

A sparse file is as long as a real one and costs no disk.  Boxes are written across it: small ones, and bars that
cross hundreds of tiles.  `make check` runs a 4 GB image; PW_STRESS=full runs the 200 GB one too.
"""

import json
import os
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest
from pwtest import stores
from pwtest.stores import comma

# One process for all of them: their images are made once, and one at a time fits the disk.
pytestmark = pytest.mark.xdist_group("stress")

MIB = 1024 * 1024
FULL = os.environ.get("PW_STRESS") == "full"


@pytest.fixture
def plain_tool(pw):
    """The tool, unless a sanitizer's own memory would be measured."""
    if pw.is_sanitized():
        pytest.skip("a build with sanitizers")
    return pw


class SparseImage:
    """A sparse raw uint8 file with boxes in it that do not touch one another."""

    def __init__(self, path, shape, seed):
        self.path, self.shape = path, shape
        self.boxes = []
        self.rng = np.random.default_rng(seed)
        with open(path, "wb") as file:
            file.truncate(int(np.prod(shape)))

    def add(self, start, size):
        """Writes a box of value 200, unless it comes within two voxels of another."""
        size = [min(n, limit - s) for n, limit, s in zip(size, self.shape, start)]
        for other_start, other_size in self.boxes:
            apart = any(s > os_ + on + 1 or os_ > s + n + 1 for s, n, os_, on in zip(start, size, other_start, other_size))
            if not apart:
                return
        self.boxes.append((start, size))
        row = b"\xc8" * size[2]
        with open(self.path, "r+b") as file:
            for z in range(start[0], start[0] + size[0]):
                for y in range(start[1], start[1] + size[1]):
                    file.seek((z * self.shape[1] + y) * self.shape[2] + start[2])
                    file.write(row)

    def scatter(self, boxes, largest):
        for _ in range(boxes):
            size = [int(self.rng.integers(1, n + 1)) for n in largest]
            start = [int(self.rng.integers(0, n - s + 1)) for n, s in zip(self.shape, size)]
            self.add(start, size)

    def bars(self, count):
        """Long boxes along each axis."""
        for number in range(count):
            size = [2, 2, 2]
            axis = number % 3
            size[axis] = self.shape[axis] * 3 // 4
            start = [int(self.rng.integers(0, n - s + 1)) for n, s in zip(self.shape, size)]
            self.add(start, size)

    def voxels(self):
        return sum(int(np.prod(size)) for _, size in self.boxes)


def run_within(pw, meter, image, output, budget_mib, *options, limit=None):
    """Runs the threshold segmenter with a budget; returns its usage and summary; the peak is in bounds."""
    segmenter = [] if "--fn" in options else ["--fn", "threshold:100"]
    if budget_mib < 128:  # smaller levels take some tens of MiB for each thread
        options = (*options, "--pyramid", "none")
    command = pw.command("run", image.path, "--shape", comma(image.shape), "--dtype", "u8", *segmenter, "-o", output,
                         "--memory", f"{budget_mib}M", "--summary=json", "--progress=never", *options)
    usage = meter(command, timeout=3600, env=pw.environment(), preexec_fn=limit)
    summary = json.loads(usage["err"].rstrip("\n").split("\n")[-1])
    about = f"{usage['peak_rss_bytes'] / MIB:.0f} MiB of {budget_mib} + 32, {usage['wall_s']:.1f} s, {summary}"
    print(about)
    assert usage["peak_rss_bytes"] <= (budget_mib + 32) * MIB, about
    assert summary["n_objects"] == len(image.boxes), about
    assert summary["foreground_voxels"] == image.voxels(), about
    return usage, summary


def check_boxes(image, output):
    """Every box has one id of its own, in the order of first voxels; nothing else is labelled."""
    labels = stores.levels(stores.label_group(output))[0]
    assert labels.shape == tuple(image.shape)
    boxes = sorted(image.boxes, key=lambda box: box[0])
    # Chunks are large against small boxes: read each once, in the order of the boxes.
    for number, (start, size) in enumerate(boxes, start=1):
        if number % max(1, len(boxes) // 200) == 0 or max(size) > 1000:
            low = [max(0, s - 1) for s in start]
            high = [min(n, s + k + 1) for n, s, k in zip(image.shape, start, size)]
            if max(size) > 1000:  # the two ends of a bar
                axis = int(np.argmax(size))
                assert labels[tuple(start)] == number
                end = list(start)
                end[axis] += size[axis] - 1
                assert labels[tuple(end)] == number
                continue
            block = labels[tuple(slice(a, b) for a, b in zip(low, high))]
            assert set(np.unique(block)) <= {0, number}
            assert np.count_nonzero(block) == np.prod(size)


@pytest.fixture(scope="module")
def four_gigabytes(tmp_path_factory):
    image = SparseImage(tmp_path_factory.mktemp("sparse") / "4g.raw", (64, 8192, 8192), seed=1)
    image.bars(12)
    image.scatter(1500, (5, 40, 60))
    return image


def test_four_gigabytes(plain_tool, meter, tmp_path, four_gigabytes):
    output = tmp_path / "labels.zarr"
    run_within(plain_tool, meter, four_gigabytes, output, 64)
    check_boxes(four_gigabytes, output)


@pytest.fixture(scope="module")
def one_gigabyte(tmp_path_factory):
    image = SparseImage(tmp_path_factory.mktemp("sparse") / "1g.raw", (16, 8192, 8192), seed=2)
    image.bars(6)
    image.scatter(500, (5, 40, 60))
    return image


@pytest.mark.parametrize("budget,options", [
    (64, ["--io", "uring"]), (64, ["--io", "mmap"]), (64, ["--io", "sync"]), (64, ["--threads", "1"]), (256, ["--threads", "7"]),
    (128, ["--tile", "8,256,512"]), (64, ["--halo", "4"]), (64, ["--fn", "otsu"]),
], ids=lambda value: " ".join(value) if isinstance(value, list) else str(value))
def test_one_gigabyte(plain_tool, meter, tmp_path, one_gigabyte, budget, options):
    run_within(plain_tool, meter, one_gigabyte, tmp_path / "labels.zarr", budget, *options)


@pytest.mark.parametrize("suffix", ["tif", "npy", "raw"])
def test_large_dense_outputs(plain_tool, meter, tmp_path, one_gigabyte, suffix):
    """1 GB of image, 4 GB of labels written in place: no format may keep them."""
    image = one_gigabyte
    if shutil.disk_usage(tmp_path).free < 8e9:
        pytest.skip("needs 8 GB of free disk")
    output = tmp_path / f"labels.{suffix}"
    run_within(plain_tool, meter, image, output, 64)
    if suffix == "npy":
        labels = np.load(output, mmap_mode="r")
        start, size = image.boxes[0]
        assert labels[tuple(start)] == sorted(image.boxes, key=lambda box: box[0]).index((start, size)) + 1
    output.unlink()


def test_many_objects_in_bounds(plain_tool, meter, tmp_path):
    """30 million voxels, every second one an object: ids, edges and tables do not live in memory."""
    checks = np.indices((1, 6000, 5000)).sum(axis=0, dtype=np.uint8) % 2
    np.save(tmp_path / "checks.npy", checks[0].astype(np.uint8))
    for connectivity, count in ((1, 15_000_000), (2, 1)):
        usage = meter(plain_tool.command("run", tmp_path / "checks.npy", "--fn", f"threshold:0,connectivity={connectivity}",
                                         "-o", tmp_path / f"{connectivity}.zarr", "--memory", "64M", "--pyramid", "none", "--summary=json"),
                      env=plain_tool.environment())
        summary = json.loads(usage["err"].rstrip("\n").split("\n")[-1])
        assert summary["n_objects"] == count
        assert usage["peak_rss_bytes"] <= 96 * MIB, f"{usage['peak_rss_bytes'] / MIB:.0f} MiB: {summary}"


def test_address_space_limit(plain_tool, meter, tmp_path, one_gigabyte):
    """Private memory limited by the system (RLIMIT_DATA): the budget is kept, not only measured."""
    limit = (256 + 32) * MIB

    def restrict():
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    run_within(plain_tool, meter, one_gigabyte, tmp_path / "labels.zarr", 256, "--threads", "2", limit=restrict)


@pytest.mark.skipif(not FULL, reason="PW_STRESS=full runs it: 200 GB of sparse file, minutes")
class TestTwoHundredGigabytes:
    """A 200 GB image with --memory 256M: at most 288 MiB resident, the count exact, the labels where they belong."""

    @pytest.fixture(scope="class")
    def image(self, tmp_path_factory):
        image = SparseImage(tmp_path_factory.mktemp("sparse") / "200g.raw", (200, 32768, 32768), seed=3)
        image.bars(15)
        image.scatter(4000, (9, 60, 90))
        return image

    def test_budget(self, plain_tool, meter, tmp_path, image):
        output = tmp_path / "labels.zarr"
        run_within(plain_tool, meter, image, output, 256)
        check_boxes(image, output)

    def test_control_group(self, plain_tool, meter, tmp_path, image):
        """The same with the kernel's memory limit at 288 MiB, page cache included."""
        group = make_control_group(288 * MIB)
        try:
            run_within(plain_tool, meter, image, tmp_path / "labels.zarr", 256,
                       limit=lambda: (group / "cgroup.procs").write_text(str(os.getpid())))
        finally:
            group.rmdir()


def test_levels_of_an_image_larger_than_the_budget(plain_tool, meter, tmp_path):
    """Level 1 is made of the voxels of level 0 while they are there: within the budget, and of labels as well."""
    shape = (128, 768, 1024)
    image = np.random.default_rng(5).integers(0, 65536, shape, np.uint16)
    image.tofile(tmp_path / "i.raw")
    told = ["--memory", "144M", "--threads", "2"]
    raw = ["--shape", comma(shape), "--dtype", "u2"]
    usage = meter([plain_tool.path, "convert", tmp_path / "i.raw", tmp_path / "o.zarr", *raw, *told])
    assert usage["peak_rss_bytes"] <= (144 + 32) * MIB, usage
    levels = stores.levels(tmp_path / "o.zarr")
    assert np.array_equal(levels[0][...], image)
    blocks = image.reshape(64, 2, 384, 2, 512, 2)
    assert np.array_equal(levels[1][...], (blocks.sum(axis=(1, 3, 5), dtype=np.uint32) + 4) >> 3)
    plain_tool("convert", tmp_path / "i.raw", tmp_path / "flat.zarr", *raw, "--pyramid", "none")
    usage = meter([plain_tool.path, "pyramid", tmp_path / "flat.zarr", "--rule", "nearest", *told])
    assert usage["peak_rss_bytes"] <= (144 + 32) * MIB, usage
    for n, level in enumerate(stores.levels(tmp_path / "flat.zarr")):
        assert np.array_equal(level[...], image[:: 2**n, :: 2**n, :: 2**n])


def make_control_group(limit_bytes):
    """A memory control group of this size, version 2 or 1; skips where none can be made."""
    name = f"pw-stream-test-{os.getpid()}"
    for root, control in ((Path("/sys/fs/cgroup"), "memory.max"), (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes")):
        group = root / name
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / control).exists() and (group / "cgroup.procs").exists():  # and no folder of a plain file system
            (group / control).write_text(str(limit_bytes))
            return group
        group.rmdir()
    pytest.skip("no memory control group can be made here")
