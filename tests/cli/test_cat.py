"""pw-stream cat: the same bytes from every format, with any number of threads and any memory; bounded; quiet ends."""

import subprocess
import time

import numpy as np
import pytest
import tifffile
import zarr


def sample(shape=(23, 70, 61)):
    return np.cumsum(np.random.default_rng(4).integers(-3, 5, shape), axis=-1).astype("uint16")


@pytest.fixture
def images(tmp_path):
    array = sample()
    np.save(tmp_path / "a.npy", array)
    np.save(tmp_path / "f.npy", np.asfortranarray(array))
    np.save(tmp_path / "big.npy", array.astype(">u2"))
    array.tofile(tmp_path / "a.raw")
    tifffile.imwrite(tmp_path / "strips.tif", array, rowsperstrip=7, compression="deflate")
    tifffile.imwrite(tmp_path / "tiles.tif", array, tile=(32, 16))
    for name, version, options in [("v2.zarr", 2, {}), ("v3.zarr", 3, {}), ("shards.zarr", 3, {"shards": (16, 32, 32)})]:
        made = zarr.create_array(str(tmp_path / name), shape=array.shape, chunks=(8, 16, 32), dtype="uint16",
                                 zarr_format=version, fill_value=0, **options)
        made[...] = array
    return array


FILES = ["a.npy", "f.npy", "big.npy", "a.raw", "strips.tif", "tiles.tif", "v2.zarr", "v3.zarr", "shards.zarr"]


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("memory", ["2M", "8M", "1G"])
def test_every_format_threads_and_memory(pw, tmp_path, images, threads, memory):
    for name in FILES:
        raw = ["--shape", "23,70,61", "--dtype", "u2"] if name == "a.raw" else []
        out = pw("cat", tmp_path / name, "--raw", "--threads", threads, "--memory", memory, *raw).out
        assert out == images.tobytes(), name


@pytest.mark.parametrize("threads", [1, 2, 3, 9])
def test_many_pieces_of_an_uncompressed_file(pw, tmp_path, threads):
    """11 MB in pieces that divide neither rows nor planes evenly."""
    array = np.random.default_rng(5).integers(0, 1 << 16, (3, 911, 2017), np.uint16)
    array.tofile(tmp_path / "a.raw")
    tifffile.imwrite(tmp_path / "a.tif", array, bigtiff=True, rowsperstrip=13)
    for name in ("a.raw", "a.tif"):
        raw = ["--shape", "3,911,2017", "--dtype", "u2"] if name == "a.raw" else []
        for memory in ([], ["--memory", "3M"]):
            assert pw("cat", tmp_path / name, "--raw", "--threads", threads, *memory, *raw).out == array.tobytes(), name


PLAIN = {"v2.zarr": {"zarr_format": 2}, "v3.zarr": {}, "big-endian.zarr": {"dtype": ">u2", "zarr_format": 2},
         "shards.zarr": {"shards": (80, 256, 256)}}


@pytest.mark.parametrize("threads", [1, 3])
def test_parts_of_uncompressed_chunks(pw, tmp_path, threads):
    """23 MB in chunks of which a band has only some planes, or some rows of one; some are not stored, some reach out."""
    array = np.random.default_rng(6).integers(0, 1 << 16, (96, 300, 410), np.uint16)
    array[40:80, 128:256, :256] = 7
    for name, options in PLAIN.items():
        made = zarr.create_array(str(tmp_path / name), shape=array.shape, chunks=(40, 128, 256), compressors=None,
                                 fill_value=7, **{"dtype": "uint16", **options})
        made[...] = array
        for memory in ([], ["--memory", "8M"], ["--memory", "5800K"]):
            assert pw("cat", tmp_path / name, "--raw", "--threads", threads, *memory).out == array.tobytes(), name


@pytest.mark.parametrize("threads", [2, 4])
def test_readers_of_every_speed(pw, tmp_path, threads):
    """Bands of many chunks: one place of memory goes round for who reads fast, others are begun for who does not."""
    array = np.cumsum(np.random.default_rng(7).integers(-3, 5, (96, 512, 512)), axis=-1).astype("uint16")
    made = zarr.create_array(str(tmp_path / "a.zarr"), shape=array.shape, chunks=(16, 32, 32), dtype="uint16", fill_value=0)
    made[...] = array
    assert pw("cat", tmp_path / "a.zarr", "--raw", "--threads", threads).out == array.tobytes()
    process = pw.start("cat", tmp_path / "a.zarr", "--raw", "--threads", threads, stdout=subprocess.PIPE)
    got = b""
    for _ in range(6):
        time.sleep(0.15)
        got += process.stdout.read(9 << 20)
    assert process.wait() == 0 and got == array.tobytes()


