"""
Images with several time points: each is a volume of its own, ids go on from one to the next in raster order of t z y x,
and nothing depends on the order of the axes, tiles, threads or formats.  The oracle labels every time point by itself.
"""

import json

import numpy as np
import pytest
import tifffile
import zarr
from pwtest import images, stores
from pwtest.tool import tree

RULES = ("touch", "face", "witness")


def draw(rng, shape):
    """A smooth image with some objects in each time point, and a threshold that cuts them out."""
    from scipy import ndimage
    image = ndimage.gaussian_filter(rng.random(shape), (0,) + (1.2,) * (len(shape) - 1))
    image = np.round((image - image.min()) / np.ptp(image) * 60000).astype(np.uint16)
    return image, int(np.percentile(image, 65))


def one_after_the_other(masks, connectivity=1):
    """scipy.ndimage.label of each time point, its ids behind those of the one before."""
    out = np.zeros(masks.shape, np.uint64)
    last = 0
    for t, mask in enumerate(masks):
        labels = images.components(mask, connectivity)
        out[t][labels > 0] = labels[labels > 0] + last
        last = int(out[t].max()) if labels.any() else last
    return out


@pytest.fixture
def movie():
    return draw(np.random.default_rng(5), (4, 9, 37, 41))


AXIS_ORDERS = ("tzyx", "zyxt", "ztyx", "xyzt", "ytxz")


@pytest.mark.parametrize("axes", AXIS_ORDERS)
@pytest.mark.parametrize("form", ("npy", "fortran", "raw", "zarr2", "zarr3"))
def test_axes_in_any_order(pw, tmp_path, movie, axes, form):
    image, threshold = movie
    expected = one_after_the_other(image > threshold)
    turned = np.ascontiguousarray(image.transpose(["tzyx".index(a) for a in axes]))
    rng = np.random.default_rng(AXIS_ORDERS.index(axes))
    if form == "fortran":
        np.save(tmp_path / "image.npy", np.asfortranarray(turned))
        image_arguments = [tmp_path / "image.npy"]
    else:
        image_arguments = stores.write(rng, tmp_path, turned, form)
    written = []
    for threads, tile in ((1, "4,13,17"), (2, "4,13,17"), (7, "9,5,41")):
        result = pw("run", *image_arguments, "--axes", axes, "-o", tmp_path / "out.npy", "--overwrite",
                    "--fn", f"threshold:{threshold}", "--tile", tile, "--threads", threads)
        images.assert_same_labels(np.load(tmp_path / "out.npy"), expected, str(result))
        written.append((tmp_path / "out.npy").read_bytes())
    assert written[0] == written[1] == written[2]


@pytest.mark.parametrize("connectivity", (1, 2, 3))
@pytest.mark.parametrize("rule", RULES)
def test_nothing_is_merged_across_time(pw, tmp_path, rule, connectivity):
    """The same block in every time point, in all of its corners, is an object at each."""
    image = np.zeros((3, 6, 20, 22), np.uint8)
    image[:, :, 2:18, 3:19] = 200
    np.save(tmp_path / "image.npy", image)
    halo = [] if rule != "witness" else ["--halo", "2,4,4"]
    pw("run", tmp_path / "image.npy", "--axes", "tzyx", "-o", tmp_path / "out.npy", "--fn",
       f"threshold:100,connectivity={connectivity}", "--merge", rule, "--tile", "3,7,6", *halo)
    expected = np.where(image > 0, np.arange(1, 4).reshape(3, 1, 1, 1), 0)
    images.assert_same_labels(np.load(tmp_path / "out.npy"), expected)


@pytest.mark.parametrize("rank", (2, 3))
@pytest.mark.parametrize("suffix", ("zarr", "npy", "tif", "raw"))
def test_every_output(pw, tmp_path, suffix, rank):
    image, threshold = draw(np.random.default_rng(rank), (3, 10, 33, 29)[: 1] + (10, 33, 29)[3 - rank:])
    expected = one_after_the_other(image > threshold, rank)
    np.save(tmp_path / "image.npy", image)
    axes = "tzyx"[:1] + "zyx"[3 - rank:]
    trees = []
    for threads in (1, 2, 7):
        output = tmp_path / f"{threads}" / f"out.{suffix}"
        output.parent.mkdir()
        pw("run", tmp_path / "image.npy", "--axes", axes, "-o", output, "--fn",
           f"threshold:{threshold},connectivity={rank}", "--tile", "4,9,8", "--threads", threads, "--memory", "160M",
           *(["--chunk", "3,16,16"] if suffix == "zarr" else []))
        got = stores.read_labels(output, expected.shape)
        assert got.shape == expected.shape
        images.assert_same_labels(got, expected)
        trees.append(tree(output))
    assert trees[0] == trees[1] == trees[2]
    if suffix == "tif":
        with tifffile.TiffFile(output) as tiff:
            assert tiff.series[0].axes == axes.upper()


