"""
The built-in segmenters dog, log, local and watershed against scipy and skimage on the whole image, on real images and
random volumes; those that label components give the same bytes for every tile, thread count and vector level.
"""

import numpy as np
import pytest
import tifffile
from pwtest import images
from scipy import ndimage
from skimage.segmentation import watershed

DTYPES = ("uint8", "uint16", "int16", "uint32", "int32", "float32", "float64", "int8", "uint64", "bool")


def field(rng, shape, dtype):
    """Blobs and noise over the range of the type, or of 16 bits."""
    image = ndimage.gaussian_filter(rng.standard_normal(shape), 2) + 0.02 * rng.standard_normal(shape)
    image = (image - image.min()) / np.ptp(image)
    if dtype == "bool":
        return image > 0.6
    if np.dtype(dtype).kind == "f":
        return (image * 1000 - 300).astype(dtype)
    info = np.iinfo(dtype)
    low, high = max(info.min, -30000), min(info.max, 60000)
    return (low + image * (high - low)).astype(dtype)


def run_tiled(pw, tmp_path, image, function, expected, tiles=("1000", "13", "6,17,29"), extra=()):
    """Every tile, thread count and vector level gives what is expected, and the same bytes."""
    np.save(tmp_path / "image.npy", image)
    outputs = set()
    for tile in tiles:
        for threads, simd in ((1, "portable"), (2, "avx2"), (7, "avx512")):
            output = tmp_path / "labels.npy"
            result = pw("run", tmp_path / "image.npy", "--fn", function, "--tile", tile, "--threads", threads, "-o", output,
                        "--overwrite", *extra, env={"PW_SIMD": simd})
            images.assert_same_labels(np.load(output), expected, str(result))
            outputs.add(output.read_bytes())
    assert len(outputs) == 1


def sigma_text(sigma):
    return "/".join(str(s) for s in sigma)


# ---- dog ----


def dog(image, low, high):
    image = image.astype(np.float32)
    return ndimage.gaussian_filter(image, low) - ndimage.gaussian_filter(image, high)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(70, 90), (18, 40, 45)], ids=str)
def test_dog(pw, tmp_path, dtype, shape):
    rng = np.random.default_rng(len(dtype))
    image = field(rng, shape, dtype)
    low, high = ((1.0, 1.5), (3.0, 4.0)) if len(shape) == 2 else ((0.0, 0.8, 1.0), (0.5, 2.0, 3.0))
    response = dog(image, low, high)
    threshold = float(np.float32(np.quantile(response, 0.8)))
    connectivity = int(rng.integers(1, len(shape) + 1))
    expected = images.components(response > np.float32(threshold), connectivity)
    run_tiled(pw, tmp_path, image,
              f"dog:low={sigma_text(low)},high={sigma_text(high)},threshold={threshold!r},connectivity={connectivity}", expected)


def test_dog_square(pw, tmp_path):
    image = np.zeros((1, 64, 64), np.float32)
    image[0, 28:36, 28:36] = 1
    for high, threshold, voxels, first, last in ((4, 0.01, 80, 27, 36), (3, 0.1, 64, 28, 35)):
        np.save(tmp_path / "image.npy", image)
        pw("run", tmp_path / "image.npy", "--fn", f"dog:low=1,high={high},threshold={threshold}", "--tile", "1,24,24", "-o",
           tmp_path / "labels.npy", "--overwrite")
        labels = np.squeeze(np.load(tmp_path / "labels.npy"))
        assert labels.max() == 1 and np.count_nonzero(labels) == voxels
        at = np.nonzero(labels)
        assert all(a.min() == first and a.max() == last for a in at)


def test_dog_is_wider_than_the_image(pw, tmp_path):
    """The mirror is mirrored again where the kernel is longer than the image."""
    rng = np.random.default_rng(2)
    image = field(rng, (3, 30, 7), "uint16")
    response = dog(image, 1, 6)
    threshold = float(np.float32(np.quantile(response, 0.7)))
    run_tiled(pw, tmp_path, image, f"dog:low=1,high=6,threshold={threshold!r}",
              images.components(response > np.float32(threshold), 1), tiles=("1000", "2,5,3"))


