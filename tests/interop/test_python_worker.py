"""The Python side of the worker protocol, with a host that is not pw-stream (test_python_package.py: the real one)."""

import sys
import textwrap
import time

import numpy as np
import pytest
from pwtest.worker_host import PACKAGE, Host

IMAGE = np.arange(6 * 7, dtype=np.uint16).reshape(6, 7)
STACK = np.arange(3 * 6 * 7, dtype=np.uint16).reshape(3, 6, 7)


@pytest.fixture
def start(tmp_path):
    """start(source, shape, ...): a worker whose function is segment() of a file with this source."""

    def make(source, shape=IMAGE.shape, target="./fn.py:segment", **more):
        (tmp_path / "fn.py").write_text("import numpy as np\nimport pwstream\n" + textwrap.dedent(source))
        return Host([sys.executable, "-m", "pwstream.worker", target], shape, cwd=tmp_path, **more)

    return make


THRESHOLD = """
    def segment(image, above=20):
        return (image > above).astype(np.int64)
"""


def test_any_function_in_two_dimensions(start):
    with start(THRESHOLD) as host:
        assert host.hello["pw"] == 1 and host.hello["op"] == "hello" and host.hello["name"] == "segment"
        assert "error" not in host.hello
        for window in (IMAGE, IMAGE[:3], IMAGE[2:5, 1:4]):
            assert np.array_equal(host.tile(window), window > 20)
    assert host.status == 0


def test_any_function_in_three_dimensions(start):
    with start(THRESHOLD, STACK.shape, options={"above": 50}) as host:
        assert np.array_equal(host.tile(STACK), STACK > 50)
        assert np.array_equal(host.tile(STACK[1:2]), STACK[1:2] > 50)
    assert host.status == 0


def test_descriptors_that_a_wrapper_lost(start, tmp_path):
    with start(THRESHOLD, by_name=tmp_path) as host:
        assert np.array_equal(host.tile(IMAGE), IMAGE > 20)
    assert host.status == 0


def test_function_of_a_module_and_of_the_current_directory(start):
    for target in ("fn:segment", "fn", "fn:Tools.segment"):
        with start(THRESHOLD + "\n    class Tools:\n        segment = staticmethod(segment)\n", target=target) as host:
            assert np.array_equal(host.tile(IMAGE), IMAGE > 20)


def test_served_from_its_own_program(tmp_path):
    source = THRESHOLD + "\n    if __name__ == '__main__':\n        pwstream.serve(segment, above=9)\n"
    (tmp_path / "own.py").write_text("import numpy as np\nimport pwstream\n" + textwrap.dedent(source))
    with Host([sys.executable, "own.py"], IMAGE.shape, cwd=tmp_path) as host:
        assert np.array_equal(host.tile(IMAGE), IMAGE > 9)
    with Host([sys.executable, "own.py"], IMAGE.shape, cwd=tmp_path, options={"above": 3}) as host:
        assert np.array_equal(host.tile(IMAGE), IMAGE > 3)


def test_a_copy_in_a_project_of_its_own(tmp_path):
    """The three files that its description names are enough."""
    (tmp_path / "carried").mkdir()
    for name in ("worker.py", "_function.py", "_tile.py"):
        (tmp_path / "carried" / name).write_text((PACKAGE / "pwstream" / name).read_text())
    (tmp_path / "own.py").write_text("from carried.worker import serve\nserve(lambda image: (image > 5) * 3)\n")
    with Host([sys.executable, "own.py"], IMAGE.shape, cwd=tmp_path, env={"PYTHONPATH": ""}) as host:
        assert np.array_equal(host.tile(IMAGE), (IMAGE > 5) * 3)


def test_a_class_is_made_once(start):
    source = """
        @pwstream.worker(halo=(1, 2, 3))
        class segment:
            def __init__(self, first=0):
                self.made, self.calls = first, 0
            def __call__(self, image, tile):
                self.calls += 1
                return np.full(image.shape, self.made + self.calls)
    """
    with start(source, STACK.shape, options={"first": 10}) as host:
        assert host.hello["halo"] == [1, 2, 3]
        assert host.tile(STACK).max() == 11
        assert host.tile(STACK).max() == 12


