"""Workers that do what they should not, one after the other: labels stay right, or the run says what was wrong."""

import sys
import textwrap

import numpy as np
import pytest
from pwtest.tool import EXIT_FAILED, EXIT_USAGE, SOURCE_ROOT, documented
from scipy import ndimage

EXIT_WARNINGS = 2
PYTHON = {"PYTHONPATH": str(SOURCE_ROOT / "python"), "PW_PYTHON": sys.executable}


@pytest.fixture
def image(tmp_path):
    values = np.zeros((8, 64, 64), np.uint16)
    values[:, 10:14, 10:50] = values[:, 30:60, 20:24] = 500
    np.save(tmp_path / "image.npy", values)
    return values


def run(pw, folder, source, *options, tile="8,32,32", target="py:./fn.py:segment", **more):
    (folder / "fn.py").write_text(textwrap.dedent(source))
    return pw.any("run", "image.npy", "--fn", target, "--tile", tile, "-o", "labels.npy", "--overwrite", "--merge",
                  "touch", "--summary", "json", *options, cwd=folder, env=PYTHON, **more)


# Of two tiles that one process has, the first is out of memory for long, and the second is late and writes then.
LATE = """
    import json, mmap, os, socket, threading, time
    control = socket.socket(fileno=int(os.environ["PW_CTL_FD"]))
    memory = None
    def send(**message):
        control.sendall(json.dumps(message).encode() + b"\\n")
    def write(out, value, until):
        n = 4
        for size in out["shape"]:
            n *= size
        while True:
            memory[out["off"]:out["off"] + n] = bytes([value]) * n
            if time.monotonic() > until:
                return
    send(pw=1, op="hello", name="late", inflight=2)
    try:
        os.close(os.open("first", os.O_CREAT | os.O_EXCL))
        poor, late = [], []
    except FileExistsError:
        poor, late = [None], [None]
    for line in control.makefile("rb"):
        message = json.loads(line)
        if message["op"] == "bye":
            break
        if memory is None:
            memory = mmap.mmap(int(os.environ["PW_SHM_FD"]), 0)
        if not poor or poor[0] == message["index"]:
            poor[:] = [message["index"]]
            send(id=message["id"], error="no memory", oom=True)
        elif not late:
            late.append(message["index"])
            threading.Thread(target=write, args=(message["out"], 7, time.monotonic() + 60), daemon=True).start()
        else:
            write(message["out"], 0, 0)
            time.sleep(0.5)
            send(id=message["id"], ok=True)
"""


def test_who_is_late_writes_into_nobodys_labels(pw, image, tmp_path):
    result = run(pw, tmp_path, LATE, "--workers", 2, "--worker-timeout", 1, target=f"exec:{sys.executable} fn.py")
    assert result.code == 0 and "has not answered for 1 s" in result.err, str(result)
    assert not np.load(tmp_path / "labels.npy").any()


def test_who_waits_behind_others_is_not_late(pw, image, tmp_path):
    result = run(pw, tmp_path, """
        import time, pwstream
        @pwstream.worker(inflight=4)
        def segment(image):
            time.sleep(0.3)
            return (image > 300).astype("u1")
    """, "--workers", 1, "--worker-timeout", 1)
    assert result.code == 0 and result.summary()["n_worker_restarts"] == 0, str(result)


def test_tile_out_begins_empty(pw, image, tmp_path):
    """PYTHON.md advises it; the memory has been another tile's."""
    for workers in (1, 2):
        result = run(pw, tmp_path, """
            def segment(image, tile):
                tile.out[image > 300] = 1
                assert tile.out.any() == (image > 300).any()
                return tile.out
        """, "--workers", workers, tile="8,16,16")
        assert result.code == 0, str(result)
        assert np.array_equal(np.load(tmp_path / "labels.npy") > 0, image > 300)


@pytest.mark.parametrize("labels, says", [
    ("-(image > 300).astype('i4')", ["label -1", "(0, 10, 10)"]), ("(image > 300) * 2**33", ["8589934592", "(0, 10, 10)"]),
    ("image * 0.5", ["float64"]), ("None", ["None"]), ("image[0]", ["(32, 32)"]),
], ids=["negative", "large", "float", "none", "shape"])
def test_wrong_labels_are_not_asked_for_twice(pw, image, tmp_path, labels, says):
    source = f"""
        def segment(image):
            print("called")
            return {labels}
    """
    result = run(pw, tmp_path, source, "--workers", 1, "--threads", 1)
    assert result.code == EXIT_FAILED and "tried again" not in result.err, str(result)
    assert result.err.count("called") == 1 and all(text in result.err.splitlines()[-1] for text in says), str(result)


def test_a_reason_of_several_lines_is_one(pw, image, tmp_path):
    result = run(pw, tmp_path, "def segment(image): raise ValueError('oh\\nno')", "--workers", 1, "--threads", 1)
    assert result.code == EXIT_FAILED and "oh no" in result.err and "\nno" not in result.err, str(result)


FRAMES = documented("WORKERS.md", "A filter in Python:")
ONE = "    write(sys.stdout.buffer, (read(sys.stdin.buffer) > 300).astype(np.uint8))\n"


