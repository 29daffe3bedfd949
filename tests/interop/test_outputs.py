"""
What pw-stream writes, read by the programs that users have: zarr-python, tifffile, numpy; checked as OME-NGFF.
"""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tifffile
import zarr
from pwtest import images, stores
from pwtest.tool import tree

OUTPUTS = ("zarr-0.5", "zarr-0.4", "tiff", "npy", "raw", "npy-pipe", "raw-pipe")


def labels_of(pw, tmp_path, source, output, shape, *options):
    """Runs with this kind of output and returns the labels."""
    if output.endswith("-pipe"):
        format = output.split("-")[0]
        result = pw("run", *source, *options, "-o", "-", "--format", format, "--quiet")
        path = tmp_path / f"labels.{format}"
        path.write_bytes(result.out)
    else:
        suffix = {"tiff": "tif", "npy": "npy", "raw": "raw"}.get(output, "zarr")
        path = tmp_path / f"labels-{output}.{suffix}"
        extra = ["--ngff", output[-3:]] if suffix == "zarr" else []
        pw("run", *source, *options, "-o", path, *extra)
    return path, stores.read_labels(path, shape)


@pytest.fixture(scope="module")
def blobs():
    rng = np.random.default_rng(12)
    image, threshold = images.paint(rng, images.blob_mask(rng, (21, 83, 70)), "uint16")
    return image, threshold


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("rank", [2, 3])
def test_outputs_read_back(pw, tmp_path, blobs, output, rank):
    volume, threshold = blobs
    image = volume if rank == 3 else volume[5]
    np.save(tmp_path / "image.npy", image)
    expected = images.components(image > threshold, rank)
    fn = f"threshold:{threshold},connectivity={rank}"
    path, got = labels_of(pw, tmp_path, [tmp_path / "image.npy"], output, image.shape, "--fn", fn, "--tile", "16")
    assert got.shape == image.shape and got.dtype == np.uint32
    images.assert_same_labels(got, expected, str(path))


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "uint64"])
@pytest.mark.parametrize("output", OUTPUTS)
def test_element_types(pw, tmp_path, blobs, output, dtype):
    volume, threshold = blobs
    np.save(tmp_path / "image.npy", volume)
    suffix = {"tiff": "tif", "npy": "npy", "raw": "raw"}.get(output, "zarr")
    if output.endswith("-pipe"):
        path = tmp_path / f"pipe.{output[:3]}"
        path.write_bytes(pw("run", tmp_path / "image.npy", "--fn", f"threshold:{threshold}", "--out-dtype", dtype,
                            "-o", "-", "--format", output[:3]).out)
    else:
        path = tmp_path / f"labels.{suffix}"
        extra = ["--ngff", output[-3:]] if suffix == "zarr" else []
        pw("run", tmp_path / "image.npy", "--fn", f"threshold:{threshold}", "--out-dtype", dtype, "-o", path, *extra)
    got = stores.read_labels(path, volume.shape, dtype)
    assert got.dtype == dtype
    images.assert_same_labels(got, images.components(volume > threshold, 1), str(path))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("rank", [2, 3])
def test_standalone_store(pw, data, tmp_path, blobs, version, rank):
    """OUT.zarr/labels/<name>: valid, listed, a label image, with its count; nothing else in the store."""
    volume, threshold = blobs
    image = volume if rank == 3 else volume[3]
    np.save(tmp_path / "image.npy", image)
    store = tmp_path / "out.zarr"
    result = pw("run", tmp_path / "image.npy", "--fn", f"threshold:{threshold}", "-o", store, "--ngff", version,
                "--name", "cells", "--summary=json")
    expected = images.components(image > threshold, 1)
    stores.validate(data, store)
    assert stores.ome(store / "labels")["labels"] == ["cells"]
    group = stores.label_group(store, "cells")
    attributes = stores.attributes(group)
    assert "image-label" in stores.ome(group)
    assert attributes["patchworks"]["n_objects"] == expected.max() == result.summary()["n_objects"]
    array = stores.levels(group)[0]
    assert array.metadata.zarr_format == (2 if version == "0.4" else 3)
    images.assert_same_labels(array[...], expected, str(store))
    names = [axis["name"] for axis in stores.ome(group)["multiscales"][0]["axes"]]
    assert names == list("zyx")[-rank:]
    listed = {p.name for p in store.iterdir()} - {"zarr.json", ".zgroup", ".zattrs"}
    assert listed == {"labels"}


