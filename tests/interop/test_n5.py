"""
N5: data sets of every type and compression, blocks as the specification and Java's writers have them, and the
conventions for levels, voxel sizes and units of n5-viewer, n5-ij, COSEM, Paintera and BigDataViewer.
"""

import bz2
import gzip
import hashlib
import itertools
import json
import lzma
import os
import struct
import zlib

import numcodecs
import numpy as np
import pytest
from pwtest.reading import info

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]
SHAPE, BLOCK = (11, 20, 13), (4, 8, 5)


def sample(dtype="uint16", shape=SHAPE, seed=5):
    generator = np.random.default_rng(seed)
    return np.cumsum(generator.integers(-2, 4, size=shape), axis=-1).astype(dtype)


def xxhash32(data, seed):
    """From the specification, in Python's integers."""
    p1, p2, p3, p4, p5 = 2654435761, 2246822519, 3266489917, 668265263, 374761393
    mask = 2**32 - 1

    def turn(value, bits):
        value &= mask
        return (value << bits | value >> (32 - bits)) & mask

    at, n = 0, len(data)
    value = (seed + p5) & mask
    if n >= 16:
        lanes = [seed + p1 + p2, seed + p2, seed, seed - p1]
        while at + 16 <= n:
            words = struct.unpack_from("<4I", data, at)
            lanes = [turn(lane + word * p2, 13) * p1 & mask for lane, word in zip(lanes, words)]
            at += 16
        value = sum(turn(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & mask
    value += n
    while at + 4 <= n:
        value = turn(value + struct.unpack_from("<I", data, at)[0] * p3, 17) * p4 & mask
        at += 4
    for byte in data[at:]:
        value = turn(value + byte * p5, 11) * p1 & mask
    value &= mask
    value = (value ^ value >> 15) * p2 & mask
    value = (value ^ value >> 13) * p3 & mask
    return value ^ value >> 16


def lz4_blocks(data, size=700):
    """lz4-java's LZ4BlockOutputStream; every third block is not worth packing."""
    out = b""
    for number, at in enumerate(range(0, len(data), size)):
        part = data[at:at + size]
        packed = part if number % 3 == 2 else numcodecs.LZ4().encode(part)[4:]
        token = (0x10 if number % 3 == 2 else 0x20) | 6
        out += b"LZ4Block" + struct.pack("<BIII", token, len(packed), len(part),
                                         xxhash32(part, 0x9747B28C) & 0x0FFFFFFF) + packed
    return out + b"LZ4Block" + struct.pack("<BIII", 0x16, 0, 0, 0)


PACK = {
    "raw": bytes,
    "gzip": gzip.compress,
    "zlib": zlib.compress,  # gzip with "useZlib"
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lz4": lz4_blocks,
    "lz4 of z5": lambda data: bytes(numcodecs.LZ4().encode(data)[4:]),
    "lz4 of numcodecs": lambda data: bytes(numcodecs.LZ4().encode(data)),
    "lzma of numcodecs": lambda data: bytes(numcodecs.LZMA(check=0).encode(data)),
    "blosc": lambda data: bytes(numcodecs.Blosc("zstd", 3, 1).encode(np.frombuffer(data, "u1"))),
    "zstd": lambda data: bytes(numcodecs.Zstd(1).encode(data)),
}
TYPE = {"zlib": {"type": "gzip", "useZlib": True}, "lz4 of z5": {"type": "lz4"},
        "lz4 of numcodecs": {"type": "lz4", "id": "lz4", "acceleration": 1},  # as zarr-python 2's N5Store writes them
        "lzma of numcodecs": {"type": "lzma", "format": 1, "check": 0, "preset": None, "filters": None}}


def write(path, array, block=BLOCK, kind="raw", full=False, mode=0, skip=(), **attributes):
    """Attributes and blocks of one data set; full: blocks at the border are padded, as older writers do."""
    path.mkdir(parents=True, exist_ok=True)
    meta = {"dimensions": list(array.shape[::-1]), "blockSize": list(block[::-1]), "dataType": str(array.dtype),
            "compression": TYPE.get(kind, {"type": kind}), **attributes}
    (path / "attributes.json").write_text(json.dumps(meta))
    grid = [range(-(-n // b)) for n, b in zip(array.shape, block)]
    for index in itertools.product(*grid):
        if index in skip:
            continue
        part = array[tuple(slice(i * b, i * b + b) for i, b in zip(index, block))]
        if full:
            part = np.pad(part, [(0, b - n) for b, n in zip(block, part.shape)])
        header = struct.pack(f">HH{part.ndim}I", mode, part.ndim, *part.shape[::-1])
        header += struct.pack(">I", part.size) if mode == 1 else b""
        file = path.joinpath(*(str(i) for i in index[::-1]))
        file.parent.mkdir(parents=True, exist_ok=True)
        data = np.ascontiguousarray(part.astype(part.dtype.newbyteorder(">"))).tobytes()
        file.write_bytes(header + PACK[kind](data))


def same(pw, path, array):
    assert pw("cat", path, "--raw").out == np.ascontiguousarray(array).tobytes()


@pytest.mark.parametrize("kind", ["raw", "gzip"])
def test_the_matrix_of_z5py(pw, data, kind):
    out = pw("cat", data / "n5/zarr_implementations-z5py.n5" / kind, "--raw").out
    assert hashlib.sha256(out).hexdigest()[:16] == "a8c429c18afa7b0f"  # the array of zarr_implementations


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("full", [False, True], ids=["cut", "full"])
@pytest.mark.parametrize("mode", [0, 1])
def test_compressions_and_borders(pw, tmp_path, kind, full, mode):
    array = sample()
    write(tmp_path / "a.n5", array, kind=kind, full=full, mode=mode)
    same(pw, tmp_path / "a.n5", array)


@pytest.mark.parametrize("dtype", DTYPES)
def test_types(pw, tmp_path, dtype):
    array = sample(dtype)
    write(tmp_path / "a.n5", array, kind="gzip")
    same(pw, tmp_path / "a.n5", array)
    same(pw, f"{tmp_path / 'a.n5'}/", array)


@pytest.mark.parametrize("shape, block", [((9,), (4,)), ((9, 30), (100, 7)), ((2, 3, 5, 4, 6), (1, 2, 3, 4, 5))])
def test_ranks(pw, tmp_path, shape, block):
    array = sample("int32", shape)
    write(tmp_path / "a.n5", array, block, "zstd")
    same(pw, tmp_path / "a.n5", array)


def test_missing_blocks_are_zero_and_an_unreadable_one_is_an_error(pw, tmp_path):
    array = sample()
    write(tmp_path / "a.n5", array, skip={(0, 1, 2), (2, 2, 2)})
    array[:4, 8:16, 10:] = 0
    array[8:, 16:, 10:] = 0
    same(pw, tmp_path / "a.n5", array)
    (tmp_path / "a.n5/2/1/0").mkdir()
    pw.refuses("cat", tmp_path / "a.n5", "--raw", says="a.n5/2/1/0", streams=True)


def test_compression_of_old_versions(pw, tmp_path):
    array = sample()
    write(tmp_path / "a.n5", array, kind="gzip")
    meta = json.loads((tmp_path / "a.n5/attributes.json").read_text())
    del meta["compression"]
    (tmp_path / "a.n5/attributes.json").write_text(json.dumps({**meta, "compressionType": "gzip"}))
    same(pw, tmp_path / "a.n5", array)


def pyramid(path, kind="gzip", n=3, group=None, **level_attributes):
    """s0, s1, ... by taking every second voxel of x and y; returns the levels."""
    levels = [sample()]
    for _ in range(1, n):
        levels.append(levels[-1][:, ::2, ::2])
    for k, level in enumerate(levels):
        factors = {"downsamplingFactors": [2**k, 2**k, 1]} if k > 0 else {}
        write(path / f"s{k}", level, kind=kind, **factors,
              **{key: value[k] if isinstance(value, tuple) else value for key, value in level_attributes.items()})
    if group is not None:
        (path / "attributes.json").write_text(json.dumps(group))
    return levels


def axes_of(described):
    return [(a["name"], a["step"] if "step" in a else a["scale"], a["unit"]) for a in described["axes"]]


def test_levels_of_n5_viewer(pw, tmp_path):
    levels = pyramid(tmp_path / "c.n5/raw", pixelResolution={"dimensions": [0.1, 0.1, 0.5], "unit": "um"})
    for k, level in enumerate(levels):
        same_level = pw("cat", tmp_path / "c.n5/raw", "--raw", "--level", k).out
        assert same_level == np.ascontiguousarray(level).tobytes()
        described = info(pw, tmp_path / "c.n5/raw", "--level", k)
        assert [axis["unit"] for axis in described["axes"]] == ["micrometer"] * 3
        assert [axis["scale"] for axis in described["axes"]] == pytest.approx([0.5, 0.1 * 2**k, 0.1 * 2**k])
        assert [axis["translation"] for axis in described["axes"]] == pytest.approx(
            [0, 0.05 * (2**k - 1), 0.05 * (2**k - 1)])
        assert [entry["shape"] for entry in described["levels"]] == [list(x.shape) for x in levels]
    assert info(pw, tmp_path / "c.n5/raw/s1")["level"] == 1
    pw.refuses("info", tmp_path / "c.n5/raw", "--level", 3, says=["3 levels", "level 3"])


@pytest.mark.parametrize("group", [
    {"scales": [[1, 1, 1], [2, 2, 1], [4, 4, 1]], "resolution": [4, 4, 40], "units": ["nm", "nm", "nm"]},
    {"downsamplingFactors": [[1, 1, 1], [2, 2, 1], [4, 4, 1]], "pixelResolution": [4, 4, 40], "unit": "nm"},
    {"multiScale": True, "resolution": [4, 4, 40], "units": "nm", "axes": ["x", "y", "z"]},
])
def test_scales_in_the_group(pw, tmp_path, group):
    pyramid(tmp_path / "c", group=group)
    described = info(pw, tmp_path / "c", "--level", 1)
    assert [(a["name"], a["scale"], a["unit"]) for a in described["axes"]] == [
        ("z", 40, "nanometer"), ("y", 8, "nanometer"), ("x", 8, "nanometer")]


def test_paintera_keeps_resolution_and_offset_above_the_data_group(pw, tmp_path):
    pyramid(tmp_path / "p/data")
    (tmp_path / "p/attributes.json").write_text(json.dumps({"resolution": [4, 4, 40], "offset": [100, 200, 300]}))
    described = info(pw, tmp_path / "p/data", "--level", 1)
    assert [a["scale"] for a in described["axes"]] == [40, 8, 8]
    assert [a["translation"] for a in described["axes"]] == [300, 202, 102]


def test_transforms_of_cosem(pw, tmp_path):
    transform = tuple({"axes": ["z", "y", "x"], "scale": [5.24, 4 * 2**k, 4 * 2**k], "translate": [1, 2 * k, 2 * k],
                       "units": ["nm"] * 3, "ordering": "C"} for k in range(3))
    pyramid(tmp_path / "c", transform=transform, pixelResolution={"dimensions": [1, 1, 1], "unit": "pixel"})
    described = info(pw, tmp_path / "c", "--level", 2)
    assert [(a["scale"], a["translation"], a["unit"]) for a in described["axes"]] == [
        (5.24, 1, "nanometer"), (16, 4, "nanometer"), (16, 4, "nanometer")]


def test_axes_of_n5_ij(pw, tmp_path):
    array = sample("uint16", (2, 3, 8, 9))
    write(tmp_path / "a", array, (1, 1, 4, 4), axes=["x", "y", "c", "z"], resolution=[0.2, 0.2, 1, 3],
          units=["um", "um", "", "um"])
    described = info(pw, tmp_path / "a")
    assert [(a["name"], a["scale"], a["unit"]) for a in described["axes"]] == [
        ("z", 3, "micrometer"), ("c", 1, ""), ("y", 0.2, "micrometer"), ("x", 0.2, "micrometer")]


def test_labels_are_those_of_the_same_image_as_npy(pw, tmp_path):
    array = sample() % 7
    np.save(tmp_path / "a.npy", array)
    write(tmp_path / "a.n5", array, kind="lz4")
    out = []
    for image, threads in [("a.npy", 2), ("a.n5", 1), ("a.n5", 2), ("a.n5", 7)]:
        pw("run", tmp_path / image, "-o", tmp_path / "o.npy", "--fn", "threshold:3", "--tile", "4,8,8", "--threads",
           threads, "--overwrite")
        out.append((tmp_path / "o.npy").read_bytes())
    assert len(set(out)) == 1


# ---- refused ----


@pytest.mark.parametrize("change, says", [
    ({"dataType": "string"}, "string"),
    ({"dataType": "uint128"}, "uint128"),
    ({"compression": {"type": "jpeg"}}, "jpeg"),
    ({"compression": {}}, "type"),
    ({"blockSize": [5, 8]}, "blockSize"),
    ({"blockSize": [5, 8, 0]}, "block extent"),
    ({"dimensions": [2**62, 2**62, 4]}, "2^63"),
    ({"dimensions": "many"}, "dimensions"),
    ({"isLabelMultiset": True, "dataType": "uint8"}, "multiset"),
])
def test_attributes_that_are_refused(pw, tmp_path, change, says):
    write(tmp_path / "a.n5", sample())
    meta = json.loads((tmp_path / "a.n5/attributes.json").read_text())
    (tmp_path / "a.n5/attributes.json").write_text(json.dumps({**meta, **change}))
    pw.refuses("info", tmp_path / "a.n5", says=["a.n5", says])


@pytest.mark.parametrize("kind", ["raw", "gzip", "lz4", "zstd"])
def test_broken_blocks_name_their_file(pw, tmp_path, kind):
    write(tmp_path / "a.n5", sample(), kind=kind)
    file = tmp_path / "a.n5/1/0/1"
    good = file.read_bytes()
    for bad in [good[:3], good[:10], good[:-3], good + b"more", good[:2] + b"\0\2" + good[4:],
                b"\0\2" + good[2:], b"\0\1" + good[2:], good[:7] + b"\xff" + good[8:], good[:7] + b"\1" + good[8:], b""]:
        file.write_bytes(bad)
        pw.refuses("cat", tmp_path / "a.n5", "--raw", says="a.n5/1/0/1", streams=True)
    if kind == "lz4":
        file.write_bytes(good[:16 + 17] + bytes([good[16 + 17] ^ 1]) + good[16 + 18:])
        pw.refuses("cat", tmp_path / "a.n5", "--raw", says=["a.n5/1/0/1", "checksum"], streams=True)


def test_groups_say_what_to_open(pw, tmp_path):
    write(tmp_path / "c.n5/volumes/raw", sample())
    write(tmp_path / "c.n5/labels", sample())
    (tmp_path / "c.n5/attributes.json").write_text('{"n5":"2.5.1"}')
    pw.refuses("info", tmp_path / "c.n5", says=["c.n5", "labels"])
    os.makedirs(tmp_path / "nothing")
    pw.refuses("info", tmp_path / "nothing", says=["nothing", "N5"])
