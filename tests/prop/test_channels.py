"""
Several channels of an image to a function that works on them together, by number and by name, in any order of the
axes; and one of several to a function that takes one.
"""

import json

import numpy as np
import pytest
import tifffile
import zarr
from pwtest import images, stores
from pwtest.tool import SOURCE_ROOT, compile_c

NAMES = ["DAPI", "GFP", "a, b"]


@pytest.fixture(scope="session")
def brightest(tmp_path_factory):
    """The example plugin: voxels of the first channel above a threshold that are brightest there."""
    source = SOURCE_ROOT / "examples" / "plugin_channels.c"
    return compile_c(source, tmp_path_factory.mktemp("channels") / "brightest.so", "-shared", "-fPIC")


@pytest.fixture(scope="module")
def scene():
    from scipy import ndimage
    rng = np.random.default_rng(3)
    image = ndimage.gaussian_filter(rng.random((2, 3, 8, 33, 35)), (0, 0, 1, 1, 1))
    return np.round(image * 60000).astype(np.uint16)


def expected(scene, channels, threshold):
    """Of every time point (t, z, y, x)."""
    first, others = scene[:, channels[0]], [scene[:, c] for c in channels[1:]]
    mask = first > threshold
    for other in others:
        mask &= other < first
    out = np.zeros(mask.shape, np.uint64)
    for t in range(len(mask)):
        labels = images.components(mask[t], 1)
        out[t][labels > 0] = labels[labels > 0] + out.max()
    return out


def write(folder, scene, axes, form):
    turned = np.ascontiguousarray(scene.transpose(["tczyx".index(a) for a in axes]))
    if form == "fortran":
        np.save(folder / "image.npy", np.asfortranarray(turned))
        return [folder / "image.npy", "--axes", axes]
    return [*stores.write(np.random.default_rng(len(axes) + ord(axes[0])), folder, turned, form), "--axes", axes]


@pytest.mark.parametrize("axes", ("tczyx", "zctyx", "tzyxc", "xyzct", "cxtyz"))
@pytest.mark.parametrize("form", ("npy", "fortran", "raw", "zarr2", "zarr3"))
def test_two_channels_in_any_order(pw, tmp_path, scene, brightest, axes, form):
    image = write(tmp_path, scene, axes, form)
    written = []
    for channels, threads, tile in (((1, 0), 1, "3,10,9"), ((1, 0), 2, "3,10,9"), ((1, 0), 7, "8,33,4")):
        threshold = int(np.median(scene))
        result = pw("run", *image, "-o", tmp_path / "out.npy", "--overwrite", "--fn",
                    f"{brightest}:threshold={threshold}", "--channel", ",".join(map(str, channels)), "--tile", tile,
                    "--threads", threads)
        images.assert_same_labels(np.load(tmp_path / "out.npy"), expected(scene, channels, threshold), str(result))
        written.append((tmp_path / "out.npy").read_bytes())
    assert written[0] == written[1] == written[2]


@pytest.mark.parametrize("io", ("uring", "mmap", "sync"))
def test_every_engine(pw, tmp_path, scene, brightest, io):
    for form, axes in (("npy", "tczyx"), ("zarr3", "tzcyx")):
        image = write(tmp_path, scene, axes, form)
        pw("run", *image, "-o", tmp_path / "out.npy", "--overwrite", "--fn", f"{brightest}:channels=3",
           "--tile", "4,9,12", "--halo", "1,2,3", "--io", io)
        images.assert_same_labels(np.load(tmp_path / "out.npy"), expected(scene, (0, 1, 2), 0), f"{form} {io}")


def named_store(path, scene, version, names=NAMES):
    """An OME-Zarr image with the names of its channels where viewers look for them."""
    group = zarr.create_group(str(path), zarr_format=3 if version == "0.5" else 2)
    group.create_array("0", shape=scene.shape, dtype=scene.dtype, chunks=(1, 3, 4, 16, 16))[...] = scene
    axes = [{"name": a, "type": {"t": "time", "c": "channel"}.get(a, "space")} for a in "tczyx"]
    multiscale = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": [
        {"type": "scale", "scale": [1.0] * 5}]}]}
    if version == "0.3":
        multiscale = {"axes": list("tczyx"), "datasets": [{"path": "0"}], "version": "0.3"}
    elif version in ("0.1", "0.2"):
        multiscale = {"datasets": [{"path": "0"}], "version": version}
    elif version == "0.4":
        multiscale["version"] = "0.4"
    omero = {"channels": [{"label": n, "color": "FF0000", "window": {"start": 0, "end": 1, "min": 0, "max": 1}}
                          for n in names]}
    if version == "0.5":
        group.attrs["ome"] = {"version": "0.5", "multiscales": [multiscale], "omero": omero}
    else:
        group.attrs.update({"multiscales": [multiscale], "omero": omero})
    return path


