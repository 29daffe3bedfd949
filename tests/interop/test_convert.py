"""
pw-stream convert: what is written opens in zarr-python and numpy and equals the image, axis for axis and level for level; smaller
levels are means.
"""

import json
import shutil

import h5py
import nrrd
import numpy as np
import pytest
import SimpleITK
import tifffile
import zarr
from pwtest import stores
from pwtest.pyramids import by_mean


def check_levels(store, image, factors):
    levels = stores.levels(store)
    assert len(levels) == len(factors) + 1, [a.shape for a in levels]
    assert levels[0].dtype == image.dtype and np.array_equal(levels[0][...], image)
    for upper, lower, factor in zip(levels, levels[1:], factors):
        expected = by_mean(upper[...], factor)
        if image.dtype.kind == "f":
            np.testing.assert_allclose(lower[...], expected, rtol=1e-2 if image.dtype.itemsize == 2 else 1e-6)
        else:
            assert np.array_equal(lower[...], expected)
    return levels


DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64"]


def random_image(shape, dtype, seed=1):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.4
    if dtype.kind == "f":
        return rng.normal(0, 100, shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ngff", ["0.5", "0.4"])
def test_every_type(pw, data, tmp_path, dtype, ngff):
    image = random_image((5, 61, 83), dtype)
    np.save(tmp_path / "i.npy", image)
    pw("convert", tmp_path / "i.npy", tmp_path / "o.zarr", "--chunk", "2,16,16", "--ngff", ngff)
    check_levels(tmp_path / "o.zarr", image, [(2, 2, 2), (2, 2, 2), (2, 2, 2)])
    stores.validate(data, tmp_path / "o.zarr")
    pw("convert", tmp_path / "o.zarr", tmp_path / "back.npy")
    assert np.array_equal(np.load(tmp_path / "back.npy"), image)


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("memory", ["64M", "1G"])
def test_threads_and_memory_make_no_difference(pw, tmp_path, threads, memory):
    image = random_image((20, 130, 150), "uint16")
    np.save(tmp_path / "i.npy", image)
    for name, options in (("one", ["--threads", 1]), ("many", ["--threads", threads, "--memory", memory])):
        pw("convert", tmp_path / "i.npy", tmp_path / f"{name}.zarr", "--chunk", "4,32,32", "--shard", "8,64,64", *options)
    one, many = ({p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*") if p.is_file()} for n in ("one.zarr", "many.zarr"))
    assert {k for k in one if one[k] != many.get(k)} <= {next(k for k in one if str(k) == "zarr.json")} and one.keys() == many.keys()


def test_a_tiff_with_channels_and_time(pw, data, tmp_path):
    """t c z y x of an ImageJ hyperstack, calibrated; samples of RGB become channels."""
    image = random_image((3, 4, 2, 50, 70), "uint16")  # t z c y x
    tifffile.imwrite(tmp_path / "i.tif", image, imagej=True, resolution=(4, 4), metadata={"axes": "TZCYX", "spacing": 1.5, "unit": "um"})
    pw("convert", tmp_path / "i.tif", tmp_path / "o.zarr", "--chunk", "2,16,16")
    expected = image.transpose(0, 2, 1, 3, 4)
    levels = check_levels(tmp_path / "o.zarr", expected, [(1, 2, 2), (1, 2, 2), (1, 2, 2), (2, 2, 2)])
    ome = stores.ome(tmp_path / "o.zarr")
    multiscale = ome["multiscales"][0]
    assert [a["name"] for a in multiscale["axes"]] == list("tczyx")
    assert [a["type"] for a in multiscale["axes"]] == ["time", "channel", "space", "space", "space"]
    assert multiscale["datasets"][0]["coordinateTransformations"][0]["scale"] == pytest.approx([1, 1, 1.5, 0.25, 0.25])
    assert len(ome["omero"]["channels"]) == 2
    for c, channel in enumerate(ome["omero"]["channels"]):
        assert (channel["window"]["start"], channel["window"]["end"]) == (expected[:, c].min(), expected[:, c].max())
    assert levels[0].metadata.dimension_names == tuple("tczyx")
    stores.validate(data, tmp_path / "o.zarr")
    rgb = random_image((40, 60, 3), "uint8")
    tifffile.imwrite(tmp_path / "rgb.tif", rgb, photometric="rgb")
    pw("convert", tmp_path / "rgb.tif", tmp_path / "rgb.npy")
    assert np.array_equal(np.load(tmp_path / "rgb.npy"), rgb.transpose(2, 0, 1))


def test_how_channels_are_shown_is_kept(pw, data, tmp_path):
    """Colour, window and what is shown of OME-Zarr, the colour of OME-TIFF; what no viewer could use is made anew."""
    image = random_image((2, 20, 30), "uint16")
    np.save(tmp_path / "i.npy", image)
    pw("convert", tmp_path / "i.npy", tmp_path / "i.zarr", "--axes", "cyx", "--ngff", "0.4")
    attributes = json.loads((tmp_path / "i.zarr" / ".zattrs").read_text())
    shown = [{"label": "DAPI", "color": "0000FF", "active": False, "inverted": True, "coefficient": 2.0,
              "window": {"min": 0.0, "max": 4095.0, "start": 10.0, "end": 900.0}},
             {"label": "GFP", "color": "green", "window": {"start": 1}}]
    attributes["omero"]["channels"] = shown
    (tmp_path / "i.zarr" / ".zattrs").write_text(json.dumps(attributes))
    for version in ("0.4", "0.5"):
        pw("convert", tmp_path / "i.zarr", tmp_path / "o.zarr", "--ngff", version, "--overwrite")
        stores.validate(data, tmp_path / "o.zarr")
        one, two = stores.ome(tmp_path / "o.zarr")["omero"]["channels"]
        assert one == shown[0]
        assert two["label"] == "GFP" and two["color"] == "FF00FF" and two["window"]["end"] == image[1].max()
    tifffile.imwrite(tmp_path / "i.ome.tif", image, metadata={"axes": "CYX", "Channel": {"Name": ["a", "b"], "Color": [65535, -16776961]}})
    pw("convert", tmp_path / "i.ome.tif", tmp_path / "t.zarr")
    assert [c["color"] for c in stores.ome(tmp_path / "t.zarr")["omero"]["channels"]] == ["0000FF", "FF0000"]
    pw("convert", tmp_path / "t.zarr", tmp_path / "back.ome.tif")
    with tifffile.TiffFile(tmp_path / "back.ome.tif") as file:
        channels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]["Channel"]
    assert [c["Color"] for c in channels] == [0x0000FFFF, 0xFF0000FF - 2**32]


def test_real_images(pw, data, tmp_path):
    for i, name in enumerate(["nuclei/stardist_img3d.tif", "nuclei/neubias_xyz_nuclei_imagej.tif", "cells/maize_clsm.tif", "golden/ovule_0.4.ome.zarr"]):
        out = tmp_path / f"{i}.zarr"
        pw("convert", data / name, out)
        stores.validate(data, out)
        expected = stores.levels(data / name)[0][...] if name.endswith(".zarr") else tifffile.imread(data / name)
        assert np.array_equal(stores.levels(out)[0][...], expected), name
    before = stores.ome(data / "golden/ovule_0.4.ome.zarr")["multiscales"][0]
    after = stores.ome(tmp_path / "3.zarr")["multiscales"][0]
    assert before["axes"] == after["axes"]
    assert before["datasets"][0]["coordinateTransformations"] == after["datasets"][0]["coordinateTransformations"]


def test_chunks_that_do_not_match(pw, tmp_path):
    """Source chunks across output shards, an array smaller than its chunk, and parts that are not stored."""
    image = np.zeros((30, 90, 110), np.uint16)
    image[3:9, 40:77, 5:100] = random_image((6, 37, 95), "uint16")
    array = zarr.create_array(str(tmp_path / "i.zarr"), shape=image.shape, chunks=(7, 41, 23), dtype="u2", fill_value=0)
    array[...] = image
    pw("convert", tmp_path / "i.zarr", tmp_path / "o.zarr", "--chunk", "5,16,32", "--shard", "10,32,64", "--pyramid", "none")
    check_levels(tmp_path / "o.zarr", image, [])
    files = [p for p in (tmp_path / "o.zarr" / "0" / "c").rglob("*") if p.is_file()]
    assert len(files) < 3 * 3 * 2, "shards of nothing but zeros are not stored"
    filled = zarr.create_array(str(tmp_path / "f.zarr"), shape=(40, 50), chunks=(16, 16), dtype="i4", fill_value=-7)
    filled[3:5, 4:9] = 3
    pw("convert", tmp_path / "f.zarr", tmp_path / "f.npy")
    assert np.array_equal(np.load(tmp_path / "f.npy"), filled[...])


def test_raw_and_pipes(pw, tmp_path):
    image = random_image((7, 33, 20), "int16")
    image.astype(">i2").tofile(tmp_path / "i.raw")
    pw("convert", tmp_path / "i.raw", tmp_path / "o.npy", "--shape", "7,33,20", "--dtype", "int16", "--endian", "big")
    assert np.array_equal(np.load(tmp_path / "o.npy"), image)
    pw("convert", "-", tmp_path / "o.raw", stdin=(tmp_path / "o.npy").read_bytes())
    assert np.array_equal(np.fromfile(tmp_path / "o.raw", "<i2").reshape(7, 33, 20), image)


def test_what_is_replaced(pw, tmp_path):
    np.save(tmp_path / "i.npy", random_image((20, 30), "uint8"))
    store = tmp_path / "o.zarr"
    pw("convert", tmp_path / "i.npy", store)
    pw.refuses("convert", tmp_path / "i.npy", store, says="exists already; --overwrite replaces it")
    np.save(tmp_path / "j.npy", random_image((25, 35), "uint8"))
    pw("convert", tmp_path / "j.npy", store, "--overwrite")
    assert stores.levels(store)[0].shape == (25, 35)
    pw("run", store, "--fn", "otsu")
    pw.refuses("convert", tmp_path / "i.npy", store, "--overwrite", says="has labels, which would be lost")
    zarr.create_array(str(tmp_path / "mine.zarr"), shape=(3,), chunks=(3,), dtype="u1")
    pw.refuses("convert", tmp_path / "i.npy", tmp_path / "mine.zarr", "--overwrite", says="is not an image that was converted")
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "scratch.tmp") == ["i.npy", "j.npy", "mine.zarr", "o.zarr"]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint32", "int64", "uint64", "float32", "float64"])
def test_nrrd_and_metaimage(pw, tmp_path, dtype):
    image = random_image((3, 9, 20, 31), dtype)
    np.save(tmp_path / "i.npy", image)
    pw("convert", tmp_path / "i.npy", tmp_path / "i.zarr", "--axes", "czyx")
    edited = json.loads((tmp_path / "i.zarr" / "zarr.json").read_text())
    for axis, scale in zip(edited["attributes"]["ome"]["multiscales"][0]["axes"], (None, 2, 0.5, 0.25)):
        axis.update({"unit": "micrometer"} if scale else {})
    edited["attributes"]["ome"]["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"] = [1, 2, 0.5, 0.25]
    (tmp_path / "i.zarr" / "zarr.json").write_text(json.dumps(edited))
    np.save(tmp_path / "one.npy", image[0])
    stored = image.astype("u1") if dtype == "bool" else image
    for name in ("a.nrrd", "b.nhdr", "c.mha", "d.mhd"):
        pw("convert", tmp_path / "i.zarr", tmp_path / name)
        pw("convert", tmp_path / "one.npy", tmp_path / f"one_{name}")
        whole = nrrd.read(tmp_path / name, index_order="C")[0] if name[2] == "n" else itk(tmp_path / name)[0]
        assert whole.dtype == stored.dtype and np.array_equal(whole, stored), name
        assert np.array_equal(itk(tmp_path / f"one_{name}")[0], stored[0])
        axes = json.loads(pw("info", tmp_path / name, "--json").text)["axes"]
        assert [axis["scale"] for axis in axes[1:]] == [2, 0.5, 0.25]
        assert axes[0]["name"] == ("c" if name[2] == "n" else "t"), "MetaImage does not name its axes"
        pw.refuses("convert", tmp_path / "one.npy", tmp_path / f"one_{name}", says="exists")
    assert itk(tmp_path / "one_c.mha")[1] == (1, 1, 1)
    np.save(tmp_path / "half.npy", image[0].astype("f2"))
    pw.refuses("convert", tmp_path / "half.npy", tmp_path / "h.mhd", says="no float16")
    assert not list(tmp_path.glob("h.*"))


@pytest.mark.parametrize("dtype, options", [(dtype, []) for dtype in (
    "bool", "uint8", "int16", "uint32", "int64", "uint64", "float16", "float32", "float64")] + [
    ("uint16", ["--codec", "none"]), ("uint16", ["--chunk", "3,16,8", "--codec", "gzip:9"])])
def test_hdf5(pw, tmp_path, dtype, options):
    image = random_image((2, 3, 9, 50, 31), dtype)
    image[1, 1] = 0
    np.save(tmp_path / "i.npy", image)
    made = set()
    for threads in ("1", "2", "7"):
        pw("convert", tmp_path / "i.npy", tmp_path / "o.h5", "--axes", "tczyx", "--overwrite", "--threads", threads, *options)
        made.add((tmp_path / "o.h5").read_bytes())
    assert len(made) == 1, "the same bytes whatever the threads"
    with h5py.File(tmp_path / "o.h5") as file:
        data = file["data"]
        assert list(file) == ["data"] and data.dtype == image.dtype and np.array_equal(data[...], image)
        assert [dim.label for dim in data.dims] == list("tczyx")
        assert data.compression == (None if "none" in options else "gzip")
        assert data.chunks == ((1, 1, 3, 16, 8) if "--chunk" in options else (1, 1, 9, 50, 31))
        if not options:
            assert data.id.get_num_chunks() == 5, "what is nothing but 0 is not stored"
    assert pw("cat", tmp_path / "o.h5", "--raw").out == image.tobytes()


def test_hdf5_calibration_and_refusals(pw, tmp_path):
    image = random_image((5, 30, 20), "uint16")
    tifffile.imwrite(tmp_path / "i.ome.tif", image, metadata={"axes": "ZYX", "PhysicalSizeX": 250, "PhysicalSizeXUnit": "nm",
                                                              "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2})
    pw("convert", tmp_path / "i.ome.tif", tmp_path / "o.hdf5")
    with h5py.File(tmp_path / "o.hdf5") as file:
        assert np.allclose(file["data"].attrs["element_size_um"], [2, 0.5, 0.25])
    assert [axis["scale"] for axis in json.loads(pw("info", tmp_path / "o.hdf5", "--json").text)["axes"]] == [2, 0.5, 0.25]
    pw.refuses("convert", tmp_path / "i.ome.tif", tmp_path / "o.hdf5", says="exists already")
    pw.refuses("convert", tmp_path / "i.ome.tif", f"{tmp_path}/n.h5:/raw", says="give the file alone")
    pw.refuses("convert", tmp_path / "i.ome.tif", tmp_path / "n.h5", "--codec", "zstd", says="zstd")
    pw.refuses("convert", tmp_path / "i.ome.tif", tmp_path / "n.h5", "--chunk", "1,8,8", "--shard", "2,8,8", says="no shards")
    (tmp_path / "t.raw").write_bytes(b"too short")
    pw.refuses("convert", tmp_path / "t.raw", tmp_path / "n.h5", "--shape", "4,5,6", "--dtype", "uint8", says="t.raw")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "scratch.tmp") == ["i.ome.tif", "o.hdf5", "t.raw"]


def itk(path):
    image = SimpleITK.ReadImage(str(path))
    return SimpleITK.GetArrayFromImage(image), image.GetSpacing()


def test_refusals(pw, tmp_path):
    np.save(tmp_path / "i.npy", random_image((200, 300), "uint8"))
    pw.refuses("convert", tmp_path / "i.npy", says="takes IN and OUT")
    pw.refuses("convert", tmp_path / "i.npy", tmp_path / "o.xyz", says="the name does not tell the format")
    pw.refuses("convert", tmp_path / "i.npy", tmp_path / "nowhere" / "o.zarr", says="no such directory")
    pw.refuses("convert", tmp_path / "i.npy", tmp_path / "o.zarr", "--chunk", "1,64,64", "--shard", "1,100,64", says="no multiple of the chunk")
    pw.refuses("convert", tmp_path / "gone.npy", tmp_path / "o.zarr", says="gone.npy")
    (tmp_path / "t.npy").write_bytes((tmp_path / "i.npy").read_bytes()[:-5])
    pw.refuses("convert", tmp_path / "t.npy", tmp_path / "o.zarr", says="t.npy")
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "scratch.tmp") == ["i.npy", "t.npy"]


@pytest.mark.parametrize("ngff", ["0.5", "0.4"])
@pytest.mark.parametrize("threads", [1, 2, 7])
def test_pyramid_of_a_flat_image(pw, data, tmp_path, ngff, threads):
    """What convert leaves out can be added, and is the same."""
    np.save(tmp_path / "i.npy", random_image((20, 130, 150), "uint16"))
    options = ["--chunk", "4,32,32", "--ngff", ngff]
    pw("convert", tmp_path / "i.npy", tmp_path / "whole.zarr", *options)
    pw("convert", tmp_path / "i.npy", tmp_path / "flat.zarr", *options, "--pyramid", "none")
    before = {p.relative_to(tmp_path): p.read_bytes() for p in (tmp_path / "flat.zarr" / "0").rglob("*") if p.is_file()}
    pw("pyramid", tmp_path / "flat.zarr", "--threads", threads)
    check_levels(tmp_path / "flat.zarr", np.load(tmp_path / "i.npy"), [(2, 2, 2), (2, 2, 2), (2, 2, 2)])
    assert {p.relative_to(tmp_path): p.read_bytes() for p in (tmp_path / "flat.zarr" / "0").rglob("*") if p.is_file()} == before
    datasets = [stores.ome(tmp_path / n)["multiscales"][0]["datasets"] for n in ("flat.zarr", "whole.zarr")]
    assert datasets[0] == datasets[1]
    stores.validate(data, tmp_path / "flat.zarr")
    assert not [p for p in (tmp_path / "flat.zarr").iterdir() if p.name.startswith(".") and not p.name.startswith(".z")]
    pw.refuses("pyramid", tmp_path / "flat.zarr", says="has 4 levels already")


@pytest.mark.parametrize("rule", ["mode", "nearest"])
def test_pyramid_of_labels(pw, data, tmp_path, rule):
    """The same levels as run makes, and no value that level 0 does not have."""
    source = data / "nuclei" / "stardist_mask3d.tif"
    options = ["--fn", "label", "--chunk", "8,16,16"]
    pw("run", source, "-o", tmp_path / "whole.zarr", *options, "--pyramid", rule)
    pw("run", source, "-o", tmp_path / "flat.zarr", *options, "--pyramid", "none")
    groups = [stores.label_group(tmp_path / n) for n in ("flat.zarr", "whole.zarr")]
    told = pw("pyramid", groups[0], "--rule", rule).err
    flat, whole = (stores.levels(g) for g in groups)
    assert len(flat) == len(whole) > 2
    objects = [np.setdiff1d(a[...], 0) for a in flat]
    assert all(np.isin(b, a).all() for a, b in zip(objects, objects[1:]))
    assert [line for line in told.splitlines() if line.startswith("level ")] == [
        f"level {n} has {len(ids)} of {len(objects[0])} objects" for n, ids in enumerate(objects) if n > 0]
    assert all(np.array_equal(a[...], b[...]) for a, b in zip(flat, whole))
    assert stores.ome(groups[0])["multiscales"][0]["datasets"] == stores.ome(groups[1])["multiscales"][0]["datasets"]
    assert stores.ome(groups[0])["multiscales"][0]["type"] == rule
    stores.validate(data, tmp_path / "flat.zarr")
    pw("run", source, "-o", tmp_path / "third.zarr", *options, "--pyramid", "none")
    pw.refuses("pyramid", stores.label_group(tmp_path / "third.zarr"), "--rule", "mean", says="labels have no mean")


def test_units_of_more_chunks_on_a_smaller_level(pw, tmp_path):
    """Level 1 has chunks of 56 x 128 x 128, of which one is a shard; on level 2 they are 28 x 64 x 128, and two."""
    labels = np.zeros((112, 256, 1024), np.uint32)
    labels[::3, 40:200, 100:900] = np.arange(1, 161, dtype=np.uint32)[:, None]
    np.save(tmp_path / "i.npy", labels)
    pw("convert", tmp_path / "i.npy", tmp_path / "l.zarr", "--chunk", "64,256,128", "--pyramid", "none")
    pw("pyramid", tmp_path / "l.zarr", "--rule", "nearest")
    levels = stores.levels(tmp_path / "l.zarr")
    assert [a.shards for a in levels[1:3]] == [(56, 128, 128), (28, 64, 256)]
    for n, level in enumerate(levels):
        assert np.array_equal(level[...], labels[:: 2**n, :: 2**n, :: 2**n])


def edit_json(path, change):
    metadata = json.loads(path.read_text())
    change(metadata)
    path.write_text(json.dumps(metadata))


def flat_store(pw, tmp_path, image):
    np.save(tmp_path / "i.npy", image)
    pw("convert", tmp_path / "i.npy", tmp_path / "flat.zarr", "--chunk", "4,32,32", "--pyramid", "none")
    return tmp_path / "flat.zarr"


def dataset_paths(store):
    return [d["path"] for d in stores.ome(store)["multiscales"][0]["datasets"]]


def test_pyramid_takes_no_name_that_is_taken(pw, tmp_path):
    """The image's own array may be called 1; what else is in the group, and in no list, stays too."""
    store = flat_store(pw, tmp_path, random_image((20, 130, 150), "uint16"))
    (store / "0").rename(store / "1")
    edit_json(store / "zarr.json",
              lambda m: m["attributes"]["ome"]["multiscales"][0]["datasets"][0].update(path="1"))
    other = zarr.create_array(store=str(store / "3"), shape=(5,), dtype="int32")
    other[...] = 7
    pw("pyramid", store)
    assert dataset_paths(store) == ["1", "2", "4", "5"]
    check_levels(store, np.load(tmp_path / "i.npy"), [(2, 2, 2), (2, 2, 2), (2, 2, 2)])
    assert np.array_equal(zarr.open_array(str(store / "3"))[...], np.full(5, 7))


def test_pyramid_takes_up_what_a_killed_run_left(pw, tmp_path):
    """Levels that no list names, as a run leaves them that is killed before it can list them."""
    store = flat_store(pw, tmp_path, random_image((20, 130, 150), "uint16"))
    pw("pyramid", store)
    edit_json(store / "zarr.json",
              lambda m: m["attributes"]["ome"]["multiscales"][0].update(
                  datasets=m["attributes"]["ome"]["multiscales"][0]["datasets"][:1]))
    pw("pyramid", store)
    assert dataset_paths(store) == ["0", "1", "2", "3"]
    assert sorted(p.name for p in store.iterdir() if p.is_dir()) == ["0", "1", "2", "3"]


def test_zeros_of_half_precision_stay_zero(pw, tmp_path):
    image = np.zeros((6, 40, 40), "float16")
    image[:, :20] = random_image((6, 20, 40), "float16")
    np.save(tmp_path / "i.npy", image)
    pw("convert", tmp_path / "i.npy", tmp_path / "o.zarr", "--chunk", "2,8,8")
    for level in stores.levels(tmp_path / "o.zarr")[1:]:
        assert not np.any(level[...][:, -(-level.shape[1] // 2) :]) and np.any(level[...])


def test_a_budget_for_every_level_or_nothing(pw, tmp_path):
    """A smaller level is made of large shards: that they do not fit is said before the first is written."""
    np.save(tmp_path / "i.npy", np.zeros((64, 512, 512), "uint16"))
    pw.refuses("convert", tmp_path / "i.npy", tmp_path / "o.zarr", "--chunk", "8,64,64", "--shard", "64,512,512",
               "--memory", "64M", says=["too little for level 1", "--shard"])
    assert not (tmp_path / "o.zarr").exists()


@pytest.mark.parametrize("ngff", ["0.4", "0.5"])
def test_pyramid_codec(pw, tmp_path, ngff):
    image = random_image((9, 70, 80), np.uint16)
    np.save(tmp_path / "i.npy", image)
    made = []
    for codec in ("gzip:2", "blosc-zstd", "none"):
        store = tmp_path / f"{codec[:4]}.zarr"
        pw("convert", tmp_path / "i.npy", store, "--ngff", ngff, "--chunk", "4,32,32", "--pyramid", "none")
        pw("pyramid", store, "--codec", codec)
        group = zarr.open_group(store, mode="r")
        assert np.array_equal(group["0"][...], image)
        made.append((group["1"][...], "".join(map(str, group["1"].compressors)).lower()))
    assert all(np.array_equal(made[0][0], level) for level, _ in made)
    assert "gzip" in made[0][1] and "blosc" in made[1][1] and made[2][1] == ""
    pw("convert", tmp_path / "i.npy", store, "--chunk", "4,32,32", "--pyramid", "none", "--overwrite")
    pw.refuses("pyramid", store, "--codec", "lzma", says="codec 'lzma'")
    shutil.make_archive(tmp_path / "z", "zip", store)
    pw.refuses("pyramid", tmp_path / "z.zip", says="zip archive")


def test_pyramid_refuses(pw, tmp_path):
    np.save(tmp_path / "i.npy", random_image((20, 30), "float32"))
    pw.refuses("pyramid", tmp_path / "i.npy", says="levels can be added to an OME-Zarr image only")
    pw("convert", tmp_path / "i.npy", tmp_path / "f.zarr", "--pyramid", "none", "--chunk", "1,8,8")
    pw.refuses("pyramid", tmp_path / "f.zarr", "--rule", "mode", says="mode is for labels")
    pw.refuses("pyramid", says="takes one STORE")
