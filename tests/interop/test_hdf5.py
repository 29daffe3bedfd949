"""HDF5 files as h5py, Imaris, BigDataViewer, ilastik and CREMI lay them out; the oracle is the array that was written."""

import json
import re
import struct
import subprocess
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from imagecodecs import bitshuffle_encode, bz2_encode, lz4_encode, zstd_encode
from numcodecs import Blosc, Zstd
from pwtest.reading import axes, info, read
from pwtest.tool import EXIT_FAILED, data_path

RNG = np.random.default_rng(8)
TYPES = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]


def noise(shape, dtype=np.uint16):
    kind = np.dtype(dtype).kind
    if kind == "f":
        return RNG.normal(size=shape).astype(dtype)
    if kind == "b":
        return RNG.integers(0, 2, shape).astype(bool)
    limits = np.iinfo(dtype)
    return RNG.integers(limits.min, limits.max, shape, np.dtype(dtype).newbyteorder("="), endpoint=True).astype(dtype)


# ---------------------------------------------------------------------------- datasets

STORAGE = {
    "contiguous": {},
    "chunked": {"chunks": (4, 8, 16)},
    "gzip": {"chunks": (4, 8, 16), "compression": "gzip"},
    "shuffle gzip": {"chunks": (4, 8, 16), "compression": "gzip", "shuffle": True},
    "lzf": {"chunks": (4, 8, 16), "compression": "lzf"},
    "shuffle lzf fletcher32": {"chunks": (4, 8, 16), "compression": "lzf", "shuffle": True, "fletcher32": True},
    "fletcher32": {"chunks": (5, 7, 9), "fletcher32": True},
    "gzip of many": {"chunks": (1, 1, 8), "compression": "gzip", "shuffle": True},
}


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("storage", STORAGE)
def test_storage(pw, tmp_path, storage, dtype):
    image = noise((9, 21, 50), dtype)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("raw", data=image, **STORAGE[storage])
    described = info(pw, tmp_path / "a.h5")
    assert axes(described) == "zyx" and described["format"] == "hdf5"
    assert described["dtype"] == image.dtype.name
    assert np.array_equal(read(pw, tmp_path / "a.h5"), image)


@pytest.mark.parametrize("storage", STORAGE)
@pytest.mark.parametrize("dtype", [">u2", ">i4", ">f8"])
@pytest.mark.parametrize("library", ["earliest", "v110"])
def test_byte_order_and_library_version(pw, tmp_path, storage, dtype, library):
    image = noise((9, 21, 50), dtype)
    with h5py.File(tmp_path / "a.h5", "w", libver=("earliest" if library == "earliest" else "v110", "v110")) as file:
        file.create_dataset("raw", data=image, **STORAGE[storage])
    assert np.array_equal(read(pw, tmp_path / "a.h5"), image)


def lz4_filter(data, block):
    parts = [data[i : i + block] for i in range(0, len(data), block)]
    out = struct.pack(">QI", len(data), block)
    for part in parts:
        packed = lz4_encode(part, header=False)
        packed = packed if len(packed) < len(part) else part
        out += struct.pack(">I", len(packed)) + packed
    return out


