"""
Tables of objects: equal to scikit-image on every real label image, exact to the last bit whatever the tiles, threads
and memory, and refused with a reason where there is nothing to measure.
"""

import csv
import io
import math
import shutil
import signal
import warnings
from fractions import Fraction

import anndata
import numpy as np
import pytest
import tifffile
import zarr
from pwtest import images, stores
from pwtest.tool import data_path, tree
from skimage.measure import regionprops_table

AXES = ("z", "y", "x")
STATISTICS = ("mean", "min", "max", "std", "sum")


def table_of(text, delimiter=","):
    """The rows of a table, as dictionaries of text."""
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


def measure(pw, *arguments, **options):
    return pw("measure", *arguments, "-o", "-", "--quiet", **options).text


def column(rows, name, dtype=float):
    return np.array([row[name] for row in rows], dtype)


def save(path, array):
    np.save(path, array)
    return path


def random_labels(rng, shape, n, keep=0.7):
    """Ids with gaps, in any order, an object of many pieces each; and background."""
    ids = rng.choice(np.arange(1, 10 * n, dtype=np.uint32), n, replace=False)
    return np.where(rng.random(shape) < keep, ids[rng.integers(0, n, shape)], 0).astype(np.uint32)


def blobs(rng, shape):
    return images.components(images.blob_mask(rng, shape), 1).astype(np.uint32)


def exact(values):
    """Mean, deviation and sum of integers or finite floats, without any rounding but the last."""
    exact_values = [Fraction(v.item()) for v in values]
    total = sum(exact_values)
    mean = total / len(exact_values)
    variance = sum((v - mean) ** 2 for v in exact_values) / len(exact_values)
    root = Fraction(math.isqrt(variance.numerator * variance.denominator << 400), variance.denominator << 200)
    return float(mean), float(root), total


def assert_within_one_ulp(got, expected, what):
    expected = np.asarray(expected, float)
    assert np.all(np.abs(got - expected) <= np.spacing(np.abs(expected))), what


# ---- against scikit-image ------------------------------------------------------------------------------------------


def found_labels():
    names = sorted(str(p.relative_to(data_path())) for f in ("nuclei", "cells", "em") for p in (data_path() / f).glob("*.tif"))
    return [name for name in names if any(word in name for word in ("_labels", "mask", "fragments"))]


LABELS = found_labels()


def assert_equals_skimage(rows, labels, image):
    """Integers equal bit for bit, means to one unit in the last place."""
    names = ("label", "area", "bbox", "centroid", "intensity_mean", "intensity_min", "intensity_max")
    expected = regionprops_table(labels, image, properties=names)
    assert np.array_equal(column(rows, "id", np.uint64), expected["label"])
    assert np.array_equal(column(rows, "voxels", np.uint64), expected["area"])
    axes = AXES[3 - labels.ndim:]
    for i, axis in enumerate(axes):
        assert np.array_equal(column(rows, f"{axis}0", np.int64), expected[f"bbox-{i}"])
        assert np.array_equal(column(rows, f"{axis}1", np.int64), expected[f"bbox-{i + labels.ndim}"])
        assert_within_one_ulp(column(rows, f"centroid_{axis}"), expected[f"centroid-{i}"], axis)
    if labels.ndim == 2:
        assert set(column(rows, "z0")) <= {0.0} and set(column(rows, "z1")) <= {1.0}
    assert np.array_equal(column(rows, "min"), expected["intensity_min"].astype(float))
    assert np.array_equal(column(rows, "max"), expected["intensity_max"].astype(float))
    assert_within_one_ulp(column(rows, "mean"), expected["intensity_mean"], "mean")
    order = np.argsort(labels, axis=None, kind="stable")
    ids, starts = np.unique(labels.ravel()[order], return_index=True)
    first = order[starts[ids > 0]]
    for axis, place in zip(axes, np.unravel_index(first, labels.shape)):
        assert np.array_equal(column(rows, f"first_{axis}", np.int64), place)
    values = np.split(image.ravel()[order], starts[1:])
    values = [v for v, i in zip(values, ids) if i > 0]
    if image.dtype.kind in "iu":
        assert [int(row["sum"]) for row in rows] == [int(v.sum(dtype=object)) for v in values]
    for row, value in list(zip(rows, values))[:50]:
        mean, deviation, _ = exact(value)
        assert_within_one_ulp(float(row["mean"]), mean, "mean")
        assert_within_one_ulp(float(row["std"]), deviation, "std")


