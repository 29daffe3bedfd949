"""The package pwstream around the tool: arrays in, labels out, with built-in segmenters and with Python functions."""

import contextlib
import functools
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import zarr
from pwtest.worker_host import PACKAGE
from scipy import ndimage

SOURCE = PACKAGE.parent


@pytest.fixture
def pwstream(tool_file, tmp_path, monkeypatch):
    """The package of the source tree, with the tool under test; the working directory is the test's own."""
    monkeypatch.setenv("PW_STREAM", str(tool_file))
    monkeypatch.syspath_prepend(str(PACKAGE))
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    monkeypatch.chdir(tmp_path)
    import pwstream

    return pwstream


def blobs(shape, seed=1):
    field = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 3)
    return np.clip(1000 + field / field.std() * 200, 0, 65535).astype(np.uint16)


FLAT = blobs((150, 200))
STACK = blobs((20, 60, 70), 2)
THRESHOLD = 1100


def same(got, expected):
    """Whatever kind of array it is."""
    return np.array_equal(np.asarray(got), np.asarray(expected))


def labels_of(image, threshold=THRESHOLD):
    return ndimage.label(image > threshold)[0]


# ---------------------------------------------------------------------------- the package as such


def test_version_is_that_of_the_tool(pwstream):
    configured = re.search(r"AC_INIT\(\[patchworks\],\s*\[([^\]]+)\]", (SOURCE / "configure.ac").read_text())[1]
    pyproject = re.search(r'^version = "([^"]+)"', (PACKAGE / "pyproject.toml").read_text(), re.M)[1]
    assert pwstream.__version__ == configured == pyproject


def test_every_file_is_installed():
    """automake lists files by name: a new module must be among them."""
    listed = set(re.findall(r"python/pwstream/\S+", (PACKAGE / "python.am").read_text()))
    there = {
        f"python/{path.relative_to(PACKAGE)}"
        for path in (PACKAGE / "pwstream").rglob("*")
        if path.suffix == ".py" or path.name == "py.typed"
    }
    assert listed == there


def test_all_names_are_there(pwstream):
    for name in pwstream.__all__:
        assert getattr(pwstream, name) is not None and name in dir(pwstream)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        pwstream.nothing  # noqa: B018


