"""The traps of reading zarr, one test each: what stores in the wild do that a reader by the book gets wrong."""

import json
import os
import zlib

import numcodecs
import numpy as np
import pytest

META = {"zarr_format": 2, "shape": [4, 6], "chunks": [2, 3], "dtype": "<u2", "compressor": None, "fill_value": 0,
        "order": "C", "filters": None}


def write2(path, array, pack=bytes, separator=".", order="C", **changes):
    """A v2 array written by hand, so that its metadata says exactly this; a change to ... leaves the key out."""
    meta = {**META, "shape": list(array.shape), "dtype": array.dtype.str, "order": order, **changes}
    meta = {key: value for key, value in meta.items() if value is not ...}
    path.mkdir(parents=True)
    (path / ".zarray").write_text(json.dumps(meta))
    chunks = meta["chunks"]
    for index in np.ndindex(*(-(-n // c) for n, c in zip(array.shape, chunks))):
        part = array[tuple(slice(i * c, i * c + c) for i, c in zip(index, chunks))]
        full = np.full(chunks, 77, array.dtype)  # outside the array: anything
        full[tuple(slice(n) for n in part.shape)] = part
        file = path / separator.join(map(str, index))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pack(full.tobytes(order=order)))


def same(pw, path, array):
    assert pw("cat", path, "--raw").out == array.astype(array.dtype.newbyteorder("<")).tobytes()


ARRAY = (np.arange(24, dtype="<u2") * 1001 % 65521).reshape(4, 6).astype("<u2")


def test_01_fill_value_as_text_no_filters_no_separator(pw, tmp_path):
    write2(tmp_path / "a", ARRAY, separator="/", fill_value="0", filters=[])
    (tmp_path / "a/1/1").unlink()
    wanted = ARRAY.copy()
    wanted[2:, 3:] = 0
    same(pw, tmp_path / "a", wanted)
    write2(tmp_path / "b", ARRAY, filters=...)
    same(pw, tmp_path / "b", ARRAY)


def test_02_chunks_larger_than_the_array(pw, tmp_path):
    write2(tmp_path / "a", ARRAY, chunks=[1024, 1024])
    same(pw, tmp_path / "a", ARRAY)


def test_03_column_major_with_delta(pw, tmp_path):
    delta = numcodecs.Delta("<u2")
    write2(tmp_path / "a", ARRAY, lambda data: bytes(delta.encode(np.frombuffer(data, "<u2"))), order="F",
           filters=[delta.get_config()])
    same(pw, tmp_path / "a", ARRAY)


@pytest.mark.parametrize("location", ["start", "end"])
def test_04_shards_without_a_checksum(pw, tmp_path, location):
    inner = {"name": "bytes", "configuration": {"endian": "little"}}
    sharding = {"chunk_shape": [2, 3], "codecs": [inner], "index_codecs": [inner], "index_location": location}
    meta = {"zarr_format": 3, "node_type": "array", "shape": [4, 6], "data_type": "uint16", "fill_value": 0,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4, 6]}}, "attributes": {},
            "chunk_key_encoding": {"name": "default"},
            "codecs": [{"name": "sharding_indexed", "configuration": sharding}]}
    chunks = [ARRAY[y:y + 2, x:x + 3].tobytes() for y in (0, 2) for x in (0, 3)]
    begin = 64 if location == "start" else 0
    index = np.array([[begin + 12 * i, 12] for i in range(4)], "<u8").tobytes()
    (tmp_path / "a/c/0").mkdir(parents=True)
    (tmp_path / "a/zarr.json").write_text(json.dumps(meta))
    (tmp_path / "a/c/0/0").write_bytes(index + b"".join(chunks) if begin else b"".join(chunks) + index)
    same(pw, tmp_path / "a", ARRAY)


def test_05_both_metadata_in_one_directory(pw, tmp_path):
    write2(tmp_path / "a", ARRAY)
    keys = {"name": "v2", "configuration": {"separator": "."}}
    meta = {"zarr_format": 3, "node_type": "array", "shape": [4, 6], "data_type": "int16", "fill_value": 0,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 3]}}, "chunk_key_encoding": keys,
            "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]}
    (tmp_path / "a/zarr.json").write_text(json.dumps(meta))
    assert "int16" in pw("info", tmp_path / "a").text  # v3 counts
    same(pw, tmp_path / "a", ARRAY.astype("<i2"))


