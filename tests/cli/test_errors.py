"""
What bad input gets: one line that names the file, the place and the value; exit 1 or 64; nothing left that looks
complete; an earlier result untouched.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from numcodecs import Zstd
from pwtest import images, stores
from pwtest.tool import EXIT_FAILED, EXIT_USAGE, outputs, tree


@pytest.fixture
def image(tmp_path):
    """A small image with blobs, as .npy; its threshold is 100."""
    rng = np.random.default_rng(21)
    values = np.where(images.blob_mask(rng, (24, 60, 70)), 200, 50).astype(np.uint16)
    np.save(tmp_path / "image.npy", values)
    return tmp_path / "image.npy"


@pytest.fixture
def out(tmp_path):
    """Where a refused run must not write anything."""
    folder = tmp_path / "out"
    folder.mkdir()
    yield folder
    assert outputs(folder) == {}, "a refused run left something behind"


# ---------------------------------------------------------------------------- files


@pytest.mark.parametrize("suffix", ["npy", "zarr", "tif", "raw"])
@pytest.mark.parametrize("name", ["missing.tif", "missing.zarr", "no/such/folder/image.npy"])
def test_missing_file(pw, out, tmp_path, name, suffix):
    pw.refuses("run", tmp_path / name, "--fn", "otsu", "-o", out / f"labels.{suffix}", says=name, code=EXIT_FAILED)


def test_missing_file_of_info_and_cat(pw, tmp_path):
    for verb in ("info", "cat"):
        pw.refuses(verb, tmp_path / "missing.zarr", says="missing.zarr", code=EXIT_FAILED)


@pytest.mark.parametrize("content", [b"", b"P5\n2 2\n255\n....", b"\x89PNG\r\n\x1a\n" + bytes(100), b"{}", os.urandom(4096)],
                         ids=["empty", "pgm", "png", "json", "noise"])
def test_foreign_file(pw, out, tmp_path, content):
    path = tmp_path / "foreign.dat"
    path.write_bytes(content)
    for verb in ("info", "cat"):
        pw.refuses(verb, path, says="foreign.dat")
    pw.refuses("run", path, "--fn", "otsu", "-o", out / "labels.npy", says="foreign.dat")


def test_foreign_folder(pw, out, tmp_path):
    folder = tmp_path / "folder.zarr"
    folder.mkdir()
    pw.refuses("run", folder, "--fn", "otsu", "-o", out / "labels.npy", says="folder.zarr", code=EXIT_FAILED)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(pw, out, image):
    image.chmod(0)
    pw.refuses("run", image, "--fn", "otsu", "-o", out / "labels.npy", says=[str(image), "ermission"], code=EXIT_FAILED)


def test_missing_output_folder(pw, image, tmp_path):
    for suffix in ("npy", "zarr", "tif", "raw"):
        output = tmp_path / "no" / f"labels.{suffix}"
        pw.refuses("run", image, "--fn", "otsu", "-o", output, says=str(tmp_path / "no"), code=EXIT_FAILED)
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("keep", [0.3, 0.9])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_truncated_tiff(pw, out, tmp_path, compression, keep):
    """The directory is at the front (tifffile writes it after the first page's data): cut the pixels."""
    path = tmp_path / "cut.tif"
    values = np.random.default_rng(0).integers(0, 999, (200, 300)).astype(np.uint16)
    tifffile.imwrite(path, values, compression=compression, rowsperstrip=16, photometric="minisblack")
    os.truncate(path, int(path.stat().st_size * keep))
    pw.refuses("run", path, "--fn", "otsu", "-o", out / "labels.npy", says="cut.tif", code=EXIT_FAILED)
    pw.refuses("cat", path, says="cut.tif", code=EXIT_FAILED, streams=True)


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"ome": True}, {"imagej": True}, {"compression": "deflate"}], ids=str)
def test_a_tiff_cut_anywhere(pw, tmp_path, options):
    """The directories are behind the pixels: a cut leaves some of them out, or half of one, or a text.  Never planes."""
    values = np.random.default_rng(0).integers(0, 255, (5, 20, 30)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "whole.tif", values, **options)
    whole = (tmp_path / "whole.tif").read_bytes()
    with tifffile.TiffFile(tmp_path / "whole.tif") as tiff:
        behind = [page.offset for page in tiff.pages] + [len(whole)]
        text = tiff.pages[0].tags["ImageDescription"].valueoffset
    cuts = {cut + k for cut in behind for k in range(-9, 3)} | set(range(0, len(whole), 37))
    for cut in sorted(c for c in cuts if c < len(whole)):
        (tmp_path / "cut.tif").write_bytes(whole[:cut])
        result = pw.any("cat", "--raw", tmp_path / "cut.tif")
        assert result.code == EXIT_FAILED or result.out == values.tobytes(), f"{cut} of {len(whole)}: {result}"
    if options.get("ome"):
        (tmp_path / "cut.tif").write_bytes(whole[:text + 40])
        pw.refuses("info", tmp_path / "cut.tif", says=["cut.tif", "ImageDescription"], code=EXIT_FAILED)