def test_only_numpy_is_imported(tool_file, tmp_path):
    """With any other library blocked the package can be imported, and a run returns the path of its labels."""
    np.save(tmp_path / "image.npy", FLAT)
    program = """
import importlib.abc, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("dask", "zarr", "scipy", "skimage", "tifffile", "cloudpickle", "pandas"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
import pwstream
for name in pwstream.__all__:
    getattr(pwstream, name)
print(pwstream.tile_process("image.npy", "threshold:1100", write_to="labels.zarr", progress=False))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PW_STREAM": str(tool_file), "PYTHONPATH": str(PACKAGE)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "labels.zarr/labels"


def test_the_tool_is_found_or_missed_with_advice(pwstream, tool_file, tmp_path, monkeypatch):
    from pwstream import _tool

    monkeypatch.delenv("PW_STREAM")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pw-stream").symlink_to(tool_file)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert os.path.samefile(_tool.find(), tool_file)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(_tool, "__file__", str(tmp_path / "tmp" / "a" / "b" / "c" / "d" / "_tool.py"))
    with pytest.raises(pwstream.ToolError, match="no pw-stream: install it"):
        _tool.find()
    monkeypatch.setenv("PW_STREAM", str(tmp_path / "gone"))
    with pytest.raises(pwstream.ToolError, match="gone, which is no program"):
        _tool.find()


# ---------------------------------------------------------------------------- images and outputs


def in_memory(image, folder):
    return image


def as_npy(image, folder):
    np.save(folder / "image.npy", image)
    return folder / "image.npy"


def as_mapped_npy(image, folder):
    return np.load(as_npy(image, folder), mmap_mode="r")


def as_dask(image, folder):
    return da.from_array(image, chunks=tuple(-(-n // 2) for n in image.shape))


def as_zarr_array(image, folder):
    array = zarr.open_array(
        folder / "array.zarr", mode="w", shape=image.shape, dtype=image.dtype, chunks=(20,) * image.ndim
    )
    array[...] = image
    return array


def as_zarr_in_memory(image, folder):
    array = zarr.create_array({}, shape=image.shape, dtype=image.dtype, chunks=(20,) * image.ndim)
    array[...] = image
    return array


def as_strided(image, folder):
    return np.asfortranarray(np.repeat(image, 2, axis=0))[::2]


def as_big_endian(image, folder):
    return image.astype(">u2")


IMAGES = [in_memory, as_npy, as_mapped_npy, as_dask, as_zarr_array, as_zarr_in_memory, as_strided, as_big_endian]


@pytest.mark.parametrize("image", [FLAT, STACK], ids=["2d", "3d"])
@pytest.mark.parametrize("make", IMAGES, ids=lambda f: f.__name__)
def test_any_array(pwstream, tmp_path, make, image):
    labels, n = pwstream.tile_process(
        make(image, tmp_path),
        f"threshold:{THRESHOLD}",
        tile_shape=(16,) * image.ndim,
        overlap=0,
        progress=False,
        return_count=True,
        write_to=tmp_path / "labels.zarr",
    )
    expected = labels_of(image)
    assert isinstance(labels, da.Array) and same(labels.compute(), expected)
    assert n == expected.max()
    assert not list((tmp_path / "tmp").iterdir()), "temporary files are gone"
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(("labels", "."))) == ["labels.zarr"]


def test_arrays_that_are_files_are_not_copied(pwstream, tmp_path):
    from pwstream import _image

    for make in (as_mapped_npy, as_zarr_array):
        found = _image.of_array(make(FLAT, tmp_path), tmp_path / "tmp")
        assert Path(found.path).exists() and not list((tmp_path / "tmp").iterdir())
    part = as_mapped_npy(FLAT, tmp_path)[:, 3:]
    assert _image.of_array(part, tmp_path / "tmp").path.startswith(str(tmp_path / "tmp"))
    assert same(np.load(tmp_path / "tmp" / "image.npy"), FLAT[:, 3:])


def test_an_array_that_is_larger_than_a_piece(pwstream, tmp_path, monkeypatch):
    from pwstream import _image

    monkeypatch.setattr(_image, "PIECE_BYTES", 1000)
    labels = pwstream.tile_process(np.asfortranarray(STACK), f"threshold:{THRESHOLD}", progress=False)
    assert same(labels, labels_of(STACK))


def test_without_dask_it_is_a_zarr_array(pwstream, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.array", None)
    labels = pwstream.tile_process(FLAT, f"threshold:{THRESHOLD}", progress=False)
    assert isinstance(labels, zarr.Array) and same(labels[...], labels_of(FLAT))


def ome_zarr(folder, image, name="image.zarr", scale=(2.0, 0.5, 0.5), channels=None):
    """A small OME-Zarr 0.5, written by zarr-python."""
    data = image if channels is None else np.stack(channels)
    axes = "zyx"[3 - image.ndim :]
    described = [{"name": a, "type": "space", "unit": "micrometer"} for a in axes]
    sizes = list(scale[3 - image.ndim :])
    if channels is not None:
        described, sizes = [{"name": "c", "type": "channel"}, *described], [1.0, *sizes]
    levels = [data, data[..., ::2, ::2]]
    group = zarr.open_group(folder / name, mode="w")
    sets = []
    for number, level in enumerate(levels):
        array = group.create_array(
            str(number), shape=level.shape, dtype=level.dtype, chunks=tuple(min(32, n) for n in level.shape)
        )
        array[...] = level
        factor = [1.0] * (len(sizes) - 2) + [2.0**number] * 2
        transform = {"type": "scale", "scale": [a * b for a, b in zip(sizes, factor)]}
        sets.append({"path": str(number), "coordinateTransformations": [transform]})
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": described, "datasets": sets, "name": "image"}]}
    return folder / name


def test_labels_go_into_the_image(pwstream, tmp_path):
    image = ome_zarr(tmp_path, STACK)
    labels = pwstream.tile_process(image, f"threshold:{THRESHOLD}", progress=False)
    assert same(labels, labels_of(STACK))
    inside = zarr.open_group(image, mode="r")["labels"]
    assert inside.attrs["ome"]["labels"] == ["labels"]
    assert same(inside["labels/0"], labels_of(STACK))
    again = pwstream.tile_process(image, "threshold:1200", progress=False)
    assert same(again, labels_of(STACK, 1200)), "a second call takes the place of the first"
    with pytest.raises(pwstream.ToolError, match="exists|overwrite"):
        pwstream.tile_process(image, "threshold:1200", progress=False, overwrite=False)
    named = pwstream.tile_process(image, "threshold:1200", progress=False, output_component="cells", pyramid_levels=1)
    assert same(named, again)
    assert sorted(inside["cells"].array_keys()) == ["0"]


def test_channels_and_levels(pwstream, tmp_path):
    image = ome_zarr(tmp_path, STACK, channels=[STACK, STACK[::-1]])
    run = functools.partial(pwstream.tile_process, image, f"threshold:{THRESHOLD}", write_to="out.zarr", progress=False)
    assert same(run(), labels_of(STACK))
    assert same(run(channel=1), labels_of(STACK[::-1]))
    assert same(run(channel=1, level=1), labels_of(STACK[::-1, ::2, ::2]))
    with pytest.raises(pwstream.ToolError, match="channel"):
        run(channel=2)
    with pytest.raises(ValueError, match="no channel axis, so there is no channel 1"):
        pwstream.tile_process(ome_zarr(tmp_path, STACK, "grey.zarr"), "otsu", channel=1)


def test_a_store_of_its_own(pwstream, tmp_path):
    """The array is where the Python program puts it, and the store is a label image that viewers open."""
    store = tmp_path / "new" / "labels.zarr"
    image = ome_zarr(tmp_path, STACK)
    pwstream.tile_process(image, f"threshold:{THRESHOLD}", write_to=store, progress=False)
    assert same(da.from_zarr(store, component="labels"), labels_of(STACK))
    multiscale = zarr.open_group(store, mode="r").attrs["ome"]["multiscales"][0]
    assert [d["path"] for d in multiscale["datasets"]] == ["labels"]
    assert multiscale["datasets"][0]["coordinateTransformations"][0]["scale"] == [2.0, 0.5, 0.5]
    from pwstream import _tool

    assert _tool.info(store)["n_objects"] == labels_of(STACK).max()

    pwstream.tile_process(image, "threshold:1200", write_to=store, progress=False, output_component="other")
    assert same(zarr.open(store)["other"], labels_of(STACK, 1200))
    assert same(zarr.open(store)["labels"], labels_of(STACK)), "another component stays"
    pwstream.tile_process(image, "threshold:1150", write_to=store, progress=False)
    assert same(zarr.open(store)["labels"], labels_of(STACK, 1150)), "the same is replaced"
    with pytest.raises(FileExistsError):
        pwstream.tile_process(image, "otsu", write_to=store, overwrite=False)
    (tmp_path / "plain").mkdir()
    with pytest.raises(FileExistsError, match="no zarr group"):
        pwstream.tile_process(image, "otsu", write_to=tmp_path / "plain", progress=False)


def test_other_formats(pwstream, tmp_path):
    for name in ("labels.tif", "labels.npy"):
        labels = pwstream.tile_process(STACK, f"threshold:{THRESHOLD}", write_to=name, progress=False)
        assert same(labels, labels_of(STACK)) and (tmp_path / name).is_file()


def test_temporary_results_end_with_the_program(tool_file, tmp_path):
    program = """