def test_dog_of_nan_and_infinity(pw, tmp_path):
    image = field(np.random.default_rng(4), (60, 60), "float32")
    image[10, 10], image[40, 20], image[50, 50] = np.nan, np.inf, -np.inf
    with np.errstate(all="ignore"):
        response = dog(image, 1, 2)
    run_tiled(pw, tmp_path, image, "dog:low=1,high=2,threshold=5", images.components(response > 5, 1))


def test_dog_in_micrometers(pw, tmp_path):
    image = field(np.random.default_rng(5), (10, 40, 40), "uint16")
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, image, imagej=True, resolution=(4, 4), metadata={"spacing": 0.5, "unit": "um", "axes": "ZYX"})
    response = dog(image, (1, 2, 2), (3, 6, 6))
    threshold = float(np.float32(np.quantile(response, 0.8)))
    result = pw("run", path, "--fn", f"dog:low=0.5um,high=1.5um,threshold={threshold!r}", "--tile", "4,16,16", "-o",
                tmp_path / "labels.npy")
    images.assert_same_labels(np.load(tmp_path / "labels.npy"), images.components(response > np.float32(threshold), 1),
                              str(result))


def test_dog_of_real_nuclei(pw, tmp_path, data):
    for name, tiles in (("stardist_img2d.tif", ("200", "1000")), ("stardist_img3d.tif", ("16", "1000"))):
        image = tifffile.imread(data / "nuclei" / name)
        response = dog(image, 2, 6)
        threshold = float(np.float32(np.quantile(response, 0.85)))
        run_tiled(pw, tmp_path, image, f"dog:low=2,high=6,threshold={threshold!r}",
                  images.components(response > np.float32(threshold), 1), tiles=tiles)


def test_what_dog_refuses(pw, tmp_path):
    np.save(tmp_path / "image.npy", np.zeros((20, 60, 60), np.uint8))
    run = ("run", tmp_path / "image.npy", "-o", tmp_path / "x.npy", "--fn")
    pw.refuses(*run, "dog:low=1,high=2", says=("dog", "threshold"))
    pw.refuses(*run, "dog:low=3,high=2,threshold=1", says="narrower")
    pw.refuses(*run, "dog:low=1/2,high=4,threshold=1", says="2 lengths")
    pw.refuses(*run, "dog:low=1px,high=4,threshold=1", says="1px")
    pw.refuses(*run, "dog:low=1um,high=4,threshold=1", says="micrometers")
    pw.refuses(*run, "dog:low=1,high=1e9,threshold=1", says="at most 250")
    pw.refuses(*run, "dog:low=1,high=4,threshold=1", "--tile", "16", "--halo", "4", says=("--halo", "16"))
    pw.refuses(*run, "dog:low=1,high=4,threshold=1", "--tile", "1,16,16", says=("--tile", "16"))
    pw.refuses(*run, "dog:low=1,high=4,threshold=1", "--tile", "16", "--merge", "witness", says=("witness", "touch"))
    pw("run", tmp_path / "image.npy", "-o", tmp_path / "x.npy", "--fn", "dog:low=1,high=4,threshold=1", "--tile", "16",
       "--halo", "20")


# ---- log ----


def log_response(image, scales):
    image = image.astype(np.float32)
    axes = range(image.ndim)
    best = None
    for scale in scales:
        s = np.broadcast_to(scale, image.ndim).astype(float)
        total = None
        for a in axes:
            term = np.float32(s[a] ** 2) * ndimage.gaussian_filter(image, s, order=[2 * (b == a) for b in axes])
            total = term if total is None else total + term
        best = -total if best is None else np.maximum(best, -total)
    return best


@pytest.mark.parametrize("dtype", ("uint8", "uint16", "float32", "float64", "int16"))
@pytest.mark.parametrize("shape", [(70, 90), (18, 40, 45)], ids=str)
def test_log(pw, tmp_path, dtype, shape):
    image = field(np.random.default_rng(len(dtype)), shape, dtype)
    scales = (1, 2, 3.5) if len(shape) == 2 else (1, 2)
    response = log_response(image, scales)
    threshold = float(np.float32(np.quantile(response, 0.85)))
    text = ",".join(str(s) for s in scales)
    run_tiled(pw, tmp_path, image, f"log:sigma={text},threshold={threshold!r}",
              images.components(response > np.float32(threshold), 1))
    laplace = np.max([-(s**2) * ndimage.gaussian_laplace(image.astype(np.float64), s) for s in scales], axis=0)
    assert np.allclose(response, laplace, rtol=1e-3, atol=1e-4 * np.ptp(image.astype(float)))