def test_empty_chunks_are_not_written(pw, tmp_path):
    image = np.zeros((64, 64, 64), np.uint8)
    image[3:5, 3:5, 3:5] = 9
    np.save(tmp_path / "image.npy", image)
    for version in ("0.4", "0.5"):
        store = tmp_path / f"{version}.zarr"
        pw("run", tmp_path / "image.npy", "--fn", "threshold:5", "-o", store, "--ngff", version, "--tile", "16",
           "--chunk", "16,16,16", *(["--shard", "32,32,32"] if version == "0.5" else []))
        files = [p for p in (stores.label_group(store) / "0").rglob("*") if p.is_file()]
        chunks = [p for p in files if p.name not in ("zarr.json", ".zarray", ".zattrs")]
        assert len(chunks) == 1, chunks
        assert stores.read_labels(store).sum() == 8


@pytest.mark.parametrize("version,chunk,shard", [("0.5", "16,24,32", "32,48,64"), ("0.5", "8,16,16", "8,64,32"),
                                                 ("0.4", "16,24,32", None), ("0.4", "7,11,13", None),
                                                 ("0.5", "100,100,100", None)])
def test_asked_chunks(pw, data, tmp_path, blobs, version, chunk, shard):
    volume, threshold = blobs
    np.save(tmp_path / "image.npy", volume)
    store = tmp_path / "out.zarr"
    pw("run", tmp_path / "image.npy", "--fn", f"threshold:{threshold}", "-o", store, "--ngff", version, "--chunk", chunk,
       *(["--shard", shard] if shard else []))
    stores.validate(data, store)
    array = stores.levels(stores.label_group(store))[0]
    assert array.chunks == tuple(map(int, chunk.split(",")))
    if shard:
        assert array.shards == tuple(map(int, shard.split(",")))
    images.assert_same_labels(array[...], images.components(volume > threshold, 1))


def copy_golden(data, tmp_path, version):
    """A writable copy of the example store: an image with three levels and one label image."""
    store = tmp_path / f"ovule_{version}.ome.zarr"
    shutil.copytree(data / "golden" / store.name, store)
    for folder, _, files in os.walk(store):
        os.chmod(folder, 0o755)
        for file in files:
            os.chmod(os.path.join(folder, file), 0o644)
    return store


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_labels_into_the_image(pw, data, tmp_path, version):
    """No -o: labels/<name> in the image's store, with the image's levels, scales and translations."""
    store = copy_golden(data, tmp_path, version)
    before = tree(store)
    result = pw("run", store, "--fn", "otsu", "--name", "otsu-cells", "--tile", "16,40,50", "--summary=json")
    stores.validate(data, store)
    image_levels, label_levels = stores.levels(store), stores.levels(store / "labels" / "otsu-cells")
    image = image_levels[0][...]
    expected = images.components(image > images.otsu(image), 1)
    images.assert_same_labels(label_levels[0][...], expected, str(result))
    assert [a.shape for a in label_levels] == [a.shape for a in image_levels]
    ids = set(np.unique(expected)) | {0}
    for upper, lower in zip(label_levels, label_levels[1:]):
        assert lower.dtype == upper.dtype
        assert set(np.unique(lower[...])) <= ids
    check_pyramid(label_levels)
    datasets = [stores.ome(path)["multiscales"][0]["datasets"] for path in (store, store / "labels" / "otsu-cells")]
    assert [d["coordinateTransformations"] for d in datasets[0]] == [d["coordinateTransformations"] for d in datasets[1]]
    axes = [stores.ome(path)["multiscales"][0]["axes"] for path in (store, store / "labels" / "otsu-cells")]
    assert axes[0] == axes[1]
    assert set(stores.ome(store / "labels")["labels"]) == {"cells", "otsu-cells"}
    assert stores.ome(store / "labels" / "otsu-cells")["image-label"]["source"]["image"] == "../../"
    after = tree(store)
    changed = {k for k in before if after.get(k) != before[k]}
    assert changed <= {"labels/zarr.json", "labels/.zattrs"}, "other files of the image were touched"
    info = json.loads(pw("info", store, "--json").text)
    assert "otsu-cells" in json.dumps(info)