@pytest.mark.skipif(not LABELS, reason="no test images (PW_TEST_DATA)")
@pytest.mark.parametrize("name", LABELS)
def test_real_labels(pw, tmp_path, name):
    labels = tifffile.imread(data_path() / name)
    rng = np.random.default_rng(len(name))
    image = (rng.gamma(2.0, 300.0, labels.shape) + labels % 7).astype(np.uint16)
    image_path = save(tmp_path / "image.npy", image)
    text = measure(pw, data_path() / name, image_path)
    assert_equals_skimage(table_of(text), labels.astype(np.int64), image)
    retiled = tmp_path / "retiled.zarr"
    stores.write_zarr3(rng, retiled, labels)
    retiled = next(retiled.iterdir())
    for options in (("--threads", 1), ("--memory", "16M", "--threads", 2), ("--threads", 7)):
        assert measure(pw, retiled, image_path, *options) == text


@pytest.mark.skipif(not LABELS, reason="no test images (PW_TEST_DATA)")
@pytest.mark.parametrize("name", LABELS[:3])
def test_names_of_skimage(pw, tmp_path, name):
    labels = tifffile.imread(data_path() / name)
    image = np.random.default_rng(1).integers(0, 4000, labels.shape, dtype=np.uint16)
    names = ("label", "area", "bbox", "centroid", "intensity_mean", "intensity_min", "intensity_max", "intensity_std")
    expected = regionprops_table(labels.astype(np.int64), image, properties=names)
    rows = table_of(measure(pw, data_path() / name, save(tmp_path / "i.npy", image), "--columns", "skimage"))
    assert set(rows[0]) == set(expected)
    for key, values in expected.items():
        assert np.allclose(column(rows, key), values, rtol=1e-12), key


# ---- the same whatever the way ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(211, 305), (23, 61, 87)], ids=["2d", "3d"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "uint32", "float32", "float64"])
def test_one_table(pw, tmp_path, shape, dtype):
    rng = np.random.default_rng(5)
    labels = save(tmp_path / "labels.npy", random_labels(rng, shape, 40))
    values = rng.standard_normal(shape) * 1000
    image = save(tmp_path / "image.npy", np.abs(values).astype(dtype) if dtype[0] == "u" else values.astype(dtype))
    text = measure(pw, labels, image)
    rows = table_of(text)
    tiled = None
    for tile in ("7", "16", "3,20,31", "1000"):
        for threads in (1, 2, 7):
            more = measure(pw, labels, image, "--tile", tile, "--threads", threads, "--memory", "64M")
            assert [{k: row[k] for k in rows[0]} for row in table_of(more)] == rows
            tiled = {**(tiled or {}), (tile, threads): more}
        assert len({tiled[tile, t] for t in (1, 2, 7)}) == 1
    for memory in ("8M", "16M"):
        assert measure(pw, labels, image, "--memory", memory, "--threads", 2) == text
    # more labels than a thread keeps records of: parts of one object are put together later
    many = save(tmp_path / "many.npy", random_labels(rng, shape, 60000 if len(shape) == 2 else 100000, 0.9))
    assert measure(pw, many, image, "--memory", "12M", "--threads", 1) == measure(pw, many, image)


@pytest.mark.parametrize("format", stores.FORMATS)
def test_every_format(pw, tmp_path, format):
    rng = np.random.default_rng(11)
    labels = blobs(rng, (20, 45, 52)).astype(np.uint16)
    image = rng.integers(0, 60000, labels.shape, dtype=np.uint16)
    expected = measure(pw, save(tmp_path / "l.npy", labels), save(tmp_path / "i.npy", image))
    if format == "raw":
        labels.tofile(tmp_path / "l.raw")
        image.tofile(tmp_path / "i.raw")
        got = measure(pw, tmp_path / "l.raw", tmp_path / "i.raw", "--shape", "20,45,52", "--dtype", "uint16",
                      "--image-dtype", "uint16")
        assert got == expected
        return
    stored_labels = stores.write(rng, tmp_path / "labels", labels, format)
    stored_image = stores.write(rng, tmp_path / "image", image, format)
    assert measure(pw, *stored_labels, *stored_image) == expected