@pytest.mark.parametrize("keep", [4, 30, 200, 4000])
def test_truncated_npy(pw, out, image, keep):
    os.truncate(image, keep)
    pw.refuses("run", image, "--fn", "otsu", "-o", out / "labels.npy", says="image.npy", code=EXIT_FAILED)


@pytest.mark.parametrize("engine", ["uring", "mmap", "sync"])
def test_raw_shape_does_not_match(pw, out, tmp_path, engine):
    """Shorter than the shape: the message has both sizes.  Longer: refused too, or it would be read askew."""
    path = tmp_path / "volume.raw"
    path.write_bytes(bytes(2 * 10 * 20 * 30 - 1))
    line = pw.refuses("run", path, "--shape", "10,20,30", "--dtype", "u16", "--fn", "otsu", "-o", out / "labels.npy",
                      "--io", engine, says=["volume.raw", "12000", "11999"])
    assert line
    pw.refuses("run", path, "--shape", "10,20,30", "--dtype", "u16", "--offset", "100", "--fn", "otsu", "-o",
               out / "labels.npy", "--io", engine, says=["volume.raw"])


def test_raw_needs_its_shape(pw, out, tmp_path):
    path = tmp_path / "volume.raw"
    path.write_bytes(bytes(6000))
    pw.refuses("run", path, "--fn", "otsu", "-o", out / "labels.npy", says=["volume.raw", "shape"])
    pw.refuses("run", path, "--shape", "10,20,30", "--fn", "otsu", "-o", out / "labels.npy", says="type")
    pw.refuses("run", path, "--shape", "10,20,30", "--dtype", "complex64", "--fn", "otsu", "-o", out / "labels.npy",
               says="complex64", code=EXIT_USAGE)
    pw.refuses("run", path, "--shape", "10,0,30", "--dtype", "u8", "--fn", "otsu", "-o", out / "labels.npy",
               says="10,0,30", code=EXIT_USAGE)


# ---------------------------------------------------------------------------- zarr chunks


def make_store(tmp_path, version, sharded=False):
    values = np.random.default_rng(0).integers(0, 999, (32, 32, 32)).astype(np.uint16)
    path = tmp_path / "image.zarr"
    if version == 2:
        array = zarr.create_array(str(path), shape=values.shape, chunks=(16, 16, 16), dtype="uint16", zarr_format=2,
                                  compressors=Zstd(1), filters=None, chunk_key_encoding={"name": "v2", "separator": "/"})
    else:
        array = zarr.create_array(str(path), shape=values.shape, chunks=(8, 8, 8) if sharded else (16, 16, 16),
                                  shards=(16, 16, 16) if sharded else None, dtype="uint16", zarr_format=3)
    array[...] = values
    return path, path / ("1/0/1" if version == 2 else "c/1/0/1")


