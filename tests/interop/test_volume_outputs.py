"""Labels as HDF5, NRRD and MetaImage, read by h5py, pynrrd and SimpleITK; and again by pw-stream."""

import h5py
import nrrd
import numpy as np
import pytest
import SimpleITK
import zarr
from pwtest import images

SUFFIXES = ["h5", "nrrd", "nhdr", "mha", "mhd"]


@pytest.fixture(scope="module")
def blobs(tmp_path_factory):
    """Two time points of a calibrated stack, and one plane of it."""
    rng = np.random.default_rng(6)
    image, threshold = images.paint(rng, images.blob_mask(rng, (11, 70, 90)), "uint16")
    folder = tmp_path_factory.mktemp("blobs")
    for name, array, axes, scale in (("tzyx", np.stack([image, image[::-1]]), "tzyx", [30.0, 2.0, 0.5, 0.25]), ("zyx", image, "zyx", [2.0, 0.5, 0.25]),
                                     ("yx", image[4], "yx", [0.5, 0.25])):
        group = zarr.open_group(folder / f"{name}.zarr", mode="w", zarr_format=2)
        group.create_array("0", shape=array.shape, chunks=(*(1,) * (array.ndim - 2), 32, 64), dtype="u2", chunk_key_encoding={"name": "v2", "separator": "/"})[...] = array
        kinds = {"t": {"type": "time", "unit": "second"}}
        transforms = [{"type": "scale", "scale": scale}] + ([{"type": "translation", "translation": [3.0, 4.0, 5.0]}] if name == "zyx" else [])
        group.attrs["multiscales"] = [{"version": "0.4", "axes": [{"name": a, **kinds.get(a, {"type": "space", "unit": "micrometer"})} for a in axes],
                                       "datasets": [{"path": "0", "coordinateTransformations": transforms}]}]
    return folder, threshold


def read(path, name="threshold"):
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return file[name][...]
    if path.suffix in (".nrrd", ".nhdr"):
        array = nrrd.read(str(path), index_order="C")[0]
        assert np.array_equal(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))), array)
        return array
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))


@pytest.mark.parametrize("name", ["tzyx", "zyx", "yx"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_labels(pw, tmp_path, blobs, suffix, name):
    """Equal to the npy of the same run, in every width; the same bytes whatever the threads and memory."""
    folder, threshold = blobs
    options = [folder / f"{name}.zarr", "--fn", f"threshold:{threshold}"]
    pw("run", *options, "-o", tmp_path / "l.npy")
    labels = np.load(tmp_path / "l.npy")
    chunk = ["--chunk", "4,32,32"] if suffix == "h5" and name != "yx" else []
    for dtype in ("uint16", "uint32", "uint64"):
        out = tmp_path / f"{dtype}.{suffix}"
        pw("run", *options, *chunk, "-o", out, "--out-dtype", dtype, "--threads", 2)
        got = read(out)
        assert got.dtype == dtype and np.array_equal(got, labels)
        pw("convert", out, tmp_path / "back.npy", "--overwrite")
        assert np.array_equal(np.load(tmp_path / "back.npy"), labels)
    before = (tmp_path / f"uint32.{suffix}").read_bytes()
    for threads, memory in ((1, "40M"), (7, "1G")):
        pw("run", *options, *chunk, "-o", tmp_path / f"uint32.{suffix}", "--overwrite", "--threads", threads, "--memory", memory)
        assert (tmp_path / f"uint32.{suffix}").read_bytes() == before
        assert np.array_equal(read(tmp_path / f"uint32.{suffix}"), labels)
    left = {p.name for p in tmp_path.iterdir()} - {"scratch.tmp"}
    detached = {f"{t}.raw" for t in ("uint16", "uint32", "uint64")} if suffix in ("nhdr", "mhd") else set()
    assert left == {"l.npy", "back.npy", *(f"{t}.{suffix}" for t in ("uint16", "uint32", "uint64")), *detached}


def test_calibration(pw, tmp_path, blobs):
    folder, threshold = blobs
    options = [folder / "zyx.zarr", "--fn", f"threshold:{threshold}"]
    for suffix in SUFFIXES:
        out = tmp_path / f"{suffix}_l.{suffix}"
        pw("run", *options, "-o", out)
        if suffix == "h5":
            with h5py.File(out) as file:
                assert list(file["threshold"].attrs["element_size_um"]) == [2.0, 0.5, 0.25]
                assert [d.label for d in file["threshold"].dims] == ["z", "y", "x"]
        else:
            image = SimpleITK.ReadImage(str(out))
            assert image.GetSpacing() == (0.25, 0.5, 2.0) and image.GetOrigin() == (5.0, 4.0, 3.0)
        assert "0.25 micrometer" in pw("info", out).text, suffix
    pw("run", folder / "tzyx.zarr", "--fn", f"threshold:{threshold}", "-o", tmp_path / "t.nrrd")
    header = nrrd.read_header(str(tmp_path / "t.nrrd"))
    assert list(header["spacings"]) == [0.25, 0.5, 2.0, 30.0] and header["units"] == ["micrometer"] * 3 + ["second"]
    header = nrrd.read_header(str(tmp_path / "nhdr_l.nhdr"))
    assert header["space units"] == ["micrometer"] * 3 and header["data file"] == "nhdr_l.raw"


def test_hdf5_as_it_is_asked_for(pw, tmp_path, blobs):
    """Codec, chunks, name; chunks without a label take no room."""
    image = np.zeros((40, 200, 300), np.uint8)
    image[:3, 5:50, 7:60] = 9
    np.save(tmp_path / "i.npy", image)
    for codec, filter, level in (("gzip:7", "gzip", 7), ("none", None, None)):
        pw("run", tmp_path / "i.npy", "--fn", "threshold:4", "-o", tmp_path / "l.h5", "--overwrite", "--name", "volumes/labels/cells", "--chunk", "8,64,64", "--codec", codec)
        with h5py.File(tmp_path / "l.h5") as file:
            labels = file["volumes/labels/cells"]
            assert (labels.chunks, labels.compression, labels.compression_opts) == ((8, 64, 64), filter, level)
            assert labels.id.get_num_chunks() == 1
            assert np.array_equal(labels[...], image > 4)


def test_what_is_refused(pw, tmp_path, blobs):
    np.save(tmp_path / "i.npy", np.eye(20, dtype=np.uint8))

    def refused(out, *options, says):
        pw.refuses("run", tmp_path / "i.npy", "--fn", "threshold:0", "-o", tmp_path / out, *options, says=says)

    refused("l.h5:/labels", says="l.h5:/labels: give the file alone; the dataset in it is called as --name says")
    refused("l.h5", "--codec", "zstd", says="codec 'zstd': HDF5 output has none, gzip[:LEVEL]")
    refused("l.h5", "--shard", "1,16,16", says="an HDF5 file has no shards")
    refused("l.h5", "--name", "group/", says="'group/' is no name of a dataset")
    refused("l.nrrd", "--codec", "gzip", says="codec 'gzip': nrrd output is not compressed")
    (tmp_path / "l.raw").write_bytes(b"mine")
    refused("l.mhd", says="l.raw: exists already")
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "scratch.tmp") == ["i.npy", "l.raw"]
