"""
The sameness grid: the labels are a function of the image and the parameters, and of nothing else.

For one image and one tile shape, every format, thread count, I/O engine, memory budget, halo, vector level and
timing of threads must give the same bytes; for every tile shape, the labels must equal those of scipy.ndimage.label on the whole image, voxel for
voxel.  Cases are drawn by a seeded generator, so a failing one is run again by its number.  PW_PROP_SCALE=N makes
N times as many cases (default 1: about a minute).
"""

import os

import numpy as np
import pytest
from pwtest import images, stores
from pwtest.stores import comma
from pwtest.tool import tree

SCALE = float(os.environ.get("PW_PROP_SCALE", "1"))

THREADS = (1, 2, 7)
ENGINES = ("uring", "mmap", "sync")
BUDGETS = {1: ("64M", "96M", "1G"), 2: ("64M", "96M", "1G"), 7: ("160M", "256M", "1G")}
PRIMES = (2, 3, 5, 7, 11, 13, 17, 29, 31)
DTYPES = ("uint8", "uint16", "uint16", "int16", "uint32", "int32", "float32", "float64", "int8", "uint64", "int64")


def cases(count, first=0):
    return range(first, first + max(1, round(count * SCALE)))


def as_3d(values):
    """A shape or tile as z,y,x, as --tile and --halo take them for 2-D images too."""
    return (1, *values) if len(values) == 2 else tuple(values)


def draw_shape(rng):
    if rng.random() < 0.4:
        return tuple(int(rng.integers(1, 130)) for _ in range(2))
    return tuple(int(rng.integers(2 if axis == 0 else 1, 65)) for axis in range(3))


