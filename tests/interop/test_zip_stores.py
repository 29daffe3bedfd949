"""
Zarr in zip archives (.zip, .ozx): the same arrays as in a directory however the archive was made, and archives that
are broken or hostile refused by name.
"""

import io
import json
import struct
import subprocess
import zipfile

import numpy as np
import pytest
import zarr
from pwtest.needed import needs
from zarr.codecs import BytesCodec, ShardingCodec, ZstdCodec

SHAPE, CHUNKS = (20, 40, 30), (8, 16, 16)

pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")


def sample(seed=3):
    """Blobs, with chunks that hold nothing."""
    generator = np.random.default_rng(seed)
    array = np.zeros(SHAPE, "uint16")
    for z, y, x in generator.integers(0, [16, 36, 26], (25, 3)):
        array[z:z + 4, y:y + 4, x:x + 4] = generator.integers(200, 4000)
    array[:8, :16, :16] = 0
    return array


def write(path, array, version=3, shards=None):
    """An OME-NGFF image of one level."""
    group = zarr.open_group(str(path), mode="w", zarr_format=version)
    options = {"chunks": CHUNKS, "shards": shards} if version == 3 else {"chunks": CHUNKS}
    keys = {"name": "v2", "separator": "/"} if version == 2 else None
    made = group.create_array("s 0", shape=array.shape, dtype=array.dtype, fill_value=0, chunk_key_encoding=keys,
                              config={"write_empty_chunks": False}, **options)
    made[...] = array
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
    scale = [{"type": "scale", "scale": [2.0, 0.5, 0.5]}]
    multiscales = [{"axes": axes, "datasets": [{"path": "s 0", "coordinateTransformations": scale}]}]
    attributes = {"ome": {"version": "0.5", "multiscales": multiscales}} if version == 3 else {
        "multiscales": [{**multiscales[0], "version": "0.4"}]}
    group.attrs.update(attributes)


def files_of(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file())


def pack(folder, archive, compression=zipfile.ZIP_STORED, top="", **options):
    with zipfile.ZipFile(archive, "w", compression, **options) as made:
        for path in files_of(folder):
            made.write(path, top + str(path.relative_to(folder)))


@pytest.fixture
def store(tmp_path):
    array = sample()
    write(tmp_path / "im.zarr", array)
    return tmp_path / "im.zarr", array


def same(pw, path, array):
    assert pw("cat", path, "--raw").out == array.tobytes()


@pytest.mark.parametrize("version, shards", [(2, None), (3, None), (3, (16, 32, 32))])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("top", ["", "im.zarr/", "a folder/", "of/my run/im.zarr/"])
@pytest.mark.parametrize("suffix", ["zip", "ozx"])
def test_archives_of_every_kind(pw, tmp_path, version, shards, compression, top, suffix):
    array = sample()
    write(tmp_path / "im.zarr", array, version, shards)
    archive = tmp_path / f"im é.{suffix}"
    pack(tmp_path / "im.zarr", archive, compression, top)
    same(pw, archive, array)
    same(pw, f"{archive}/", array)
    same(pw, f"{archive}/s 0", array)
    same(pw, f"{archive}/{top}/s 0/", array)
    wanted = pw("info", tmp_path / "im.zarr", "--json").text.replace("im.zarr", "*")
    got = json.loads(pw("info", archive, "--json").text)
    wanted = json.loads(wanted)
    for name in ("path", "codec", "chunk", "store"):
        got.pop(name, None), wanted.pop(name, None)
    assert got == wanted


