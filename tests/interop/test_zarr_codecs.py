"""
Arrays that zarr-python and numcodecs write with every codec, filter, order and sharding layout that they have: what
is read equals what was written, or what zarr-python itself reads back where a codec loses something.
"""

import itertools
import json
import warnings

import numcodecs
import numpy as np
import pytest
import zarr
from zarr.codecs import (BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, ShardingCodec, TransposeCodec, ZstdCodec)

DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32",
          "float64"]
SHAPE, CHUNKS = (13, 17, 11), (5, 8, 4)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def sample(dtype, shape=SHAPE, seed=1):
    """Smooth enough to be compressed, with the ends of the type's range in it."""
    generator = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    values = np.cumsum(generator.integers(-3, 4, size=shape), axis=-1)
    if dtype == bool:
        return values > 0
    values = values.astype(dtype.newbyteorder("="))
    if dtype.kind in "iu":
        values[(0,) * len(shape)] = np.iinfo(dtype).max
        values[(-1,) * len(shape)] = np.iinfo(dtype).min
    return values


def little(array):
    return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()


def same(pw, path, expected):
    assert pw("cat", path, "--raw").out == little(expected)


def write2(path, array, **options):
    """One zarr v2 array; returns what zarr-python reads of it."""
    options.setdefault("chunks", CHUNKS)
    fill = options.pop("fill_value", 0)
    dtype = options.pop("dtype", array.dtype)
    made = zarr.create_array(str(path), shape=array.shape, dtype=dtype, zarr_format=2, fill_value=fill, **options)
    made[...] = array
    return zarr.open_array(str(path), mode="r")[...]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("end", "<>")
def test_v2_every_type_order_and_end(pw, tmp_path, dtype, order, end):
    array = sample(dtype)
    dtype = array.dtype.newbyteorder(end)
    made = zarr.create_array(str(tmp_path / "a.zarr"), shape=SHAPE, chunks=CHUNKS, dtype=dtype, zarr_format=2,
                             order=order, fill_value=0, compressors=numcodecs.Zlib(1),
                             chunk_key_encoding={"name": "v2", "separator": "/" if end == "<" else "."})
    made[...] = array
    same(pw, tmp_path / "a.zarr", array)


BLOSC = [numcodecs.Blosc(cname, 5, shuffle) for cname in ("blosclz", "lz4", "lz4hc", "zlib", "zstd", "snappy")
         for shuffle in (0, 1, 2, -1) if cname in numcodecs.blosc.list_compressors()]


@pytest.mark.parametrize("codec", [
    None, numcodecs.Zlib(9), numcodecs.Zlib(-1), numcodecs.GZip(1), numcodecs.BZ2(1), numcodecs.LZ4(), numcodecs.Zstd(3),
    numcodecs.Zstd(1, checksum=True), numcodecs.Zstd(-5), numcodecs.LZMA(), numcodecs.LZMA(format=2, preset=1),
    numcodecs.LZMA(format=1, check=10), *BLOSC], ids=str)
def test_v2_compressors(pw, tmp_path, codec):
    array = sample("uint16")
    write2(tmp_path / "a.zarr", array, compressors=codec)
    same(pw, tmp_path / "a.zarr", array)