def test_05_metadata_that_disagree_are_told_of(pw, tmp_path):
    """Shape or type: info says so, and a run ends with a warning; when both agree, nothing is said."""
    for name, shape, dtype in (("same", [4, 6], "uint16"), ("shape", [2, 6], "uint16"), ("type", [4, 6], "int16")):
        write2(tmp_path / name, ARRAY)
        keys = {"name": "v2", "configuration": {"separator": "."}}
        meta = {"zarr_format": 3, "node_type": "array", "shape": shape, "data_type": dtype, "fill_value": 0,
                "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 3]}}, "chunk_key_encoding": keys,
                "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]}
        (tmp_path / name / "zarr.json").write_text(json.dumps(meta))
        warning = json.loads(pw("info", tmp_path / name, "--json").text).get("warning")
        result = pw.any("run", tmp_path / name, "--fn", "threshold:1", "-o", tmp_path / f"{name}.npy")
        if name == "same":
            assert warning is None and result.code == 0
        else:
            assert ".zarray beside it says 4,6 of uint16" in warning and warning in pw("info", tmp_path / name).text
            assert result.code == 2 and f"warning: {warning}" in result.err


def test_06_zstd_frames_that_do_not_say_their_size(pw, tmp_path):
    """A frame made by hand: no content size, one raw block; and the same behind a skippable frame."""
    def frame(data):
        block = (len(data) << 3 | 1).to_bytes(3, "little")
        return b"\x28\xb5\x2f\xfd\x00\x58" + block + data

    write2(tmp_path / "a", ARRAY, frame, compressor={"id": "zstd", "level": 1})
    same(pw, tmp_path / "a", ARRAY)
    write2(tmp_path / "b", ARRAY, lambda data: b"\x50\x2a\x4d\x18\x02\0\0\0hi" + frame(data[:5]) + frame(data[5:]),
           compressor={"id": "zstd", "level": 1})
    same(pw, tmp_path / "b", ARRAY)


def test_07_unknown_codec_keys(pw, tmp_path):
    write2(tmp_path / "a", ARRAY, zlib.compress, compressor={"id": "zlib", "level": 1, "checksum": False, "new": [1]})
    same(pw, tmp_path / "a", ARRAY)


@pytest.mark.parametrize("kind", ["directory", "loop", "file above"])
def test_08_an_error_on_a_chunk_never_reads_as_zeros(pw, tmp_path, kind):
    write2(tmp_path / "a", ARRAY, separator="/", dimension_separator="/")
    chunk = tmp_path / "a/1/0"
    chunk.unlink()
    if kind == "directory":
        chunk.mkdir()
    elif kind == "loop":
        os.symlink("0", chunk)
    else:
        (tmp_path / "a/1/1").unlink()
        (tmp_path / "a/1").rmdir()
        (tmp_path / "a/1").write_bytes(b"")
    pw.refuses("cat", tmp_path / "a", "--raw", says="a/1/0", streams=True)
    pw.refuses("run", tmp_path / "a", "--fn", "threshold:1", "-o", tmp_path / "out.npy", says="a/1/0")
    assert not (tmp_path / "out.npy").exists()


def test_09_booleans_with_null(pw, tmp_path):
    array = np.arange(24).reshape(4, 6) % 3 == 0
    write2(tmp_path / "a", array, fill_value=None)
    (tmp_path / "a/0.0").unlink()
    array[:2, :3] = False
    same(pw, tmp_path / "a", array)


def test_10_big_endian(pw, tmp_path):
    write2(tmp_path / "a", ARRAY.astype(">u2"))
    same(pw, tmp_path / "a", ARRAY)


@pytest.mark.parametrize("compressor", [None, {"id": "zlib", "level": 1}, {"id": "blosc", "cname": "lz4", "clevel": 5,
                                                                           "shuffle": 1, "blocksize": 0}])
@pytest.mark.parametrize("harm", ["cut", "empty", "header"])
def test_11_a_truncated_chunk_names_its_key(pw, tmp_path, compressor, harm):
    codec = numcodecs.get_codec(compressor) if compressor else None
    write2(tmp_path / "a", ARRAY, (lambda data: bytes(codec.encode(data))) if codec else bytes, compressor=compressor)
    chunk = tmp_path / "a/1.0"
    good = chunk.read_bytes()
    bad = {"cut": good[:-2], "empty": b"", "header": b"\xff" * 8 + good[8:] if codec else good + b"12"}[harm]
    chunk.write_bytes(bad)
    pw.refuses("cat", tmp_path / "a", "--raw", says=["a", "1,0"], streams=True)


def test_drafts_of_v3_are_named(pw, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/zarr.json").write_text(json.dumps({
        "zarr_format": "https://purl.org/zarr/spec/protocol/core/3.0", "metadata_key_suffix": ".json",
        "metadata_encoding": "https://purl.org/zarr/spec/protocol/core/3.0", "extensions": []}))
    pw.refuses("info", tmp_path / "a", says=["a/zarr.json", "draft", "convert"])