def ngff(path, image, axes, scale, translation, units, version="0.5", chunks=None, levels=1):
    """An OME-Zarr image with a calibration and levels whose y and x are halved."""
    format = 3 if version == "0.5" else 2
    group = zarr.create_group(str(path), zarr_format=format)
    kinds = {"t": "time", "c": "channel"}
    datasets = []
    for level in range(levels):
        part = image[..., :: 2**level, :: 2**level]
        names = {"dimension_names": list(axes)} if format == 3 else {}
        group.create_array(str(level), shape=part.shape, dtype=part.dtype, chunks=chunks or part.shape, **names)[...] = part
        factor = [2**level if a in "yx" else 1 for a in axes]
        transformations = [{"type": "scale", "scale": [s * f for s, f in zip(scale, factor)]}]
        if any(translation):
            transformations.append({"type": "translation", "translation": list(translation)})
        datasets.append({"path": str(level), "coordinateTransformations": transformations})
    listed = [{"name": a, "type": kinds.get(a, "space"), **({"unit": u} if u else {})} for a, u in zip(axes, units)]
    multiscales = [{"axes": listed, "datasets": datasets, "name": "image"}]
    if format == 3:
        group.attrs["ome"] = {"version": version, "multiscales": multiscales}
    else:
        multiscales[0]["version"] = version
        group.attrs["multiscales"] = multiscales
    return path