def test_standard_input(pw, tmp_path):
    rng = np.random.default_rng(12)
    labels = blobs(rng, (40, 50))
    buffer = io.BytesIO()
    np.save(buffer, labels)
    path = save(tmp_path / "l.npy", labels)
    assert measure(pw, "-", path, stdin=buffer.getvalue()) == measure(pw, path, path)


def test_tiles_are_counted(pw, tmp_path):
    rng = np.random.default_rng(6)
    labels = blobs(rng, (30, 70, 64))
    rows = table_of(measure(pw, save(tmp_path / "l.npy", labels), "--tile", "8,16,32"))
    z, y, x = np.indices(labels.shape)
    tile = (z // 8 * 100 + y // 16) * 100 + x // 32
    pairs = np.unique(np.stack([labels.ravel(), tile.ravel()]), axis=1)
    ids, counts = np.unique(pairs[0][pairs[0] > 0], return_counts=True)
    assert np.array_equal(column(rows, "id", np.int64), ids)
    assert np.array_equal(column(rows, "n_tiles", np.int64), counts)
    assert np.array_equal(column(rows, "crosses_seam", np.int64), counts > 1)
    touching = np.zeros(labels.shape, bool)
    for axis in range(3):
        border = np.moveaxis(touching, axis, 0)
        border[[0, -1]] = True
    assert np.array_equal(column(rows, "touches_border", np.int64), np.isin(ids, labels[touching]))


# ---- with a run ------------------------------------------------------------------------------------------------------


def run_with_table(pw, tmp_path, image, *arguments):
    """Runs and returns the path of the labels and the text of the table."""
    folder = tmp_path / f"run{len(list(tmp_path.glob('run*')))}"
    folder.mkdir()
    pw("run", image, *arguments, "-o", folder / "labels.npy", "--objects", folder / "objects.csv")
    assert sorted(p.name for p in folder.iterdir()) == ["labels.npy", "objects.csv"]
    return folder / "labels.npy", (folder / "objects.csv").read_text()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(150, 171), (25, 60, 67)], ids=["2d", "3d"])
def test_run_writes_the_same_table(pw, tmp_path, shape, dtype):
    """Accumulated while tiles are segmented: as if measured afterwards, for any tiles, threads, engines and memory."""
    rng = np.random.default_rng(17)
    field = np.where(images.blob_mask(rng, shape), 100, 3) + rng.random(shape) * 50
    image = save(tmp_path / "image.npy", (field if dtype[0] == "f" else np.round(field)).astype(dtype))
    expected = None
    for tile in ("9", "16,20,33", "1000"):
        labels, text = run_with_table(pw, tmp_path, image, "--fn", "threshold:90", "--tile", tile, "--threads", 2)
        rows = table_of(text)
        assert text == measure(pw, labels, image, "--tile", tile)
        plain = [{k: v for k, v in row.items() if k not in ("n_tiles", "crosses_seam")} for row in rows]
        expected = expected or plain
        assert plain == expected and len(rows) == np.load(labels).max()
        for more in (("--threads", 1), ("--threads", 7), ("--io", "sync"), ("--io", "mmap"), ("--memory", "48M")):
            assert run_with_table(pw, tmp_path, image, "--fn", "threshold:90", "--tile", tile, *more)[1] == text


@pytest.mark.parametrize("rule", [("touch",), ("face",), ("overlap", "--halo", "6"), ("witness", "--halo", "6")],
                         ids=lambda rule: rule[0])