def draw_tile(rng, shape):
    """Per axis 1-thick, prime, a power of two, the whole axis or more than it; not more than about 3000 tiles."""
    while True:
        tile = []
        for n in shape:
            choices = [1, int(rng.choice(PRIMES)), int(rng.choice([8, 16, 32])), n, n + int(rng.integers(1, 50)), (n + 1) // 2]
            tile.append(int(rng.choice(choices)))
        if np.prod([-(-n // t) for n, t in zip(shape, tile)]) <= 3000:
            return tuple(tile)


def draw_image(rng, shape):
    """An image, the segmenter's text and the labels that the whole image gets."""
    kind = str(rng.choice(list(images.MASKS)))
    connectivity = int(rng.integers(1, len(shape) + 1))
    if rng.random() < 0.15:
        values = rng.integers(0, int(rng.integers(2, 5)), shape).astype(str(rng.choice(["uint8", "uint16", "int32"])))
        values[~images.MASKS[kind](rng, shape)] = 0
        labels = images.equal_value_components(values, connectivity)
        return values, f"label,connectivity={connectivity}", labels
    mask = images.MASKS[kind](rng, shape)
    image, threshold = images.paint(rng, mask, str(rng.choice(DTYPES)))
    return image, f"threshold:{threshold},connectivity={connectivity}", images.components(mask, connectivity)


def draw_options(rng, tile):
    """What must not matter.  A halo is less than its tile, and a tile of one voxel has none."""
    threads = int(rng.choice(THREADS))
    options = ["--threads", threads, "--io", rng.choice(ENGINES), "--memory", rng.choice(BUDGETS[threads])]
    if rng.random() < 0.4:
        options += ["--halo", comma(int(rng.integers(0, min(t, 9))) for t in as_3d(tile))]
    return options


def draw_environment(rng, shape, tile):
    """The vector level, and threads that sleep where they hand over, so that an order that matters shows."""
    environment = {"PW_SIMD": str(rng.choice(["portable", "avx2", "avx512"]))}
    if rng.random() < 0.3 and np.prod([-(-n // t) for n, t in zip(shape, tile)]) < 300:
        environment["PW_STALL"] = "1"
    return environment


@pytest.mark.parametrize("seed", cases(60))
def test_drawn_case(pw, tmp_path, seed):
    """One image in every format; for each of three tile shapes, the same bytes from runs that differ in the rest."""
    rng = np.random.default_rng(seed)
    shape = draw_shape(rng)
    image, segmenter, expected = draw_image(rng, shape)
    sources = [stores.write(rng, tmp_path / "in", image, format) for format in stores.FORMATS]
    for turn in range(3):
        tile = draw_tile(rng, shape)
        first = None
        for number, source in enumerate(sources):
            output = tmp_path / f"labels-{turn}-{number}.npy"
            result = pw("run", *source, "--fn", segmenter, "--tile", comma(as_3d(tile)), "-o", output,
                        *draw_options(rng, tile), env=draw_environment(rng, shape, tile))
            if first is None:
                first = output.read_bytes()
                images.assert_same_labels(np.load(output), expected, str(result))
            assert output.read_bytes() == first, f"other bytes than from {sources[0]}: {result}"
            output.unlink()


@pytest.mark.parametrize("seed", cases(8, first=1000))
@pytest.mark.parametrize("format", ["zarr", "tiff", "raw"])
def test_written_stores_are_the_same(pw, tmp_path, seed, format):
    """Every file of the output is the same whatever the threads, the engine and the budget, metadata included."""
    rng = np.random.default_rng([seed, len(format)])
    shape = draw_shape(rng)
    image, segmenter, expected = draw_image(rng, shape)
    source = stores.write(rng, tmp_path / "in", image, str(rng.choice(stores.FORMATS)))
    tile = draw_tile(rng, shape)
    suffix = {"zarr": "zarr", "tiff": "tif", "raw": "raw"}[format]
    extra = ["--ngff", rng.choice(["0.4", "0.5"])] if format == "zarr" else []
    first = None
    for turn in range(4):
        folder = tmp_path / str(turn)
        folder.mkdir()
        output = folder / f"labels.{suffix}"
        result = pw("run", *source, "--fn", segmenter, "--tile", comma(as_3d(tile)), "-o", output, *extra,
                    *draw_options(rng, tile), env=draw_environment(rng, shape, tile))
        if first is None:
            first = tree(output)
            images.assert_same_labels(stores.read_labels(output, shape), expected, str(result))
        got = tree(output)
        assert got.keys() == first.keys(), str(result)
        assert [k for k in got if got[k] != first[k]] == [], str(result)


@pytest.fixture(scope="module")
def grid_image():
    rng = np.random.default_rng(7)
    mask = images.random_mask(rng, (24, 40, 56)) | images.spiral_mask(rng, (24, 40, 56))
    return images.paint(rng, mask, "uint16"), {c: images.components(mask, c) for c in (1, 2, 3)}


@pytest.mark.parametrize("format", stores.FORMATS)
def test_full_grid(pw, tmp_path, grid_image, format):
    """Every thread count with every engine on every format, one image."""
    (image, threshold), expected = grid_image
    source = stores.write(np.random.default_rng(len(format)), tmp_path / "in", image, format)
    for connectivity in (1, 3):
        outputs = set()
        for threads in THREADS:
            for engine in ENGINES:
                output = tmp_path / f"{connectivity}-{threads}-{engine}.npy"
                result = pw("run", *source, "--fn", f"threshold:{threshold},connectivity={connectivity}", "-o", output,
                            "--tile", "7,16,13", "--halo", "2", "--threads", threads, "--io", engine)
                outputs.add(output.read_bytes())
                images.assert_same_labels(np.load(output), expected[connectivity], str(result))
        assert len(outputs) == 1


@pytest.mark.parametrize("tile", ["1,1,56", "1,40,1", "24,1,1", "1,40,56", "24,40,1", "2,3,5", "23,39,55", "25,41,57",
                                  "1000,1000,1000", "17,17,17", "64", "auto"])
def test_tile_shapes(pw, tmp_path, grid_image, tile):
    (image, threshold), expected = grid_image
    source = tmp_path / "image.npy"
    np.save(source, image)
    for connectivity in (1, 2, 3):
        output = tmp_path / f"{connectivity}.npy"
        result = pw("run", source, "--fn", f"threshold:{threshold},connectivity={connectivity}", "--tile", tile,
                    "-o", output)
        images.assert_same_labels(np.load(output), expected[connectivity], str(result))


@pytest.mark.parametrize("connectivity", [1, 2, 3])
def test_connectivity_option(pw, tmp_path, grid_image, connectivity):
    """--connectivity holds inside tiles and across them: the tile does not show in the labels."""
    (image, threshold), expected = grid_image
    np.save(tmp_path / "image.npy", image)
    for tile in ("7,16,13", "1000"):
        output = tmp_path / f"{tile}.npy"
        result = pw("run", tmp_path / "image.npy", "--fn", f"threshold:{threshold}", "--connectivity", connectivity, "--tile",
                    tile, "-o", output)
        images.assert_same_labels(np.load(output), expected[connectivity], str(result))


def test_smallest_tiles(pw, tmp_path):
    """Tiles of one voxel: everything is a seam."""
    rng = np.random.default_rng(3)
    for shape in ((9, 11), (4, 5, 6)):
        mask = rng.random(shape) < 0.5
        np.save(tmp_path / "image.npy", mask.astype(np.uint8))
        for connectivity in range(1, len(shape) + 1):
            output = tmp_path / f"{len(shape)}-{connectivity}.npy"
            result = pw("run", tmp_path / "image.npy", "--fn", f"threshold:0,connectivity={connectivity}", "--tile", "1",
                        "-o", output)
            images.assert_same_labels(np.load(output), images.components(mask, connectivity), str(result))


def otsu_image(rng, dtype):
    field = images.ndimage.gaussian_filter(rng.standard_normal((20, 30, 40)), 2)
    field = (field - field.min()) / np.ptp(field)
    if np.dtype(dtype).kind == "f":
        return (field * float(rng.choice([1e-3, 1.0, 5e4])) - float(rng.choice([0, 0.5]))).astype(dtype)
    info = np.iinfo(dtype)
    low, high = max(info.min, -20000), min(info.max, 40000)
    return (low + field * (high - low) * float(rng.uniform(0.1, 1))).astype(dtype)


@pytest.mark.parametrize("seed", cases(20, first=2000))
def test_otsu_equals_skimage(pw, tmp_path, seed):
    """One threshold of the whole image, whatever the tiles, for every element type."""
    rng = np.random.default_rng(seed)
    dtype = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64", "uint64", "int64"][seed % 10]
    image = otsu_image(rng, dtype)
    expected = images.components(image > images.otsu(image), 1)
    outputs = set()
    for turn in range(3):
        source = stores.write(rng, tmp_path / str(turn), image, str(rng.choice(stores.FORMATS)))
        output = tmp_path / f"{turn}.npy"
        tile = draw_tile(rng, image.shape)
        result = pw("run", *source, "--fn", "otsu", "--tile", comma(tile), "-o", output, *draw_options(rng, tile))
        images.assert_same_labels(np.load(output), expected, f"otsu of skimage {images.otsu(image)}: {result}")
        outputs.add(output.read_bytes())
    assert len(outputs) == 1


@pytest.mark.parametrize("value", [0, 7, -3.5])
def test_otsu_of_a_constant_image(pw, tmp_path, value):
    """A constant image has no object: its threshold is its value, and equal is background."""
    np.save(tmp_path / "image.npy", np.full((5, 6, 7), value, np.float32 if value < 0 else np.uint8))
    result = pw("run", tmp_path / "image.npy", "--fn", "otsu", "-o", tmp_path / "labels.npy", "--summary=json")
    assert not np.load(tmp_path / "labels.npy").any(), str(result)


@pytest.mark.parametrize("seed", cases(6, first=3000))
def test_otsu_per_tile(pw, tmp_path, seed):
    """otsu:tile takes the threshold of each tile's window; the rest does not matter."""
    rng = np.random.default_rng(seed)
    image = otsu_image(rng, "uint16")
    tile = (11, 16, 13)
    mask = np.zeros(image.shape, bool)
    for start in np.ndindex(*[-(-n // t) for n, t in zip(image.shape, tile)]):
        core = tuple(slice(s * t, (s + 1) * t) for s, t in zip(start, tile))
        mask[core] = image[core] > images.otsu(image[core])
    outputs = set()
    for turn in range(3):
        source = stores.write(rng, tmp_path / str(turn), image, str(rng.choice(stores.FORMATS)))
        output = tmp_path / f"{turn}.npy"
        result = pw("run", *source, "--fn", "otsu:tile,connectivity=2", "--tile", comma(tile), "-o", output, "--halo", "0",
                    "--threads", rng.choice(THREADS), "--io", rng.choice(ENGINES))
        images.assert_same_labels(np.load(output), images.components(mask, 2), str(result))
        outputs.add(output.read_bytes())
    assert len(outputs) == 1


def test_nan_and_infinity(pw, tmp_path):
    """NaN is background, infinity is a value like another."""
    rng = np.random.default_rng(11)
    image = rng.uniform(-1, 1, (40, 50)).astype(np.float32)
    image[rng.random(image.shape) < 0.1] = np.nan
    image[rng.random(image.shape) < 0.1] = np.inf
    image[rng.random(image.shape) < 0.1] = -np.inf
    np.save(tmp_path / "image.npy", image)
    result = pw("run", tmp_path / "image.npy", "--fn", "threshold:0.1", "--tile", "16", "-o", tmp_path / "labels.npy")
    images.assert_same_labels(np.load(tmp_path / "labels.npy"), images.components(image > 0.1, 1), str(result))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint64", "float32", "float64"])
def test_label_of_every_type(pw, tmp_path, dtype):
    """Labels of any element type: programs store them as floats too."""
    rng = np.random.default_rng(8)
    values = (rng.integers(0, 3, (20, 30)) * (1 if dtype in ("bool", "uint8") else 1.5e7)).astype(dtype)
    np.save(tmp_path / "image.npy", values)
    result = pw("run", tmp_path / "image.npy", "--fn", "label", "--tile", "7", "-o", tmp_path / "labels.npy")
    images.assert_same_labels(np.load(tmp_path / "labels.npy"), images.equal_value_components(values, 1), str(result))


@pytest.mark.parametrize("threshold", ["-1e300", "1e300", "inf", "-inf", "254.5", "0.0", "-0.0", "255", "254"])
def test_thresholds_at_the_ends(pw, tmp_path, threshold):
    """A threshold outside the element type, or between two of its values, compares as a real number."""
    rng = np.random.default_rng(5)
    image = rng.choice(np.array([0, 1, 254, 255], np.uint8), (30, 40))
    np.save(tmp_path / "image.npy", image)
    result = pw("run", tmp_path / "image.npy", "--fn", f"threshold:{threshold}", "-o", tmp_path / "labels.npy")
    expected = images.components(image.astype(float) > float(threshold), 1)
    images.assert_same_labels(np.load(tmp_path / "labels.npy"), expected, str(result))


def test_plugin_equals_built_in(pw, tmp_path, plugin, grid_image):
    """Dense labels of a plugin, with gaps in their ids, take another way to the same bytes."""
    (image, threshold), expected = grid_image
    np.save(tmp_path / "image.npy", image)
    flood, serial = plugin("flood"), plugin("serial", "-DSERIAL")
    for tile in ("7,16,13", "64", "1,40,56"):
        outputs = set()
        for threads in THREADS:
            for number, segmenter in enumerate((f"{flood}:{threshold}", f"{serial}:{threshold}", f"threshold:{threshold}")):
                output = tmp_path / f"{tile}-{threads}-{number}.npy"
                result = pw("run", tmp_path / "image.npy", "--fn", segmenter, "--tile", tile, "--threads", threads, "-o", output)
                outputs.add(output.read_bytes())
                images.assert_same_labels(np.load(output), expected[1], str(result))
        assert len(outputs) == 1