FILTERS = {
    "delta": ("<i4", [numcodecs.Delta("<i4")]),
    "delta narrow": ("<u2", [numcodecs.Delta("<u2", "<i1")]),
    "delta big": (">u2", [numcodecs.Delta(">u2", ">i4")]),
    "delta float": ("<f4", [numcodecs.Delta("<f4")]),
    "delta half": ("<f2", [numcodecs.Delta("<f2", "<f4")]),
    "delta double": ("<f8", [numcodecs.Delta("<f8", "<f4")]),
    "shuffle": ("<u4", [numcodecs.Shuffle(4)]),
    "shuffle odd": ("<u2", [numcodecs.Shuffle(16)]),
    "delta shuffle": ("<i2", [numcodecs.Delta("<i2"), numcodecs.Shuffle(2)]),
    "bitround": ("<f4", [numcodecs.BitRound(7)]),
    "quantize": ("<f8", [numcodecs.Quantize(2, "<f8", "<f4")]),
    "quantize half": ("<f4", [numcodecs.Quantize(1, "<f4", "<f2")]),
    "fixedscaleoffset": ("<f4", [numcodecs.FixedScaleOffset(3, 7.5, "<f4", "<i2")]),
    "fixedscaleoffset float": ("<f4", [numcodecs.FixedScaleOffset(3.1, 7, "<f4", "<f4")]),
    "fixedscaleoffset integer": ("<u2", [numcodecs.FixedScaleOffset(3, 0.5, "<u2", "<u1")]),
    "fixedscaleoffset delta": ("<f8", [numcodecs.FixedScaleOffset(0, 10, "<f8", "<i4"), numcodecs.Delta("<i4", "<i2")]),
    "astype": ("<f8", [numcodecs.AsType("<f4", "<f8")]),
    "astype integer": ("<i4", [numcodecs.AsType("|i1", "<i4")]),
    "packbits": ("|b1", [numcodecs.PackBits()]),
    "crc32": ("<u2", [numcodecs.CRC32()]),
    "crc32 end": ("<u2", [numcodecs.CRC32(location="end")]),
    "crc32c": ("<u2", [numcodecs.CRC32C()]),
    "crc32c start": ("<u2", [numcodecs.CRC32C(location="start")]),
    "adler32": ("<u2", [numcodecs.Adler32()]),
    "adler32 end": ("<u2", [numcodecs.Adler32(location="end")]),
    "fletcher32": ("<u2", [numcodecs.Fletcher32()]),
    "jenkins_lookup3": ("<u2", [numcodecs.JenkinsLookup3()]),
    "several": ("<i4", [numcodecs.Delta("<i4"), numcodecs.CRC32(), numcodecs.Zlib(1), numcodecs.Fletcher32()]),
}


@pytest.mark.parametrize("dtype, astype", [("|u1", "<f4"), ("|u1", "<i2"), ("<u2", "<u4"), ("|i1", "|u1")])
def test_whole_numbers_below_the_offset_wrapped_when_they_were_written(pw, tmp_path, dtype, astype):
    """What numcodecs 0.11 to 0.15 wrote: the difference wraps in the type, and what is read wraps back."""
    array = np.arange(90, 110).astype(dtype)
    stored = ((array - np.asarray(100, dtype)) * 0.5).round().astype(astype)
    folder = tmp_path / "a.zarr"
    folder.mkdir()
    scale = {"id": "fixedscaleoffset", "scale": 0.5, "offset": 100, "dtype": dtype, "astype": astype}
    (folder / ".zarray").write_text(json.dumps({
        "zarr_format": 2, "shape": [20], "chunks": [20], "dtype": dtype, "order": "C", "fill_value": 0,
        "compressor": None, "filters": [scale]}))
    (folder / "0").write_bytes(stored.tobytes())
    same(pw, folder, zarr.open_array(str(folder), mode="r")[...])


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("order", "CF")
def test_v2_filters(pw, tmp_path, name, order):
    dtype, filters = FILTERS[name]
    array = sample(dtype)
    if name == "delta narrow" or "integer" in name:
        array = sample("uint8").astype(array.dtype) // 32
    expected = write2(tmp_path / "a.zarr", array, dtype=dtype, filters=filters, order=order,
                      compressors=numcodecs.Zstd(1))
    same(pw, tmp_path / "a.zarr", expected)


def write3(path, array, chunks=CHUNKS, fill=0, **options):
    made = zarr.create_array(str(path), shape=array.shape, dtype=array.dtype, chunks=chunks, zarr_format=3,
                             fill_value=fill, **options)
    made[...] = array
    return zarr.open_array(str(path), mode="r")[...]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("endian", ["little", "big"])
