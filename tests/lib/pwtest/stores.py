"""
Writing an array in every format that pw-stream reads, and reading its outputs, with the libraries that users have.

write(rng, folder, array, format) picks a variant of the format (compression, chunks, byte order, ...) and returns
the command-line arguments that name the image.
"""

import subprocess
import sys
from pathlib import Path

import numcodecs
import numpy as np
import tifffile
import zarr
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, ZstdCodec

FORMATS = ("raw", "npy", "tiff", "zarr2", "zarr3")

ENDIAN_LETTER = {"little": "<", "big": ">"}


def comma(values):
    return ",".join(str(int(v)) for v in values)


def write_raw(rng, folder, array):
    endian = str(rng.choice(["little", "big"]))
    offset = int(rng.choice([0, 1, 13, 4096]))
    path = Path(folder) / f"image-{endian}-{offset}.raw"
    header = rng.integers(0, 256, offset, dtype=np.uint8).tobytes()
    path.write_bytes(header + array.astype(array.dtype.newbyteorder(ENDIAN_LETTER[endian])).tobytes())
    arguments = [path, "--shape", comma(array.shape), "--dtype", array.dtype.name]
    if offset:
        arguments += ["--offset", offset]
    if endian == "big":
        arguments += ["--endian", "big"]
    return arguments


def write_npy(rng, folder, array):
    endian = str(rng.choice(["little", "big"]))
    path = Path(folder) / f"image-{endian}.npy"
    np.save(path, np.ascontiguousarray(array.astype(array.dtype.newbyteorder(ENDIAN_LETTER[endian]))))
    return [path]


def tiff_variants(array):
    """(name, arguments of tifffile.imwrite) that apply to this array."""
    variants = [
        ("plain", {}),
        ("big-endian", {"byteorder": ">"}),
        ("bigtiff", {"bigtiff": True}),
        ("strips", {"rowsperstrip": 3}),
        ("deflate", {"compression": "zlib", "rowsperstrip": 5}),
        ("packbits", {"compression": "packbits"}),
        ("tiles", {"tile": (16, 32)}),
        ("tiles-deflate", {"tile": (32, 16), "compression": "zlib"}),
        ("zstd", {"compression": "zstd"}),
        ("bigtiff-tiles-zstd", {"bigtiff": True, "tile": (32, 32), "compression": "zstd", "byteorder": ">"}),
        ("lzw", {"compression": "lzw"}),
    ]
    if array.dtype.kind in "ui" and array.dtype.itemsize <= 4:
        variants.append(("lzw-predictor", {"compression": "lzw", "predictor": True}))
        variants.append(("tiles-deflate-predictor", {"tile": (16, 16), "compression": "zlib", "predictor": True}))
    if array.dtype == bool:
        return variants[:1]
    return variants


def write_tiff(rng, folder, array, variant=None):
    variants = tiff_variants(array)
    name, options = variants[int(rng.integers(len(variants)))] if variant is None else variant
    path = Path(folder) / f"image-{name}.tif"
    options = dict(options)
    if array.ndim == 3 and array.shape[2] == 1:  # taken for one page of z by y otherwise
        with tifffile.TiffWriter(path, bigtiff=options.pop("bigtiff", False), byteorder=options.pop("byteorder", None)) as tiff:
            for page in array:
                tiff.write(page, photometric="minisblack", metadata=None, **options)
        return [path]
    tifffile.imwrite(path, array, photometric="minisblack", **options)
    return [path]


def random_chunks(rng, shape):
    return tuple(int(rng.integers(1, n + 9)) if rng.random() < 0.5 else int(rng.choice([7, 16, 32])) for n in shape)


def zarr2_compressors():
    return [
        ("raw", None),
        ("zlib", numcodecs.Zlib(1)),
        ("gzip", numcodecs.GZip(1)),
        ("zstd", numcodecs.Zstd(1)),
        ("lz4", numcodecs.LZ4()),
        ("blosc-lz4", numcodecs.Blosc("lz4", 5, numcodecs.Blosc.SHUFFLE)),
        ("blosc-zstd-bit", numcodecs.Blosc("zstd", 1, numcodecs.Blosc.BITSHUFFLE)),
        ("blosc-lz", numcodecs.Blosc("blosclz", 5, numcodecs.Blosc.NOSHUFFLE)),
    ]