def test_every_merge_rule(pw, tmp_path, rule):
    """Also where objects are painted otherwise than the tiles had labelled them."""
    rng = np.random.default_rng(18)
    shape = (24, 70, 80)
    image = save(tmp_path / "image.npy", blobs(rng, shape).astype(np.uint16) % 9)
    labels, text = run_with_table(pw, tmp_path, image, "--fn", "label", "--merge", *rule, "--tile", "12,20,24")
    assert text == measure(pw, labels, image, "--tile", "12,20,24")
    again = run_with_table(pw, tmp_path, image, "--fn", "label", "--merge", *rule, "--tile", "12,20,24", "--threads", 1)
    assert again[1] == text


@pytest.mark.parametrize("merge", ["touch", "witness"])
def test_objects_that_are_left_out(pw, tmp_path, merge):
    """Filters act on whole objects, and the rows are those of the objects that are left."""
    rng = np.random.default_rng(22)
    image = save(tmp_path / "image.npy", ((rng.random((20, 60, 70)) < 0.25) * 9).astype(np.uint8))
    run = ("--fn", "threshold:5", "--tile", 16, "--merge", merge, *(("--halo", 4) if merge == "witness" else ()))
    all_rows = table_of(run_with_table(pw, tmp_path, image, *run)[1])
    labels, text = run_with_table(pw, tmp_path, image, *run, "--min-size", "8", "--border", "drop")
    rows = table_of(text)
    assert text == measure(pw, labels, image, "--tile", 16)
    assert 0 < len(rows) < len(all_rows) and min(column(rows, "voxels")) >= 8
    assert set(column(rows, "touches_border")) == {0.0}
    kept = [r for r in all_rows if int(r["voxels"]) >= 8 and r["touches_border"] == "0"]
    assert [{**r, "id": ""} for r in rows] == [{**r, "id": ""} for r in kept]


def test_stopped_midway(pw, tmp_path):
    """A signal while rows are written: the table that was there stays, and nothing else."""
    labels = (np.arange(1 << 22, dtype=np.uint32).reshape(2048, 2048)) + 1
    path = save(tmp_path / "labels.npy", labels)
    out = tmp_path / "t.csv"
    out.write_text("mine")
    process = pw.start("measure", path, "-o", out, "--overwrite", "--progress", "json", "--memory", "64M")
    for line in process.stderr:
        if b'"emit"' in line:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert out.read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["labels.npy", "t.csv"]


def test_run_measures_channels(pw, tmp_path):
    rng = np.random.default_rng(19)
    planes = rng.integers(0, 255, (3, 60, 70), dtype=np.uint8)
    path = tmp_path / "image.ome.tif"
    tifffile.imwrite(path, planes, ome=True, metadata={"axes": "CYX"}, photometric="minisblack")
    run = (pw, tmp_path, path, "--fn", "threshold:200", "--channel", 1, "--tile", 16)
    labels, text = run_with_table(*run)
    assert text == measure(pw, labels, path, "--tile", 16) and "mean_2" in text
    assert run_with_table(*run, "--threads", 3, "--io", "sync")[1] == text
    for c in range(3):
        one = run_with_table(*run, "--objects-channel", c)[1]
        assert one == measure(pw, labels, save(tmp_path / "p.npy", planes[c]), "--tile", 16)
    witness = run_with_table(*run, "--merge", "witness", "--halo", 4)
    assert witness[1] == measure(pw, witness[0], path, "--tile", 16)


@pytest.mark.parametrize("objects", ["store", "table.csv"])
def test_run_puts_the_table_into_the_store(pw, tmp_path, data, objects):
    image = tmp_path / "image.zarr"
    shutil.copytree(data / "golden" / "ovule_0.5.ome.zarr", image)
    path = objects if objects == "store" else tmp_path / objects
    pw("run", image, "--fn", "otsu", "--objects", path)
    labels = image / "labels" / "otsu"
    text = measure(pw, labels, image, "--tile", "1000")
    assert_same_table(read_anndata(labels / "tables" / "objects").obs, table_of(text))
    assert (tmp_path / "table.csv").exists() == (objects != "store")
    if objects != "store":
        assert (tmp_path / objects).read_text() == text
    pw("run", image, "--fn", "otsu", "--objects", path, "--overwrite", "--tile", "20")
    assert set(read_anndata(labels / "tables" / "objects").obs["n_tiles"]) != {1}
    pw("run", image, "--fn", "otsu", "--overwrite")
    assert not (labels / "tables").exists()