@pytest.mark.parametrize("order", [None, (0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_v3_every_type_end_and_axis_order(pw, tmp_path, dtype, endian, order):
    array = sample(dtype)
    serializer = BytesCodec(endian=endian if array.dtype.itemsize > 1 else None)
    filters = [TransposeCodec(order=order)] if order else None
    write3(tmp_path / "a.zarr", array, filters=filters, serializer=serializer, compressors=[GzipCodec(level=1)])
    same(pw, tmp_path / "a.zarr", array)


V3_BYTES = {
    "none": [],
    "gzip": [GzipCodec(level=6)],
    "zstd": [ZstdCodec(level=3)],
    "zstd checksum": [ZstdCodec(level=3, checksum=True)],
    "crc32c": [Crc32cCodec()],
    "gzip crc32c": [GzipCodec(level=1), Crc32cCodec()],
    "crc32c zstd crc32c": [Crc32cCodec(), ZstdCodec(level=1), Crc32cCodec()],
    **{f"blosc {c} {s}": [BloscCodec(typesize=2, cname=c, shuffle=s)]
       for c, s in itertools.product(["blosclz", "lz4", "lz4hc", "zlib", "zstd"], ["noshuffle", "shuffle", "bitshuffle"])},
}


@pytest.mark.parametrize("name", V3_BYTES)
def test_v3_codecs(pw, tmp_path, name):
    array = sample("int16")
    write3(tmp_path / "a.zarr", array, compressors=V3_BYTES[name])
    same(pw, tmp_path / "a.zarr", array)


def numcodecs3():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that they are not in the specification
        return numcodecs3_options()


def numcodecs3_options():
    from zarr.codecs import numcodecs as codecs

    return {
        "zlib": ("uint16", {"compressors": [codecs.Zlib(level=3)]}),
        "gzip": ("uint16", {"compressors": [codecs.GZip(level=3)]}),
        "bz2": ("uint16", {"compressors": [codecs.BZ2(level=3)]}),
        "lzma": ("uint16", {"compressors": [codecs.LZMA(preset=1)]}),
        "lz4": ("uint16", {"compressors": [codecs.LZ4()]}),
        "zstd": ("uint16", {"compressors": [codecs.Zstd(level=3)]}),
        "blosc": ("uint16", {"compressors": [codecs.Blosc(cname="zstd")]}),
        "shuffle": ("uint32", {"compressors": [codecs.Shuffle(elementsize=4), codecs.Zlib(level=1)]}),
        "delta": ("int32", {"filters": [codecs.Delta(dtype="<i4")]}),
        "bitround": ("float32", {"filters": [codecs.BitRound(keepbits=5)]}),
        "quantize": ("float32", {"filters": [codecs.Quantize(digits=1, dtype="float32")]}),
        "fixedscaleoffset": ("float32", {"filters": [codecs.FixedScaleOffset(scale=10, offset=1, dtype="float32")]}),
        "fixedscaleoffset astype":
            ("float64", {"filters": [codecs.FixedScaleOffset(scale=2, offset=0, dtype="float64", astype="int32")]}),
        "astype": ("float64", {"filters": [codecs.AsType(encode_dtype="float32", decode_dtype="float64")]}),
        "packbits": ("bool", {"filters": [codecs.PackBits()]}),
        **{name.lower(): ("uint16", {"compressors": [getattr(codecs, name)()]})
           for name in ("CRC32", "CRC32C", "Adler32", "Fletcher32")},
        "crc32 end": ("uint16", {"compressors": [codecs.CRC32(location="end")]}),
    }


@pytest.mark.parametrize("name", numcodecs3())
@pytest.mark.parametrize("endian", ["little", "big"])
def test_v3_numcodecs(pw, tmp_path, name, endian):
    dtype, options = numcodecs3()[name]
    array = sample(dtype)
    wide = array.dtype.itemsize > 1
    expected = write3(tmp_path / "little.zarr", array, **options)
    write3(tmp_path / "a.zarr", array, serializer=BytesCodec(endian=endian if wide else None), **options)
    same(pw, tmp_path / "a.zarr", expected)  # zarr-python 3.1 itself reads back filtered big-endian arrays wrongly


def test_v3_filter_of_single_elements_before_a_transpose(pw, tmp_path):
    from zarr.codecs import numcodecs as codecs

    array = sample("float64")
    filters = [codecs.AsType(encode_dtype="float32", decode_dtype="float64"), TransposeCodec(order=(2, 0, 1))]
    same(pw, tmp_path / "a.zarr", write3(tmp_path / "a.zarr", array, filters=filters))


INDEX_CODECS = {"crc32c": [BytesCodec(), Crc32cCodec()], "bare": [BytesCodec()],
                "big": [BytesCodec(endian="big"), Crc32cCodec()]}


@pytest.mark.parametrize("location", ["start", "end"])
@pytest.mark.parametrize("index", INDEX_CODECS)
@pytest.mark.parametrize("inner", [[BytesCodec(), ZstdCodec(level=1)], [BytesCodec(endian="big")],
                                   [TransposeCodec(order=(1, 2, 0)), BytesCodec(), Crc32cCodec()]], ids=str)
@pytest.mark.parametrize("outer", ["plain", "transposed", "packed", "nested"])
def test_v3_sharding(pw, tmp_path, location, index, inner, outer):
    array = sample("uint16", (19, 22, 9))
    array[:8, :8] = 0  # inner chunks and a whole shard that are not stored
    serializer = ShardingCodec(chunk_shape=(4, 2, 3), codecs=inner, index_codecs=INDEX_CODECS[index],
                               index_location=location)
    filters, compressors, chunks = None, [], (8, 8, 12)
    if outer == "transposed":
        filters, chunks = [TransposeCodec(order=(2, 0, 1))], (8, 16, 24)
        serializer = ShardingCodec(chunk_shape=(4, 2, 8), codecs=inner, index_codecs=INDEX_CODECS[index],
                                   index_location=location)
    if outer == "packed":
        compressors = [GzipCodec(level=1)]
    if outer == "nested":
        serializer = ShardingCodec(chunk_shape=(8, 4, 6), codecs=[serializer], index_codecs=INDEX_CODECS[index],
                                   index_location=location)
    made = zarr.create_array(str(tmp_path / "a.zarr"), shape=array.shape, dtype=array.dtype, chunks=chunks,
                             zarr_format=3, fill_value=0, filters=filters, serializer=serializer,
                             compressors=compressors, config={"write_empty_chunks": False})
    made[...] = array
    same(pw, tmp_path / "a.zarr", array)


@pytest.mark.parametrize("dtype, fill", [
    ("float32", "NaN"), ("float64", "Infinity"), ("float16", "-Infinity"), ("float32", 1.25), ("uint64", 2**64 - 1),
    ("int64", -(2**63)), ("uint8", 255), ("int8", -128), ("bool", True), ("float64", 0.1)])
@pytest.mark.parametrize("version", [2, 3])
def test_fill_values(pw, tmp_path, dtype, fill, version):
    value = float(fill.replace("Infinity", "inf")) if isinstance(fill, str) else fill
    made = zarr.create_array(str(tmp_path / "a.zarr"), shape=(7, 5), chunks=(4, 4), dtype=dtype, zarr_format=version,
                             fill_value=value)
    made[:4, :4] = 1
    same(pw, tmp_path / "a.zarr", made[...])


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("separator", ["/", "."])
@pytest.mark.parametrize("shape, chunks", [((), ()), ((1,), (5,)), ((6, 7), (100, 100)), ((2, 1, 3, 1, 4), (1, 1, 2, 1, 3))])
def test_keys_ranks_and_chunks_larger_than_the_array(pw, tmp_path, version, separator, shape, chunks):
    array = sample("int32", shape) if shape else np.array(-5, "int32")
    keys = {"name": "v2" if version == 2 else "default", "separator": separator}
    made = zarr.create_array(str(tmp_path / "a.zarr"), shape=shape, chunks=chunks, dtype="int32", zarr_format=version,
                             chunk_key_encoding=keys, fill_value=0)
    made[...] = array
    same(pw, tmp_path / "a.zarr", array)


@pytest.mark.parametrize("separator", ["/", "."])
def test_v3_keys_of_v2(pw, tmp_path, separator):
    array = sample("int32")
    write3(tmp_path / "a.zarr", array, chunk_key_encoding={"name": "v2", "separator": separator})
    same(pw, tmp_path / "a.zarr", array)