def test_log_in_micrometers(pw, tmp_path):
    image = field(np.random.default_rng(5), (12, 40, 40), "uint16")
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, image, imagej=True, resolution=(4, 4), metadata={"spacing": 0.5, "unit": "um", "axes": "ZYX"})
    response = log_response(image, [(1, 2, 2), (2, 4, 4)])
    threshold = float(np.float32(np.quantile(response, 0.85)))
    result = pw("run", path, "--fn", f"log:sigma=0.5,1,unit=um,threshold={threshold!r}", "--tile", "5,16,16", "-o",
                tmp_path / "labels.npy")
    images.assert_same_labels(np.load(tmp_path / "labels.npy"), images.components(response > np.float32(threshold), 1),
                              str(result))


# ---- local ----


def window_sums(values, size):
    """Exact sums of integers over mirrored windows."""
    radius = [(n - 1) // 2 for n in size]
    padded = np.pad(values, [(r, r) for r in radius], mode="symmetric")
    for axis, n in enumerate(size):
        padded = np.lib.stride_tricks.sliding_window_view(padded, n, axis=axis).sum(-1)
    return padded


def local_mask(image, size, method, offset=0.0, k=0.2, r=None):
    values = image.astype(np.float64)
    n = float(np.prod(size))
    if method == "median":
        return values > ndimage.median_filter(values, size=size, mode="reflect") - offset
    mean = window_sums(values, size) / n
    if method == "mean":
        return values > mean - offset
    variance = np.maximum(window_sums(values * values, size) / n - mean * mean, 0)
    r = r or (1.0 if image.dtype.kind == "f" else 0.5 * (2.0 ** (8 * image.dtype.itemsize) - 1))
    return values > mean * (1 + k * (np.sqrt(variance) / r - 1)) - offset


@pytest.mark.parametrize("method", ("mean", "median", "sauvola"))
@pytest.mark.parametrize("dtype", ("uint8", "uint16", "int16", "int8"))
@pytest.mark.parametrize("size", [(15, 15), (7, 21), (3, 7, 5)], ids=str)
def test_local(pw, tmp_path, method, dtype, size):
    rng = np.random.default_rng(len(dtype) + len(size))
    image = field(rng, (70, 60) if len(size) == 2 else (14, 30, 33), dtype)
    offset = float(rng.integers(-20, 20))
    expected = images.components(local_mask(image, size, method, offset), 1)
    run_tiled(pw, tmp_path, image, f"local:window={sigma_text(size)},method={method},offset={offset}", expected)


@pytest.mark.parametrize("dtype", ("uint32", "float32", "float64", "uint64"))
@pytest.mark.parametrize("method", ("mean", "median", "sauvola"))
def test_local_of_wide_types(pw, tmp_path, method, dtype):
    """The same bytes for any tile; the mask as numpy's but for voxels that rounding may decide."""
    image = field(np.random.default_rng(9), (50, 55), dtype)
    np.save(tmp_path / "image.npy", image)
    pw("run", tmp_path / "image.npy", "--fn", f"local:11,method={method},r=500", "-o", tmp_path / "whole.npy", "--tile", "1000")
    whole = np.load(tmp_path / "whole.npy")
    run_tiled(pw, tmp_path, image, f"local:11,method={method},r=500", whole)
    mask = local_mask(image, (11, 11), method, r=500)
    assert np.mean(mask != (np.squeeze(whole) > 0)) < 0.002


def test_what_local_refuses(pw, tmp_path):
    np.save(tmp_path / "image.npy", np.zeros((60, 60), np.uint8))
    run = ("run", tmp_path / "image.npy", "-o", tmp_path / "x.npy", "--fn")
    pw.refuses(*run, "local", says="window")
    pw.refuses(*run, "local:15,method=mode", says="mode")
    pw.refuses(*run, "local:5000", says="too large")
    pw.refuses(*run, "local:15,method=sauvola,r=0", says="r=0")


# ---- watershed ----


def flooded(image, threshold, sigma, size, seeds="distance", step=None):
    smooth = ndimage.gaussian_filter(image.astype(np.float32), sigma) if sigma else image.astype(np.float32)
    mask = smooth.astype(np.float64) > threshold
    if isinstance(seeds, str):
        f = ndimage.distance_transform_edt(mask, sampling=step).astype(np.float32) if seeds == "distance" else smooth
        peak = mask & (ndimage.maximum_filter(f, 2 * (size // 3) + 1) == f)
        markers = ndimage.label(peak, np.ones((3,) * image.ndim))[0]
    else:
        f, markers = smooth, seeds
    labels = watershed(-f, markers.astype(np.int64), mask=mask)
    if isinstance(seeds, str):
        rest, n = ndimage.label(mask & (labels == 0))
        labels = np.where(rest > 0, rest + labels.max(), labels)
    return images.raster_order(labels)


@pytest.mark.parametrize("seeds", ("distance", "intensity"))
@pytest.mark.parametrize("dtype", ("uint8", "uint16", "float32"))
@pytest.mark.parametrize("shape", [(90, 110), (20, 40, 45)], ids=str)
def test_watershed(pw, tmp_path, seeds, dtype, shape):
    rng = np.random.default_rng(len(dtype))
    image = field(rng, shape, dtype)
    threshold = float(np.quantile(image, 0.55))
    np.save(tmp_path / "image.npy", image)
    for sigma, size in ((0, 6), (1, 12), (2, 9)):
        expected = flooded(image, threshold, sigma, size, seeds)
        outputs = set()
        for threads, simd in ((1, "portable"), (7, "avx512")):
            result = pw("run", tmp_path / "image.npy", "--fn",
                        f"watershed:threshold={threshold!r},smooth={sigma},size={size},seeds={seeds}", "--tile", "1000",
                        "--threads", threads, "-o", tmp_path / "labels.npy", "--overwrite", env={"PW_SIMD": simd})
            images.assert_same_labels(np.load(tmp_path / "labels.npy"), expected, str(result))
            outputs.add((tmp_path / "labels.npy").read_bytes())
        assert len(outputs) == 1


@pytest.mark.parametrize("dtype", ("uint8", "int32", "uint64", "uint16"))
def test_watershed_from_seeds_of_an_image(pw, tmp_path, dtype):
    rng = np.random.default_rng(3)
    image = field(rng, (16, 50, 60), "uint16")
    seeds = np.zeros(image.shape, dtype)
    at = rng.permutation(image.size)[:90]
    seeds.ravel()[at] = rng.permutation(np.arange(1, 91)) + (2**40 if dtype == "uint64" else 0)
    threshold = float(np.quantile(image, 0.4))
    np.save(tmp_path / "image.npy", image)
    np.save(tmp_path / "seeds.npy", seeds)
    markers = np.unique(seeds, return_inverse=True)[1].reshape(seeds.shape)
    expected = flooded(image, threshold, 1, 12, markers)
    result = pw("run", tmp_path / "image.npy", "--fn", f"watershed:threshold={threshold!r},size=12,seeds={tmp_path / 'seeds.npy'}",
                "--tile", "1000", "-o", tmp_path / "labels.npy")
    images.assert_same_labels(np.load(tmp_path / "labels.npy"), expected, str(result))
    outputs = set()
    for threads in (1, 2, 7):
        pw("run", tmp_path / "image.npy", "--fn", f"watershed:threshold={threshold!r},size=12,seeds={tmp_path / 'seeds.npy'}",
           "--tile", "20", "--threads", threads, "-o", tmp_path / "tiled.npy", "--overwrite")
        outputs.add((tmp_path / "tiled.npy").read_bytes())
    assert len(outputs) == 1


def test_watershed_from_seeds_of_time_points(pw, tmp_path):
    """Each time point has its own seeds; those of one time point are for all."""
    image = np.full((3, 4, 30, 30), 100, np.uint8)
    seeds = np.zeros(image.shape, np.uint16)
    for t in range(3):
        for k in range(t + 1):
            seeds[t, 2, 5 + 10 * k, 15] = k + 1
    np.save(tmp_path / "image.npy", image)
    np.save(tmp_path / "one.npy", seeds[1])
    for name, times in (("seeds", 3), ("two", 2)):  # an npy has no names for its axes
        np.save(tmp_path / "t.npy", seeds[:times])
        pw("convert", tmp_path / "t.npy", tmp_path / f"{name}.zarr", "--axes", "tzyx")

    def objects(name, *options):
        pw("run", tmp_path / "image.npy", "--axes", "tzyx", "--fn", f"watershed:threshold=1,smooth=0,size=4,seeds={tmp_path / name}",
           "-o", tmp_path / "labels.npy", "--overwrite", *options)
        labels = np.load(tmp_path / "labels.npy")
        return [len(np.unique(volume)) for volume in (labels if labels.ndim == 4 else labels[None])]

    assert objects("seeds.zarr") == [1, 2, 3]
    assert objects("seeds.zarr", "--time", "1:3") == [2, 3] and objects("seeds.zarr", "--time", "2") == [3]
    assert objects("one.npy") == [2, 2, 2]
    pw.refuses("run", tmp_path / "image.npy", "--axes", "tzyx", "--fn", f"watershed:threshold=1,size=4,seeds={tmp_path / 'two.zarr'}",
               "-o", tmp_path / "x.npy", says=("two.zarr", "2 time points"))


def test_watershed_with_otsu_on_real_nuclei(pw, tmp_path, data):
    """The threshold is that of the whole image; tiles change few nuclei, and threads nothing."""
    image = tifffile.imread(data / "nuclei" / "stardist_img2d.tif")
    np.save(tmp_path / "image.npy", image)
    expected = flooded(image, images.otsu(image), 2, 20)
    pw("run", tmp_path / "image.npy", "--fn", "watershed:smooth=2,size=20", "--tile", "1000", "-o", tmp_path / "whole.npy")
    images.assert_same_labels(np.load(tmp_path / "whole.npy"), expected)
    outputs = set()
    for threads in (1, 2, 7):
        pw("run", tmp_path / "image.npy", "--fn", "watershed:smooth=2,size=20", "--tile", "128", "--threads", threads, "-o",
           tmp_path / "tiled.npy", "--overwrite")
        outputs.add((tmp_path / "tiled.npy").read_bytes())
    assert len(outputs) == 1
    tiled = np.squeeze(np.load(tmp_path / "tiled.npy"))
    pairs, counts = np.unique(np.stack([expected.ravel(), tiled.ravel()]), axis=1, return_counts=True)
    a, b = np.bincount(expected.ravel()), np.bincount(tiled.ravel())
    inside = (pairs[0] > 0) & (pairs[1] > 0)
    iou = counts[inside] / (a[pairs[0][inside]] + b[pairs[1][inside]] - counts[inside])
    assert np.count_nonzero(iou > 0.9) / expected.max() > 0.9


def test_what_watershed_refuses(pw, tmp_path):
    np.save(tmp_path / "image.npy", np.zeros((60, 60), np.uint8))
    np.save(tmp_path / "small.npy", np.zeros((30, 60), np.uint8))
    np.save(tmp_path / "real.npy", np.zeros((60, 60), np.float32))
    run = ("run", tmp_path / "image.npy", "-o", tmp_path / "x.npy", "--fn")
    pw.refuses(*run, "watershed:threshold=high", says="threshold=high")
    pw.refuses(*run, f"watershed:threshold=1,seeds={tmp_path / 'none.npy'}", says="none.npy")
    pw.refuses(*run, f"watershed:threshold=1,seeds={tmp_path / 'small.npy'}", says=("small.npy", "1x30x60"))
    pw.refuses(*run, f"watershed:threshold=1,seeds={tmp_path / 'real.npy'}", says=("real.npy", "float32"))
    pw.refuses(*run, "watershed:threshold=1,connectivity=3", says="1..2")
    pw.refuses(*run, "watershed:threshold=1,by=distance", says="by=distance")
    image = np.zeros((60, 60), np.float32)
    image[5, 5] = np.nan
    np.save(tmp_path / "nan.npy", image)
    pw.refuses("run", tmp_path / "nan.npy", "-o", tmp_path / "x.npy", "--fn", "watershed:threshold=1", says=("NaN", "tile 0"))