@pytest.mark.parametrize("after, ends", [(ONE.replace("read(sys.stdin.buffer)", "np.zeros((8, 32, 32))"), ""),
                                         ("", "print('that was all')")], ids=["each frame twice", "a word at the end"])
@pytest.mark.parametrize("more", [[], ["--on-error", "zero"]], ids=["", "zero"])
def test_more_than_one_frame_for_a_tile(pw, image, tmp_path, after, ends, more):
    """One frame too many makes each tile's labels those of the tile before; nothing of that may be resumed either."""
    assert ONE in FRAMES
    source = FRAMES.replace(ONE, ONE + after) + ends
    arguments = ["--worker-io", "npy", "--workers", 1, "--threads", 1, *more]
    result = run(pw, tmp_path, source, *arguments, target=f"exec:{sys.executable} fn.py")
    assert result.code == EXIT_FAILED and "labels" in result.err, str(result)
    assert not (tmp_path / "labels.npy").exists() and not (tmp_path / "labels.npy.part").exists()
    assert run(pw, tmp_path, FRAMES, *arguments, target=f"exec:{sys.executable} fn.py").code == 0
    assert np.array_equal(np.load(tmp_path / "labels.npy") > 0, image > 300)


def test_a_worker_that_cannot_come_back(pw, image, tmp_path):
    """--on-error zero is also for tiles that no worker can be had for; without it the reason is the run's."""
    source = """
        import os
        if os.path.exists("gone"):
            raise RuntimeError("no memory to load the model")
        open("gone", "w").close()
        def segment(image, tile):
            if tile.index == 1:
                os._exit(1)
            return (image > 300).astype("u1")
    """
    arguments = ["--workers", 1, "--threads", 1]
    result = run(pw, tmp_path, source, *arguments, "--on-error", "zero")
    assert result.code == EXIT_WARNINGS and result.summary()["n_failed_tiles"] == 3, str(result)
    got = np.load(tmp_path / "labels.npy")
    assert np.array_equal(got[:, :32, :32] > 0, image[:, :32, :32] > 300) and not got[:, 32:].any()
    (tmp_path / "gone").unlink()
    result = run(pw, tmp_path, source, *arguments)
    assert result.code == EXIT_FAILED and "no memory to load the model" in result.err.splitlines()[-1], str(result)


def test_paths_with_colons_and_commas(pw, image, tmp_path):
    """The function is what stands behind the colon and before a comma or the end, wherever else there are some."""
    folder = tmp_path / "odd dir, n=1:x"
    folder.mkdir()
    source = "def segment(image, level=0, text=''):\n    return (image > level).astype('u1') * len(text)\n"
    for name in ("my fn,v=2.py", "plain.py"):
        (folder / name).write_text(source)
        for target in (f"py:{folder / name}:segment", f"py:./{name}:segment"):
            result = pw.any("run", tmp_path / "image.npy", "--fn", f"{target},level=300,text=a.py:b:c", "--tile", 64, "-o",
                            "labels.npy", "--overwrite", "--merge", "touch", cwd=folder, env=PYTHON)
            assert result.code == 0, str(result)
            assert np.array_equal(np.load(folder / "labels.npy") > 0, image > 300)


def test_an_option_is_given_once(pw, image, tmp_path):
    result = run(pw, tmp_path, "def segment(image, level=3): return image", target="py:./fn.py:segment,level=3,level=4")
    assert result.code == EXIT_USAGE and "level is given twice" in result.err, str(result)


def test_what_a_program_takes_is_not_known_before(pw):
    pw.refuses("fn", "show", "py:fn:segment", says=["py:fn:segment", "pw-stream probe"], code=EXIT_USAGE)


def test_a_reason_is_given_alone(pw, image, tmp_path):
    """What a worker prints is no part of the reason that it gives for not starting."""
    result = run(pw, tmp_path, "print('hello there')\ndef segment(image, level=3): return image\n",
                 target="py:./fn.py:segment,lvl=3")
    assert result.code == EXIT_FAILED and result.err.rstrip().endswith("no option 'lvl'; it has level"), str(result)


@pytest.mark.parametrize("wants, structure", [("connectivity=1", 1), ("connectivity=3", 3), ("halo=4", 3)])
def test_components_that_a_wrong_rim_connects(pw, tmp_path, wants, structure):
    """Near the end of a window a filter sees too little: components are those of the core, and of whole images."""
    mask = np.random.default_rng(8).random((8, 64, 64)) > 0.8
    np.save(tmp_path / "image.npy", mask.astype(np.uint16) * 500)
    source = f"""
        import numpy as np, pwstream
        from scipy import ndimage
        @pwstream.worker(components=True, {wants})
        def segment(image, tile):
            mask = np.ones(image.shape, bool)
            mask[tile.core] = image[tile.core] > 300
            return ndimage.label(mask, ndimage.generate_binary_structure(3, {structure}))[0]
    """
    # A function that does not say how its voxels are connected joins tiles by faces, and loses no diagonal inside.
    options = ["--connectivity", 3] if wants.startswith("halo") else []
    assert run(pw, tmp_path, source, "--halo", "2,4,4", *options).code == 0
    expected = ndimage.label(mask, ndimage.generate_binary_structure(3, structure))[0]
    assert np.array_equal(np.load(tmp_path / "labels.npy"), expected)