def test_run_to_standard_output(pw, tmp_path):
    image = save(tmp_path / "image.npy", np.random.default_rng(20).integers(0, 9, (40, 50), dtype=np.uint8))
    labels = tmp_path / "l.npy"
    text = pw("run", image, "--fn", "threshold:6", "-o", labels, "--objects", "-", "--tile", 20).text
    assert text == measure(pw, labels, image, "--tile", 20)
    tsv = tmp_path / "t.tsv"
    raw = pw("run", image, "--fn", "threshold:6", "-o", "-", "--objects", tsv, "--tile", 20).out
    assert raw == labels.read_bytes() and table_of(tsv.read_text(), "\t") == table_of(text)


def test_run_refuses(pw, tmp_path):
    image = save(tmp_path / "image.npy", np.random.default_rng(21).integers(0, 9, (40, 50), dtype=np.uint8))
    labels, table = tmp_path / "labels.npy", tmp_path / "t.csv"
    run = ("run", image, "--fn", "threshold:6", "-o", labels)
    pw.refuses(*run, "--objects", tmp_path / "t.parquet", says=(".parquet", "csv"))
    pw.refuses(*run, "--objects", tmp_path / "t", says=(".csv",))
    pw.refuses(*run, "--objects", "store", says=("store", "labels.npy"))
    pw.refuses("run", image, "--fn", "threshold:6", "-o", "-", "--objects", "-", says="standard output")
    pw.refuses(*run, "--objects", tmp_path / "no" / "t.csv", says="no")
    table.write_text("mine")
    pw.refuses(*run, "--objects", table, says=("t.csv", "--overwrite"))
    assert table.read_text() == "mine" and not labels.exists()
    pw(*run, "--objects", table, "--overwrite")
    assert labels.exists() and table.read_text() != "mine"


# ---- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_wild_magnitudes(pw, tmp_path, dtype):
    """Sums that a running total of any width gets wrong: large values that cancel, and small ones that stay."""
    rng = np.random.default_rng(7)
    shape = (17, 33, 41)
    info = np.finfo(dtype)
    labels = random_labels(rng, shape, 30)
    top = int(np.log2(float(info.max))) - 1
    bottom = int(np.log2(float(info.smallest_subnormal)))
    with np.errstate(over="ignore"):
        image = np.ldexp(rng.uniform(-1, 1, shape), rng.integers(bottom, top, shape)).astype(dtype)
    image[rng.random(shape) < 0.1] = 0
    image[rng.random(shape) < 0.05] = -0.0
    text = measure(pw, save(tmp_path / "l.npy", labels), save(tmp_path / "i.npy", image), "--threads", 1)
    rows = table_of(text)
    for row in rows:
        values = image[labels == int(row["id"])]
        mean, deviation, total = exact(values)
        assert float(row["sum"]) == math.fsum(values.astype(float)) == float(total)
        assert float(row["min"]) == values.min() and float(row["max"]) == values.max()
        assert_within_one_ulp(float(row["mean"]), mean, row)
        assert_within_one_ulp(float(row["std"]), deviation, row)
    tiled = table_of(measure(pw, tmp_path / "l.npy", tmp_path / "i.npy", "--tile", "5", "--threads", 3))
    assert [{k: row[k] for k in rows[0]} for row in tiled] == rows


