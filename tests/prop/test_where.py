"""
Where work is done: --roi, --skip-empty.

A box gives the labels of the image cropped to it, in a volume of the image's shape.  A tile without a voxel above the level
of emptiness in its window does not call the function, and everything else is as if the function had found nothing there.
"""

import csv

import numpy as np
import pytest
from pwtest import images, stores
from pwtest.calls import build
from pwtest.merge_oracle import Tiling
from pwtest.stores import comma
from pwtest.tool import tree


@pytest.fixture(scope="session")
def calls(compiler, tmp_path_factory):
    return build(tmp_path_factory.mktemp("calls"))


def draw_box(rng, shape):
    box = []
    for n in shape:
        a, b = sorted(rng.integers(0, n + 1, 2))
        box.append((int(a), int(b)) if a < b else (0, n))
    return tuple(box)


def roi(box):
    return ",".join(f"{a}:{b}" for a, b in box)


def inside(box):
    return tuple(slice(a, b) for a, b in box)


def draw_tile(rng, shape):
    return comma([1] * (3 - len(shape)) + [int(rng.choice([1, 5, 8, 16, 40])) if n < 200 else 64 for n in shape])


@pytest.mark.parametrize("seed", range(24))
def test_a_box_is_the_cropped_image(pw, tmp_path, seed):
    """Every format, tile, halo, thread count and engine: inside the labels of the crop to the number, outside 0."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(20, 90, 2)) if seed % 3 == 0 else tuple(rng.integers(6, 40, 3))
    mask = images.MASKS[str(rng.choice(list(images.MASKS)))](rng, shape)
    connectivity = int(rng.integers(1, len(shape) + 1))
    image, threshold = images.paint(rng, mask, str(rng.choice(["uint8", "uint16", "float32"])))
    box = draw_box(rng, shape)
    expected = np.zeros(shape, np.uint32)
    expected[inside(box)] = images.components(mask[inside(box)], connectivity)
    outputs = set()
    for format in stores.FORMATS:
        source = stores.write(rng, tmp_path / format, image, format)
        tile = draw_tile(rng, shape)
        for engine in ("auto", "mmap", "sync"):
            result = pw("run", *source, "--fn", f"threshold:{threshold},connectivity={connectivity}", "--roi", roi(box),
                        "--tile", tile, "--halo", int(rng.integers(0, 4)), "--threads", int(rng.choice([1, 2, 7])), "--io",
                        engine, "-o", tmp_path / "labels.npy", "--overwrite")
            images.assert_same_labels(np.load(tmp_path / "labels.npy"), expected, str(result))
            outputs.add((tmp_path / "labels.npy").read_bytes())
    assert len(outputs) == 1


PLACES = ("{}0", "{}1", "centroid_{}", "position_{}", "first_{}")


def table(path, by=(0, 0, 0)):
    """Rows with numbers for places, moved by so much."""
    rows = list(csv.DictReader(open(path)))
    for row in rows:
        for axis, offset in zip("zyx", by):
            for place in PLACES:
                row[place.format(axis)] = pytest.approx(float(row[place.format(axis)]) + offset, rel=1e-12)
    return rows


def same_rows(got, expected):
    return len(got) == len(expected) and all({
k: getattr(v, "expected", v) for k, v in a.items()} == b
                                             for a, b in zip(got, expected))


@pytest.mark.parametrize("segmenter, options", [("otsu", []), ("otsu", ["--border", "drop"]), ("label", []),
                                                ("otsu:tile", ["--tile", "4,16,16", "--halo", "2", "--merge", "witness"])])
@pytest.mark.parametrize("output", ["labels.npy", "labels.zarr", "labels.tif"])
def test_statistics_tables_and_borders_are_those_of_the_box(pw, tmp_path, segmenter, options, output):
    rng = np.random.default_rng(5)
    field = images.ndimage.gaussian_filter(rng.standard_normal((20, 70, 80)), 1.5)
    image = (20 * (field > np.quantile(field, 0.9)) + rng.integers(0, 3, field.shape)).astype(np.uint16)
    image[:3] += 500  # what the box leaves out would move a threshold of the whole
    box = ((3, 17), (11, 64), (0, 71))
    np.save(tmp_path / "image.npy", image)
    np.save(tmp_path / "crop.npy", image[inside(box)])
    common = ["--fn", segmenter, *options, "--overwrite", "--objects"]
    pw("run", tmp_path / "crop.npy", *common, tmp_path / "crop.csv", "-o", tmp_path / "crop-labels.npy")
    result = pw("run", tmp_path / "image.npy", *common, tmp_path / "part.csv", "--roi", roi(box), "-o", tmp_path / output,
                "--summary=json")
    labels = stores.read_labels(tmp_path / output)
    expected = np.zeros(image.shape, np.uint32)
    expected[inside(box)] = np.load(tmp_path / "crop-labels.npy")
    images.assert_same_labels(labels, expected, str(result))
    assert result.summary()["n_objects"] == expected.max() > 3
    assert same_rows(table(tmp_path / "part.csv"), table(tmp_path / "crop.csv", [a for a, _ in box]))


def test_the_function_sees_places_in_the_image(pw, calls, tmp_path):
    """Windows end at the faces of the box, and are told where they are in the image."""
    np.save(tmp_path / "image.npy", np.ones((40, 60), np.uint8))
    pw("run", tmp_path / "image.npy", "--fn", f"{calls}:{tmp_path / 'calls.txt'}", "--roi", "5:25,10:40", "--tile", "10",
       "--halo", "3", "-o", tmp_path / "labels.npy")
    seen = sorted(tuple(map(int, line.split()[2:])) for line in open(tmp_path / "calls.txt"))
    assert seen == sorted((y, x) for y in (5, 12) for x in (10, 17, 27))
    assert np.count_nonzero(np.load(tmp_path / "labels.npy")) == 20 * 30


@pytest.mark.parametrize("box", ["0:10", "0:10,5", "5:5,0:3", "7:5,0:3", "0:41,0:3", "0:0,0:3", "a:b,0:3", "0:1,0:1,0:1,0:1",
                                 "0:3,0:3,", "0:99999999999999999999,0:3", "-1:3,0:3", ""])
def test_boxes_that_are_none(pw, tmp_path, box):
    np.save(tmp_path / "image.npy", np.ones((40, 60), np.uint8))
    pw.refuses("run", tmp_path / "image.npy", "--fn", "threshold:0", "--roi", box, "-o", tmp_path / "labels.npy", says="--roi")


def test_open_ends(pw, tmp_path):
    np.save(tmp_path / "image.npy", np.ones((40, 60), np.uint8))
    for text, part in ((":,30:", np.s_[:, 30:]), (":7,:", np.s_[:7]), (":,:,5:9", np.s_[:, 5:9]), ("0:1,3:,:20", np.s_[3:, :20])):
        pw("run", tmp_path / "image.npy", "--fn", "threshold:0", "--roi", text, "-o", tmp_path / "labels.npy", "--overwrite")
        expected = np.zeros((40, 60), np.uint32)
        expected[part] = 1
        assert np.array_equal(np.load(tmp_path / "labels.npy"), expected), text


def test_a_kept_stage_of_a_box(pw, tmp_path):
    """It is merged again, judged and explained as what it is: a part of the image."""
    rng = np.random.default_rng(2)
    mask = images.blob_mask(rng, (50, 70))
    np.save(tmp_path / "image.npy", mask.astype(np.uint8))
    pw("run", tmp_path / "image.npy", "--fn", "threshold:0", "--roi", "9:44,13:70", "--tile", "1,16,16", "--halo", "3",
       "--keep-stage", tmp_path / "stage", "-o", tmp_path / "labels.npy")
    for rule in ("touch", "witness"):
        pw("remerge", tmp_path / "stage", "--merge", rule, "-o", tmp_path / "again.npy", "--overwrite")
        if rule == "touch":
            assert (tmp_path / "again.npy").read_bytes() == (tmp_path / "labels.npy").read_bytes()
        assert not np.load(tmp_path / "again.npy")[:9].any() and not np.load(tmp_path / "again.npy")[:, :13].any()
    pw("seams", tmp_path / "stage")
    pw("explain", tmp_path / "stage", 1)

#-- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- empty tiles


def occupied(image, tiling, level):
    """Tiles whose window has a voxel above the level or a NaN."""
    volume = image.reshape(tiling.volume)
    windows = [volume[tuple(slice(a, b) for a, b in tiling.window(t))] for t in range(len(tiling))]
    return [t for t, w in enumerate(windows) if (w > level).any() or np.isnan(w.astype(float)).any()]


@pytest.mark.parametrize("seed", range(20))
def test_the_function_is_called_for_tiles_with_something(pw, calls, tmp_path, seed):
    rng = np.random.default_rng(seed)
    shape = (1, *rng.integers(30, 80, 2)) if seed % 2 else tuple(rng.integers(8, 30, 3))
    dtype = str(rng.choice(["uint8", "int16", "uint16", "float32", "float64", "float16", "uint64", "int8"]))
    image = rng.integers(0, 4, shape).astype(dtype)
    for _ in range(4):
        at = tuple(int(rng.integers(0, n)) for n in shape)
        image[at] = rng.integers(3, 100)
    if np.dtype(dtype).kind == "f":
        image[tuple(int(rng.integers(0, n)) for n in shape)] = np.nan
    level = int(rng.choice([3, 3, 50]))
    tile = tuple(int(rng.choice([4, 7, 16])) if n > 1 else 1 for n in shape)
    halo = tuple(int(rng.integers(0, 3)) if t > 1 and t < n else 0 for n, t in zip(shape, tile))
    tiling = Tiling(shape, tile, halo)
    source = stores.write(rng, tmp_path / "in", image, str(rng.choice(["npy", "zarr2", "zarr3", "raw"])) if dtype != "float16" else "npy")
    results = set()
    for threads in (1, 2, 7):
        log = tmp_path / f"calls-{threads}.txt"
        log.touch()
        result = pw("run", *source, "--fn", f"{calls}:{log}", "--tile", comma(tile), "--halo", comma(halo), "--threads",
                    threads, "--skip-empty", level, "-o", tmp_path / "labels.npy", "--overwrite", "--summary=json", "--merge",
                    str(rng.choice(["touch", "face"])) if threads == 1 and seed % 5 == 0 else "face")
        called = sorted(int(line.split()[0]) for line in open(log))
        assert called == occupied(image, tiling, level), str(result)
        assert result.summary()["n_skipped_tiles"] == len(tiling) - len(called)
        assert result.summary()["skip_level"] == level
        if threads > 1:
            results.add((tmp_path / "labels.npy").read_bytes())
    assert len(results) == 1


def test_skipped_tiles_are_as_if_nothing_was_there(pw, calls, tmp_path):
    """With every rule the labels equal those of the same image with 0 in the cores of skipped tiles."""
    rng = np.random.default_rng(9)
    image = (rng.random((40, 90)) < 0.7).astype(np.uint8)
    image[:, 30:60] = 0
    image[20, 45] = image[5, 70] = 9
    np.save(tmp_path / "image.npy", image)
    for rule in ("touch", "face", "overlap", "witness"):
        pw("run", tmp_path / "image.npy", "--fn", f"{calls}:{tmp_path / 'calls.txt'}", "--tile", "10", "--halo", "2", "--merge",
           rule, "--skip-empty", "0", "-o", tmp_path / "skip.npy", "--overwrite", "--objects", tmp_path / "skip.csv")
        pw("run", tmp_path / "image.npy", "--fn", f"{calls}:{tmp_path / 'calls.txt'}", "--tile", "10", "--halo", "2", "--merge",
           rule, "-o", tmp_path / "all.npy", "--overwrite", "--objects", tmp_path / "all.csv")
        assert (tmp_path / "skip.npy").read_bytes() == (tmp_path / "all.npy").read_bytes(), rule
        assert (tmp_path / "skip.csv").read_text() == (tmp_path / "all.csv").read_text(), rule


def test_a_store_that_is_mostly_not_there(pw, calls, tmp_path):
    """Chunks that are not stored are their fill value, which counts as any voxel does; skipped tiles leave no chunk."""
    import zarr

    array = zarr.create_array(tmp_path / "image.zarr", shape=(64, 64), chunks=(16, 16), dtype="uint16", fill_value=7)
    array[3, 3] = 90
    for level, n in ((6, 16), (7, 1)):
        log = tmp_path / f"calls-{level}.txt"
        pw("run", tmp_path / "image.zarr", "--fn", f"{calls}:{log}", "--tile", "16", "--skip-empty", level, "-o",
           tmp_path / "labels.zarr", "--overwrite", "--chunk", "1,16,16", "--shard", "1,16,16")
        assert len(open(log).readlines()) == n
    chunks = [name for name in tree(tmp_path / "labels.zarr") if "/c/" in name]
    assert len(chunks) >= 1
    assert len([name for name in chunks if "/0/c/" in name]) == 1, chunks


def sample_otsu(image):
    """Otsu of cubes of 64 about a third, a half and two thirds of every axis, as the Python program takes them."""
    parts = []
    for place in (0.33, 0.5, 0.66):
        box = []
        for n in image.shape:
            w = min(n, 64)
            start = min(max(int(n * place) - w // 2, 0), n - w)
            box.append(slice(start, start + w))
        parts.append(image[tuple(box)].ravel())
    return images.otsu(np.concatenate(parts))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64", "uint32"])
@pytest.mark.parametrize("shape", [(300, 200), (20, 150, 170), (70, 65, 90)])
def test_the_level_that_is_found(pw, calls, tmp_path, dtype, shape):
    rng = np.random.default_rng(len(shape))
    field = images.ndimage.gaussian_filter(rng.standard_normal(shape), 3)
    image = ((field - field.min()) / np.ptp(field) * 120).astype(dtype)
    np.save(tmp_path / "image.npy", image)
    result = pw("run", tmp_path / "image.npy", "--fn", f"{calls}:{tmp_path / 'calls.txt'}", "--skip-empty", "auto", "-o",
                tmp_path / "labels.npy", "--summary=json")
    assert result.summary()["skip_is_guess"]
    assert result.summary()["skip_level"] == pytest.approx(sample_otsu(image), abs=1e-3 if np.dtype(dtype).kind == "f" else 0)


def test_no_object_is_lost_where_the_function_tells_the_level(pw, calls, tmp_path):
    """Dim objects beside bright ones in the middle: Otsu's threshold of samples would drop them, and does for a plugin."""
    rng = np.random.default_rng(5)
    image = np.where(images.blob_mask(rng, (4, 150, 150)), 900, 100).astype(np.uint16)
    image[:, 90:120, 60:120] *= 5
    image[:, :90, :90] = 100
    np.save(tmp_path / "image.npy", image)
    run = ["run", tmp_path / "image.npy", "--tile", "2,30,30", "--summary=json", "--fn"]
    for fn, level in (("threshold:300", 300), ("otsu", images.otsu(image)), ("label", 0),
                      ("watershed:threshold=300,smooth=0.5,size=6", 300)):
        pw(*run, fn, "-o", tmp_path / "all.npy", "--overwrite")
        summary = pw(*run, fn, "--skip-empty", "auto", "-o", tmp_path / "some.npy", "--overwrite").summary()
        assert (tmp_path / "all.npy").read_bytes() == (tmp_path / "some.npy").read_bytes(), fn
        assert summary["skip_level"] == pytest.approx(level, rel=1e-4) and not summary["skip_is_guess"]
        assert (summary["n_skipped_tiles"] > 0) == (fn != "label"), fn
    guessed = pw(*run[:-2], "--fn", f"{calls}:{tmp_path / 'calls.txt'}", "--skip-empty", "auto", "-o", tmp_path / "x.npy")
    assert "nothing above" in guessed.err and "is a guess from samples; dimmer objects there are lost" in guessed.err