@pytest.mark.parametrize("engine", ["sync", "mmap", "uring", "auto"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_labels_are_those_of_the_directory(pw, tmp_path, store, engine, compression):
    folder, _ = store
    pack(folder, tmp_path / "im.zip", compression)
    out = []
    for number, (image, threads) in enumerate([(folder, 2), (tmp_path / "im.zip", 1), (tmp_path / "im.zip", 2),
                                               (tmp_path / "im.zip", 7)]):
        path = tmp_path / f"labels{number}.npy"
        pw("run", image, "-o", path, "--fn", "threshold:100", "--threads", threads, "--io", engine, "--tile", "8,16,16")
        out.append(path.read_bytes())
    assert len(set(out)) == 1


@pytest.mark.parametrize("top", ["", "im.zarr/"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_names_that_tar_begins_with_dots(pw, tmp_path, store, top, compression):
    folder, array = store
    with zipfile.ZipFile(tmp_path / "im.zip", "w", compression) as made:
        made.writestr("./", b"")
        for path in files_of(folder):
            made.writestr(f"./{top}{path.relative_to(folder)}", path.read_bytes())
    same(pw, tmp_path / "im.zip", array)
    same(pw, tmp_path / "im.zip" / top / "s 0", array)


def test_folders_above_the_zarr_may_be_left_out(pw, tmp_path, store):
    folder, array = store
    with zipfile.ZipFile(tmp_path / "im.zip", "w") as made:
        for path in files_of(folder):
            made.write(path, f"data/set 1/im.zarr/{path.relative_to(folder)}")
            made.writestr(f"__MACOSX/data/._{path.name}", b"litter")
    for beginning in ("", "data/set 1/im.zarr/", "set 1/im.zarr/", "im.zarr/"):
        same(pw, f"{tmp_path}/im.zip/{beginning}", array)
        same(pw, f"{tmp_path}/im.zip/{beginning}s 0", array)


def test_zip64(pw, tmp_path, store):
    folder, array = store
    with zipfile.ZipFile(tmp_path / "im.zip", "w") as made:
        for path in files_of(folder):
            with made.open(str(path.relative_to(folder)), "w", force_zip64=True) as entry:
                entry.write(path.read_bytes())
    same(pw, tmp_path / "im.zip", array)


class Pipe(io.RawIOBase):
    """A file that cannot seek: zipfile then writes sizes behind the data (data descriptors)."""

    def __init__(self, path):
        self.file = open(path, "wb")

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)

    def close(self):
        self.file.close()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_data_descriptors(pw, tmp_path, store, compression):
    folder, array = store
    pipe = Pipe(tmp_path / "im.zip")
    pack(folder, pipe, compression)
    pipe.close()
    same(pw, tmp_path / "im.zip", array)


def test_the_last_of_one_name_counts(pw, tmp_path, store):
    folder, array = store
    with zipfile.ZipFile(tmp_path / "im.zip", "w") as made:
        for path in files_of(folder):
            name = str(path.relative_to(folder))
            made.writestr(name, b"an older state")
            made.write(path, name)
    same(pw, tmp_path / "im.zip", array)


def test_what_zarr_python_writes(pw, tmp_path):
    array = sample()
    with zarr.storage.ZipStore(str(tmp_path / "a.zip"), mode="w") as store:
        made = zarr.create_array(store, shape=SHAPE, chunks=CHUNKS, dtype="uint16", fill_value=0)
        made[...] = array
        made[:8] = array[:8]  # appended again
    same(pw, tmp_path / "a.zip", array)


def test_what_zip_writes(pw, tmp_path, store):
    needs("zip", "zip")
    folder, array = store
    subprocess.run(["zip", "-qr", tmp_path / "im.zip", folder.name], cwd=folder.parent, check=True)
    same(pw, tmp_path / "im.zip", array)


def test_litter_and_a_comment(pw, tmp_path, store):
    folder, array = store
    pack(folder, tmp_path / "im.zip", top="im.zarr/")
    with zipfile.ZipFile(tmp_path / "im.zip", "a") as made:
        made.writestr("__MACOSX/im.zarr/._zarr.json", b"\0\5\x16\7")
        made.writestr("im.zarr/", b"")
        made.comment = b'{"ome":{"version":"0.5"}}' + b"x" * 3000
    same(pw, tmp_path / "im.zip", array)


def test_inner_chunks_of_a_stored_shard_are_read_alone(pw, tmp_path):
    write(tmp_path / "im.zarr", sample(), shards=(16, 32, 32))
    pack(tmp_path / "im.zarr", tmp_path / "im.zip")
    assert json.loads(pw("info", tmp_path / "im.zip", "--json").text)["chunk"] == list(CHUNKS)
    pack(tmp_path / "im.zarr", tmp_path / "packed.zip", zipfile.ZIP_DEFLATED)
    assert json.loads(pw("info", tmp_path / "packed.zip", "--json").text)["chunk"] == [16, 32, 32]


# ---- refused ----


def patched(data, at, value):
    return data[:at] + value + data[at + len(value):]


def central(data, name):
    """Offset of the central record of name."""
    at = data.find(b"PK\1\2")
    while data[at + 46:at + 46 + len(name)] != name:
        at = data.index(b"PK\1\2", at + 1)
    return at


CHUNK = b"s 0/c/1/1/1"
HARM = {
    "cut": (lambda d: d[:-30], "cut off"),
    "half": (lambda d: d[: len(d) // 2], "cut off"),
    "stored sizes differ": (lambda d: patched(d, central(d, CHUNK) + 24, struct.pack("<I", 1 << 30)), "said to have"),
    "leaves the archive":
        (lambda d: patched(d, central(d, CHUNK) + 20, struct.pack("<II", 1 << 30, 1 << 30)), "leaves the archive"),
    "offset beyond": (lambda d: patched(d, central(d, CHUNK) + 42, struct.pack("<I", 1 << 30)), "leaves the archive"),
    "two entries, one place":
        (lambda d: patched(d, central(d, CHUNK) + 42, struct.pack("<I", 0)), "overlap"),
    "up": (lambda d: d.replace(b"s 0/c/1/1/1", b"s 0/../../1"), "leads out"),
    "absolute": (lambda d: d.replace(b"s 0/c/1/1/1", b"/ 0/c/1/1/1"), "leads out"),
    "encrypted": (lambda d: patched(d, central(d, CHUNK) + 8, b"\1\0"), "encrypted"),
    "another method": (lambda d: patched(d, central(d, CHUNK) + 10, b"\x0c\0"), "method 12"),
    "another local name": (lambda d: d.replace(b"s 0/c/1/1/1", b"s 0/c/1/9/1", 1), "not the one"),
    "more entries than records": (lambda d: patched(d, d.rindex(b"PK\5\6") + 10, b"\xf0\0"), "zip directory"),
    "fewer entries than records": (lambda d: patched(d, d.rindex(b"PK\5\6") + 10, b"\1\0"), "after its last entry"),
    "several parts": (lambda d: patched(d, d.rindex(b"PK\5\6") + 4, b"\1\0"), "several parts"),
    "directory beyond": (lambda d: patched(d, d.rindex(b"PK\5\6") + 16, b"\xff\xff\xff\x7f"), "cannot be"),
}


@pytest.mark.parametrize("kind", HARM)
def test_harm_is_refused(pw, tmp_path, store, kind):
    pack(store[0], tmp_path / "im.zip")
    harm, says = HARM[kind]
    (tmp_path / "im.zip").write_bytes(harm((tmp_path / "im.zip").read_bytes()))
    pw.refuses("cat", tmp_path / "im.zip", "--raw", says=["im.zip", says], streams=True)


@pytest.mark.parametrize("at, value, says", [
    (16, b"\0\0\0\0", "checksum"),
    (24, struct.pack("<I", 17), "instead of"),
    (24, struct.pack("<I", 1 << 31), "at most"),
])
def test_deflated_entries_that_lie(pw, tmp_path, store, at, value, says):
    pack(store[0], tmp_path / "im.zip", zipfile.ZIP_DEFLATED)
    data = (tmp_path / "im.zip").read_bytes()
    (tmp_path / "im.zip").write_bytes(patched(data, central(data, CHUNK) + at, value))
    pw.refuses("cat", tmp_path / "im.zip", "--raw", says=["im.zip", "c/1/1/1"], streams=True)


def test_a_bomb_is_refused_before_it_is_inflated(pw, tmp_path, store):
    folder, _ = store
    victim = next(p for p in files_of(folder) if p.name == "1" and p.parent.name == "1")
    victim.write_bytes(bytes(300 << 20))
    pack(folder, tmp_path / "im.zip", zipfile.ZIP_DEFLATED)
    pw.refuses("cat", tmp_path / "im.zip", "--raw", says=["im.zip", "at most"], streams=True)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_truncated_chunk_names_its_key(pw, tmp_path, store, compression):
    folder, _ = store
    victim = next(p for p in files_of(folder) if p.name == "1" and p.parent.name == "1")
    victim.write_bytes(victim.read_bytes()[:-9])
    pack(folder, tmp_path / "im.zip", compression)
    pw.refuses("cat", tmp_path / "im.zip", "--raw", says=["im.zip", "chunk ("], streams=True)


def test_archives_of_other_things(pw, tmp_path):
    np.savez(tmp_path / "arrays.npz", a=np.zeros(3))
    pw.refuses("info", tmp_path / "arrays.npz", says=["arrays.npz", "zip archive", "unpack"])
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    pw.refuses("info", tmp_path / "empty.zip", says=["empty.zip", "zip archive"])
    (tmp_path / "text").write_bytes(b"no archive")
    pw.refuses("info", tmp_path / "text" / "0", says="text/0")


def test_groups_in_an_archive_say_what_to_open(pw, tmp_path):
    for name in ("first", "second"):
        write(tmp_path / "all" / name, sample())
    zarr.open_group(str(tmp_path / "all"), mode="a", zarr_format=3)
    pack(tmp_path / "all", tmp_path / "all.zip")
    pw.refuses("info", tmp_path / "all.zip", says=["all.zip", "first, second"])
    same(pw, tmp_path / "all.zip" / "second", sample())


def test_nested_shards_in_an_archive(pw, tmp_path):
    array = sample()
    inner = ShardingCodec(chunk_shape=(4, 8, 8), codecs=[BytesCodec(), ZstdCodec(level=1)], index_location="start")
    serializer = ShardingCodec(chunk_shape=(8, 16, 16), codecs=[inner])
    made = zarr.create_array(str(tmp_path / "a.zarr"), shape=SHAPE, chunks=(16, 32, 32), dtype="uint16", fill_value=0,
                             serializer=serializer, compressors=[])
    made[...] = array
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        pack(tmp_path / "a.zarr", tmp_path / "a.zip", compression)
        same(pw, tmp_path / "a.zip", array)


def test_labels_do_not_go_into_an_archive(pw, tmp_path, store):
    pack(store[0], tmp_path / "im.zip")
    pw.refuses("run", tmp_path / "im.zip", "--fn", "threshold:100", says=["im.zip", "only read", "-o"])


ZIPPED = ["v2/data.zipped_from_within.zarr.zip", "v2/data.zipped_from_parent.zarr.zip",
          "v3/data.zipped_from_within.zarr.zip", "v3/data.zipped_from_parent.zarr.zip", "v3/data.uncompressed.zarr.zip"]


@pytest.mark.parametrize("archive", ZIPPED)
def test_archives_of_zarrita(pw, data, archive):
    """Every array of the fixtures is the one in the directory of the same name, or refused as that one is."""
    fixtures = data / "zarr/zarrita-js-fixtures"
    names = {name.split("/")[-2] for name in zipfile.ZipFile(fixtures / archive).namelist()
             if name.endswith(("/.zarray", "/zarr.json")) and name.count("/") <= 2}
    read = 0
    for name in sorted(names):
        folder = fixtures / archive[:2] / "data.zarr" / name
        if not folder.is_dir():
            continue
        wanted, got = pw.any("cat", folder, "--raw"), pw.any("cat", fixtures / archive / name, "--raw")
        assert (got.code, got.out) == (wanted.code, wanted.out), str(got)
        read += got.code == 0
    assert read >= 10