import numpy as np, pwstream, os, tempfile
labels = pwstream.tile_process(np.eye(9, dtype="u1"), "threshold:0", progress=False)
assert labels.max().compute() == 9 and len(os.listdir(tempfile.gettempdir())) == 1
"""
    (tmp_path / "tmp").mkdir()
    environment = {
        **os.environ,
        "PW_STREAM": str(tool_file),
        "PYTHONPATH": str(PACKAGE),
        "TMPDIR": str(tmp_path / "tmp"),
    }
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert not list((tmp_path / "tmp").iterdir())


# ---------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    "arguments, words",
    [
        (dict(tile_shape=(8, 8, 8)), "tile_shape is .* image of 2 axes"),
        (dict(tile_shape=(0, 8)), "tile_shape is"),
        (dict(tile_shape="large"), "'large'"),
        (dict(overlap=(1, 2, 3)), "overlap is .* image of 2 axes"),
        (dict(overlap=-1), "cannot be negative"),
        (dict(overlap=2.5), "2.5; it is in voxels"),
        (dict(tile_shape=(64.5, 64)), "64.5, 64.*whole"),
        (dict(max_workers=0), "max_workers is 0"),
        (dict(write_to="labels.png"), "labels.png: labels go into"),
    ],
)
def test_arguments_that_are_refused(pwstream, arguments, words):
    with pytest.raises(ValueError, match=words):
        pwstream.tile_process(FLAT, "otsu", **arguments)


def test_images_that_are_refused(pwstream):
    with pytest.raises(ValueError, match="4 axes"):
        pwstream.tile_process(np.zeros((2, 3, 4, 5)), "otsu")
    for image, words in (
        (FLAT.tolist(), "list; it is a path"),
        ((row for row in FLAT), "generator; it is"),
        (zarr.group(), "Group; it is"),
        (np.ma.masked_less(FLAT, 1000), "masked array"),
        (FLAT.astype(complex), "complex128"),
    ):
        with pytest.raises(TypeError, match=words):
            pwstream.tile_process(image, "otsu")
    lazy = da.from_array(FLAT)
    for image, words in ((lazy[lazy[:, 0] > 900], "compute_chunk_sizes"), (FLAT[:0], r"empty, \(0,")):
        with pytest.raises(ValueError, match=words):
            pwstream.tile_process(image, "otsu")
    with pytest.raises(TypeError, match="fn is int"):
        pwstream.tile_process(FLAT, 3)
    with pytest.raises(pwstream.ToolError, match="gone.tif"):
        pwstream.tile_process("gone.tif", "otsu")
    with pytest.raises(pwstream.ToolError, match="nonsense"):
        pwstream.tile_process(FLAT, "nonsense", progress=False)


def test_tile_shapes(pwstream):
    def planned(image=STACK, **arguments):
        return pwstream.tile_process(image, "otsu", dry_run=True, **arguments)

    assert planned(tile_shape=(5, 20, 30), overlap=4)["tile_shape"] == (5, 20, 30)
    assert planned(tile_shape=(5, 20, 30), overlap=4)["overlap"] == (4, 4, 4)
    assert planned(tile_shape=(1, 20, 30), overlap=4)["overlap"] == (0, 4, 4)
    assert planned(tile_shape=(1, 20, 30), overlap=(9, 4, 2))["overlap"] == (0, 4, 2)
    assert planned(tile_shape=(500, 20, 500))["tile_shape"] == (20, 20, 70)
    assert planned(tile_shape=lambda shape, dtype: (shape[0], 9, 9))["tile_shape"] == (20, 9, 9)
    assert planned(da.from_array(STACK, chunks=(7, 30, 35)))["tile_shape"] == (7, 30, 35)
    plan = planned(tile_shape=(7, 30, 35))
    assert plan["grid"] == (3, 2, 2) and plan["n_tiles"] == 12 and plan["shape"] == STACK.shape
    assert "memory" in plan["text"]


def test_stages_are_kept(pwstream, tmp_path):
    run = functools.partial(pwstream.tile_process, FLAT, "otsu", tile_shape=(50, 50), progress=False)
    run(write_to="labels.zarr", keep_stage=True)
    run(keep_stage="elsewhere")
    for stage in ("labels.zarr.stage", "elsewhere"):
        subprocess.run([os.environ["PW_STREAM"], "seams", stage, "--json"], check=True, capture_output=True)


def test_progress_and_log(pwstream, tmp_path, capfd):
    pwstream.tile_process(FLAT, "otsu", verbose=True, log_file=True, write_to="labels.zarr")
    assert "volume" in (tmp_path / "patchworks.log").read_text()
    assert "volume" in capfd.readouterr().err
    pwstream.tile_process(FLAT, "otsu", write_to="labels.zarr", progress=False)
    assert capfd.readouterr().err == ""


def test_a_bar_for_terminals(pwstream, monkeypatch, capsys):
    from pwstream import _progress

    monkeypatch.setattr(_progress, "_redraws", lambda: True)
    reporter = _progress.Reporter(True)
    reporter.show({"pass": "segment", "done": 3, "total": 6, "seconds": 9})
    reporter.message("worker f[0]: hello")
    reporter.show({"pass": "segment", "done": 6, "total": 6, "seconds": 18})
    reporter.close()
    said = capsys.readouterr().err
    assert "3/6 9s left" in said and "\rsegmenting" in said and said.endswith("\n") and "\nworker" not in said[:5]
    assert _progress.remaining(50, 100, 60) == "60s" and _progress.remaining(10, 100, 10) == "2m"
    assert _progress.remaining(1, 100, 60) == "1.6h"
    assert _progress.remaining(0, 100, 60) == _progress.remaining(100, 100, 60) == "?"


# ---------------------------------------------------------------------------- Python functions

MODULE = """
import numpy as np
from scipy import ndimage