def test_values_near_each_other(pw, tmp_path):
    """Float images as they are: all of one magnitude, the way that is taken with vectors."""
    rng = np.random.default_rng(8)
    shape = (40, 1500)
    labels = np.repeat(np.arange(1, 41, dtype=np.uint32)[:, None], shape[1], axis=1)
    image = (rng.uniform(0.9, 1.1, shape) * 10.0 ** rng.integers(-30, 30, (40, 1))).astype(np.float32)
    image[:, ::97] = 0
    rows = table_of(measure(pw, save(tmp_path / "l.npy", labels), save(tmp_path / "i.npy", image)))
    for row, values in zip(rows, image):
        mean, deviation, total = exact(values)
        assert float(row["sum"]) == float(total)
        assert_within_one_ulp(float(row["mean"]), mean, row)
        assert_within_one_ulp(float(row["std"]), deviation, row)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_not_numbers(pw, tmp_path, dtype):
    """As numpy: NaN spreads, opposite infinities make NaN."""
    labels = np.repeat(np.arange(1, 7, dtype=np.uint8)[:, None], 20, axis=1)
    image = np.ones(labels.shape, dtype)
    image[0, 3] = np.nan
    image[1, 4] = np.inf
    image[2, 5] = -np.inf
    image[3, [6, 7]] = np.inf, -np.inf
    image[4, [1, 2]] = np.nan, np.inf
    rows = table_of(measure(pw, save(tmp_path / "l.npy", labels), save(tmp_path / "i.npy", image)))
    with np.errstate(invalid="ignore"):
        for row, values in zip(rows, image.astype(float)):
            for name, function in (("mean", np.mean), ("min", np.min), ("max", np.max), ("std", np.std), ("sum", np.sum)):
                assert np.array_equal(float(row[name]), function(values), equal_nan=True), (row, name)


@pytest.mark.parametrize("dtype", ["uint64", "int64", "uint32", "int32"])
def test_large_integers(pw, tmp_path, dtype):
    rng = np.random.default_rng(9)
    info = np.iinfo(dtype)
    shape = (64, 700)
    labels = random_labels(rng, shape, 9)
    image = rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    image[:30] = info.max
    rows = table_of(measure(pw, save(tmp_path / "l.npy", labels), save(tmp_path / "i.npy", image), "--tile", "50"))
    for row in rows:
        values = image[labels == int(row["id"])]
        mean, deviation, total = exact(values)
        assert int(row["sum"]) == total and int(row["min"]) == values.min() and int(row["max"]) == values.max()
        assert_within_one_ulp(float(row["mean"]), mean, row)
        assert_within_one_ulp(float(row["std"]), deviation, row)


def test_ids_of_64_bits(pw, tmp_path):
    labels = np.zeros((4, 6), np.uint64)
    labels[0, :2], labels[1, 3], labels[2:, 5] = 2**64 - 1, 2**40, 7
    rows = table_of(measure(pw, save(tmp_path / "l.npy", labels)))
    assert [(int(r["id"]), int(r["voxels"])) for r in rows] == [(7, 2), (2**40, 1), (2**64 - 1, 2)]


def test_no_object(pw, tmp_path):
    text = measure(pw, save(tmp_path / "l.npy", np.zeros((5, 6), np.uint8)))
    assert text.startswith("id,voxels,size,") and text.count("\n") == 1


# ---- channels, scales --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["CYX", "YXS"])
@pytest.mark.parametrize("n", [2, 3])
def test_channels(pw, tmp_path, order, n):
    rng = np.random.default_rng(10)
    labels = blobs(rng, (50, 60))
    planes = rng.integers(0, 255, (n, *labels.shape), dtype=np.uint8)
    path = tmp_path / "image.ome.tif"
    if order == "YXS":
        if n == 2:
            pytest.skip("samples are RGB")
        tifffile.imwrite(path, np.moveaxis(planes, 0, -1), photometric="rgb")
    else:
        tifffile.imwrite(path, planes, ome=True, metadata={"axes": order}, photometric="minisblack")
    label_path = save(tmp_path / "l.npy", labels)
    alone = [table_of(measure(pw, label_path, save(tmp_path / "p.npy", plane))) for plane in planes]
    rows = table_of(measure(pw, label_path, path, "--channel", "all"))
    assert rows == table_of(measure(pw, label_path, path))
    for c in range(n):
        assert table_of(measure(pw, label_path, path, "--channel", c)) == alone[c]
        for name in STATISTICS:
            assert [row[f"{name}_{c}"] for row in rows] == [row[name] for row in alone[c]]