def bitshuffle_filter(data, pack, block=64):
    """As the filter bitshuffle leaves a chunk of two-byte elements: blocks, what does not fill eight elements behind them."""
    whole, out = len(data) // 16 * 16, struct.pack(">QI", len(data), block)
    for start in range(0, whole, block):
        part = data[start : min(start + block, whole)]
        packed = pack(bitshuffle_encode(part, itemsize=2, blocksize=len(part) // 2))
        out += struct.pack(">I", len(packed)) + packed
    return out + data[whole:]


@pytest.mark.parametrize("dtype", TYPES[1:])
@pytest.mark.parametrize("codec", [0, 2, 3])
def test_bitshuffle(pw, tmp_path, codec, dtype):
    """Blocks of the usual size, and elements that are left over."""
    image = noise((3, 5, 4099), dtype)
    size = image.dtype.itemsize
    usual = max(8192 // size // 8 * 8, 128) * size
    data, out = image.tobytes(), b""
    whole = len(data) // (8 * size) * 8 * size
    for start in range(0, whole, usual):
        part = data[start : min(start + usual, whole)]
        rows = bitshuffle_encode(part, itemsize=size, blocksize=len(part) // size)
        packed = {0: bytes, 2: lambda b: lz4_encode(b, header=False), 3: zstd_encode}[codec](rows)
        out += (struct.pack(">I", len(packed)) if codec else b"") + packed
    head = struct.pack(">QI", len(data), usual) if codec else b""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk(image.shape)
        plist.set_filter(32008, h5py.h5z.FLAG_OPTIONAL, (0, 5, size, 0, codec))
        dataset = h5py.h5d.create(file.id, b"raw", h5py.h5t.py_create(image.dtype), h5py.h5s.create_simple(image.shape), plist)
        dataset.write_direct_chunk((0, 0, 0), head + out + data[whole:])
    assert np.array_equal(read(pw, tmp_path / "a.h5"), image)


FOREIGN = {
    307: bz2_encode,
    32008: lambda data: bitshuffle_filter(data, lambda rows: lz4_encode(rows, header=False)),
    32001: lambda data: Blosc("lz4", 5, Blosc.SHUFFLE).encode(data),
    32004: lambda data: lz4_filter(data, 700),
    32015: lambda data: Zstd(3).encode(data),
}


@pytest.mark.parametrize("number", FOREIGN)
@pytest.mark.parametrize("depth", [4, 1])
def test_registered_filters(pw, tmp_path, number, depth):
    """Bzip2, Bitshuffle, Blosc, LZ4 and Zstandard, without their plugins: chunks are written as the filters would have left them."""
    image = np.minimum(noise((8, 64, 64)), 700)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((depth, 8, 16))
        plist.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (0, 0, 2, 0, 2))
        dataset = h5py.h5d.create(file.id, b"raw", h5py.h5t.NATIVE_UINT16, h5py.h5s.create_simple(image.shape), plist)
        for z in range(0, 8, depth):
            for y in range(0, 64, 8):
                for x in range(0, 64, 16):
                    chunk = np.ascontiguousarray(image[z : z + depth, y : y + 8, x : x + 16])
                    dataset.write_direct_chunk((z, y, x), FOREIGN[number](chunk.tobytes()))
    assert np.array_equal(read(pw, tmp_path / "a.h5"), image)


def test_filters_that_the_library_undoes(pw, tmp_path):
    image = np.minimum(noise((9, 21, 50)), 700)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("raw", data=image, chunks=(4, 8, 16), scaleoffset=0)
    assert np.array_equal(read(pw, tmp_path / "a.h5"), image)


@pytest.mark.parametrize("storage", ["nbit", "chunked", "contiguous"])
@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i2", ">i2", "<i4", ">i4", ">i8"])
def test_numbers_that_are_shorter_than_their_bytes(pw, tmp_path, dtype, storage):
    dtype = np.dtype(dtype)
    bits = 8 * dtype.itemsize - 4
    low = -(1 << bits - 1) if dtype.kind == "i" else 0
    image = RNG.integers(low, low + (1 << bits), (9, 21)).astype(dtype)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        plist, type_ = h5py.h5p.create(h5py.h5p.DATASET_CREATE), h5py.h5t.py_create(dtype).copy()
        type_.set_precision(bits)
        if storage != "contiguous":
            plist.set_chunk((4, 8))
        if storage == "nbit":
            plist.set_filter(h5py.h5z.FILTER_NBIT)
        dataset = h5py.Dataset(h5py.h5d.create(file.id, b"raw", type_, h5py.h5s.create_simple(image.shape), plist))
        dataset[...] = image
    assert np.array_equal(read(pw, tmp_path / "a.h5"), image)


def test_chunks_that_are_not_stored_or_not_filtered(pw, tmp_path):
    for chunks in ((4, 8, 16), (1, 1, 8)):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            dataset = file.create_dataset("raw", (9, 21, 50), "u2", chunks=chunks, compression="gzip", fillvalue=777)
            dataset[:4, :8] = 5
            plain = np.full(chunks, 9, "u2")
            dataset.id.write_direct_chunk((4, 8, 0), plain.tobytes(), filter_mask=1)
            expected = dataset[...]
        assert np.array_equal(read(pw, tmp_path / "a.h5"), expected)
        assert expected[8, 20, 49] == 777 and expected[4, 8, 0] == 9


def test_contiguous_that_was_never_written_and_compact(pw, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("raw", (4, 5, 6), "f4", fillvalue=2.5)
        small = noise((3, 4))
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.COMPACT)
        h5py.h5d.create(file.id, b"small", h5py.h5t.NATIVE_UINT16, h5py.h5s.create_simple((3, 4)), plist).write(
            h5py.h5s.ALL, h5py.h5s.ALL, small)
    assert (read(pw, tmp_path / "a.h5:raw") == np.float32(2.5)).all()
    assert np.array_equal(read(pw, tmp_path / "a.h5:/small"), small)


def test_holes_of_a_contiguous_dataset_are_zeros(pw, tmp_path):
    """Zeros that the file system does not store are not the dataset's fill value."""
    image = np.zeros((16, 256, 256), "u2")
    image[:2] = 500
    with h5py.File(tmp_path / "whole.h5", "w") as file:
        file.create_dataset("raw", image.shape, "u2", fillvalue=7)[...] = image
    subprocess.run(["cp", "--sparse=always", tmp_path / "whole.h5", tmp_path / "a.h5"], check=True)
    pw("run", tmp_path / "a.h5", "--fn", "threshold:3", "--tile", "4,128,128", "-o", tmp_path / "labels.npy")
    assert np.array_equal(np.load(tmp_path / "labels.npy"), (image > 3).astype("u1"))
    pw("convert", tmp_path / "a.h5", tmp_path / "b.npy")
    assert np.array_equal(np.load(tmp_path / "b.npy"), image)
    pw("convert", tmp_path / "a.h5", tmp_path / "b.zarr", "--chunk", "4,64,64")
    assert np.array_equal(read(pw, tmp_path / "b.zarr"), image)


def test_user_block_and_virtual(pw, tmp_path):
    image = noise((9, 21, 50))
    for storage in STORAGE.values():
        with h5py.File(tmp_path / "a.h5", "w", userblock_size=1024) as file:
            file.create_dataset("raw", data=image, **storage)
        assert np.array_equal(read(pw, tmp_path / "a.h5"), image)
    with h5py.File(tmp_path / "v.h5", "w") as file:
        layout = h5py.VirtualLayout((9, 21, 50), "u2")
        layout[:] = h5py.VirtualSource(tmp_path / "a.h5", "raw", (9, 21, 50))
        file.create_virtual_dataset("v", layout)
    assert np.array_equal(read(pw, tmp_path / "v.h5"), image)


@pytest.mark.parametrize("many", [False, True])
def test_broken_chunks_are_errors(pw, tmp_path, many):
    chunks = (1, 1, 8) if many else (4, 8, 16)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("raw", (9, 21, 50), "u2", chunks=chunks, compression="gzip")
        dataset[...] = noise((9, 21, 50))
        where = dataset.id.get_chunk_info(3)
    data = bytearray((tmp_path / "a.h5").read_bytes())
    data[where.byte_offset : where.byte_offset + where.size] = bytes(where.size)
    (tmp_path / "a.h5").write_bytes(data)
    message = pw.refuses("cat", tmp_path / "a.h5", says="/raw: chunk 3", code=EXIT_FAILED, streams=True)
    assert "a.h5" in message
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_dataset("raw", data=noise((9, 21, 50)), chunks=chunks, fletcher32=True)
        where = file["raw"].id.get_chunk_info(2)
    data = bytearray((tmp_path / "b.h5").read_bytes())
    data[where.byte_offset] ^= 1
    (tmp_path / "b.h5").write_bytes(data)
    pw.refuses("cat", tmp_path / "b.h5", says="chunk 2", code=EXIT_FAILED, streams=True)


# ---------------------------------------------------------------------------- names and attributes


def test_names(pw, tmp_path):
    image, other = noise((4, 20, 30)), noise((5, 20, 30), np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["volumes/raw"] = image
        file["volumes/labels/ids"] = other
        file["list"] = np.arange(10)
        file["text"] = "words"
    message = pw.refuses("cat", tmp_path / "a.h5", says="/volumes/raw", code=EXIT_FAILED)
    assert "/volumes/labels/ids" in message and "/list" not in message
    for name in (":/volumes/raw", ":volumes/raw", "/volumes/raw", "//volumes/raw/"):
        assert np.array_equal(read(pw, f"{tmp_path}/a.h5{name}"), image)
    assert np.array_equal(read(pw, f"{tmp_path}/a.h5:/volumes/labels"), other)
    pw.refuses("cat", f"{tmp_path}/a.h5:/volumes/nothing", says="/volumes/nothing", code=EXIT_FAILED)
    pw.refuses("cat", f"{tmp_path}/a.h5:/text", says="/text", code=EXIT_FAILED)
    pw.refuses("cat", f"{tmp_path}/b.h5:/text", says="b.h5", code=EXIT_FAILED)


def test_axes_and_scales(pw, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["plantseg"] = noise((4, 20, 30))
        file["plantseg"].attrs["element_size_um"] = [0.235, 0.15, 0.16]
        file["cremi"] = noise((4, 20, 30))
        file["cremi"].attrs["resolution"] = (40.0, 4.0, 5.0)
        file["ilastik"] = noise((2, 4, 20, 30, 3), np.uint8)
        file["ilastik"].attrs["axistags"] = json.dumps({"axes": [{"key": k, "typeFlags": 2} for k in "tzyxc"]})
        file["labelled"] = noise((2, 20, 30))
        for i, name in enumerate("cyx"):
            file["labelled"].dims[i].label = name
        file["bare"] = noise((2, 4, 20, 30))

    def scales(name):
        return [(axis["scale"], axis["unit"]) for axis in info(pw, tmp_path / f"a.h5:{name}")["axes"]]

    assert scales("plantseg") == [(0.235, "micrometer"), (0.15, "micrometer"), (0.16, "micrometer")]
    assert scales("cremi") == [(40, "nanometer"), (4, "nanometer"), (5, "nanometer")]
    assert axes(info(pw, tmp_path / "a.h5:ilastik")) == "tzyxc"
    assert axes(info(pw, tmp_path / "a.h5:labelled")) == "cyx"
    assert axes(info(pw, tmp_path / "a.h5:bare")) == "?zyx"
    assert axes(info(pw, tmp_path / "a.h5:bare", "--axes", "czyx")) == "czyx"


def test_real_file(pw):
    path = data_path() / "cells" / "plantseg_sample_ovule.h5"
    if not path.is_file():
        pytest.skip("no test images (PW_TEST_DATA)")
    with h5py.File(path) as file:
        for name in ("raw", "label"):
            assert np.array_equal(read(pw, f"{path}:{name}"), file[name][...])
    pw.refuses("info", path, says="/label, /raw", code=EXIT_FAILED)


def test_labels_do_not_depend_on_storage_and_threads(pw, tmp_path):
    image = noise((20, 64, 70))
    results = set()
    for storage in STORAGE:
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("raw", data=image, **STORAGE[storage])
        for threads in ("1", "4"):
            pw("run", tmp_path / "a.h5", "--fn", "threshold:40000", "--tile", "8,32,32", "--threads", threads,
               "-o", tmp_path / "out.npy", "--overwrite")
            results.add((tmp_path / "out.npy").read_bytes())
    assert len(results) == 1


# ---------------------------------------------------------------------------- Imaris and BigDataViewer


def characters(text):
    return np.array([c.encode() for c in str(text)], "S1")


def write_imaris(path, image, chunk, levels=3, compression="gzip"):
    """t c z y x, padded to whole chunks, with the attributes as Imaris writes them."""
    n_times, n_channels = image.shape[:2]
    with h5py.File(path, "w") as file:
        file.attrs["ImarisVersion"] = characters("5.5.0")
        for level in range(levels):
            small = image[:, :, :, :: 2**level, :: 2**level]
            for t, c in np.ndindex(n_times, n_channels):
                group = file.create_group(f"DataSet/ResolutionLevel {level}/TimePoint {t}/Channel {c}")
                shape = small.shape[2:]
                for name, size in zip("ZYX", shape):
                    group.attrs[f"ImageSize{name}"] = characters(size)
                padded = np.full([-(-n // k) * k for n, k in zip(shape, chunk)], 99, image.dtype)
                padded[tuple(map(slice, shape))] = small[t, c]
                group.create_dataset("Data", data=padded, chunks=chunk, compression=compression)
                group["Histogram"] = np.zeros(256, "u8")
        picture = file.create_group("DataSetInfo/Image")
        for i, length in enumerate((image.shape[4] * 0.25, image.shape[3] * 0.5, image.shape[2] * 2.0)):
            picture.attrs[f"ExtMin{i}"] = characters(10)
            picture.attrs[f"ExtMax{i}"] = characters(10 + length)
        picture.attrs["Unit"] = characters("um")
        for c in range(n_channels):
            file.create_group(f"DataSetInfo/Channel {c}").attrs["Name"] = characters(["DAPI", "GFP", "RFP"][c])


@pytest.mark.parametrize("shape, expected", [((1, 1, 9, 33, 70), "zyx"), ((2, 3, 9, 33, 70), "tczyx")])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_imaris(pw, tmp_path, shape, expected, dtype):
    image = noise(shape, dtype)
    write_imaris(tmp_path / "a.ims", image, (4, 16, 32))
    for level in range(3):
        described = info(pw, tmp_path / "a.ims", "--level", str(level))
        assert axes(described) == expected
        small = image[:, :, :, :: 2**level, :: 2**level]
        got = read(pw, tmp_path / "a.ims", "--level", str(level))
        assert np.array_equal(got, small.reshape(got.shape))
    described = info(pw, tmp_path / "a.ims")
    assert [axis["scale"] for axis in described["axes"]][-3:] == [2.0, 0.5, 0.25]
    assert described["axes"][-1]["unit"] == "micrometer"
    assert len(described["levels"]) == 3
    pw.refuses("cat", tmp_path / "a.ims", "--level", "3", says="level", code=EXIT_FAILED)
    inside = "DataSet/ResolutionLevel 1/TimePoint 0/Channel 0/Data"
    with h5py.File(tmp_path / "a.ims") as file:
        assert np.array_equal(read(pw, f"{tmp_path}/a.ims:{inside}"), file[inside][...])


def write_bdv(path, image, levels=2, offset=0):
    n_times, n_setups = image.shape[:2]
    with h5py.File(path, "w") as file:
        for s in range(n_setups):
            file[f"s{s:02d}/resolutions"] = np.array([[2.0**level, 2.0**level, 1] for level in range(levels)])
            file[f"s{s:02d}/subdivisions"] = np.full((levels, 3), 16)
            for t, level in np.ndindex(n_times, levels):
                small = image[t, s, :, :: 2**level, :: 2**level].view("i2")
                file.create_dataset(f"t{t:05d}/s{s:02d}/{level}/cells", data=small, chunks=(4, 16, 16),
                                    compression="gzip")
    path.with_suffix(".xml").write_text(
        "<SpimData><SequenceDescription><ViewSetups><ViewSetup><id>0</id><voxelSize><unit>micrometer</unit>"
        "<size>0.25 0.5 2.0</size></voxelSize></ViewSetup></ViewSetups></SequenceDescription></SpimData>")


@pytest.mark.parametrize("shape, expected", [((1, 1, 9, 32, 64), "zyx"), ((2, 2, 9, 32, 64), "tczyx")])
def test_bigdataviewer(pw, tmp_path, shape, expected):
    image = noise(shape)
    write_bdv(tmp_path / "a.h5", image)
    for level in range(2):
        described = info(pw, tmp_path / "a.h5", "--level", str(level))
        assert axes(described) == expected and described["dtype"] == "uint16"
        got = read(pw, tmp_path / "a.h5", "--level", str(level))
        assert np.array_equal(got, image[..., :: 2**level, :: 2**level].reshape(got.shape))
        scales = [axis["scale"] for axis in described["axes"]][-3:]
        assert scales == [2.0, 0.5 * 2**level, 0.25 * 2**level]


def test_bigdataviewer_setups_of_several_shapes(pw, tmp_path):
    image = noise((1, 1, 9, 32, 64))
    write_bdv(tmp_path / "a.h5", image)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["t00000/s01/0/cells"] = noise((4, 5, 6)).view("i2")
    pw.refuses("cat", tmp_path / "a.h5", says="/t00000/s01/0/cells", code=EXIT_FAILED)


def test_lzf_of_runs_and_noise(pw, tmp_path):
    """Long and short repetitions, far and near, and stretches of bytes that never repeat."""
    image = np.concatenate([np.zeros(5000, np.uint8), noise(700, np.uint8), np.tile(noise(300, np.uint8), 40),
                            np.frombuffer(zlib.compress(bytes(99)), np.uint8), np.arange(4000).astype(np.uint8)])
    image = image[: len(image) // 64 * 64].reshape(-1, 64)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("raw", data=image, chunks=image.shape, compression="lzf")
    assert np.array_equal(read(pw, tmp_path / "a.h5"), image)


# ---------------------------------------------------------------------------- the library


def test_only_hdf5_files_need_the_library(pw, tmp_path):
    """It is loaded when it is needed: one that cannot be is named then, before anything is written."""
    linked = subprocess.run(["ldd", pw.path], capture_output=True, text=True, check=True).stdout
    if "libhdf5" in linked:
        pytest.skip("this build is linked to libhdf5: configure found no shared one when it was made")
    ours = [pw.path, *re.findall(r"/\S*libpatchworks\S*", linked)]
    code = b"".join(Path(file).read_bytes() for file in ours)
    name = re.search(rb"[\0/](libhdf5[^\0/]*\.so[.0-9]*)\0", code).group(1).decode()
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / name).write_bytes(b"not a library")
    environment = {"LD_LIBRARY_PATH": str(tmp_path / "lib")}
    image = noise((40, 50))
    np.save(tmp_path / "a.npy", image)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = image
    assert pw("cat", "a.npy", "--raw", env=environment, cwd=tmp_path).out == image.tobytes()
    for command in (["cat", "a.h5"], ["run", "a.npy", "--fn", "threshold:300", "-o", "b.h5"], ["convert", "a.npy", "b.h5"]):
        pw.refuses(*command, env=environment, cwd=tmp_path, code=EXIT_FAILED, says=[name, "HDF5 needs its library"])
    assert not list(tmp_path.glob("b.*"))
    assert "hdf5 built in, but" in pw("--version", env=environment).text
