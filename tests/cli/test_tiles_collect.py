"""Tiles through a pipe: pw-stream tiles IMAGE | filter | pw-stream collect IMAGE gives what a run gives, or says why not."""

import io
import subprocess

import numpy as np
import pytest
from numpy.lib import format as npy
from pwtest.tool import EXIT_FAILED, SOURCE_ROOT, compile_c


@pytest.fixture(scope="module")
def threshold(compiler, tmp_path_factory):
    return compile_c(SOURCE_ROOT / "examples" / "workers" / "threshold_npy.c", tmp_path_factory.mktemp("filter") / "filter")


@pytest.fixture
def image(data):
    return data / "nuclei" / "dsb2018_20b20ab0.tif"


def frames_of(stream):
    """The arrays of a stream of frames, and the text of their headers."""
    file, frames = io.BytesIO(stream), []
    while file.tell() < len(stream):
        start = file.tell()
        npy.read_magic(file)
        shape, fortran, dtype = npy.read_array_header_1_0(file)
        header = stream[start:file.tell()]
        assert not fortran and len(header) % 64 == 0
        n = int(np.prod(shape)) * dtype.itemsize
        frames.append((np.frombuffer(file.read(n), dtype).reshape(shape), header))
    return frames


def stream_of(arrays):
    file = io.BytesIO()
    for array in arrays:
        np.save(file, array)
    return file.getvalue()


def windows(array, tile, halo):
    """What the tiles of array are, in their order."""
    starts = [range(0, n, t) for n, t in zip(array.shape, tile)]
    for corner in np.ndindex(*[len(s) for s in starts]):
        at = [s[i] for s, i in zip(starts, corner)]
        cut = [0 if n <= t else h for n, t, h in zip(array.shape, tile, halo)]
        yield array[tuple(slice(max(a - h, 0), min(a + t + h, n)) for a, t, h, n in zip(at, tile, cut, array.shape))]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name, tile, halo", [("nuclei/stardist_img3d.tif", (9, 20, 33), (2, 3, 0)),
                                              ("nuclei/stardist_img3d.tif", (31, 61, 57), (4, 4, 4)),
                                              ("nuclei/stardist_img2d.tif", (100, 130), (5, 7))])
def test_frames_are_the_windows(pw, data, name, tile, halo, threads):
    whole = np.load(io.BytesIO(pw("cat", data / name).out))
    got = frames_of(pw("tiles", data / name, "--tile", ",".join(map(str, tile)), "--halo", ",".join(map(str, halo)),
                       "--threads", threads, "--memory", "64M").out)
    expected = list(windows(whole, tile, halo))
    assert len(got) == len(expected)
    for (frame, _), window in zip(got, expected):
        assert frame.dtype == whole.dtype and np.array_equal(frame, window)