def break_chunk(chunk, how):
    content = chunk.read_bytes()
    if how == "truncated":
        chunk.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        chunk.write_bytes(b"")
    elif how == "noise":
        chunk.write_bytes(b"\xa5" * len(content))
    else:
        chunk.unlink()
        chunk.mkdir()


def names_chunk(line, store, chunk):
    """The message has the chunk's file or its index, of the chunk or of an inner one of the shard."""
    if str(chunk.relative_to(store)) in line:
        return True
    index = tuple(int(part) for part in chunk.relative_to(store).parts if part != "c")
    found = re.search(r"chunk \((\d+),(\d+),(\d+)\)", line)
    named = tuple(map(int, found.groups())) if found else ()
    return named == index or tuple(i // 2 for i in named) == index


@pytest.mark.parametrize("engine", ["uring", "mmap", "sync"])
@pytest.mark.parametrize("how", ["truncated", "empty", "noise", "folder"])
@pytest.mark.parametrize("store", ["zarr2", "zarr3", "sharded"])
def test_broken_chunk_is_named(pw, out, tmp_path, store, how, engine):
    """A chunk that is there and cannot be decoded is an error that names it: never zeros."""
    path, chunk = make_store(tmp_path, 2 if store == "zarr2" else 3, store == "sharded")
    break_chunk(chunk, how)
    for output in ("labels.npy", "labels.zarr"):
        for fn in ("otsu", "threshold:100"):
            line = pw.refuses("run", path, "--fn", fn, "-o", out / output, "--io", engine, "--tile", "16", says="image.zarr",
                              code=EXIT_FAILED)
            assert names_chunk(line, path, chunk), line
    line = pw.refuses("cat", path, says="image.zarr", code=EXIT_FAILED, streams=True)
    assert names_chunk(line, path, chunk), line


def test_missing_chunk_is_the_fill_value(pw, tmp_path):
    path, chunk = make_store(tmp_path, 2)
    chunk.unlink()
    values = zarr.open(str(path), mode="r")[...]
    assert (values[16:, :16, 16:] == 0).all()
    pw("run", path, "--fn", "threshold:500", "-o", tmp_path / "labels.npy")
    images.assert_same_labels(np.load(tmp_path / "labels.npy"), images.components(values > 500, 1))


def test_chunk_of_wrong_size_is_named(pw, out, tmp_path):
    """A chunk that decodes well to too few bytes."""
    path, chunk = make_store(tmp_path, 2)
    chunk.write_bytes(Zstd(1).encode(bytes(100)))
    line = pw.refuses("run", path, "--fn", "otsu", "-o", out / "labels.npy", says=["image.zarr", "100", "8192"], code=EXIT_FAILED)
    assert names_chunk(line, path, chunk), line


def test_wrong_checksum_is_named(pw, out, tmp_path):
    path = tmp_path / "image.zarr"
    values = np.random.default_rng(0).integers(0, 999, (16, 16, 16)).astype(np.uint16)
    array = zarr.create_array(str(path), shape=values.shape, chunks=(8, 8, 8), dtype="uint16", zarr_format=3,
                              compressors=[zarr.codecs.Crc32cCodec()])
    array[...] = values
    chunk = path / "c" / "1" / "1" / "0"
    content = bytearray(chunk.read_bytes())
    content[7] ^= 1
    chunk.write_bytes(content)
    line = pw.refuses("run", path, "--fn", "otsu", "-o", out / "labels.npy", says="image.zarr", code=EXIT_FAILED)
    assert names_chunk(line, path, chunk), line


def test_broken_metadata(pw, out, tmp_path):
    path, _ = make_store(tmp_path, 3)
    metadata = (path / "zarr.json").read_text()
    for broken in ("", "{", metadata[:100], metadata.replace('"shape"', '"form"'), metadata.replace("uint16", "quux"),
                   metadata.replace("zstd", "middle-out"), metadata.replace("32", "-32"), "[1, 2]", "null"):
        (path / "zarr.json").write_text(broken)
        pw.refuses("run", path, "--fn", "otsu", "-o", out / "labels.npy", says="image.zarr", code=EXIT_FAILED)
        pw.refuses("info", path, says="image.zarr", code=EXIT_FAILED)


def test_unsupported_codec_is_named(pw, out, tmp_path):
    path, _ = make_store(tmp_path, 3)
    metadata = (path / "zarr.json").read_text()
    (path / "zarr.json").write_text(metadata.replace('"zstd"', '"middle-out"'))
    pw.refuses("run", path, "--fn", "otsu", "-o", out / "labels.npy", says="middle-out", code=EXIT_FAILED)


# ---------------------------------------------------------------------------- options


@pytest.mark.parametrize("fn,says", [
    ("threshold:nan", "nan"), ("threshold:NaN", "NaN"), ("threshold:", "threshold"), ("threshold", "threshold"),
    ("threshold:12x", "12x"), ("threshold:300,connectivity=0", "0"), ("threshold:300,connectivity=4", "4"),
    ("threshold:300,connectivity=x", "x"), ("threshold:300,size=3", "size"), ("otsu:strange", "strange"),
    ("cellpose", "cellpose"), ("otzu", "otzu"), ("", ""), ("label:7", "7"), ("./missing.so", "missing.so"),
])
def test_unknown_segmenter_or_option(pw, out, image, fn, says):
    pw.refuses("run", image, "--fn", fn, "-o", out / "labels.npy", says=says, code=(EXIT_FAILED, EXIT_USAGE))


def test_unknown_segmenter_lists_the_known(pw, out, image):
    pw.refuses("run", image, "--fn", "otzu", "-o", out / "labels.npy", says=["threshold", "otsu", "label"])


def test_connectivity_above_the_rank(pw, out, tmp_path):
    np.save(tmp_path / "flat.npy", np.zeros((9, 9), np.uint8))
    pw.refuses("run", tmp_path / "flat.npy", "--fn", "threshold:1,connectivity=3", "-o", out / "labels.npy", says=["3", "2"])


@pytest.mark.parametrize("option,value", [
    ("--tile", "0"), ("--tile", "4,x"), ("--tile", "1,2,3,4"), ("--tile", "-3"), ("--tile", "big"), ("--halo", "-1"),
    ("--halo", "x"), ("--memory", "lots"), ("--memory", "-5M"), ("--memory", "0"), ("--threads", "0"), ("--threads", "-1"),
    ("--threads", "many"), ("--io", "tape"), ("--format", "jpeg"), ("--ngff", "0.9"), ("--chunk", "0,1,1"),
    ("--out-dtype", "float32"), ("--out-dtype", "int8"), ("--level", "-1"), ("--connectivity", "9"), ("--progress", "loud"),
    ("--endian", "middle"), ("--summary", "xml"), ("--tile", "99999999999999999999"),
])
def test_bad_value_names_option_and_value(pw, out, image, option, value):
    pw.refuses("run", image, "--fn", "otsu", "-o", out / "labels.npy", f"{option}={value}", says=[option, value],
               code=EXIT_USAGE)


@pytest.mark.parametrize("arguments,says", [
    (["run"], "IMAGE"), (["run", "{image}"], "--fn"), (["run", "{image}", "--fn", "otsu", "--frobnicate"], "--frobnicate"),
    (["run", "{image}", "{image}", "--fn", "otsu"], "image.npy"), (["run", "{image}", "--fn"], "--fn"),
    (["frobnicate"], "frobnicate"), ([], ""), (["--frobnicate"], "--frobnicate"), (["info"], "PATH"), (["cat"], "PATH"),
    (["info", "{image}", "--frobnicate"], "--frobnicate"), (["cat", "{image}", "--frobnicate"], "--frobnicate"),
    (["help", "frobnicate"], "frobnicate"),
])
def test_usage(pw, image, arguments, says):
    pw.refuses(*[a.format(image=image) for a in arguments], says=says, code=EXIT_USAGE)


def test_output_is_needed(pw, image):
    """Only labels of a zarr image have a place of their own."""
    pw.refuses("run", image, "--fn", "otsu", says="-o")


def test_unknown_output_suffix(pw, out, image):
    pw.refuses("run", image, "--fn", "otsu", "-o", out / "labels.jpg", says=["labels.jpg", "format"])


def test_level_that_is_not_there(pw, out, data, image):
    store = data / "golden" / "ovule_0.5.ome.zarr"
    pw.refuses("run", store, "--level", "3", "--fn", "otsu", "-o", out / "labels.npy", says=["3", store.name])
    pw.refuses("cat", store, "--level", "3", says=["3", store.name])
    pw.refuses("run", image, "--level", "1", "--fn", "otsu", "-o", out / "labels.npy", says=["1"])


def test_self_describing_formats_refuse_a_shape(pw, out, image):
    pw.refuses("run", image, "--shape", "24,60,70", "--dtype", "u16", "--fn", "otsu", "-o", out / "labels.npy",
               says=["image.npy", "shape"])


def test_chunk_that_does_not_divide_its_shard(pw, out, image):
    pw.refuses("run", image, "--fn", "otsu", "-o", out / "labels.zarr", "--chunk", "16,16,16", "--shard", "32,40,32",
               says=["40", "16"])


def test_label_names_stay_inside_the_store(pw, out, image, tmp_path):
    for name in ("../escape", "a/b", "..", "", "."):
        pw.refuses("run", image, "--fn", "otsu", "-o", out / "labels.zarr", f"--name={name}", says=["name", name])
    assert not (tmp_path / "escape").exists()


def parse_size(text):
    number, unit = re.fullmatch(r"([0-9.]+) ?([KMGT]?)(?:i?B)?", text).groups()
    return float(number) * 1024 ** " KMGT".index(unit or " ")


def test_budget_too_small_says_what_would_do(pw, out, tmp_path):
    """The numbers of the message are true: that budget works, with that tile."""
    path = tmp_path / "volume.raw"
    with open(path, "wb") as file:
        file.truncate(512 * 1024 * 1024)
    source = [path, "--shape", "32,4096,4096", "--dtype", "u8", "--fn", "threshold:1", "-o", out / "labels.zarr"]
    line = pw.refuses("run", *source, "--memory", "1M", says=["--memory", "1"])
    sizes = re.findall(r"\b[0-9.]+ ?[KMGT](?:i?B)?\b", line)
    assert sizes, line
    needed = max(sizes, key=parse_size)
    pw("run", *source, "--memory", needed.replace(" ", ""), "--dry-run")
    line = pw.refuses("run", *source, "--memory", "96M", "--tile", "32,4096,4096", says=["96M", "4096"])
    sizes = re.findall(r"\b[0-9.]+ ?[KMGT](?:i?B)?\b", line)
    needed = max(sizes, key=parse_size)
    pw("run", *source, "--memory", needed.replace(" ", ""), "--tile", "32,4096,4096", "--dry-run")


def test_too_many_threads_for_the_budget(pw, out, tmp_path):
    """The tile that is chosen fits, or the budget is refused, with a number that works."""
    path = tmp_path / "volume.raw"
    with open(path, "wb") as file:
        file.truncate(4 << 30)
    source = [path, "--shape", "64,8192,8192", "--dtype", "u8", "--fn", "threshold:1", "-o", out / "labels.zarr", "--dry-run"]
    for threads in (7, 64):
        for budget in (32, 64, 128, 256):
            result = pw.any("run", *source, "--memory", f"{budget}M", "--threads", threads)
            if result.code != 0:
                line = pw.refuses("run", *source, "--memory", f"{budget}M", "--threads", threads, says=[f"{budget}M"])
                needed = max(re.findall(r"\b[0-9.]+ ?[KMGT](?:i?B)?\b", line), key=parse_size)
                pw("run", *source, "--memory", needed, "--threads", threads)


# ---------------------------------------------------------------------------- plugins


def test_plugin_of_another_abi(pw, out, image, plugin):
    other = plugin("abi99", "-DPLUGIN_ABI=99")
    pw.refuses("run", image, "--fn", other, "-o", out / "labels.npy", says=["abi99.so", "99", "1"], code=EXIT_FAILED)


def test_plugin_without_symbol(pw, out, image, plugin):
    other = plugin("nosymbol", "-DNO_SYMBOL")
    pw.refuses("run", image, "--fn", other, "-o", out / "labels.npy", says=["nosymbol.so", "pw_plugin"], code=EXIT_FAILED)


def test_plugin_that_describes_nothing(pw, out, image, plugin):
    other = plugin("null", "-DNULL_PLUGIN")
    pw.refuses("run", image, "--fn", other, "-o", out / "labels.npy", says="null.so", code=EXIT_FAILED)


def test_plugin_that_is_no_shared_object(pw, out, image, tmp_path):
    (tmp_path / "text.so").write_text("this is not a plugin\n")
    pw.refuses("run", image, "--fn", tmp_path / "text.so", "-o", out / "labels.npy", says="text.so", code=EXIT_FAILED)


def test_plugin_that_fails_to_start(pw, out, image, plugin):
    other = plugin("nostart", "-DFAIL_START")
    pw.refuses("run", image, "--fn", other, "-o", out / "labels.npy", says="the model of the test is missing", code=EXIT_FAILED)
    flood = plugin("flood")
    pw.refuses("run", image, "--fn", f"{flood}:twelve", "-o", out / "labels.npy", says="'twelve' is not a threshold",
               code=EXIT_FAILED)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_plugin_that_fails_on_a_tile(pw, out, image, plugin, threads):
    other = plugin("fail5", "-DFAIL_TILE=5")
    for suffix in ("npy", "zarr", "tif", "raw"):
        pw.refuses("run", image, "--fn", other, "-o", out / f"labels.{suffix}", "--tile", "16", "--threads", threads,
                   says=["5", "the test wants it so"], code=EXIT_FAILED)


# ---------------------------------------------------------------------------- outputs


@pytest.mark.parametrize("suffix", ["npy", "zarr", "tif", "raw"])
def test_existing_output_is_untouched(pw, image, tmp_path, suffix):
    output = tmp_path / "keep" / f"labels.{suffix}"
    output.parent.mkdir()
    pw("run", image, "--fn", "threshold:100", "-o", output)
    before = tree(output.parent)
    pw.refuses("run", image, "--fn", "threshold:60", "-o", output, says=[output.name, "overwrit"], code=EXIT_FAILED)
    assert outputs(output.parent) == before
    pw("run", image, "--fn", "threshold:300", "-o", output, "--overwrite")
    assert tree(output.parent).keys() and not stores.read_labels(output, (24, 60, 70)).any()


@pytest.mark.parametrize("suffix", ["npy", "zarr", "tif", "raw"])
def test_overwrite_keeps_a_foreign_file(pw, image, tmp_path, suffix):
    """--overwrite replaces a result; a failed run leaves what was there, whatever it was."""
    output = tmp_path / "keep" / f"labels.{suffix}"
    output.parent.mkdir()
    output.write_bytes(b"my only copy")
    pw.refuses("run", image, "--fn", "otsu", "-o", output, says=output.name)
    pw.refuses("run", image, "--fn", "./missing.so", "-o", output, "--overwrite", says="missing.so")
    assert output.read_bytes() == b"my only copy"


@pytest.mark.parametrize("suffix", ["npy", "zarr", "tif", "raw"])
def test_failed_overwrite_keeps_the_old_result(pw, image, tmp_path, plugin, suffix):
    output = tmp_path / "keep" / f"labels.{suffix}"
    output.parent.mkdir()
    pw("run", image, "--fn", "threshold:100", "-o", output)
    before = tree(output.parent)
    other = plugin("fail5", "-DFAIL_TILE=5")
    pw.refuses("run", image, "--fn", other, "-o", output, "--overwrite", "--tile", "16", says="the test wants it so")
    assert outputs(output.parent) == before


@pytest.mark.parametrize("suffix", ["npy", "zarr", "tif", "raw"])
def test_old_result_stays_until_the_new_is_whole(pw, image, tmp_path, plugin, suffix):
    """While a run with --overwrite works, the old labels can be read, always whole."""
    output = tmp_path / "keep" / f"labels.{suffix}"
    output.parent.mkdir()
    pw("run", image, "--fn", "threshold:100", "-o", output)
    before = tree(output)
    slow = plugin("slow", "-DSLEEP_US=40000")
    run = pw.start("run", image, "--fn", f"{slow}:300", "-o", output, "--overwrite", "--tile", "16", "--threads", "1")
    looks = 0
    while run.poll() is None:
        try:
            now = tree(output)
        except FileNotFoundError:  # looked while it was being exchanged
            continue
        looks += now == before
        time.sleep(0.02)
    assert run.wait() == 0, run.stderr.read().decode()
    assert looks > 5
    assert not stores.read_labels(output, (24, 60, 70)).any()
    assert [p.name for p in output.parent.iterdir()] == [output.name]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("suffix", ["npy", "zarr", "tif", "raw"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
def test_signal_leaves_nothing_partial(pw, image, tmp_path, plugin, number, suffix, overwrite):
    """The run dies by the signal it got; the output is not there, or the old one is; nothing is left but NAME.part."""
    output = tmp_path / "keep" / f"labels.{suffix}"
    output.parent.mkdir()
    before = {}
    if overwrite:
        pw("run", image, "--fn", "threshold:100", "-o", output)
        before = tree(output.parent)
    slow = plugin("slow", "-DSLEEP_US=40000")
    run = pw.start("run", image, "--fn", slow, "-o", output, "--tile", "8", "--threads", "2", *(["--overwrite"] * overwrite))
    time.sleep(0.5)
    assert run.poll() is None, run.stderr.read().decode()
    run.send_signal(number)
    out, err = run.communicate(timeout=20)
    assert run.returncode == -number, err.decode()
    assert len(err.decode().splitlines()) <= 1, err.decode()
    assert outputs(output.parent) == before
    pw.assert_no_scratch()


def test_signal_into_a_store(pw, tmp_path, plugin):
    store = tmp_path / "image.zarr"
    rng = np.random.default_rng(0)
    array = zarr.create_array(str(store), shape=(24, 60, 70), chunks=(8, 16, 16), dtype="uint16", zarr_format=3)
    array[...] = rng.integers(0, 300, (24, 60, 70))
    before = tree(store)
    slow = plugin("slow", "-DSLEEP_US=40000")
    run = pw.start("run", store, "--fn", slow, "-o", store / "nothing.zarr", "--tile", "8")
    time.sleep(0.5)
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=20)
    assert run.returncode == -signal.SIGTERM
    assert outputs(store) == before


def test_closed_pipe_is_quiet(pw, tmp_path):
    """A reader that had enough is no error to talk about."""
    np.save(tmp_path / "big.npy", np.random.default_rng(0).integers(0, 200, (64, 512, 512)).astype(np.uint8))
    for command in (f"cat '{tmp_path}/big.npy'", f"cat --raw '{tmp_path}/big.npy'",
                    f"run '{tmp_path}/big.npy' --fn threshold:100 -o - --quiet"):
        done = subprocess.run(["bash", "-c", f"'{pw.path}' {command} | head -c 100 | wc -c; echo ${{PIPESTATUS[0]}}"],
                              capture_output=True, text=True, env=pw.environment(), timeout=120)
        assert done.stderr == "", command
        assert done.stdout.split()[0] == "100"
        assert done.stdout.split()[1] in ("1", "141"), command
        pw.assert_no_scratch()


def test_standard_output_that_is_full(pw, image):
    """A final write error is an error."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    for arguments in (["cat", image], ["cat", image, "--raw"], ["run", image, "--fn", "otsu", "-o", "-", "--quiet"],
                      ["info", image], ["version"], ["help"]):
        with open("/dev/full", "wb") as full:
            run = pw.start(*arguments, stdout=full)
            err = run.communicate(timeout=60)[1].decode()
        assert run.returncode == EXIT_FAILED, arguments
        assert len(err.splitlines()) == 1 and "o space" in err, (arguments, err)
    pw.assert_no_scratch()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB; needs root, and a system that lets root mount."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system")
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def noisy(tmp_path):
    """An image whose labels take more than 1 MiB in every format."""
    values = np.random.default_rng(3).integers(0, 200, (64, 128, 128)).astype(np.uint8)
    np.save(tmp_path / "noisy.npy", values)
    return tmp_path / "noisy.npy"


@pytest.mark.parametrize("suffix", ["npy", "zarr", "tif", "raw"])
def test_full_disk(pw, tmp_path, noisy, small_disk, suffix):
    """Output on a full disk: said so, nothing left; a result that was there before stays."""
    pw.refuses("run", noisy, "--fn", "threshold:100", "-o", small_disk / f"labels.{suffix}", "--tile", "32",
               says=[str(small_disk), "o space"], code=EXIT_FAILED)
    assert outputs(small_disk) == {}
    np.save(tmp_path / "tiny.npy", np.eye(9, dtype=np.uint8))
    pw("run", tmp_path / "tiny.npy", "--fn", "threshold:0", "-o", small_disk / f"labels.{suffix}", "--overwrite")
    before = tree(small_disk)
    pw.refuses("run", noisy, "--fn", "threshold:100", "-o", small_disk / f"labels.{suffix}", "--overwrite",
               says="o space", code=EXIT_FAILED)
    assert outputs(small_disk) == before


def test_full_scratch(pw, out, noisy, small_disk):
    pw.refuses("run", noisy, "--fn", "threshold:100", "-o", out / "labels.npy", "--scratch", small_disk, "--tile", "8",
               says=[str(small_disk), "o space"], code=EXIT_FAILED)
    assert outputs(small_disk) == {}


def test_missing_scratch(pw, out, image, tmp_path):
    pw.refuses("run", image, "--fn", "otsu", "-o", out / "labels.npy", "--scratch", tmp_path / "nowhere", says="nowhere")


# ---------------------------------------------------------------------------- standard input


def test_pipe_that_ends_early(pw, out, image):
    content = image.read_bytes()
    for cut in (0, 5, 60, 1000, len(content) - 1):
        pw.refuses("run", "-", "--fn", "otsu", "-o", out / "labels.npy", stdin=content[:cut], code=EXIT_FAILED)
    pw.refuses("run", "-", "--shape", "24,60,70", "--dtype", "u16", "--fn", "otsu", "-o", out / "labels.npy",
               stdin=content[:5000], says="201600", code=EXIT_FAILED)


def test_pipe_needs_an_output(pw, image):
    pw.refuses("run", "-", "--fn", "otsu", stdin=image.read_bytes(), says="-o")


def test_objects_that_do_not_fit(pw, out, tmp_path):
    """More objects than the element type that was asked for can number."""
    checks = images.checkerboard_mask(np.random.default_rng(0), (400, 400))
    np.save(tmp_path / "checks.npy", checks.astype(np.uint8))
    for suffix in ("npy", "zarr", "tif", "raw"):
        pw.refuses("run", tmp_path / "checks.npy", "--fn", "threshold:0", "-o", out / f"labels.{suffix}", "--out-dtype",
                   "uint16", "--tile", "64", says=["80000", "uint16"], code=EXIT_FAILED)


def test_messages_stay_on_one_line(pw, tmp_path):
    """A file name with a line feed or an escape does not break the form of a message."""
    for name in ("two\nlines.npy", "escape\x1b[31m.npy", "wei\u00dfe K\u00fcche \u2192.npy", "per%scent%n.npy"):
        result = pw.any("run", tmp_path / name, "--fn", "otsu", "-o", tmp_path / "labels.npy")
        assert result.code == EXIT_FAILED
        assert len(result.err.splitlines()) == 1 and result.err.endswith("\n"), repr(result.err)
        assert "\x1b" not in result.err