def test_samples_of_one_value(pw, calls, tmp_path):
    """Nothing but 7: the level is 7, and every tile is empty."""
    np.save(tmp_path / "image.npy", np.full((30, 30), 7, np.uint16))
    result = pw("run", tmp_path / "image.npy", "--fn", f"{calls}:{tmp_path / 'calls.txt'}", "--skip-empty", "auto", "-o",
                tmp_path / "labels.npy", "--tile", "10", "--summary=json")
    assert result.summary()["skip_level"] == 7 and result.summary()["n_skipped_tiles"] == 9
    assert (tmp_path / "calls.txt").read_text() == "" and not np.load(tmp_path / "labels.npy").any()


@pytest.mark.parametrize("level", ["nan", "inf", "x", "", "1e", "0x10"])
def test_levels_that_are_none(pw, tmp_path, level):
    np.save(tmp_path / "image.npy", np.ones((4, 6), np.uint8))
    pw.refuses("run", tmp_path / "image.npy", "--fn", "threshold:0", "--skip-empty", level, "-o", tmp_path / "labels.npy",
               says="--skip-empty")


def test_a_pipe(pw, tmp_path):
    """Samples and boxes of what comes through a pipe."""
    image = np.zeros((50, 60), np.uint8)
    image[20:30, 20:30] = 9
    np.save(tmp_path / "image.npy", image)
    for options in (["--skip-empty", "auto"], ["--roi", "15:40,10:50"]):
        pw("run", "-", "--fn", "threshold:1", "--tile", "8", *options, "-o", tmp_path / "labels.npy", "--overwrite",
           stdin=(tmp_path / "image.npy").read_bytes())
        assert np.array_equal(np.load(tmp_path / "labels.npy"), image > 1)