def test_very_many_channels(pw, tmp_path):
    """Records of more words than are sorted as one."""
    rng = np.random.default_rng(13)
    labels = blobs(rng, (30, 40))
    image = rng.standard_normal((60, *labels.shape)).astype(np.float32)
    store = tmp_path / "image.zarr"
    group = zarr.create_group(str(store), zarr_format=3)
    group.create_array("0", data=image, chunks=(7, 16, 16))
    axes = [{"name": "c", "type": "channel"}, {"name": "y", "type": "space"}, {"name": "x", "type": "space"}]
    scale = [{"type": "scale", "scale": [1, 1, 1]}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [
        {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}]}
    label_path = save(tmp_path / "l.npy", labels)
    rows = table_of(measure(pw, label_path, store, "--tile", "11"))
    assert len(rows[0]) == 22 + 5 * 60
    for c in (0, 1, 6, 7, 8, 31, 59):
        one = table_of(measure(pw, label_path, save(tmp_path / "p.npy", image[c])))
        for name in STATISTICS:
            assert [row[f"{name}_{c}"] for row in rows] == [row[name] for row in one]


def test_calibrated(pw, tmp_path, data):
    """Sizes and positions in the unit of the image when the labels have none."""
    image = next(p for p in sorted((data / "golden").glob("*0.5*.zarr")))
    labels = tmp_path / "labels.zarr"
    pw("run", image, "--fn", "otsu", "-o", labels)
    store = stores.label_group(labels)
    spaced = stores.ome(store)["multiscales"][0]
    scale = np.array(spaced["datasets"][0]["coordinateTransformations"][0]["scale"])
    rows = table_of(measure(pw, store, image))
    assert_within_one_ulp(column(rows, "size"), column(rows, "voxels") * scale[0] * scale[1] * scale[2], "size")
    for axis, step in zip(AXES, scale):
        assert np.allclose(column(rows, f"position_{axis}"), column(rows, f"centroid_{axis}") * step, rtol=1e-15)
    units = {a.get("unit") for a in spaced["axes"]}
    if units == {"micrometer"}:
        assert {row["size_unit"] for row in rows} == {"micrometer^3"}
    array = stores.levels(store)[0][...]
    bare = table_of(measure(pw, save(tmp_path / "bare.npy", array)))
    assert {row["size_unit"] for row in bare} == {"voxel"} and [r["size"] for r in bare] == [r["voxels"] for r in bare]
    assert [r["size"] for r in table_of(measure(pw, tmp_path / "bare.npy", image))] == [r["size"] for r in rows]


# ---- the file ------------------------------------------------------------------------------------------------------------