@pytest.mark.parametrize("version", ("0.4", "0.5"))
def test_labels_in_the_store_of_a_movie(pw, tmp_path, movie, version):
    """The labels have the image's time axis, its scale, and its levels; a range of time points begins later."""
    image, threshold = movie
    both = np.stack([image // 2, image], 1)
    store = ngff(tmp_path / "image.zarr", both, "tczyx", (30.0, 1.0, 2.0, 0.5, 0.5), (60.0, 0, 1.0, 0, 0),
                 ("second", "", "micrometer", "micrometer", "um"), version, (2, 1, 5, 16, 16), levels=2)
    pw("run", store, "--channel", 1, "--fn", f"threshold:{threshold}", "--tile", "4,16,16")
    label = stores.label_group(store, "threshold")
    full, small = stores.levels(label)
    images.assert_same_labels(full[...], one_after_the_other(image > threshold))
    assert small.shape == (4, 9, 19, 21)
    for t in range(4):
        assert set(np.unique(small[t])) <= set(np.unique(full[t])) | {0}
        assert len(np.unique(small[t])) > 3
    multiscale = stores.ome(label)["multiscales"][0]
    assert [a["name"] for a in multiscale["axes"]] == list("tzyx")
    assert multiscale["axes"][0] == {"name": "t", "type": "time", "unit": "second"}
    assert [a.get("unit") for a in multiscale["axes"]] == ["second", "micrometer", "micrometer", "micrometer"]
    scale, translation = multiscale["datasets"][1]["coordinateTransformations"]
    assert scale["scale"] == [30.0, 2.0, 1.0, 1.0] and translation["translation"][:2] == [60.0, 1.0]

    pw("run", store, "--channel", 1, "--fn", f"threshold:{threshold}", "--time", "2:4", "-o", tmp_path / "part.zarr")
    label = stores.label_group(tmp_path / "part.zarr")
    images.assert_same_labels(stores.levels(label)[0][...], one_after_the_other(image[2:4] > threshold))
    moved = stores.ome(label)["multiscales"][0]["datasets"][0]["coordinateTransformations"][1]["translation"]
    assert moved[0] == 120.0


def test_choices_of_time(pw, tmp_path, movie):
    image, threshold = movie
    np.save(tmp_path / "image.npy", image)
    run = ["run", tmp_path / "image.npy", "--axes", "tzyx", "--fn", f"threshold:{threshold}", "-o", tmp_path / "out.npy",
           "--overwrite"]
    every = one_after_the_other(image > threshold)
    for choice, part in (([], slice(None)), (["--time", "all"], slice(None)), (["--time", "1:3"], slice(1, 3)),
                         (["--time", "2:"], slice(2, None)), (["--time", ":1"], slice(0, 1))):
        pw(*run, *choice)
        images.assert_same_labels(np.load(tmp_path / "out.npy"), one_after_the_other(image[part] > threshold))
    pw(*run, "--time", 2)
    images.assert_same_labels(np.load(tmp_path / "out.npy"), images.components(image[2] > threshold, 1))
    for wrong, says in (("4", "--time 4"), ("1:5", "--time 1:5"), ("3:3", "--time 3:3"), ("last", "--time last"),
                        ("-1", "--time -1")):
        pw.refuses(*run, "--time", wrong, says=says)
    # One time point of a file that has a time axis: no axis unless it is asked for.
    np.save(tmp_path / "image.npy", image[:1])
    pw(*run)
    assert np.load(tmp_path / "out.npy").shape == image.shape[1:]
    pw(*run, "--time", "all")
    assert np.load(tmp_path / "out.npy").shape == image[:1].shape
    images.assert_same_labels(np.load(tmp_path / "out.npy"), every[:1])


def test_tables_have_a_column_of_time(pw, tmp_path, movie):
    image, threshold = movie
    np.save(tmp_path / "image.npy", image)
    pw("run", tmp_path / "image.npy", "--axes", "tzyx", "--time", "1:4", "-o", tmp_path / "out.npy", "--fn",
       f"threshold:{threshold}", "--tile", "4,13,17", "--objects", tmp_path / "run.csv")
    labels = np.load(tmp_path / "out.npy")
    rows = np.genfromtxt(tmp_path / "run.csv", delimiter=",", names=True, dtype=None, encoding="utf-8")
    assert len(rows) == labels.max()
    for row in rows[:: max(1, len(rows) // 60)]:
        t, z, y, x = np.nonzero(labels == row["id"])
        assert set(t + 1) == {row["time"]}
        assert (row["z0"], row["y0"], row["x0"]) == (z.min(), y.min(), x.min())
        assert (row["z1"], row["y1"], row["x1"]) == (z.max() + 1, y.max() + 1, x.max() + 1)
        assert row["voxels"] == len(z) and row["centroid_z"] == pytest.approx(z.mean())
        assert row["mean"] == pytest.approx(image[1:4][labels == row["id"]].mean())
    # The same table from the labels, whose time points are counted from 0, beside an image with as many.
    np.save(tmp_path / "image.npy", image[1:])
    axes = ["--axes", "tzyx", "--image-axes", "tzyx"]
    pw("measure", tmp_path / "out.npy", tmp_path / "image.npy", *axes, "-o", tmp_path / "again.csv")
    again = np.genfromtxt(tmp_path / "again.csv", delimiter=",", names=True, dtype=None, encoding="utf-8")
    assert again.dtype.names == tuple(n for n in rows.dtype.names if n not in ("n_tiles", "crosses_seam"))
    for name in again.dtype.names:
        assert (again[name] + 1 if name == "time" else again[name]).tolist() == rows[name].tolist(), name
    np.save(tmp_path / "image.npy", image[:2])
    pw.refuses("measure", tmp_path / "out.npy", tmp_path / "image.npy", *axes, "-o", tmp_path / "no.csv",
               says=("3 time points", "2"))


def test_a_tracked_object_has_a_row_at_each_time(pw, tmp_path):
    """Labels of somebody else may keep an id over time."""
    labels = np.zeros((3, 12, 14), np.uint32)
    labels[0, 2:5, 2:5] = 7
    labels[2, 4:9, 3:5] = 7
    labels[1, 0:2, 0:3] = 4
    np.save(tmp_path / "labels.npy", labels)
    pw("measure", tmp_path / "labels.npy", "--axes", "tyx", "-o", tmp_path / "rows.csv", "--columns", "skimage")
    rows = np.genfromtxt(tmp_path / "rows.csv", delimiter=",", names=True)
    assert [(r["label"], r["time"], r["area"]) for r in rows] == [(4, 1, 6), (7, 0, 9), (7, 2, 10)]


def test_borders_are_those_of_a_time_point(pw, tmp_path):
    """--border drop knows that the first plane of the second time point is a border."""
    image = np.zeros((2, 5, 12, 12), np.uint8)
    image[0, 3:5, 3:6, 3:6] = 9
    image[1, 1:4, 3:6, 3:6] = 9
    np.save(tmp_path / "image.npy", image)
    pw("run", tmp_path / "image.npy", "--axes", "tzyx", "-o", tmp_path / "out.npy", "--fn", "threshold:3",
       "--border", "drop", "--tile", "2,5,5")
    expected = np.zeros(image.shape, np.uint32)
    expected[1] = image[1] > 0
    images.assert_same_labels(np.load(tmp_path / "out.npy"), expected)


def test_two_volumes_of_several_times(pw, tmp_path, movie):
    image, threshold = movie
    labels = one_after_the_other(image > threshold).astype(np.uint32)
    np.save(tmp_path / "a.npy", labels)
    other = labels.copy()
    other[2, 3, 20, 20:23] = labels.max() + 5
    np.save(tmp_path / "b.npy", other)
    same = json.loads(pw("compare", tmp_path / "a.npy", tmp_path / "a.npy", "--axes", "tzyx", "--json").text)
    assert same["different_voxels"] == 0 and same["voxels"] == labels.size and same["times"] == 4
    changed = json.loads(pw.any("compare", tmp_path / "a.npy", tmp_path / "b.npy", "--axes", "tzyx", "--json").text)
    first = np.argwhere(labels != other)[0].tolist()
    assert [changed["first_different_time"], *changed["first_different"]] == first
    assert changed["different_voxels"] == int((labels != other).sum())
    pw.refuses("compare", tmp_path / "a.npy", tmp_path / "b.npy", "--axes", "tzyx", "--time", "9", says="--time 9")


def test_a_kept_stage_of_several_times(pw, tmp_path, movie):
    image, threshold = movie
    np.save(tmp_path / "image.npy", image)
    pw("run", tmp_path / "image.npy", "--axes", "tzyx", "-o", tmp_path / "one.zarr", "--fn", f"threshold:{threshold}",
       "--tile", "4,13,17", "--halo", 2, "--merge", "witness", "--keep-stage", tmp_path / "stage")
    pw("remerge", tmp_path / "stage", "-o", tmp_path / "two.zarr")
    one, two = (stores.label_group(tmp_path / f"{n}.zarr") for n in ("one", "two"))
    assert np.array_equal(stores.levels(one)[0][...], stores.levels(two)[0][...])
    assert stores.ome(one)["multiscales"] == stores.ome(two)["multiscales"]
    pw("remerge", tmp_path / "stage", "--merge", "touch", "-o", tmp_path / "touch.npy")
    images.assert_same_labels(np.load(tmp_path / "touch.npy"), one_after_the_other(image > threshold))
    labels = np.load(tmp_path / "touch.npy")
    last = int(labels.max())
    said = json.loads(pw("explain", tmp_path / "stage", last, "--merge", "touch", "--json").text)
    t, z, y, x = np.argwhere(labels == last)[0].tolist()
    firsts = [part for part in said["labels"] if part["core_voxels"] > 0]
    assert said["time"] == t and said["times"] == 4
    assert [z, y, x] in [part["first"] for part in firsts]
    seams = json.loads(pw("seams", tmp_path / "stage", "--merge", "touch", "--json").text)
    assert seams["n_objects"] == last


def test_merging_tiles_of_several_times(pw, tmp_path, movie):
    """Tiles that somebody else labelled one by one, for each time point."""
    image, threshold = movie
    blocks = np.zeros(image.shape, np.uint32)
    for t in range(image.shape[0]):
        for z in range(0, 9, 4):
            for y in range(0, 37, 13):
                for x in range(0, 41, 17):
                    part = (t, slice(z, z + 4), slice(y, y + 13), slice(x, x + 17))
                    blocks[part] = images.components(image[part] > threshold, 1)
    expected = one_after_the_other(image > threshold)
    store = zarr.create_array(str(tmp_path / "blocks.zarr"), shape=blocks.shape, dtype="uint32", chunks=(1, 4, 13, 17),
                              dimension_names=list("tzyx"))
    store[...] = blocks
    pw("merge", tmp_path / "blocks.zarr", "-o", tmp_path / "out.npy", "--tile", "4,13,17")
    images.assert_same_labels(np.load(tmp_path / "out.npy"), expected)
    pw("merge", tmp_path / "blocks.zarr", "--in-place", "--tile", "4,13,17")
    merged = zarr.open(str(tmp_path / "blocks.zarr"))
    assert merged.chunks == (1, 4, 13, 17)
    images.assert_same_labels(merged[...], expected)