def check_pyramid(arrays):
    """Every voxel of a level has an id of the block below it, and objects keep about their share of the space."""
    for upper, lower in zip(arrays, arrays[1:]):
        factor = [round(a / b) for a, b in zip(upper.shape, lower.shape)]
        big, small = upper[...], lower[...]
        for _ in range(500):
            at = tuple(np.random.default_rng(_).integers(0, n) for n in small.shape)
            block = big[tuple(slice(i * f, (i + 1) * f) for i, f in zip(at, factor))]
            assert small[at] in block
        assert abs((small > 0).mean() - (big > 0).mean()) < 0.1


@pytest.mark.parametrize("version", [2, 3])
def test_images_of_a_spatialdata_take_no_labels(pw, tmp_path, version):
    """Which opens nothing of the whole store any more when one of its images holds labels."""
    group = zarr.open_group(str(tmp_path / "all.zarr/images/im"), mode="w", zarr_format=version)
    group.create_array("0", shape=(8, 9), dtype="uint8", chunks=(8, 9))[...] = 9
    axes = [{"name": name, "type": "space"} for name in "yx"]
    multiscales = {"multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]}
    said = multiscales if version == 2 else {"ome": {"version": "0.5-dev-spatialdata", **multiscales}}
    group.attrs.update({**said, "spatialdata_attrs": {"version": "0.3"}})
    run = ["run", tmp_path / "all.zarr/images/im", "--fn", "threshold:5"]
    pw.refuses(*run, says=["images/im", "SpatialData", "-o"])
    assert not (tmp_path / "all.zarr/images/im/labels").exists()
    pw(*run, "-o", tmp_path / "labels.zarr")
    assert (zarr.open_array(str(tmp_path / "labels.zarr/labels/threshold/0"), mode="r")[...] == 1).all()


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_two_label_images_in_one_store(pw, data, tmp_path, version):
    """A second one is added to the list; the first stays; an existing one is replaced only with --overwrite."""
    store = copy_golden(data, tmp_path, version)
    pw("run", store, "--fn", "threshold:100", "--name", "one")
    pw("run", store, "--fn", "threshold:50", "--name", "two")
    first = tree(store / "labels" / "one")
    pw.refuses("run", store, "--fn", "threshold:20", "--name", "one", says="one")
    assert tree(store / "labels" / "one") == first
    pw("run", store, "--fn", "threshold:20", "--name", "one", "--overwrite")
    assert tree(store / "labels" / "one") != first
    assert sorted(stores.ome(store / "labels")["labels"]) == ["cells", "one", "two"]
    stores.validate(data, store)
    image = stores.levels(store)[0][...]
    images.assert_same_labels(stores.levels(store / "labels" / "one")[0][...], images.components(image > 20, 1))


def test_default_label_name_is_the_segmenter(pw, data, tmp_path):
    store = copy_golden(data, tmp_path, "0.5")
    pw("run", store, "--fn", "threshold:100")
    added = set(stores.ome(store / "labels")["labels"]) - {"cells"}
    assert added == {"threshold"}


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_scale_and_unit_are_carried(pw, data, tmp_path, version):
    """From a calibrated store to a standalone store, and through --level."""
    source = data / "golden" / "ovule_0.5.ome.zarr"
    for level, expected in ((0, [0.235, 0.15, 0.15]), (1, [0.235, 0.3, 0.3]), (2, [0.47, 0.6, 0.6])):
        store = tmp_path / f"{level}.zarr"
        pw("run", source, "--level", level, "--fn", "otsu", "-o", store, "--ngff", version)
        stores.validate(data, store)
        multiscale = stores.ome(stores.label_group(store))["multiscales"][0]
        steps = {t["type"]: t[t["type"]] for t in multiscale["datasets"][0]["coordinateTransformations"]}
        assert steps["scale"] == pytest.approx(expected)
        assert steps.get("translation", [0, 0, 0]) == pytest.approx([(s - b) / 2 for s, b in zip(expected, (0.235, 0.15, 0.15))])
        assert [a.get("unit") for a in multiscale["axes"]] == ["micrometer"] * 3


def test_scale_of_imagej_and_ome_tiff(pw, data, tmp_path):
    """What info says of a calibrated TIFF is what the written store says."""
    image = np.random.default_rng(0).integers(0, 255, (5, 40, 50)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "ij.tif", image, imagej=True, resolution=(4.0, 4.0),
                     metadata={"spacing": 0.7, "unit": "um", "axes": "ZYX"})
    tifffile.imwrite(tmp_path / "ome.ome.tif", image, metadata={"axes": "ZYX", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25,
                     "PhysicalSizeZ": 0.7, "PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "µm", "PhysicalSizeZUnit": "µm"})
    for name in ("ij.tif", "ome.ome.tif"):
        store = tmp_path / f"{name}.zarr"
        pw("run", tmp_path / name, "--fn", "threshold:128", "-o", store)
        stores.validate(data, store)
        multiscale = stores.ome(stores.label_group(store))["multiscales"][0]
        assert multiscale["datasets"][0]["coordinateTransformations"][0]["scale"] == pytest.approx([0.7, 0.25, 0.25]), name
        assert [a.get("unit") for a in multiscale["axes"]] == ["micrometer"] * 3, name


def test_big_tiff_is_read_by_tifffile(pw, tmp_path, blobs):
    """BigTIFF, one page per plane, deflate, tiles; page by page."""
    volume, threshold = blobs
    np.save(tmp_path / "image.npy", volume)
    pw("run", tmp_path / "image.npy", "--fn", f"threshold:{threshold}", "-o", tmp_path / "labels.tif")
    expected = images.components(volume > threshold, 1)
    with tifffile.TiffFile(tmp_path / "labels.tif") as tiff:
        assert tiff.is_bigtiff
        assert len(tiff.pages) == volume.shape[0]
        for z, page in enumerate(tiff.pages):
            images.assert_same_labels(page.asarray(), expected[z], f"page {z}")
            assert page.dtype == np.uint32


@pytest.mark.parametrize("suffix", ["zarr", "tif", "npy"])
def test_own_output_is_read_again(pw, tmp_path, blobs, suffix):
    """Labels of labels are the labels; info knows the count of a label store."""
    volume, threshold = blobs
    np.save(tmp_path / "image.npy", volume)
    first, second = tmp_path / f"first.{suffix}", tmp_path / "second.npy"
    pw("run", tmp_path / "image.npy", "--fn", f"threshold:{threshold}", "-o", first)
    source = stores.label_group(first) if suffix == "zarr" else first
    pw("run", source, "--fn", "label", "-o", second)
    expected = images.components(volume > threshold, 1)
    images.assert_same_labels(np.load(second), expected)
    if suffix == "zarr":
        assert json.loads(pw("info", source, "--json").text)["n_objects"] == expected.max()


READ_PIPE = """
import io, sys, numpy
sys.stdout.buffer.write(numpy.load(io.BytesIO(sys.stdin.buffer.read())).tobytes())
"""


@pytest.mark.parametrize("name", ["nuclei/stardist_img2d.tif", "nuclei/neubias_xyz_nuclei_imagej.tif"])
def test_pipe_equals_files(pw, data, tmp_path, name):
    """pw-stream cat img.tif | pw-stream run - --fn otsu -o - | python3 -c '...numpy.load...'"""
    pw("run", data / name, "--fn", "otsu", "-o", tmp_path / "labels.npy")
    command = (f"'{pw.path}' cat '{data / name}' | '{pw.path}' run - --fn otsu -o - --quiet | "
               f"'{sys.executable}' -c '{READ_PIPE}'")
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, env=pw.environment())
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    assert done.stdout == np.load(tmp_path / "labels.npy").tobytes()
    image = tifffile.imread(data / name)
    images.assert_same_labels(np.load(tmp_path / "labels.npy"), images.components(image > images.otsu(image), 1))


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_pipes_with_every_segmenter(pw, tmp_path, blobs, threads):
    """Standard input as npy and as raw, standard output as npy and as raw; otsu needs the image twice."""
    volume, threshold = blobs
    np.save(tmp_path / "image.npy", volume)
    shape = ["--shape", stores.comma(volume.shape), "--dtype", "u16"]
    for segmenter, mask in ((f"threshold:{threshold}", volume > threshold), ("otsu", volume > images.otsu(volume))):
        expected = images.components(mask, 1)
        for feed, options in (((tmp_path / "image.npy").read_bytes(), []), (volume.tobytes(), shape)):
            for format in ("npy", "raw"):
                result = pw("run", "-", *options, "--fn", segmenter, "-o", "-", "--format", format, "--tile", "16",
                            "--threads", threads, "--quiet", stdin=feed)
                path = tmp_path / f"out.{format}"
                path.write_bytes(result.out)
                images.assert_same_labels(stores.read_labels(path, volume.shape), expected, str(result))


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
                                   "float16", "float32", "float64"])