def test_what_is_declared(start):
    source = """
        def declare(info, diameter=3, **_):
            assert info.voxel == (0.5, 0.5) and info.unit == "micrometer" and info.shape == (6, 7) and info.ndim == 2
            return {"halo": 2 * diameter, "bytes_per_voxel": 5 * info.channels}

        @pwstream.worker(in_dtype="float32", out_dtype="uint16", components=True, connectivity=2, channels="all",
                         multiple_of=16, max_tile=(512, 512), percentiles=np.array([1, 99]), inflight=np.int16(2), declare=declare,
                         readonly=True)
        def segment(image, diameter=3):
            return (image[0] > diameter) * 1
    """
    with start(source, options={"diameter": 8}, channels=2) as host:
        expected = dict(
            pw=1,
            op="hello",
            name="segment",
            halo=[0, 16, 16],
            in_dtype="<f4",
            out_dtype="<u2",
            components=True,
            connectivity=2,
            channels="all",
            multiple_of=[1, 16, 16],
            max_tile=[1, 512, 512],
            percentiles=[1, 99],
            inflight=2,
            bytes_per_voxel=10,
        )
        assert host.hello == expected


def test_decorated_functions_are_still_functions():
    sys.path.insert(0, str(PACKAGE))
    try:
        import pwstream
        import pwstream.worker  # the module: it can be called like the decorator

        @pwstream.worker
        def bare(image):
            return image + 1

        @pwstream.worker(halo=3)
        def with_halo(image):
            return image + 2

        assert bare(1) == 2 and with_halo(1) == 3
        with pytest.raises(TypeError, match="'hallo'; it has .*halo"):
            pwstream.worker(hallo=3)
    finally:
        sys.path.remove(str(PACKAGE))


def test_the_tile(start):
    source = """
        def segment(image, tile, voxel_size, factor=1):
            tile.progress(0.25)
            assert tile.out.shape == image.shape == (6, 7)
            said = (tile.index, tile.origin, tile.core, tile.volume, tile.voxel, tile.unit, tile.time, tile.channels)
            assert said == (0, (4, 5), (slice(1, 5), slice(2, 6)), (60, 70), (0.5, 0.5), "micrometer", 0, (0,)), said
            assert voxel_size == {"y": 0.5, "x": 0.5} and tile.statistics == [{"min": 1, "percentiles": [2, 3]}]
            np.multiply(image, factor, out=tile.out)
            return tile.out
    """
    with start(source, (60, 70), options={"factor": 3}) as host:
        got = host.tile(
            IMAGE, origin=[0, 4, 5], core=[[0, 1], [1, 5], [2, 6]], statistics=[{"min": 1, "percentiles": [2, 3]}]
        )
        assert np.array_equal(got, IMAGE * 3)
        assert host.progress == [0.25]


def test_first_parameter_may_be_called_tile(start):
    with start("def segment(tile): return (tile > 3).astype('int32')") as host:
        assert np.array_equal(host.tile(IMAGE), IMAGE > 3)


def test_several_channels(start):
    both = np.stack([STACK, STACK + 1])
    with start("def segment(image): assert image.shape == (2, 3, 6, 7); return image[1] * 1", STACK.shape) as host:
        assert np.array_equal(host.tile(both), STACK + 1)
    flat = both[:, :1]
    with start("def segment(image): assert image.shape == (2, 6, 7); return image[1] * 1") as host:
        assert np.array_equal(host.tile(flat[:, 0]), STACK[0] + 1)


def test_image_may_be_changed(start):
    with start("def segment(image): image -= image.min(); return (image > 3) * 1") as host:
        window = IMAGE + 5
        assert np.array_equal(host.tile(window), IMAGE > 3)


def test_readonly_protects_the_image(start):
    source = """
        @pwstream.worker(readonly=True)
        def segment(image, change=False):
            if change:
                image[0, 0] = 1
            return (image > 3) * 1
    """
    with start(source) as host:
        assert np.array_equal(host.tile(IMAGE), IMAGE > 3)
    with start(source, options={"change": True}) as host:
        assert "read-only" in host.error(IMAGE)["error"]


def test_a_mask_that_was_declared(start):
    with start('@pwstream.worker(out_dtype="bool")\ndef segment(image): return image > 3') as host:
        assert host.hello["out_dtype"] == "|b1"
        assert np.array_equal(host.tile(IMAGE, out_dtype="bool"), IMAGE > 3)


def test_normalization_is_applied(start):
    source = """
        def segment(image):
            assert image.dtype == np.float32
            return np.rint(image * 1000).astype(int)
    """
    with start(source) as host:
        got = host.tile(IMAGE + 10, normalize=[{"low": 10, "high": 20}])
        assert np.array_equal(got, IMAGE.astype(int) * 100)
        assert not host.tile(IMAGE, normalize=[{"low": 10, "high": 10}]).any()
    with start("def segment(image): return np.rint(image[0] + image[1]).astype(int)") as host:
        got = host.tile(np.stack([IMAGE, IMAGE + 7]), normalize=[{"low": 0, "high": 0.5}, {"low": 7, "high": 8}])
        assert np.array_equal(got, IMAGE.astype(int) * 3)


