"""Worker processes and whole images: several channels together, what is measured of the whole, time points through a pipe."""

import subprocess
import sys

import numpy as np
import pytest
from pwtest import images, stores
from pwtest.tool import SOURCE_ROOT

MODULE = '''
import numpy as np
import pwstream
from scipy import ndimage

def brightest(image, tile, threshold=0):
    """Voxels of the first channel above a threshold that are brightest there."""
    assert image.ndim == 1 + len(tile.core) and len(image) == len(tile.channels), image.shape
    mask = (image[0] > threshold) & (image[0] > image[1:].max(0))
    return ndimage.label(mask)[0].astype(np.uint32)

every = pwstream.worker(channels="all", components=True)(brightest)

@pwstream.worker(channels=2, components=True, in_dtype="float32")
def two(image, tile, threshold=0):
    assert image.dtype == np.float32
    return brightest(image, tile, threshold)

@pwstream.worker(components=True, percentiles=[10, 99.5])
def upper(image, tile):
    """Normalised voxels above 0.5; what was measured of the whole image is told as well."""
    assert tile.is_normalized and len(tile.statistics) == 1 and len(tile.statistics[0]["percentiles"]) == 2
    return ndimage.label(image > np.float32(0.5))[0].astype(np.uint32)
'''

FRAMES = '''
import sys
import numpy as np
from numpy.lib import format as npy
from scipy import ndimage
source, sink = sys.stdin.buffer, sys.stdout.buffer
while magic := source.read(8):
    shape, _, dtype = npy.read_array_header_1_0(source)
    image = np.frombuffer(source.read(int(np.prod(shape)) * dtype.itemsize), dtype).reshape(shape)
    labels = ndimage.label((image[0] > int(sys.argv[1])) & (image[0] > image[1:].max(0)))[0].astype("<u4")
    npy.write_array_header_1_0(sink, npy.header_data_from_array_1_0(labels))
    sink.write(labels.tobytes())
    sink.flush()
'''


@pytest.fixture
def python(tmp_path):
    """The environment in which py: finds the package and the functions."""
    (tmp_path / "functions.py").write_text(MODULE)
    return {"PYTHONPATH": f"{SOURCE_ROOT / 'python'}:{tmp_path}", "PW_PYTHON": sys.executable}


def numbered(masks):
    """Components of each time point, numbered through."""
    out, most = np.zeros(masks.shape, np.uint32), 0
    for t, mask in enumerate(masks):
        one = images.components(mask, 1)
        out[t] = np.where(one > 0, one + most, 0)
        most = max(most, int(out[t].max()))
    return out


def scene(shape):
    field = images.ndimage.gaussian_filter(np.random.default_rng(3).random(shape), (0, 0) + (1,) * (len(shape) - 2))
    return np.round(field * 60000).astype(np.uint16)


@pytest.mark.parametrize("shape, axes, tile", [((2, 3, 8, 33, 35), "tczyx", "8,20,20"), ((1, 3, 64, 70), "tcyx", "1,40,40")])
def test_several_channels(pw, python, tmp_path, shape, axes, tile):
    image = scene(shape)
    threshold = int(np.median(image))
    source = [*stores.write(np.random.default_rng(1), tmp_path / "in", image, "zarr3"), "--axes", axes]
    (tmp_path / "frames.py").write_text(FRAMES)

    def check(expected, fn, *options):
        written = set()
        for threads, workers in ((1, 1), (3, 2)):
            result = pw("run", *source, "--fn", fn, "--tile", tile, "--threads", threads, "--workers", workers, "-o",
                        tmp_path / "labels.npy", "--overwrite", *options, env=python)
            got = np.load(tmp_path / "labels.npy")
            images.assert_same_labels(got, expected.reshape(got.shape), str(result))
            written.add((tmp_path / "labels.npy").read_bytes())
        assert len(written) == 1

    first = (image[:, 0] > threshold) & (image[:, 0] > image[:, 1:].max(1))
    check(numbered(first), f"py:functions:every,threshold={threshold}")
    pair = (image[:, 2] > threshold) & (image[:, 2] > image[:, 0])
    check(numbered(pair), f"py:functions:every,threshold={threshold}", "--channel", "2,0")
    check(numbered(pair), f"py:functions:two,threshold={threshold}", "--channel", "2,0", "--shm-file")
    check(numbered(pair), f"exec:{sys.executable} {tmp_path / 'frames.py'} {threshold}", "--channel", "2,0", "--worker-io", "npy",
          "--merge", "touch")
    pw.refuses("run", *source, "--fn", "py:functions:two", "-o", tmp_path / "no.npy", env=python, says=["2 channels", "--channel"])
    pw.refuses("run", *source, "--fn", "py:functions:upper", "--channel", "0,1", "-o", tmp_path / "no.npy", env=python,
               says="one channel")


@pytest.mark.parametrize("how", ["percentile:10,99.5", "minmax"])
def test_normalised_by_the_whole_image(pw, python, tmp_path, how):
    """Limits are those of the whole image, in every tile: labels are what numpy makes of it at once."""
    image = scene((1, 1, 80, 90))[0, 0]
    image[:20] //= 3
    np.save(tmp_path / "image.npy", image)
    low, high = np.percentile(image, [10, 99.5]) if how != "minmax" else (image.min(), image.max())
    scaled = (image.astype(np.float32) - np.float32(low)) / np.float32(high - low)
    expected = images.components(scaled > np.float32(0.5), 1)
    assert expected.max() > 3
    for tile in ("1,16,32", "1,80,90"):
        result = pw("run", tmp_path / "image.npy", "--fn", "py:functions:upper", "--normalize", how, "--tile", tile, "-o",
                    tmp_path / "labels.npy", "--overwrite", env=python)
        images.assert_same_labels(np.load(tmp_path / "labels.npy"), expected, str(result))
    pw.refuses("run", tmp_path / "image.npy", "--fn", "otsu", "--normalize", how, "-o", tmp_path / "no.npy",
               says=["--normalize", "leave it out"])


def test_time_points_through_a_pipe(pw, tmp_path):
    """tiles | filter | collect over all time points is the run over them."""
    image = scene((3, 2, 40, 50))[:, 1]
    np.save(tmp_path / "image.npy", image)
    threshold = int(np.percentile(image, 70))
    frames = FRAMES.replace("(image[0] > int(sys.argv[1])) & (image[0] > image[1:].max(0))", "image > int(sys.argv[1])")
    (tmp_path / "frames.py").write_text(frames)
    source = f"'{tmp_path / 'image.npy'}' --axes tyx --tile 16"
    pw("run", tmp_path / "image.npy", "--axes", "tyx", "--tile", "16", "--fn", f"threshold:{threshold}", "-o",
       tmp_path / "expected.npy")
    pipe = (f"'{pw.path}' tiles {source} | '{sys.executable}' '{tmp_path / 'frames.py'}' {threshold} | "
            f"'{pw.path}' collect {source} --merge touch -o '{tmp_path / 'labels.npy'}'")
    subprocess.run(["bash", "-o", "pipefail", "-c", pipe], check=True, timeout=120, env=pw.environment())
    assert (tmp_path / "labels.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()
    images.assert_same_labels(np.load(tmp_path / "labels.npy"), numbered(image > threshold), "through a pipe")