def test_cat_is_the_array(pw, tmp_path, dtype, endian):
    rng = np.random.default_rng(1)
    if dtype == "bool":
        image = rng.random((6, 7, 8)) < 0.5
    elif dtype.startswith("float"):
        image = rng.standard_normal((6, 7, 8)).astype(dtype)
    else:
        image = rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, (6, 7, 8), dtype=dtype, endpoint=True)
    stored = image.astype(np.dtype(dtype).newbyteorder(endian))
    np.save(tmp_path / "image.npy", stored)
    (tmp_path / "cat.npy").write_bytes(pw("cat", tmp_path / "image.npy").out)
    got = np.load(tmp_path / "cat.npy")
    assert got.shape == image.shape and got.dtype == dtype and np.array_equal(got, image)
    assert pw("cat", tmp_path / "image.npy", "--raw").out == image.tobytes()


def test_fortran_order_npy(pw, tmp_path):
    """An array in Fortran order is read right, or refused by name; never read in the wrong order."""
    image = np.arange(5 * 6 * 7, dtype=np.uint16).reshape(5, 6, 7)
    np.save(tmp_path / "image.npy", np.asfortranarray(image))
    result = pw.any("cat", tmp_path / "image.npy", "--raw")
    if result.code == 0:
        assert result.out == image.tobytes()
    else:
        pw.refuses("cat", tmp_path / "image.npy", says="image.npy")