def test_forms(pw, tmp_path):
    labels = save(tmp_path / "l.npy", blobs(np.random.default_rng(14), (30, 40)))
    text = measure(pw, labels)
    pw("measure", labels, "-o", tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == text
    pw("measure", labels, "-o", tmp_path / "t.tsv")
    assert table_of((tmp_path / "t.tsv").read_text(), "\t") == table_of(text)
    pw("measure", labels, "-o", tmp_path / "t.txt", "--format", "csv")
    assert (tmp_path / "t.txt").read_text() == text
    assert measure(pw, labels, "--format", "tsv") == (tmp_path / "t.tsv").read_text()


def read_anndata(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return anndata.read_zarr(str(path))


def assert_same_table(frame, rows):
    """A data frame of an AnnData group and the rows of a text table."""
    assert list(frame.columns) == [*rows[0], "region"]
    assert list(frame.index) == [row["id"] for row in rows]
    for name in rows[0]:
        if name == "size_unit":
            assert list(frame[name]) == [row[name] for row in rows]
        else:
            expected = column(rows, name)
            assert np.array_equal(frame[name].to_numpy().astype(float), expected, equal_nan=True), name


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_table_in_the_store(pw, tmp_path, version):
    """Where readers of zarr look: an AnnData group below the label image, listed, of the store's version."""
    rng = np.random.default_rng(16)
    image = (rng.random((90, 1800)) < 0.25).astype(np.uint8) * rng.integers(1, 200, (90, 1800), dtype=np.uint8)
    path = save(tmp_path / "image.npy", image)
    labels = tmp_path / "labels.zarr"
    pw("run", path, "--fn", "threshold:0", "--name", "cells", "--ngff", version, "-o", labels)
    group = stores.label_group(labels)
    text = measure(pw, group, path, "--tile", "64")
    rows = table_of(text)
    assert len(rows) > 16384
    pw("measure", group, path, "--tile", "64", "-o", "store")
    assert stores.attributes(group / "tables")["tables"] == ["objects"]
    table = read_anndata(group / "tables" / "objects")
    assert_same_table(table.obs, rows)
    assert table.uns["spatialdata_attrs"] == {"region": "cells", "region_key": "region", "instance_key": "id"}
    assert set(table.obs["region"]) == {"cells"}
    assert table.obs["crosses_seam"].dtype == bool and table.obs["id"].dtype == np.uint64
    assert stores.attributes(group / "tables" / "objects")["encoding-type"] == "anndata"
    pw.refuses("measure", group, path, "-o", "store", says=("tables/objects", "--overwrite"))
    before = tree(group / "tables")
    pw("measure", group, "-o", "store", "--overwrite")
    assert "mean" not in read_anndata(group / "tables" / "objects").obs
    pw("measure", group, path, "--tile", "64", "-o", "store", "--overwrite", "--threads", 1, "--memory", "32M")
    assert tree(group / "tables") == before
    assert np.array_equal(stores.read_labels(labels), images.components(image > 0, 1))
    pw.refuses("measure", save(tmp_path / "l.npy", image), "-o", "store", says=("l.npy", "OME-Zarr"))


def test_empty_table_in_the_store(pw, tmp_path):
    path = save(tmp_path / "image.npy", np.zeros((8, 9), np.uint8))
    pw("run", path, "--fn", "threshold:0", "--name", "none", "-o", tmp_path / "l.zarr")
    group = stores.label_group(tmp_path / "l.zarr")
    pw("measure", group, path, "-o", "store")
    assert read_anndata(group / "tables" / "objects").shape == (0, 0)


def test_refuses(pw, tmp_path):
    rng = np.random.default_rng(15)
    labels = save(tmp_path / "l.npy", blobs(rng, (30, 40)))
    other = save(tmp_path / "other.npy", np.zeros((30, 41), np.uint8))
    real = save(tmp_path / "real.npy", np.zeros((30, 40), np.float32))
    negative = np.zeros((30, 40), np.int32)
    negative[3, 5] = -2
    negative = save(tmp_path / "negative.npy", negative)
    out = tmp_path / "out.csv"
    pw.refuses("measure", labels, other, "-o", out, says=("other.npy", "1x30x40", "1x30x41"))
    pw.refuses("measure", real, "-o", out, says=("real.npy", "float32", "integers"))
    pw.refuses("measure", negative, "-o", out, says=("negative.npy", "-2", "0,3,5"))
    pw.refuses("measure", labels, "-o", tmp_path / "out.parquet", says=(".parquet", "csv"))
    pw.refuses("measure", labels, "-o", tmp_path / "out.xlsx", says=("out.xlsx", ".csv"))
    pw.refuses("measure", labels, "-o", tmp_path / "none" / "out.csv", says="none")
    pw.refuses("measure", labels, says="-o")
    pw.refuses("measure", "-o", out, says="LABELS")
    pw.refuses("measure", "-", "-", "-o", out, says="standard input")
    pw.refuses("measure", labels, "-o", out, "--channel", "1", says="channel")
    pw.refuses("measure", labels, real, "-o", out, "--channel", "3", says="--channel 3")
    pw.refuses("measure", labels, "-o", out, "--memory", "100K", says="--memory")
    assert not out.exists()
    out.write_text("mine")
    pw.refuses("measure", labels, "-o", out, says=("out.csv", "--overwrite"))
    assert out.read_text() == "mine"
    pw.refuses("measure", negative, "-o", out, "--overwrite", says="-2")
    assert out.read_text() == "mine"
    pw("measure", labels, "-o", out, "--overwrite")
    assert out.read_text() == measure(pw, labels)