def segment(tile, above=1100):
    return ndimage.label(tile > above)[0].astype("int32")

class Segmenter:
    def __init__(self, above):
        self.above = above
    def __call__(self, tile):
        return segment(tile, self.above)

def both(tile):
    assert tile.shape[0] == 2, tile.shape
    return segment(np.maximum(tile[0], tile[1]))
"""


@pytest.fixture
def functions(tmp_path, monkeypatch):
    """A module beside the program, as users have it."""
    (tmp_path / "my_functions.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_functions", raising=False)
    import my_functions

    return my_functions


def test_functions_of_every_kind(pwstream, functions):
    above = 1100

    def nested(tile):
        return ndimage.label(tile > above)[0]

    run = functools.partial(pwstream.tile_process, FLAT, tile_shape=(64, 64), overlap=0, progress=False)
    for fn in (
        functions.segment,
        functools.partial(functions.segment, above=1100),
        functions.Segmenter(1100),
        nested,
        lambda tile: ndimage.label(tile > above)[0].astype(np.uint8),
        "py:my_functions:segment",
        "py:./my_functions.py:segment,above=1100",
    ):
        labels, n = run(fn, return_count=True)
        assert same(labels, labels_of(FLAT)) and n == labels_of(FLAT).max()


def test_functions_of_volumes(pwstream, functions):
    run = functools.partial(pwstream.tile_process, STACK, functions.segment, overlap=0, progress=False)
    assert same(run(tile_shape=(8, 32, 32)), labels_of(STACK))
    assert same(run(tile_shape=(1, 32, 32)), labels_of(STACK)), "planes, which touch"


def test_a_function_of_the_program_itself(tool_file, tmp_path):
    """Also through a notebook's or script's own functions, which a worker cannot import."""
    program = """
import numpy as np, pwstream
from scipy import ndimage

threshold = 1100
def segment(tile):
    print("seen", tile.shape)
    return ndimage.label(tile > threshold)[0].astype("int32")

image = np.load("image.npy")
labels = pwstream.tile_process("image.npy", segment, tile_shape=(64, 64), overlap=3, progress=False)
assert (labels.compute() == ndimage.label(image > threshold)[0]).all()
"""
    np.save(tmp_path / "image.npy", FLAT)
    (tmp_path / "program.py").write_text(program)
    environment = {**os.environ, "PW_STREAM": str(tool_file), "PYTHONPATH": str(PACKAGE)}
    done = subprocess.run([sys.executable, "program.py"], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "worker segment[" in done.stderr and "seen (67, 67)" in done.stderr, "what a function prints is seen"


def test_without_cloudpickle_there_is_advice(pwstream, monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(ValueError, match="<lambda> is not in a module.*pip install cloudpickle"):
        pwstream.tile_process(FLAT, lambda tile: tile)


def test_what_cannot_be_sent(pwstream):
    import threading

    lock = threading.Lock()
    with pytest.raises(ValueError, match="<lambda> cannot be sent to a worker .*lock.*constructor"):
        pwstream.tile_process(FLAT, lambda tile: lock)


@pytest.mark.parametrize("everybody", [True, False], ids=["its group, as a terminal", "it alone, as a notebook"])
def test_an_interrupted_call_ends_at_once_and_leaves_nothing(tool_file, tmp_path, everybody):
    (tmp_path / "program.py").write_text("""
import pathlib, time
import numpy as np, pwstream

def slow(tile):
    pathlib.Path("begun").touch()
    time.sleep(600)

try:
    pwstream.tile_process(np.ones((64, 64), "u2"), slow, tile_shape=16, write_to="labels.zarr", progress=True)
except KeyboardInterrupt:
    print("interrupted")