def write_zarr2(rng, folder, array, variant=None):
    variants = zarr2_compressors()
    name, compressor = variants[int(rng.integers(len(variants)))] if variant is None else variant
    path = Path(folder) / f"image-{name}-v2.zarr"
    separator = str(rng.choice([".", "/"]))
    dtype = array.dtype.newbyteorder(str(rng.choice(["<", ">"])))
    made = zarr.create_array(
        str(path), shape=array.shape, chunks=random_chunks(rng, array.shape), dtype=dtype, zarr_format=2,
        compressors=compressor, filters=None, fill_value=0,
        chunk_key_encoding={"name": "v2", "separator": separator},
    )
    made[...] = array
    return [path]


def zarr3_variants(array):
    """(name, compressors, sharded) of zarr v3."""
    size = array.dtype.itemsize
    return [
        ("raw", None, False),
        ("crc32c", [Crc32cCodec()], False),
        ("gzip", [GzipCodec(level=1)], False),
        ("zstd", [ZstdCodec(level=1)], False),
        ("zstd-checksum", [ZstdCodec(level=1, checksum=True)], False),
        ("blosc-lz4", [BloscCodec(cname="lz4", clevel=5, shuffle="shuffle", typesize=size)], False),
        ("blosc-zstd", [BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle", typesize=size)], False),
        ("zstd-crc32c", [ZstdCodec(level=1), Crc32cCodec()], False),
        ("sharded-zstd", [ZstdCodec(level=1)], True),
        ("sharded-raw", None, True),
        ("sharded-blosc", [BloscCodec(cname="lz4", clevel=5, shuffle="shuffle", typesize=size)], True),
    ]


def write_zarr3(rng, folder, array, variant=None):
    variants = zarr3_variants(array)
    name, compressors, sharded = variants[int(rng.integers(len(variants)))] if variant is None else variant
    path = Path(folder) / f"image-{name}-v3.zarr"
    chunks, shards = random_chunks(rng, array.shape), None
    if sharded:
        shards = tuple(c * int(rng.integers(1, 4)) for c in chunks)
    encoding = {"name": "default", "separator": str(rng.choice([".", "/"]))}
    if rng.random() < 0.2:
        encoding = {"name": "v2", "separator": str(rng.choice([".", "/"]))}
    made = zarr.create_array(
        str(path), shape=array.shape, chunks=chunks, shards=shards, dtype=array.dtype, zarr_format=3,
        compressors=compressors, filters=None, fill_value=0, chunk_key_encoding=encoding,
        serializer=BytesCodec(endian=str(rng.choice(["little", "big"]))) if not sharded else "auto",
    )
    made[...] = array
    return [path]


WRITERS = {"raw": write_raw, "npy": write_npy, "tiff": write_tiff, "zarr2": write_zarr2, "zarr3": write_zarr3}


def write(rng, folder, array, format):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return WRITERS[format](rng, folder, array)


def label_group(path, name=None):
    """The group of the label image in a standalone store: OUT.zarr/labels/<name>."""
    labels = Path(path) / "labels"
    listed = ome(labels)["labels"]
    assert name is None or name in listed, f"{labels}: lists {listed}, expected {name}"
    return labels / (name or listed[0])


def attributes(path):
    """The attributes of a group or array, of either zarr version."""
    return dict(zarr.open(str(path), mode="r").attrs)


def ome(path):
    """The OME-NGFF part of a group's attributes, of either version."""
    found = attributes(path)
    return found.get("ome", found)


def levels(group):
    """The arrays of a multiscale group, largest first."""
    return [zarr.open(str(Path(group) / d["path"]), mode="r") for d in ome(group)["multiscales"][0]["datasets"]]


def validate(data, *paths):
    """The offline OME-NGFF check, with its strict schemas."""
    command = [sys.executable, "-W", "ignore", str(data / "validate_ngff.py"), "--strict", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def read_labels(path, shape=None, dtype="uint32", name=None):
    """The labels at path as an array; the format is told by the suffix.  shape and dtype are for raw files."""
    path = Path(path)
    if path.suffix == ".npy":
        return np.load(path)
    if path.suffix in (".tif", ".tiff"):
        return tifffile.imread(path)
    if path.suffix == ".zarr":
        return levels(label_group(path, name))[0][...]
    return np.fromfile(path, np.dtype(dtype).newbyteorder("<")).reshape(shape)