@pytest.mark.parametrize("version", ("0.1", "0.2", "0.3", "0.4", "0.5"))
def test_channels_by_name_in_stores_of_all_ages(pw, tmp_path, scene, brightest, version):
    store = named_store(tmp_path / "image.zarr", scene, version)
    said = json.loads(pw("info", store, "--json").text)
    assert said["channels"] == NAMES
    assert [a["name"] for a in said["axes"]] == list("tczyx")
    assert "GFP" in pw("info", store).text
    for names, channels in (("GFP,DAPI", (1, 0)), ("2,GFP", (2, 1)), ("all", (0, 1, 2))):
        pw("run", store, "-o", tmp_path / "out.npy", "--overwrite", "--fn", f"{brightest}:channels=0",
           "--channel", names, "--tile", "5,16,16")
        images.assert_same_labels(np.load(tmp_path / "out.npy"), expected(scene, channels, 0), names)
    threshold = int(np.median(scene))
    for name, channel in (("GFP", 1), ("a, b", 2), ("1", 1)):
        pw("run", store, "-o", tmp_path / "out.npy", "--overwrite", "--fn", f"threshold:{threshold}",
           "--channel", name)
        images.assert_same_labels(np.load(tmp_path / "out.npy"), expected(scene, (channel,), threshold), name)


def test_choices_that_are_refused(pw, tmp_path, scene, brightest):
    store = named_store(tmp_path / "image.zarr", scene, "0.5")
    out = ["-o", tmp_path / "no.npy"]
    two = ["run", store, *out, "--fn", brightest]
    one = ["run", store, *out, "--fn", "threshold:3"]
    pw.refuses(*two, says=("2 channels", "has 3", "--channel"))
    pw.refuses(*two, "--channel", "0,1,2", says=("2 channels", "3 are chosen"))
    pw.refuses(*two, "--channel", "1", says="1 is chosen")
    pw.refuses(*one, says=("has 3 channels", "--channel 0..2", "DAPI, GFP"))
    pw.refuses(*one, "--channel", "0,1", says=("threshold", "takes one channel", "0,1"))
    pw.refuses(*one, "--channel", "3", says="(0..2)")
    pw.refuses(*one, "--channel", "RFP", says=("RFP", "DAPI, GFP"))
    pw.refuses(*one, "--channel", "0,", says="--channel 0,")
    twice = named_store(tmp_path / "twice.zarr", scene, "0.4", ["A", "A", "B"])
    pw.refuses("run", twice, *out, "--fn", "threshold:3", "--channel", "A", says="2 channels")
    nameless = zarr.create_array(str(tmp_path / "nameless.zarr"), shape=(2, 9, 9), chunks=(1, 9, 9), dtype="uint8",
                                 dimension_names=["c", "y", "x"])
    nameless[...] = 1
    pw.refuses("run", tmp_path / "nameless.zarr", *out, "--fn", "threshold:3", "--channel", "A", says="no names")
    assert not (tmp_path / "no.npy").exists()


def test_samples_are_channels(pw, tmp_path, brightest):
    """The samples of a colour image, in one file chunky and in one planar."""
    rng = np.random.default_rng(1)
    image = rng.integers(0, 60000, (40, 50, 3)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "chunky.tif", image, photometric="rgb")
    tifffile.imwrite(tmp_path / "planar.tif", image.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    mask = (image[..., 2] > image[..., 0]) & (image[..., 2] > image[..., 1])
    for name in ("chunky", "planar"):
        pw("run", tmp_path / f"{name}.tif", "-o", tmp_path / "out.npy", "--overwrite", "--fn",
           f"{brightest}:channels=3", "--channel", "2,1,0", "--tile", "17,13")
        images.assert_same_labels(np.load(tmp_path / "out.npy"), images.components(mask, 1), name)


def test_memory_for_channels_is_planned(pw, tmp_path, scene, brightest, meter):
    """Peak memory stays below the plan with three channels of a larger image."""
    if pw.is_sanitized():
        pytest.skip("sanitizers change memory use")
    rng = np.random.default_rng(2)
    big = rng.integers(0, 255, (3, 64, 256, 256)).astype(np.uint8).astype(np.uint16)
    store = zarr.create_array(str(tmp_path / "big.zarr"), shape=big.shape, chunks=(1, 32, 64, 64), dtype="uint16",
                              dimension_names=list("czyx"))
    store[...] = big
    usage = meter(pw.command("run", tmp_path / "big.zarr", "-o", tmp_path / "out.npy", "--fn", f"{brightest}:channels=3",
                             "--tile", "32,64,64", "--memory", "96M", "--threads", "2"))
    assert usage["peak_rss_bytes"] < (96 + 24) * 2**20