def test_channel_and_time_of_a_store(pw, tmp_path):
    """A t c z y x store: --time and --channel pick a volume; without a channel the choice is refused by name."""
    rng = np.random.default_rng(2)
    image = rng.integers(0, 1000, (2, 3, 8, 20, 24)).astype(np.uint16)
    store = tmp_path / "image.zarr"
    group = zarr.create_group(str(store), zarr_format=3)
    array = group.create_array("0", shape=image.shape, chunks=(1, 1, 4, 16, 16), dtype="uint16",
                               dimension_names=list("tczyx"))
    array[...] = image
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}] + [{"name": n, "type": "space"} for n in "zyx"]
    scale = [{"type": "scale", "scale": [1.0, 1.0, 2.0, 0.5, 0.5]}]
    multiscales = [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}], "name": "image"}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": multiscales}
    for time in range(2):
        for channel in range(3):
            output = tmp_path / f"{time}-{channel}.npy"
            result = pw("run", store, "--time", time, "--channel", channel, "--fn", "threshold:500", "-o", output,
                        "--tile", "5,7,9")
            images.assert_same_labels(np.load(output), images.components(image[time, channel] > 500, 1), str(result))
    pw.refuses("run", store, "--fn", "threshold:500", "--time", 0, "-o", tmp_path / "no.npy", says="--channel 0..2")
    pw.refuses("run", store, "--fn", "threshold:500", "--channel", 0, "--time", "1:3", "-o", tmp_path / "no.npy",
               says=("--time 1:3", "2 time points"))
    pw.refuses("run", store, "--fn", "threshold:500", "--channel", 3, "--time", 0, "-o", tmp_path / "no.npy", says="3")
    pw.refuses("run", store, "--fn", "threshold:500", "--channel", 0, "--time", 2, "-o", tmp_path / "no.npy", says="2")
    assert not (tmp_path / "no.npy").exists()