@pytest.mark.parametrize("change", [-2, +2])
def test_an_uncompressed_chunk_of_another_length_is_named(pw, tmp_path, change):
    made = zarr.create_array(str(tmp_path / "a.zarr"), shape=(64, 512, 512), chunks=(64, 256, 512), dtype="uint16",
                             compressors=None)
    made[...] = 1
    chunk = tmp_path / "a.zarr" / "c/0/1/0"
    data = chunk.read_bytes()
    chunk.write_bytes((data + b"xx")[: len(data) + change])
    pw.refuses("cat", tmp_path / "a.zarr", "--raw", says=["chunk (0,1,0)", str(len(data))], streams=True)


def test_thick_uncompressed_chunks_need_little_memory(pw, tmp_path, meter):
    """A band one chunk thick would be the whole image, 134 MB."""
    made = zarr.create_array(str(tmp_path / "deep.zarr"), shape=(512, 512, 256), chunks=(512, 64, 64), dtype="uint16",
                             compressors=None)
    made[...] = 1
    command = pw.command("cat", tmp_path / "deep.zarr", "--raw", "--threads", 1)
    usage = meter(["sh", "-c", " ".join(map(str, command)) + " >/dev/null"])
    if not pw.is_sanitized():
        assert usage["peak_rss_bytes"] < 44 << 20, usage


def test_npy_header(pw, tmp_path, images):
    (tmp_path / "out.npy").write_bytes(pw("cat", tmp_path / "v3.zarr").out)
    assert np.array_equal(np.load(tmp_path / "out.npy"), images)


def test_a_chunk_that_is_as_thick_as_the_image_stays_in_the_memory(pw, tmp_path, meter):
    """A band one chunk thick would be the whole image, 128 MB."""
    made = zarr.create_array(str(tmp_path / "deep.zarr"), shape=(512, 512, 256), chunks=(512, 64, 64), dtype="uint16",
                             fill_value=0)
    made[...] = np.broadcast_to(np.arange(512, dtype="uint16")[:, None, None], (512, 512, 256))
    command = pw.command("cat", tmp_path / "deep.zarr", "--raw", "--threads", 2, "--memory", "40M")
    with open(tmp_path / "out.raw", "wb") as out:
        done = subprocess.run(command, stdout=out, check=True)
    assert done.returncode == 0
    got = np.fromfile(tmp_path / "out.raw", "uint16").reshape(512, 512, 256)
    assert (got == np.arange(512)[:, None, None]).all()
    if not pw.is_sanitized():
        usage = meter(["sh", "-c", " ".join(map(str, command)) + " >/dev/null"])
        assert usage["peak_rss_bytes"] < 56 << 20, usage
    pw.refuses("cat", tmp_path / "deep.zarr", "--raw", "--memory", "1M", says=["1048576", "deep.zarr"])


@pytest.mark.parametrize("threads", [1, 2])
def test_a_reader_that_goes_away_is_no_error_message(pw, tmp_path, images, threads):
    process = pw.start("cat", tmp_path / "v3.zarr", "--raw", "--threads", threads)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() != 0


def test_a_broken_chunk_is_named_whatever_the_threads(pw, tmp_path, images):
    for name in ("c/1/2/0", "c/2/0/1"):
        chunk = tmp_path / "v3.zarr" / name
        chunk.write_bytes(chunk.read_bytes()[:-5])
    lines = {pw.refuses("cat", tmp_path / "v3.zarr", "--raw", "--threads", threads, says="chunk (", streams=True)
             for threads in (1, 2, 7)}
    assert len(lines) == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_bands_that_no_cache_holds(pw, tmp_path, threads):
    """Of 36 MB, with rows of an odd length: chunks are copied into them past the caches."""
    array = np.random.default_rng(6).integers(0, 900, (30, 801, 751), np.uint16)
    made = zarr.create_array(str(tmp_path / "a.zarr"), shape=array.shape, chunks=(30, 200, 333), dtype="uint16")
    made[...] = array
    assert pw("cat", tmp_path / "a.zarr", "--raw", "--threads", threads).out == array.tobytes()
