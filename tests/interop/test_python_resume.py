"""tile_process(resume=True): a call that was interrupted goes on, with the same function and no other."""

import os
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from pwtest.worker_host import PACKAGE

IMAGE = (np.arange(4 * 32 * 32).reshape(4, 32, 32) % 300).astype(np.uint16)
CALL = """
import sys
import numpy as np
import segm
from pwstream import tile_process
labels, n = tile_process("image.npy", segm.f, tile_shape=(1, 16, 16), overlap=0, max_workers=1, progress=False,
                         write_to=sys.argv[1], resume=True, return_count=True)
assert np.asarray(labels).shape == (4, 32, 32)
"""
FUNCTION = """
import os
def f(image, tile):
    with open("calls", "a") as file:
        file.write(f"{tile.index} ")
    if tile.index == 9 and os.path.exists("stop"):
        os._exit(1)
    return (image > LEVEL).astype("u1")
"""


@pytest.fixture
def call(tool_file, tmp_path):
    """call(level, out): what came of one call with a function of that threshold, and the tiles that it was given."""
    np.save(tmp_path / "image.npy", IMAGE)
    (tmp_path / "call.py").write_text(CALL)
    (tmp_path / "stop").touch()

    def make(level, out):
        (tmp_path / "segm.py").write_text(textwrap.dedent(FUNCTION.replace("LEVEL", str(level))))
        (tmp_path / "calls").write_text("")
        environment = {**os.environ, "PW_STREAM": str(tool_file), "PYTHONPATH": str(PACKAGE)}
        done = subprocess.run([sys.executable, "-B", "call.py", out], cwd=tmp_path, env=environment, capture_output=True,
                              text=True, timeout=120)
        return done, (tmp_path / "calls").read_text().split()

    return make


def test_goes_on_with_the_same_function_only(call, tmp_path):
    """Into a store, which comes into view array by array; the function goes to its workers by name."""
    out = "labels.zarr"
    done, called = call(100, out)
    kept = int(re.search(r"has (\d+) of 16 tiles", done.stderr)[1])
    assert done.returncode == 1 and "tile 9" in done.stderr and 0 < kept < len(called), done.stderr
    (tmp_path / "stop").unlink()
    done, called = call(200, out)
    assert done.returncode == 1 and "another run" in done.stderr and called == [], done.stderr
    done, called = call(100, out)
    assert done.returncode == 0 and len(called) == 16 - kept and "9" in called, (done.stderr, called)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["call.py", "calls", "image.npy", out, "segm.py"]


def test_needs_a_place(call, tmp_path):
    (tmp_path / "call.py").write_text(CALL.replace("sys.argv[1]", "None"))
    done, _ = call(100, "none")
    assert "ValueError: resume needs a place" in done.stderr
