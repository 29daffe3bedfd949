"""
Tables of far more objects than the budget holds: the memory stays, the rows are all there.

Every voxel is an object by itself, which is the most there can be.
"""

import numpy as np
import pytest

pytestmark = pytest.mark.xdist_group("stress")

MIB = 1024 * 1024
# What the process itself takes beside its budget: its stacks, the program and its libraries, of which more pages are resident on
# some machines than on others.
ITSELF = 24 * MIB
SIDE = 1536


@pytest.fixture(scope="module")
def volumes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("objects")
    rng = np.random.default_rng(1)
    np.save(folder / "labels.npy", np.arange(1, SIDE * SIDE + 1, dtype=np.uint32).reshape(SIDE, SIDE))
    np.save(folder / "image.npy", rng.integers(0, 60000, (SIDE, SIDE), dtype=np.uint16))
    return folder


def first_and_last(path):
    """The first and the last row of a table, and the number of its lines."""
    with open(path, "rb") as file:
        lines = sum(1 for _ in file)
    with open(path) as file:
        header, first = file.readline().rstrip("\n").split(","), file.readline().rstrip("\n").split(",")
    with open(path, "rb") as file:
        file.seek(-400, 2)
        last = file.read().decode().rstrip("\n").split("\n")[-1].split(",")
    return dict(zip(header, first)), dict(zip(header, last)), lines


@pytest.mark.parametrize("budget_mib", [16, 48])
def test_measure_within_the_budget(pw, meter, volumes, tmp_path, budget_mib):
    if pw.is_sanitized():
        pytest.skip("a build with sanitizers")
    table = tmp_path / "t.csv"
    usage = meter(pw.command("measure", volumes / "labels.npy", volumes / "image.npy", "-o", table, "--memory",
                             f"{budget_mib}M", "--threads", 2, "--scratch", tmp_path))
    assert usage["peak_rss_bytes"] <= budget_mib * MIB + ITSELF, usage
    first, last, lines = first_and_last(table)
    image = np.load(volumes / "image.npy", mmap_mode="r")
    assert lines == SIDE * SIDE + 1
    assert (first["id"], first["mean"]) == ("1", str(image[0, 0]))
    assert (last["id"], last["mean"], last["y0"], last["x1"]) == (str(SIDE * SIDE), str(image[-1, -1]), str(SIDE - 1), str(SIDE))


def test_run_within_the_budget(pw, meter, volumes, tmp_path):
    if pw.is_sanitized():
        pytest.skip("a build with sanitizers")
    table, labels = tmp_path / "t.csv", tmp_path / "labels.npy"
    usage = meter(pw.command("run", volumes / "labels.npy", "--fn", "label", "-o", labels, "--objects", table,
                             "--memory", "96M", "--threads", 2, "--tile", 128))
    assert usage["peak_rss_bytes"] <= 96 * MIB + ITSELF, usage
    first, last, lines = first_and_last(table)
    assert lines == SIDE * SIDE + 1 and first["sum"] == "1" and last["sum"] == str(SIDE * SIDE)
    assert np.array_equal(np.load(labels, mmap_mode="r"), np.load(volumes / "labels.npy", mmap_mode="r"))
