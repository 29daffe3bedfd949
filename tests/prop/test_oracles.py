"""The oracles and writers of the tests are right themselves; needs no pw-stream."""

import numpy as np
import pytest
import tifffile
import zarr
from pwtest import images, stores

DTYPES = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64")


def flood_fill(values, connectivity):
    """Components of equal non-zero values by flood fill, numbered by first voxel: slow and plain."""
    offsets = [tuple(o - 1 for o in i) for i in np.ndindex(*(3,) * values.ndim)]
    offsets = [o for o in offsets if 0 < sum(map(abs, o)) <= connectivity]
    labels = np.zeros(values.shape, int)
    count = 0
    for start in np.ndindex(values.shape):
        if values[start] == 0 or labels[start]:
            continue
        count += 1
        labels[start] = count
        stack = [start]
        while stack:
            at = stack.pop()
            for offset in offsets:
                to = tuple(a + o for a, o in zip(at, offset))
                inside = all(0 <= t < n for t, n in zip(to, values.shape))
                if inside and not labels[to] and values[to] == values[start]:
                    labels[to] = count
                    stack.append(to)
    return labels


@pytest.mark.parametrize("kind", images.MASKS)
@pytest.mark.parametrize("shape", [(13, 17), (5, 7, 9)], ids=str)
def test_components_by_flood_fill(kind, shape):
    rng = np.random.default_rng(len(kind))
    mask = images.MASKS[kind](rng, shape)
    for connectivity in range(1, len(shape) + 1):
        images.assert_same_labels(images.components(mask, connectivity), flood_fill(mask, connectivity))


@pytest.mark.parametrize("shape", [(13, 17), (5, 7, 9)], ids=str)
def test_equal_values_by_flood_fill(shape):
    rng = np.random.default_rng(4)
    for dtype in ("uint8", "int16", "uint64"):
        values = rng.integers(0, 3, shape).astype(dtype) * np.asarray(100, dtype)
        for connectivity in range(1, len(shape) + 1):
            got = images.equal_value_components(values, connectivity)
            images.assert_same_labels(got, flood_fill(values, connectivity))


@pytest.mark.parametrize("dtype", DTYPES)
def test_painted_image_gives_its_mask(dtype):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        mask = images.random_mask(rng, (9, 11))
        image, threshold = images.paint(rng, mask, dtype)
        assert image.dtype == dtype
        assert np.array_equal(image > threshold, mask)


def test_different_labels_are_noticed():
    a = np.array([[1, 0], [0, 2]])
    with pytest.raises(AssertionError, match=r"1 of 4 voxels, first at \(1, 1\): 1, expected 2"):
        images.assert_same_labels(np.array([[1, 0], [0, 1]]), a)
    assert np.array_equal(images.raster_order(np.array([[7, 0], [3, 7]])), [[1, 0], [2, 1]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(37, 41), (9, 20, 33)], ids=str)
def test_written_images_read_back(tmp_path, dtype, shape):
    rng = np.random.default_rng(1)
    image = images.paint(rng, images.blob_mask(rng, shape), dtype)[0]
    path, *options = stores.write_raw(rng, tmp_path, image)
    offset = int(options[options.index("--offset") + 1]) if "--offset" in options else 0
    stored = np.dtype(dtype).newbyteorder(">" if "--endian" in options else "<")
    assert np.array_equal(np.fromfile(path, stored, offset=offset).reshape(shape), image)
    assert np.array_equal(np.load(stores.write_npy(rng, tmp_path, image)[0]), image)
    for variant in stores.tiff_variants(image):
        assert np.array_equal(tifffile.imread(stores.write_tiff(rng, tmp_path, image, variant)[0]), image), variant
    if len(shape) == 3:
        narrow = np.ascontiguousarray(image[:, :, :1])
        for variant in stores.tiff_variants(narrow)[:4]:
            with tifffile.TiffFile(stores.write_tiff(rng, tmp_path, narrow, variant)[0]) as tiff:
                assert [page.shape for page in tiff.pages] == [narrow.shape[1:]] * shape[0], variant
    for variant in stores.zarr2_compressors():
        path = stores.write_zarr2(rng, tmp_path, image, variant)[0]
        assert np.array_equal(zarr.open(str(path), mode="r")[...], image), variant
    for variant in stores.zarr3_variants(image):
        path = stores.write_zarr3(rng, tmp_path, image, variant)[0]
        assert np.array_equal(zarr.open(str(path), mode="r")[...], image), variant