def test_frames_of_chunks(pw, tmp_path, image):
    """From a store, whose chunks are not the tiles."""
    pw("run", image, "--fn", "threshold:40", "-o", tmp_path / "labels.zarr", "--chunk", "1,50,60")
    store = tmp_path / "labels.zarr"
    assert pw("tiles", store, "--tile", 77).out == pw("tiles", store, "--tile", 77, "--threads", 1).out
    assert len(frames_of(pw("tiles", store, "--tile", 77).out)) == 8 * 17


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("options", [("--tile", "96"), ("--tile", "64", "--halo", "6"), ()], ids=" ".join)
def test_pipeline_equals_the_run(pw, threshold, image, tmp_path, options, threads):
    pw("run", image, "--fn", "threshold:40", "-o", tmp_path / "expected.npy", *options)
    tool, ours = str(pw.path), ["--threads", str(threads), *options]
    pipe = " | ".join([f"'{tool}' tiles '{image}' {' '.join(ours)} --tag", f"'{threshold}' 40",
                       f"'{tool}' collect '{image}' {' '.join(ours)} --merge touch -o '{tmp_path / 'labels.npy'}'"])
    subprocess.run(["bash", "-o", "pipefail", "-c", pipe], check=True, timeout=120, env=pw.environment())
    assert (tmp_path / "labels.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()


@pytest.fixture
def labels(pw, image):
    """Labels of the tiles of 300 voxels: fifteen frames, those of the right and lower border smaller."""
    frames = frames_of(pw("tiles", image, "--tile", 300).out)
    assert len(frames) == 15
    return [(frame > 40).astype(np.uint16) for frame, _ in frames]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint32", "int64", "uint64"])
def test_types_of_labels(pw, image, labels, tmp_path, dtype):
    for name, kind in (("a", dtype), ("b", "uint16")):
        pw("collect", image, "--tile", 300, "-o", tmp_path / f"{name}.npy", "--merge", "touch",
           stdin=stream_of([array.astype(kind) for array in labels]))
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def spoil(labels, what):
    labels = list(labels)
    if what == "missing at the end":
        labels = labels[:-1]
    elif what == "missing":
        del labels[3]
    elif what == "too many":
        labels.append(labels[0])
    elif what == "swapped":
        labels[3], labels[4] = labels[4], labels[3]
    elif what == "float":
        labels[5] = labels[5].astype(np.float32)
    elif what == "negative":
        labels[5] = -labels[5].astype(np.int32)
    elif what == "large":
        labels[5] = labels[5].astype(np.uint64) << 40
    elif what == "fortran":
        labels[5] = np.asfortranarray(labels[5])
    elif what == "big-endian":
        labels[5] = labels[5].astype(">u2")
    return stream_of(labels)


@pytest.mark.parametrize("what, says", [
    ("missing at the end", ["tile 14 at (0, 600, 1200)", "missing"]),
    ("missing", ["tile 3 at (0, 0, 900)", "another shape"]),
    ("too many", ["tile 14", "more follows"]),
    ("swapped", ["tile 3 at (0, 0, 900)", "another shape"]),
    ("float", ["tile 5 at (0, 300, 0)", "float32"]),
    ("negative", ["tile 5", "label -1", "negative"]),
    ("large", ["tile 5", "1099511627776"]),
    ("fortran", ["tile 5", "column-major"]),
    ("big-endian", ["tile 5", "most significant"]),
])
@pytest.mark.parametrize("threads", [1, 3])
def test_wrong_frames(pw, image, labels, tmp_path, what, says, threads):
    pw.refuses("collect", image, "--tile", 300, "-o", tmp_path / "labels.npy", "--merge", "touch", "--threads", threads,
               says=says, code=EXIT_FAILED, stdin=spoil(labels, what))
    assert not (tmp_path / "labels.npy").exists()


def test_cut_and_foreign_streams(pw, image, labels, tmp_path):
    stream = stream_of(labels)
    for cut in (0, 3, 60, 5000, len(stream) - 1):
        pw.refuses("collect", image, "--tile", 300, "-o", tmp_path / "labels.npy", says="standard input",
                   code=EXIT_FAILED, stdin=stream[:cut])
    pw.refuses("collect", image, "--tile", 300, "-o", tmp_path / "labels.npy", says="tile 0", code=EXIT_FAILED,
               stdin=b"Traceback (most recent call last): " * 1000)


def test_tags_tell_frames_of_one_shape_apart(pw, image, tmp_path):
    """Tiles 0 and 1 have one shape: swapped, only a header that is handed on betrays them."""
    tagged = frames_of(pw("tiles", image, "--tile", 300, "--tag").out)
    assert b"# tile 1 of 15" in tagged[1][1]
    plain = frames_of(pw("tiles", image, "--tile", 300).out)
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(tagged, plain)) and b"#" not in plain[1][1]
    parts = [header + frame.tobytes() for frame, header in tagged]
    pw("collect", image, "--tile", 300, "-o", tmp_path / "right.npy", stdin=b"".join(parts))
    parts[0], parts[1] = parts[1], parts[0]
    pw.refuses("collect", image, "--tile", 300, "-o", tmp_path / "wrong.npy", stdin=b"".join(parts),
               says=["tile 0 at (0, 0, 0)", "says that it is tile 1"], code=EXIT_FAILED)


def test_memory_is_kept_to(pw, image, tmp_path):
    pw.refuses("tiles", image, "--memory", "1M", says="--memory")


def test_a_reader_that_goes_away(pw, image):
    head = subprocess.run(f"'{pw.path}' tiles '{image}' --tile 64 | head -c 1000 | wc -c", shell=True, check=True,
                          capture_output=True, timeout=60, env=pw.environment())
    assert head.stdout.split() == [b"1000"] and head.stderr == b""