""")
    (tmp_path / "temporary").mkdir()
    environment = {**os.environ, "PW_STREAM": str(tool_file), "PYTHONPATH": str(PACKAGE)}
    environment["TMPDIR"] = str(tmp_path / "temporary")
    # A shell has its background jobs ignore the signal, and so do all that they start.
    process = subprocess.Popen(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        while not (tmp_path / "begun").exists() and process.poll() is None:
            time.sleep(0.05)
        began = time.monotonic()
        (os.killpg if everybody else os.kill)(process.pid, signal.SIGINT)
        assert process.communicate(timeout=60)[0] == "interrupted\n" and process.returncode == 0
        assert time.monotonic() - began < 20, "it waits for nobody's function"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["begun", "program.py", "temporary"]
        assert not list((tmp_path / "temporary").iterdir())
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
            raise AssertionError("a worker is left")


def test_each_tile_is_seen_once_with_its_overlap(pwstream, tmp_path):
    def note(tile):
        with open(tmp_path / "seen", "a") as file:
            file.write(f"{tile.shape} {tile.sum(dtype=int)}\n")
        return np.zeros(tile.shape, int)

    pwstream.tile_process(FLAT, note, tile_shape=(100, 100), overlap=(5, 10), progress=False)
    boxes = [
        (slice(0, 105), slice(0, 110)),
        (slice(0, 105), slice(90, 200)),
        (slice(95, 150), slice(0, 110)),
        (slice(95, 150), slice(90, 200)),
    ]
    expected = [f"{FLAT[box].shape} {FLAT[box].sum(dtype=int)}" for box in boxes]
    assert sorted((tmp_path / "seen").read_text().splitlines()) == sorted(expected)


def test_cells_that_touch_stay_two(pwstream):
    """Two discs pressed together at a seam: touch fuses them, agreement does not."""
    y, x = np.indices((60, 80))
    touching = ((y - 30) ** 2 + (x - 28) ** 2 < 144) * 1 + ((y - 30) ** 2 + (x - 52) ** 2 < 144) * 2
    touching[30, 36:44] = [1, 1, 1, 1, 2, 2, 2, 2]
    run = functools.partial(
        pwstream.tile_process, touching.astype(np.uint8), lambda tile: tile * 1, tile_shape=(60, 40), progress=False
    )
    assert run(stitch="touch", overlap=20).max().compute() == 1
    for stitch in ("iou", "overlap", "witness", "auto"):
        assert same(run(stitch=stitch, overlap=20), touching), stitch
    assert same(run(stitch="iou", overlap=0), touching), "by their cross-sections"


def test_errors_name_function_tile_and_reason(pwstream, capfd):
    def fails(tile):
        raise ValueError("too dark")

    with pytest.raises(
        pwstream.ToolError, match=r"^fails: tile \d at \(.*\): ValueError: too dark \(test_python"
    ) as error:
        pwstream.tile_process(FLAT, fails, tile_shape=(100, 100), progress=False)
    assert "pickle" not in str(error.value)
    assert "Traceback" in capfd.readouterr().err
    for result, words in (
        (lambda tile: tile * 1.0, "float64"),
        (lambda tile: tile > 3, "mask"),
        (lambda tile: tile[1:].astype(int), "shape"),
        (lambda tile: tile.astype(int) - 2000, "negative"),
        (lambda tile: np.full(tile.shape, 2**40), "1099511627776"),
    ):
        with pytest.raises(pwstream.ToolError, match=f"tile .*{words}"):
            pwstream.tile_process(FLAT, result, tile_shape=(100, 100), progress=False)


def test_what_a_function_declares(pwstream, tmp_path):
    @pwstream.worker(halo=7, in_dtype="float64")
    def declared(tile):
        assert tile.dtype == np.float64
        with open(tmp_path / "seen", "a") as file:
            file.write(f"{tile.shape}\n")
        return labels_of(tile)

    assert same(pwstream.tile_process(FLAT, declared, tile_shape=(150, 100), progress=False), labels_of(FLAT))
    assert (tmp_path / "seen").read_text().splitlines() == ["(150, 107)"] * 2
    pwstream.tile_process(FLAT, declared, tile_shape=(150, 100), overlap=3, progress=False)
    assert (tmp_path / "seen").read_text().splitlines()[2:] == ["(150, 103)"] * 2, "what the caller says comes first"


def test_a_ready_worker(pwstream):
    """Discs apart from each other: tiled as untiled."""
    y, x = np.indices((120, 160)) % 40 - 20
    image = ((y**2 + x**2 < 100) * 500).astype(np.uint16)
    fn = "py:pwstream.workers.skimage:segment,threshold=300,min_distance=5"
    whole = pwstream.tile_process(image, fn, tile_shape=(120, 160), progress=False)
    tiled = pwstream.tile_process(image, fn, tile_shape=(50, 50), progress=False)
    assert same(whole, tiled) and tiled.max().compute() == 12


def test_numbers_of_workers(pwstream, tmp_path, monkeypatch):
    def note(tile):
        with open(tmp_path / "seen", "a") as file:
            file.write(f"{os.environ['PW_WORKER_COUNT']} {os.environ.get('CUDA_VISIBLE_DEVICES')}\n")
        return np.zeros(tile.shape, int)

    run = functools.partial(pwstream.tile_process, FLAT, note, tile_shape=(40, 40), progress=False)

    def seen(**arguments):
        (tmp_path / "seen").unlink(missing_ok=True)
        run(**arguments)
        return set((tmp_path / "seen").read_text().splitlines())

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert seen(max_workers=3) == {"3 None"} and seen(use_gpu=True) == {"1 None"}
    assert seen(gpus=2) <= {"2 0", "2 1"} and seen(gpus=[5]) == {"1 5"}
    with pwstream.make_local_cluster(n_workers=3)[0]:
        assert seen() == {"3 None"}


# ---------------------------------------------------------------------------- merging, relating, renumbering


def by_tiles(image, tile):
    """Each tile labelled for itself, from 1."""
    labels = np.zeros(image.shape, np.int32)
    for low in np.ndindex(*[-(-n // t) for n, t in zip(image.shape, tile)]):
        box = tuple(slice(i * t, (i + 1) * t) for i, t in zip(low, tile))
        labels[box] = labels_of(image[box])
    return labels


@pytest.mark.parametrize("image, tile", [(FLAT, (40, 64)), (STACK, (8, 30, 32))], ids=["2d", "3d"])
def test_merging(pwstream, tmp_path, image, tile):
    parts, expected = by_tiles(image, tile), labels_of(image)
    merged, n = pwstream.merge_tile_labels(da.from_array(parts, chunks=tile), write_to="merged.zarr", return_count=True)
    assert same(merged, expected) and n == expected.max()
    assert same(da.from_zarr("merged.zarr", component="labels"), expected)

    store = zarr.open_group(tmp_path / "staged.zarr", mode="w")
    array = store.create_array("raw_labels", shape=image.shape, dtype="int32", chunks=tile)
    array[...] = parts
    merged = pwstream.merge_tile_labels(
        "staged.zarr", input_component="raw_labels", write_to="m2.zarr", sequential_labels=True, output_component="a"
    )
    assert same(merged, expected) and same(zarr.open("m2.zarr")["a"], expected)
    assert same(array, parts), "the input is only read"
    assert same(pwstream.merge_tile_labels(parts, tile_shape=tile), expected)
    large = pwstream.merge_tile_labels(parts, tile_shape=tile, min_voxels=30)
    sizes = np.bincount(expected.ravel())
    assert same(large.compute() > 0, (expected > 0) & (sizes[expected] >= 30))


def test_merging_with_overlap(pwstream):
    grown = da.overlap.overlap(da.from_array(FLAT, chunks=(50, 50)), depth=6, boundary="none")
    labeled = grown.map_blocks(lambda block: labels_of(block).astype("int32"), dtype="int32")
    assert same(pwstream.merge_tile_labels(labeled, overlap=6), labels_of(FLAT))


def test_merging_what_is_no_tiling(pwstream):
    with pytest.raises(ValueError, match="axis 1 are"):
        pwstream.merge_tile_labels(da.zeros((10, 10), dtype=int, chunks=((5, 5), (3, 4, 3))))
    with pytest.raises(ValueError, match="say tile_shape"):
        pwstream.merge_tile_labels(np.zeros((10, 10), int))
    with pytest.raises(TypeError, match="dask"):
        pwstream.merge_tile_labels(np.zeros((10, 10), int), overlap=2)


def test_relations(pwstream, tmp_path):
    a, b = np.zeros((4, 10), np.uint32), np.zeros((4, 10), np.uint32)
    a[0:2, 0:2], a[0:2, 4:8], a[3, 9] = 1, 2, 5
    b[0:3, 0:3], b[0:2, 4:7], b[0:2, 7:8] = 10, 20, 21
    expected = {
        1: {"match": 10, "overlap_voxels": 4, "overlap_fraction": 1.0},
        2: {"match": 20, "overlap_voxels": 6, "overlap_fraction": 0.75},
    }
    assert pwstream.label_relations(a, b) == expected
    assert pwstream.label_relations(da.from_array(a, chunks=3), da.from_array(b, chunks=2)) == expected
    group = zarr.open_group(tmp_path / "both.zarr", mode="w")
    for name, array in (("labels", a), ("others", b)):
        group.create_array(name, shape=array.shape, dtype=array.dtype, chunks=(2, 3))[...] = array
    assert pwstream.label_relations("both.zarr", "both.zarr", b_component="others") == expected
    assert pwstream.label_relations(a * 0, b) == {}
    edge = np.zeros((4, 4), np.uint32)
    edge[0, 0] = 9
    fraction = pwstream.label_relations(np.ones((4, 4), np.uint32), edge)[1]["overlap_fraction"]
    assert fraction == 0.0625, "of the whole label, not of what lies on others"


def test_renumbering(pwstream, tmp_path):
    renumber = pwstream.relabel_sequential_array
    assert renumber(np.array([0, 500, 500, 7, 7, 7, 0, 1000])).tolist() == [0, 2, 2, 1, 1, 1, 0, 3]
    assert renumber(np.array([5, 5, 7])).tolist() == [1, 1, 2]
    assert renumber(np.arange(65535)).dtype == np.uint16 and renumber(np.arange(65536)).dtype == np.uint32
    assert renumber(np.zeros((0, 3), int)).shape == (0, 3)
    labels = np.random.default_rng(1).choice([0, 0, 3, 90000, 2**31 - 1, 17], (30, 40)).astype(np.int32)
    group = zarr.open_group(tmp_path / "gappy.zarr", mode="w")
    group.create_array("labels", shape=labels.shape, dtype=labels.dtype, chunks=(7, 9))[...] = labels
    assert pwstream.relabel_sequential_zarr("gappy.zarr") == 4
    assert same(zarr.open("gappy.zarr")["labels"], renumber(labels))


# ---------------------------------------------------------------------------- sizes and estimates

GIB = 1 << 30


def test_overlaps(pwstream):
    auto, each = pwstream.auto_overlap, pwstream.normalize_overlap
    assert [auto(30), auto(30, 1.5), auto(0.2)] == [30, 45, 1]
    assert auto(30, voxel_size=(2, 0.1, 0.1)) == (2, 30, 30)
    assert auto(15, voxel_size=(2.0, 0.1, 0.1)) == (1, 15, 15)
    assert auto(30, voxel_size=(0.35, 0.108, 0.108)) == (10, 30, 30)
    assert auto(30, voxel_size=(0.5, 0.3, 0.2)) == (12, 20, 30)
    assert auto(3, voxel_size=(0.1, 0.1, 0.1)) == (3, 3, 3)
    assert each(4, 3) == (4, 4, 4) and each([4, 30, 30], 3, (1, 8, 8)) == (0, 30, 30)


def test_tile_sizes(pwstream):
    auto = functools.partial(pwstream.auto_tile_shape, available_memory=64 * GIB, n_workers=1)
    assert auto((128, 2048, 2048), "u2") == (128, 512, 512)
    assert auto((128, 2048, 2048), "f4") == (128, 362, 362) == auto((128, 2048, 2048), "u2", n_channels=2)
    assert auto((10, 400, 4000), "u2") == (10, 400, 1831) and auto((1, 20000, 20000), "u2") == (1, 5792, 5792)
    assert auto((5000, 5000, 5000), "u2") == (322, 322, 322)
    assert auto((5000, 5000, 5000), "u2", use_gpu=True, gpu_memory=24 * GIB) == (406, 406, 406)
    assert auto((3, 2, 128, 2048, 2048), "u2") == (1, 1, 128, 512, 512) and auto((2048, 2048), "u1") == (2048, 2048)
    with pytest.raises(ValueError, match="n_channels"):
        auto((9, 9), "u1", n_channels=0)
    cells = functools.partial(pwstream.auto_tile_shape_cellpose, dtype="u2", available_memory=64 * GIB, n_workers=1)
    assert cells((128, 20000, 40000), diameter=30) == (1, 20000, 40000)
    volume = functools.partial(cells, (128, 2048, 2048), diameter=30, do_3D=True, use_gpu=True)
    assert volume(gpu_memory=24 * GIB) == (128, 1240, 1240)
    assert volume(gpu_memory=24 * GIB, n_channels=2) == (128, 876, 876)
    assert volume(gpu_memory=8 * GIB) == (128, 647, 647)
    large = cells((500, 9000, 9000), diameter=200, do_3D=True, use_gpu=True, gpu_memory=3 * GIB)
    assert large == (500, 800, 800)


def test_allocations(pwstream, monkeypatch):
    from pwstream import _sizes

    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "12")
    assert pwstream.cpu_allocation() == 12
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "junk")
    assert pwstream.cpu_allocation() == len(os.sched_getaffinity(0))
    monkeypatch.setattr(_sizes, "_read", lambda name: "MemAvailable: 536870912 kB" if "meminfo" in name else "max")
    assert _sizes.memory_allocation() == 512 * GIB
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "16384")
    assert _sizes.memory_allocation() == 16 * GIB
    assert pwstream.safe_worker_count(10**15) == 1 == pwstream.safe_worker_count(1, use_gpu=True)
    monkeypatch.delenv("SLURM_MEM_PER_NODE")
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "2048")
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "4")
    assert _sizes.memory_allocation() == 8 * GIB and pwstream.safe_worker_count(1) == 3


def test_otsu_is_that_of_skimage(pwstream):
    from pwstream._empty import otsu
    from skimage.filters import threshold_otsu

    assert otsu(np.array([10] * 90 + [200] * 10)) == 10 and otsu(np.full(5, 7)) == 7 and otsu(np.array([])) == 0
    assert otsu(np.array([0.0] * 50 + [1.0] * 50)) == 0.001953125
    rng = np.random.default_rng(3)
    for values in (FLAT, STACK, rng.normal(size=999), rng.integers(-50, 9, 999), rng.random(999) < 0.3):
        assert otsu(values) == pytest.approx(
            float(threshold_otsu(values.astype(int) if values.dtype == bool else values))
        )


def test_estimates_of_empty_tiles(pwstream, tmp_path):
    image = np.zeros((4, 64, 96), np.uint16)
    image[:, 10:20, 10:20], image[:, 40:50, 70:80] = 500, 600
    image[0, 0, 95] = 900  # in a corner, where a window in the middle does not look
    found = pwstream.estimate_empty_tiles(image, (4, 32, 32), threshold=100, sample_window=(4, 24, 24))
    assert found["n_tiles"] == 6 and found["n_occupied"] == 2 and found["threshold"] == 100
    assert found["occupancy"][0].tolist() == [[True, False, False], [False, False, True]]
    assert found["empty_fraction"] == pytest.approx(4 / 6)
    store = ome_zarr(tmp_path, image)
    same = pwstream.estimate_empty_tiles(store, (4, 32, 32), threshold=100, sample_window=(4, 24, 24))
    assert same["occupancy"].tolist() == found["occupancy"].tolist()
    assert 0 <= pwstream.estimate_empty_tiles(store, (4, 32, 32))["threshold"] < 500
    floats = np.full((8, 8), np.nan, np.float32)
    assert pwstream.estimate_empty_tiles(floats, (8, 8), threshold=0)["n_occupied"] == 1
    with pytest.raises(ValueError, match="choose a channel"):
        pwstream.estimate_empty_tiles(image, (32, 32))
    assert pwstream.auto_empty_threshold(STACK) > 0


def test_opening_stores(pwstream, tmp_path):
    store = ome_zarr(tmp_path, STACK, channels=[STACK, STACK + 1])
    assert same(pwstream.load_ome_zarr(store), STACK)
    assert same(pwstream.load_ome_zarr(store, channel=1, level=1), STACK[:, ::2, ::2] + 1)
    assert pwstream.load_ome_zarr(store, channel=None).shape == (2, *STACK.shape)
    assert pwstream.load_ome_zarr(store, chunks=(5, 30, 30)).chunksize == (5, 30, 30)
    assert pwstream.read_pixel_size(store) == {"z": 2.0, "y": 0.5, "x": 0.5}
    grey = ome_zarr(tmp_path, STACK, "grey.zarr")
    assert same(pwstream.load_ome_zarr(grey), STACK)
    with pytest.raises(ValueError, match="no channel 2"):
        pwstream.load_ome_zarr(grey, channel=2)
    with pytest.raises(ValueError, match="2 levels, so there is no level 5"):
        pwstream.load_ome_zarr(grey, level=5)
    as_zarr_array(FLAT, tmp_path)
    assert pwstream.read_pixel_size(tmp_path / "array.zarr") == {}


def test_converting(pwstream, tmp_path):
    import tifffile

    described = {"axes": "ZYX", "spacing": 2.0, "unit": "um"}
    tifffile.imwrite(tmp_path / "stack.tif", STACK, imagej=True, resolution=(2, 2), metadata=described)
    assert pwstream.to_ome_zarr("stack.tif", "stack.zarr") == "stack.zarr"
    assert same(pwstream.load_ome_zarr("stack.zarr"), STACK)
    assert pwstream.read_pixel_size("stack.zarr") == pytest.approx({"z": 2.0, "y": 0.5, "x": 0.5})
    pwstream.to_ome_zarr(da.from_array(FLAT, chunks=50), "flat.zarr", chunks=(64, 64), options=["--shard", "1,64,64"])
    assert same(np.squeeze(pwstream.load_ome_zarr("flat.zarr")), FLAT)
    with pytest.raises(pwstream.ToolError):
        pwstream.to_ome_zarr(FLAT, "flat.zarr")
    pwstream.to_ome_zarr(FLAT + 1, "flat.zarr", overwrite=True)
    assert same(np.squeeze(pwstream.load_ome_zarr("flat.zarr")), FLAT + 1)
    movie = np.arange(2 * 3 * 40 * 50, dtype=np.uint16).reshape(2, 3, 40, 50)
    pwstream.to_ome_zarr(movie, "movie.zarr", axes="tzyx", shard=(1, 40, 50), chunks=(1, 20, 25), compression="none")
    group = zarr.open("movie.zarr")
    assert [axis["name"] for axis in group.attrs["ome"]["multiscales"][0]["axes"]] == list("tzyx")
    assert same(group["0"], movie) and group["0"].shards[-2:] == (40, 50) and group["0"].chunks[-2:] == (20, 25)
    os.mkdir("sample")
    for t, z, c in np.ndindex(2, 3, 2):
        tifffile.imwrite(f"sample/a_T{t + 8}_Z{z:02}_C{c}_V7.tif", movie[t, z] + np.uint16(c))
    pattern = r"_T(?P<T>\d+)_Z(?P<Z>\d+)_C(?P<C>\d+)_V\d+"
    pwstream.to_ome_zarr("sample/*.tif", "sample.zarr", sequence_pattern=pattern, shard=True)
    assert same(zarr.open("sample.zarr/0"), np.stack([movie, movie + 1], axis=1))
    with pytest.raises(TypeError, match="no pixels; pw-stream help convert"):
        pwstream.to_ome_zarr(FLAT, "flat.zarr", pixels=3)


def test_growing_labels(pwstream):
    from skimage.segmentation import expand_labels

    labels = labels_of(FLAT)
    fn = pwstream.dilate_labels(labels_of, 2)
    assert same(fn(FLAT) > 0, expand_labels(labels, 2) > 0)
    assert same(fn(FLAT)[labels > 0], labels[labels > 0]), "nobody loses voxels"
    assert pwstream.dilate_labels(labels_of, 0) is labels_of


def test_clusters_only_say_how_many(pwstream):
    from pwstream._cluster import default_workers

    client, cluster = pwstream.make_local_cluster(n_workers=3)
    assert default_workers() == 3 and client.dashboard_link
    cluster.close()
    client.close()
    assert default_workers() is None
    with pwstream.make_local_cluster(use_gpu=True)[1]:
        assert default_workers() == 1
    assert default_workers() is None
