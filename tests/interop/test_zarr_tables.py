"""
Zarr stores of other implementations: `pw-stream cat --raw` gives the bytes that independent readers gave
(expected_zarr2.tsv, expected_zarr3.tsv), for every codec, order and key form that patchworks reads; what it
does not read is refused, and the message names the codec or type.
"""

import hashlib
import re

import numpy as np
import pytest
from pwtest.tool import data_path

CODECS = {"adler32", "bitround", "blosc", "bytes", "bz2", "crc32c", "delta", "fixedscaleoffset", "fletcher32", "gzip", "lz4",
          "null", "sharding_indexed", "shuffle", "transpose", "zlib", "zstd"}
DTYPES = {"bool", "float16", "float32", "float64"} | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}

# The same values as their neighbours of other codecs, which the readers of the tables could not decode.
DECODED_ELSEWHERE = {
    "zarr/zarrita-js-fixtures/v2/data.zarr/1d.contiguous.zstd.i2": "ea99f710d9d0b8ba",
    "zarr/zarrs/zarr_python_compat/fletcher32.zarr": "0a36572981cd9ca9",
    "zarr/zarrs/v3/array_bz2.zarr": "817cddd35bc80c1c",
    "zarr/zarrs/v3_zarr_python/array_adler32.zarr": "817cddd35bc80c1c",
    "zarr/zarrs/v3_zarr_python/array_bz2.zarr": "817cddd35bc80c1c",
    "zarr/zarrs/v3_zarr_python/array_fletcher32.zarr": "817cddd35bc80c1c",
}

# fill_value null: what is not stored reads as 0.  The reader of the table left such chunks uninitialised.
NULL_FILL = {
    "zarr/zarrs/zarr_python_compat/bool_v2_fv_null.zarr": np.array([1, 0, 0, 0, 0], "?"),
    "zarr/zarrs/zarr_python_compat/int_v2_fv_null.zarr": np.array([42, 123, 0, 0, 0], "<i4"),
    "zarr/zarrs/zarr_python_compat/float_v2_fv_null.zarr": np.array([3.14, 2.71, 0, 0, 0], "<f4"),
}


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def is_v3(path):
    """A directory may hold the metadata of both versions; v3 is the one that counts."""
    return (data_path() / path / "zarr.json").is_file()


def parts_of_v2(row):
    path, _, dtype, _, _, _, _, compressor, filters, _, verdict = row
    codecs = [compressor.split(":")[0], *(filters.split(",") if filters != "-" else [])]
    return path, np.dtype(dtype).name, codecs, verdict


def parts_of_v3(row):
    path, _, dtype, _, _, _, codecs, _, verdict = row
    words = re.split(r"[|;()]", codecs)
    names = [word.split(":")[0] for word in words if word and not word[0].isdigit() and not word.startswith("idx=")]
    named = re.match(r'\{"name":"([^"]+)"', dtype)
    return path, named.group(1) if named else dtype, names, verdict


def rows(table, parts):
    path = data_path() / table
    if not path.is_file():
        return []
    lines = [line.split("\t") for line in path.read_text().splitlines() if line and not line.startswith("#")]
    cases = [parts(line) for line in lines]
    if table == "expected_zarr2.tsv":
        cases = [case for case in cases if not is_v3(case[0])]
    return [pytest.param(*case, id=case[0]) for case in cases]


def expectation(path, verdict):
    if path in NULL_FILL:
        return digest(NULL_FILL[path].tobytes())
    if path in DECODED_ELSEWHERE:
        return DECODED_ELSEWHERE[path]
    return verdict.split()[1] if verdict.startswith("ok ") else None


def check(pw, path, dtype, codecs, verdict):
    plain = [codec.removeprefix("numcodecs.") for codec in codecs]
    unread = [codec for codec in plain if codec not in CODECS]
    result = pw.any("cat", data_path() / path, "--raw")
    if dtype not in DTYPES or unread:
        assert result.code != 0 and result.out == b"", "out of scope, and read"
        assert len(result.err.strip().splitlines()) == 1
        assert "not supported" in result.err
        says = unread if dtype in DTYPES else [dtype, "string", "object"]
        assert any(word in result.err for word in says) or "dtype" in result.err, result.err
    else:
        assert result.code == 0, result.err
        assert digest(result.out) == expectation(path, verdict)


def test_the_tables_are_there():
    present = [(data_path() / f"expected_zarr{version}.tsv").is_file() for version in (2, 3)]
    if not data_path().is_dir():
        pytest.skip(f"no zarr tables at {data_path()} (PW_TEST_DATA)")
    assert all(present)


@pytest.mark.parametrize("path, dtype, codecs, verdict", rows("expected_zarr2.tsv", parts_of_v2))
def test_v2(pw, path, dtype, codecs, verdict):
    check(pw, path, dtype, codecs, verdict)


@pytest.mark.parametrize("path, dtype, codecs, verdict", rows("expected_zarr3.tsv", parts_of_v3))
def test_v3(pw, path, dtype, codecs, verdict):
    check(pw, path, dtype, codecs, verdict)