def test_axes_in_capitals(pw, tmp_path):
    write2(tmp_path / "a.zarr", ARRAY.reshape(2, 3, 2, 2), chunks=[2, 3, 2, 2])
    (tmp_path / "a.zarr/.zattrs").write_text(json.dumps({"_ARRAY_DIMENSIONS": ["T", "C", "Y", "X"]}))
    said = json.loads(pw("info", tmp_path / "a.zarr", "--json").text)
    assert [axis["kind"] for axis in said["axes"]] == ["t", "c", "s", "s"]


def test_metadata_of_a_large_plate(pw, tmp_path):
    """The root of a plate in zarr v3 that holds a copy of all metadata below it is tens of megabytes."""
    write2(tmp_path / "A/1/0", ARRAY)
    copies = {f"{row}/{column}/0": {**META, "node_type": "array", "attributes": {"text": "x" * 9000}}
              for row in range(45) for column in range(50)}
    plate = {"wells": [{"path": "A/1"}]}
    (tmp_path / "zarr.json").write_text(json.dumps({
        "zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5", "plate": plate}},
        "consolidated_metadata": {"kind": "inline", "must_understand": False, "metadata": copies}}))
    (tmp_path / "A/1/.zattrs").write_text(json.dumps({"well": {"images": [{"path": "0"}]}}))
    assert pw("cat", tmp_path, "--well", "A/1", "--raw").out == ARRAY.tobytes()


@pytest.mark.parametrize("address, says", [
    ("file:///data/my%20run.zarr", "give the path"), ("s3://bucket/run.zarr", "download it"),
    ("https://host/run.zarr", "download it"), ("a:b", "No such file")])
def test_addresses_are_named(pw, address, says):
    pw.refuses("info", address, says=[address, says])


def test_channels_without_any_name(pw, tmp_path):
    write2(tmp_path / "0", ARRAY.reshape(2, 3, 4), chunks=[2, 3, 4])
    axes = [{"name": "c", "type": "channel"}, {"name": "y", "type": "space"}, {"name": "x", "type": "space"}]
    (tmp_path / ".zattrs").write_text(json.dumps({
        "multiscales": [{"version": "0.4", "axes": axes, "datasets": [{"path": "0"}]}],
        "omero": {"channels": [{"color": "FF0000"}, {"label": 5}]}}))
    pw.refuses("run", tmp_path, "--fn", "threshold:5", "--channel", "nuclei", "-o", tmp_path / "out.npy",
               says=["nuclei", "no names, give numbers"], code=64)


@pytest.mark.parametrize("said, is_read", [("2", True), (2, True), (2.0, True), ("3", False), (3, False), ("", False)])
def test_the_format_as_a_text(pw, tmp_path, said, is_read):
    """As webknossos writes it of groups."""
    write2(tmp_path / "0", ARRAY)
    (tmp_path / ".zgroup").write_text(json.dumps({"zarr_format": said}))
    (tmp_path / ".zattrs").write_text(json.dumps({"multiscales": [{"axes": ["y", "x"], "datasets": [{"path": "0"}]}]}))
    if is_read:
        same(pw, tmp_path, ARRAY)
    else:
        pw.refuses("cat", tmp_path, says='"zarr_format" is not 2')


def test_a_level_that_is_not_there(pw, tmp_path):
    write2(tmp_path / "0", ARRAY)
    (tmp_path / ".zattrs").write_text(json.dumps({
        "multiscales": [{"axes": ["y", "x"], "datasets": [{"path": "0"}, {"path": "1"}]}]}))
    same(pw, tmp_path, ARRAY)
    lines = [line.split() for line in pw("info", tmp_path).text.splitlines()]
    assert ["0", "4", "x", "6"] in lines and ["1", "cannot", "be", "read"] in lines
    pw.refuses("cat", tmp_path, "--level", "1", says=f"{tmp_path}/1: no zarr metadata")
