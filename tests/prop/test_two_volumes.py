"""
pw-stream compare and relate against brute force: random, structured and real labels, in any format and chunks, in
any memory and by any number of threads.
"""

import json

import numpy as np
import pytest
import tifffile
from pwtest import images, overlaps, stores
from pwtest.tool import EXIT_DONE, EXIT_FAILED, EXIT_USAGE, data_path

EXIT_DIFFERENT = 2
THRESHOLDS = (0.1, 0.3, 0.5, 0.75, 0.9, 1.0)
SEEDS = range(24)
SHAPES = ((37, 53), (1, 64), (200, 150), (7, 40, 33), (20, 31, 45), (3, 1, 70))
INTEGERS = (np.uint8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64)


def noise(rng, shape):
    return rng.integers(0, int(rng.choice([2, 4, 30, 200])), shape)


def blobs(rng, shape):
    return images.components(images.blob_mask(rng, shape), 1)


def blocks(rng, shape):
    """Boxes of one label each, without background: everything touches."""
    step = [int(rng.integers(1, 9)) for _ in shape]
    grid = np.indices(shape)
    label = np.zeros(shape, np.int64)
    for index, s, n in zip(grid, step, shape):
        label = label * (n // s + 1) + index // s
    return label + int(rng.integers(0, 2))


def spiral(rng, shape):
    return images.components(images.spiral_mask(rng, shape), 1)


MAKERS = (noise, blobs, blocks, spiral)


def disturbed(rng, labels):
    """Some objects merged, some cut, some moved, some gone; or the same ones under other ids; or the same."""
    out = labels.astype(np.int64)
    top = int(out.max())
    kind = rng.choice(["same", "renamed", "errors", "shifted", "other"])
    if kind == "renamed":
        names = np.concatenate([[0], 1 + rng.permutation(top + 5)[:top]])
        out = names[out]
    elif kind == "errors":
        for _ in range(1 + top // 4):
            a, b = rng.integers(0, top + 1, 2)
            out[out == a] = b
        out[tuple(slice(int(rng.integers(0, n)), None) for n in out.shape)] *= 2
    elif kind == "shifted":
        out = np.roll(out, [int(rng.integers(0, 4)) for _ in out.shape], tuple(range(out.ndim)))
    elif kind == "other":
        out = MAKERS[int(rng.integers(len(MAKERS)))](rng, out.shape)
    return out


def with_type(rng, labels, dtypes=INTEGERS):
    """In a type that holds them; large types get ids far apart now and then."""
    fits = [t for t in dtypes if labels.max() <= np.iinfo(t).max]
    dtype = fits[int(rng.integers(len(fits)))]
    if np.dtype(dtype).itemsize == 8 and rng.random() < 0.5:
        scale = np.iinfo(dtype).max // (int(labels.max()) + 1)
        return labels.astype(dtype) * dtype(scale)
    return labels.astype(dtype)


def pair_of(seed):
    rng = np.random.default_rng(seed)
    shape = SHAPES[int(rng.integers(len(SHAPES)))]
    truth = MAKERS[int(rng.integers(len(MAKERS)))](rng, shape)
    return rng, with_type(rng, truth), with_type(rng, disturbed(rng, truth))


def stored(rng, folder, labels, other):
    """Writes both, in formats of their own; a raw description fits one file."""
    formats = [f for f in stores.FORMATS if f != "raw"]
    a = stores.write(rng, folder / "a", labels, str(rng.choice(stores.FORMATS)))
    b = stores.write(rng, folder / "b", other, str(rng.choice(formats if len(a) > 1 else stores.FORMATS)))
    return [a[0], b[0], *a[1:], *b[1:]]


def random_tile(rng, shape):
    return [int(rng.integers(1, n + 3)) for n in ((1, *shape) if len(shape) == 2 else shape)]


def compare(pw, *arguments):
    result = pw.any("compare", *arguments)
    assert result.code in (EXIT_DONE, EXIT_DIFFERENT) and result.err == "", str(result)
    return result


@pytest.mark.parametrize("seed", SEEDS)
def test_compare_equals_brute_force(pw, tmp_path, seed):
    rng, a, b = pair_of(seed)
    files = stored(rng, tmp_path, a, b)
    tile = random_tile(rng, a.shape) if seed % 2 else None
    options = ["--json", "--iou", ",".join(map(str, THRESHOLDS))]
    if tile:
        options += ["--crossing", stores.comma(tile)]
    result = compare(pw, *files, *options, "--threads", 1)
    expected = overlaps.compare(a, b, THRESHOLDS, tile)
    overlaps.assert_close(json.loads(result.text), expected)
    assert result.code == (EXIT_DIFFERENT if expected["result"] == "different" else EXIT_DONE)
    for more in (["--threads", 3], ["--threads", 1, "--memory", "8M"], ["--threads", 3, "--memory", "16M"]):
        assert compare(pw, *files, *options, *more).out == result.out, str(result)


def rows_of(path, separator=","):
    lines = path.read_text().splitlines()
    return lines[0].split(separator), [line.split(separator) for line in lines[1:]]


def typed(rows):
    return [tuple(float(v) if i == 4 else int(v) for i, v in enumerate(row)) for row in rows]


@pytest.mark.parametrize("seed", SEEDS)
def test_relate_equals_brute_force(pw, tmp_path, seed):
    rng, child, parent = pair_of(1000 + seed)
    files = stored(rng, tmp_path, child, parent)
    fraction = float(rng.choice([0, 0.4, 0.7, 1.0]))
    suffix, separator = (".tsv", "\t") if seed % 2 else (".csv", ",")
    seen = set()
    for n, more in enumerate((["--threads", 1], ["--threads", 3], ["--memory", "8M", "--threads", 1])):
        table, counts = tmp_path / f"{n}{suffix}", tmp_path / f"{n}-parents{suffix}"
        result = pw("relate", *files, "-o", table, "--counts", counts, "--min-fraction", fraction, *more)
        seen.add((table.read_bytes(), counts.read_bytes(), result.err))
    assert len(seen) == 1
    expected_rows, expected_counts = overlaps.relate(child, parent, fraction)
    names, rows = rows_of(table, separator)
    assert names == ["child", "parent", "shared_voxels", "child_voxels", "fraction"]
    assert typed(rows) == expected_rows
    names, rows = rows_of(counts, separator)
    assert names == ["parent", "children", "parent_voxels", "shared_voxels"]
    assert typed(rows) == expected_counts
    related = sum(row[1] != 0 for row in expected_rows)
    assert result.err == (f"{len(expected_rows)} children, {related} with a parent; {len(expected_counts)} parents, "
                          f"{sum(row[1] > 0 for row in expected_counts)} with children\n")
    written = pw("relate", *files, "-o", "-", "--min-fraction", fraction, "--quiet")
    assert written.err == "" and written.text.replace(",", separator) == table.read_text()


@pytest.mark.parametrize("seed", range(2))
def test_many_objects_in_little_memory(pw, meter, tmp_path, seed):
    """More pairs than the budget holds: sorted runs go to disk, and nothing changes."""
    rng = np.random.default_rng(seed)
    shape = (30, 150, 150)
    a = rng.integers(0, 2**31, shape).astype(np.uint32)
    b = np.where(rng.random(shape) < 0.5, a, rng.integers(0, 2**20, shape)).astype(np.uint64)
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", b)
    command = [tmp_path / "a.npy", tmp_path / "b.npy", "--json", "--iou", "0.2,0.5,0.6", "--threads"]
    whole = compare(pw, *command, 2, "--memory", "4G")
    small = compare(pw, *command, 1, "--memory", "8M")
    assert small.out == whole.out
    got = json.loads(whole.text)
    assert got["all"]["truth_objects"] == len(np.unique(a[a != 0]))
    assert got["different_voxels"] == int((a != b).sum())
    if not pw.is_sanitized():
        usage = meter(pw.command("compare", *command, 1, "--memory", "8M"), env=pw.environment(), check=False)
        assert usage["exit"] == EXIT_DIFFERENT and usage["peak_rss_bytes"] < 24 << 20, usage


def real_labels():
    names = ("_labels", "mask", "fragments")
    return sorted(str(p.relative_to(data_path())) for f in ("nuclei", "cells", "em") for p in
                  (data_path() / f).glob("*.tif") if any(word in p.name for word in names))


@pytest.mark.skipif(not real_labels(), reason="no test images (PW_TEST_DATA)")
@pytest.mark.parametrize("name", real_labels())
def test_real_labels(pw, tmp_path, name):
    """Reference labels against those that connected components make of them."""
    rng = np.random.default_rng(7)
    path = data_path() / name
    truth = tifffile.imread(path)
    pw("run", path, "--fn", "threshold:0", "-o", tmp_path / "components.npy")
    predicted = np.load(tmp_path / "components.npy")
    tile = [max(1, n // 3) for n in ((1, *truth.shape) if truth.ndim == 2 else truth.shape)]
    other = stores.write(rng, tmp_path / "zarr", predicted, "zarr3")[0]
    options = ["--json", "--iou", "0.25,0.5,0.75", "--crossing", stores.comma(tile)]
    result = compare(pw, path, other, *options)
    overlaps.assert_close(json.loads(result.text), overlaps.compare(truth, predicted, (0.25, 0.5, 0.75), tile))
    pw("relate", path, other, "-o", tmp_path / "table.csv")
    assert typed(rows_of(tmp_path / "table.csv")[1]) == overlaps.relate(truth, predicted)[0]


def save(folder, **arrays):
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def test_sparse_stores(pw, tmp_path):
    """Chunks that are not stored count as background without being looked at."""
    import zarr

    made = zarr.create_array(str(tmp_path / "a.zarr"), shape=(64, 64, 64), chunks=(16, 16, 16), dtype="uint32",
                             fill_value=0)
    made[20:30, 20:30, 20:30] = 7
    filled = zarr.create_array(str(tmp_path / "b.zarr"), shape=(64, 64, 64), chunks=(8, 64, 32), dtype="uint8",
                               fill_value=3)
    filled[:32] = 0
    a, b = made[...], filled[...]
    got = json.loads(compare(pw, tmp_path / "a.zarr", tmp_path / "b.zarr", "--json", "--crossing", "16,16,16").text)
    overlaps.assert_close(got, overlaps.compare(a, b, (0.5, 0.75, 0.9), (16, 16, 16)))


def test_text(pw, tmp_path):
    a = np.zeros((4, 6), np.uint8)
    a[1:3, 1:3] = 1
    a[1:3, 4:6] = 2
    b = np.where(a > 0, a + 4, 0).astype(np.uint16)
    save(tmp_path, a=a, b=b, c=np.where(a == 1, 0, a))
    same = pw("compare", tmp_path / "a.npy", tmp_path / "a.npy")
    assert same.text.startswith("identical\n")
    renamed = pw("compare", tmp_path / "a.npy", tmp_path / "b.npy")
    assert renamed.text.startswith("same partition\n")
    assert "8 with different ids, the first at z y x 0 1 1" in renamed.text
    different = compare(pw, tmp_path / "a.npy", tmp_path / "c.npy", "--crossing", "1,2,2")
    assert different.code == EXIT_DIFFERENT and different.text.startswith("different\n")
    assert "missed    1 objects of A" in different.text
    assert "objects that cross tiles: 2 in A, 1 in B" in different.text


def test_thresholds_may_come_in_any_order(pw, tmp_path):
    save(tmp_path, a=np.arange(12).reshape(3, 4))
    path = tmp_path / "a.npy"
    got = json.loads(pw("compare", path, path, "--json", "--iou", "0.9,0.5,0.9").text)
    assert [s["iou"] for s in got["all"]["scores"]] == [0.5, 0.9]


def test_one_side_from_a_pipe(pw, tmp_path):
    a = np.arange(600, dtype=np.uint16).reshape(20, 30) // 7
    save(tmp_path, a=a)
    piped = pw("compare", "-", tmp_path / "a.npy", "--json", stdin=(tmp_path / "a.npy").read_bytes())
    assert piped.out == pw("compare", tmp_path / "a.npy", tmp_path / "a.npy", "--json").out


@pytest.mark.parametrize("verb", ["compare", "relate"])
@pytest.mark.parametrize("name, other, says", [
    ("float.npy", "good.npy", ["float.npy", "float32", "whole numbers"]),
    ("good.npy", "small.npy", ["good.npy", "1 x 6 x 8", "small.npy", "1 x 5 x 8"]),
    ("good.npy", "missing.npy", ["missing.npy"]),
    ("good.npy", "negative.npy", ["negative.npy", "label -3", "z y x 0 2 5"]),
    ("text.txt", "good.npy", ["text.txt", "not recognised"]),
    ("line.npy", "good.npy", ["line.npy"]),
])
def test_bad_input(pw, tmp_path, verb, name, other, says):
    good = np.ones((6, 8), np.int32)
    negative = good.copy()
    negative[2, 5] = -3
    save(tmp_path, good=good, small=good[1:], negative=negative, float=good.astype(np.float32), line=good[0])
    (tmp_path / "text.txt").write_text("no labels here")
    arguments = ["-o", tmp_path / "out.csv"] if verb == "relate" else []
    code = EXIT_USAGE if other == "small.npy" else EXIT_FAILED  # two that do not belong together are a wrong command
    pw.refuses(verb, tmp_path / name, tmp_path / other, *arguments, says=says, code=code)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("arguments, says", [
    (["compare", "a.npy"], "two label volumes"),
    (["compare", "a.npy", "a.npy", "--iou", "0"], "--iou 0"),
    (["compare", "a.npy", "a.npy", "--iou", "0.5,,1"], "--iou"),
    (["compare", "a.npy", "a.npy", "--iou", "nan"], "--iou"),
    (["compare", "a.npy", "a.npy", "--iou", ",".join(str(i / 20) for i in range(1, 19))], "more than 16"),
    (["compare", "a.npy", "a.npy", "--crossing", "0,1,1"], "--crossing"),
    (["compare", "a.npy", "a.npy", "--memory", "1M"], "2M"),
    (["compare", "-", "-"], "standard input"),
    (["compare", "a.npy", "a.npy", "--scratch", "nowhere"], "nowhere"),
    (["relate", "a.npy", "a.npy"], "-o"),
    (["relate", "a.npy", "-o", "t.csv"], "CHILD and PARENT"),
    (["relate", "a.npy", "a.npy", "-o", "t.csv", "--min-fraction", "1.5"], "1.5"),
    (["relate", "a.npy", "a.npy", "-o", "nowhere/t.csv"], "nowhere"),
    (["relate", "a.npy", "a.npy", "-o", "a.npy"], "a.npy"),
    (["relate", "a.npy", "a.npy", "-o", "t.csv", "--counts", "t.csv"], "different files"),
])
def test_refusals(pw, tmp_path, arguments, says):
    save(tmp_path, a=np.ones((3, 4), np.uint8))
    before = (tmp_path / "a.npy").read_bytes()
    pw.refuses(*arguments, says=says, cwd=tmp_path)
    assert (tmp_path / "a.npy").read_bytes() == before


def test_relate_replaces_only_when_told(pw, tmp_path):
    save(tmp_path, a=np.ones((3, 4), np.uint8))
    (tmp_path / "t.csv").write_text("mine")
    command = ["relate", tmp_path / "a.npy", tmp_path / "a.npy", "-o", tmp_path / "t.csv"]
    pw.refuses(*command, says="t.csv")
    assert (tmp_path / "t.csv").read_text() == "mine"
    pw(*command, "--overwrite")
    assert (tmp_path / "t.csv").read_text().splitlines()[1] == "1,1,12,12,1"