ACCEPTED = {
    "int8": ("(image % 100).astype(np.int8)", lambda i: i % 100),
    "uint64": ("image.astype(np.uint64) + (2**32 - 42)", lambda i: i.astype(np.uint64) + (2**32 - 42)),
    "big-endian": ("image.astype('>i4')", lambda i: i),
    "not contiguous": ("np.asfortranarray(image).astype(np.int64)[::-1]", lambda i: i[::-1]),
    "with a z axis": ("image.astype(int)[None]", lambda i: i),
    "a list": ("image.tolist()", lambda i: i),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_labels_of_any_integer_type(start, case):
    expression, expected = ACCEPTED[case]
    with start(f"def segment(image): return {expression}") as host:
        assert np.array_equal(host.tile(IMAGE), expected(IMAGE))


REFUSED = {
    "float": ("image * 1.0", "float64", "integer"),
    "nan": ("np.where(image > 3, np.nan, 1.0)", "NaN", "integer"),
    "complex": ("image * 1j", "complex128", "integer"),
    "text": ("image.astype(str)", "<U", "integer"),
    "negative": ("image.astype(np.int64) - 40", "-40", "negative"),
    "negative-8": ("(image.astype(np.int8) - 40)", "-40", "negative"),
    "too-large": ("image.astype(np.uint64) + 2**32", str(2**32 + 41), "uint32"),
    "shape": ("image[1:].astype(int)", "(5, 7)", "(6, 7)"),
    "transposed": ("image.T.astype(int)", "(7, 6)", "(6, 7)"),
    "scalar": ("3", "()", "(6, 7)"),
    "mask": ("image > 3", "mask", "scipy.ndimage.label"),
    "none": ("None", "None", "labels"),
    "generator": ("(row for row in image)", "generator", "integer"),
    "tuple": ("(image.astype(int), 3)", "tuple", "alone"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_labels_that_are_refused(start, case):
    expression, *words = REFUSED[case]
    with start(f"def segment(image): return {expression}") as host:
        answer = host.error(IMAGE)
        assert all(word in answer["error"] for word in words), answer
        assert "\n" not in answer["error"] and "oom" not in answer
        assert (host.ask(IMAGE[:2])[0]).keys() == answer.keys(), "still there, and of the same opinion"
    assert host.status == 0


def test_exceptions_name_what_and_where(start):
    source = """
        def inner(image):
            raise ValueError("too dark")
        def segment(image):
            inner(image)
    """
    with start(source) as host:
        answer = host.error(IMAGE)
        assert answer["error"] == "ValueError: too dark (fn.py:5 in inner, from fn.py:7 in segment)"
    assert "Traceback" in host.stderr and host.stderr.rstrip().endswith("ValueError: too dark")


@pytest.mark.parametrize(
    "raised", ["SystemExit(3)", "AssertionError()", "UnicodeError('\\udc80 \\x00')", "Exception('x' * 200000)"]
)
def test_whatever_is_raised_is_an_error_of_the_tile(start, raised):
    with start(f"def segment(image):\n    if image[0, 0] == 0: raise {raised}\n    return image * 0") as host:
        answer = host.error(IMAGE)
        assert raised.partition("(")[0] in answer["error"] and len(answer["error"]) < 10000
        assert not host.tile(IMAGE[1:]).any(), "the next tile is fine"


OUT_OF_MEMORY = {
    "python": "raise MemoryError",
    "numpy": "np.empty((2**22, 2**22, 2**14))",
    "torch": "raise type('OutOfMemoryError', (RuntimeError,), {})('CUDA out of memory. Tried to allocate 2.00 GiB')",
    "older torch": "raise RuntimeError('CUDA out of memory. Tried to allocate 2.00 GiB')",
    "cupy": "raise type('OutOfMemoryError', (MemoryError,), {})('Out of memory allocating 512 bytes')",
    "tensorflow": "raise type('ResourceExhaustedError', (Exception,), {})('OOM when allocating tensor')",
}


@pytest.mark.parametrize("case", OUT_OF_MEMORY)
def test_out_of_memory_is_said(start, case):
    source = f"""
        freed = []
        class Cuda:
            is_available = staticmethod(lambda: True)
            empty_cache = staticmethod(lambda: freed.append(1))
        import sys, types
        sys.modules["torch"] = types.SimpleNamespace(cuda=Cuda)
        def segment(image):
            if not freed:
                {OUT_OF_MEMORY[case]}
            return (image > 3) * 1
    """
    with start(source) as host:
        assert host.error(IMAGE)["oom"] is True
        assert np.array_equal(host.tile(IMAGE), IMAGE > 3), "the library was asked to give its memory back"


def test_printing_does_not_matter(start):
    source = """
        import os, subprocess
        print("loading")
        def segment(image):
            print('{"id": 1, "ok": true}')
            os.write(1, b"bytes\\n")
            subprocess.run(["echo", "a child"])
            return (image > 3) * 1
    """
    with start(source) as host:
        assert np.array_equal(host.tile(IMAGE), IMAGE > 3)
        assert np.array_equal(host.tile(IMAGE), IMAGE > 3)
    assert host.stdout.count("a child") == 2 and "loading" in host.stdout


NOT_STARTED = {
    "no module": ("", "nowhere:segment", "no Python module 'nowhere'"),
    "no file": ("", "./gone.py:segment", "gone.py: no such file"),
    "no function": ("def other(image): pass", "fn:segment", "fn has no 'segment'; it has other"),
    "not a function": ("segment = 3", "fn:segment", "is int, not a function"),
    "no option": ("def segment(image, tile, sigma=2): pass", "fn:segment", "no option 'above'; it has sigma"),
    "no options": ("def segment(image): pass", "fn:segment", "no option 'above'; it has none"),
    "missing option": ("def segment(image, sigma, above): pass", "fn:segment", "needs the option 'sigma'"),
    "no image": ("def segment(): pass", "fn:segment", "takes no image"),
    "syntax": ("def segment(image", "fn:segment", "SyntaxError"),
    "import": ("import nowhere\ndef segment(image, above): pass", "fn:segment", "No module named 'nowhere'"),
    "exit": ("raise SystemExit('no licence')", "fn:segment", "no licence"),
    "constructor": ("class segment:\n def __init__(self, above): raise OSError('no model')", "fn:segment", "no model"),
    "halo in words": ("@pwstream.worker(halo='wide')\ndef segment(image, above): pass", "fn:segment", "halo is 'wide'"),
    "type": ("@pwstream.worker(in_dtype='odd')\ndef segment(image, above): pass", "fn:segment", "in_dtype is 'odd'"),
    "declared": (
        "@pwstream.worker(declare=lambda info, **_: {'hallo': 3})\ndef segment(image, above): pass",
        "fn:segment",
        "{'hallo': 3}; it returns a dict of",
    ),
    "nothing declared": (
        "@pwstream.worker(declare=lambda info, **_: None)\ndef segment(image, above): pass",
        "fn:segment",
        "returned None",
    ),
    "no call": ("class segment:\n def __init__(self, above): pass", "fn:segment", "segment has no __call__"),
    "halo": ("@pwstream.worker(halo=1.5)\ndef segment(image, above): pass", "fn:segment", "halo is 1.5"),
}


@pytest.mark.parametrize("case", NOT_STARTED)
def test_what_cannot_start_says_why(start, case):
    source, target, words = NOT_STARTED[case]
    with start(source, target=target, options={"above": 3}) as host:
        assert host.hello["op"] == "hello" and words in host.hello["error"], host.hello
        assert "importlib" not in host.hello["error"]
    assert host.status == 0


def test_the_host_is_gone(start):
    with start(THRESHOLD) as host:
        host.control.close()
        host.lines.close()
    assert host.status == 0 and "Traceback" not in host.stderr


def test_without_a_host(tmp_path):
    import subprocess

    for arguments, status in ((["fn:segment"], 1), ([], 64), (["--help"], 64)):
        done = subprocess.run(
            [sys.executable, "-m", "pwstream.worker", *arguments],
            capture_output=True,
            text=True,
            env={"PYTHONPATH": str(PACKAGE)},
            cwd=tmp_path,
        )
        assert done.returncode == status and "pw-stream" in done.stderr and "Traceback" not in done.stderr


def test_little_is_spent_around_the_function(start):
    """100 microseconds for each tile at most; the median here includes this host's own Python."""
    with start("def segment(image, tile): return tile.out") as host:
        took = []
        for _ in range(300):
            began = time.perf_counter()
            host.ask(IMAGE)
            took.append(time.perf_counter() - began)
    # A busy machine may be slower; something that is done in vain for each tile costs milliseconds.
    assert sorted(took)[len(took) // 4] < 2e-3
